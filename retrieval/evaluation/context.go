package evaluation

import (
	"context"
	"slices"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/beir"
	"github.com/lodedb/lode/internal/tokens"
)

// Texts returns the canonical text of a document as it is shown; [lode.CodeNotFound] where there is
// none.
type Texts func(ctx context.Context, id lode.DocID) (string, error)

// maxCachedTokens bounds the token boundaries that are kept of texts.
const maxCachedTokens = 8 << 20

// tokenized remembers where the tokens of texts are. It may be used by many goroutines.
type tokenized struct {
	texts Texts
	mu    sync.Mutex
	// spans of documents; nil of one without text. When they are too many, all are forgotten: the
	// questions of a set are mostly about few documents.
	spans map[lode.DocID][]lode.Span
	held  int
}

func (t *tokenized) of(ctx context.Context, id lode.DocID) ([]lode.Span, error) {
	t.mu.Lock()
	spans, known := t.spans[id]
	t.mu.Unlock()
	if known {
		return spans, nil
	}
	text, err := t.texts(ctx, id)
	if err != nil && !lode.IsCode(err, lode.CodeNotFound) {
		return nil, err
	}
	spans = tokenSpans(text)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held += len(spans); t.held > maxCachedTokens || t.spans == nil {
		t.spans, t.held = map[lode.DocID][]lode.Span{}, len(spans)
	}
	t.spans[id] = spans
	return spans, nil
}

func tokenSpans(text string) []lode.Span {
	ends := tokens.Ends(text)
	spans := make([]lode.Span, len(ends))
	start := 0
	for i, end := range ends {
		spans[i] = lode.Span{Start: start, End: end}
		start = end
	}
	return spans
}

// score fills the scores of a context: its passages against the relevant spans, token by token, in
// the text of each document that either is of.
func (t *tokenized) score(ctx context.Context, s *Scores, q *Question, a *Answer, c *corpusIndex) error {
	cited := map[lode.DocID][]lode.Span{}
	for i := range a.Context {
		cited[a.Context[i].Document] = append(cited[a.Context[i].Document], a.Context[i].Span)
	}
	gold := q.gold(a.Context, c)
	documents := sortedKeys(gold)
	for id := range cited {
		if _, both := gold[id]; !both {
			documents = append(documents, id)
		}
	}
	var sum beir.Overlap
	for _, id := range documents {
		spans, err := t.of(ctx, id)
		if err != nil {
			return err
		}
		for i, g := range gold[id] {
			if g.End == 0 && len(spans) > 0 {
				gold[id][i].End = spans[len(spans)-1].End
			}
		}
		o := beir.TokenOverlap(spans, cited[id], gold[id])
		sum.Retrieved += o.Retrieved
		sum.Relevant += o.Relevant
		sum.Both += o.Both
	}
	s.set(TokenPrecision, sum.Precision())
	s.set(TokenRecall, sum.Recall())
	s.set(TokenIoU, sum.IoU())
	if a.ContextTokens > 0 {
		s.set(ContextWaste, 1-min(1, float64(sum.Both)/float64(a.ContextTokens)))
	}
	return nil
}

// gold returns the relevant spans by document. Where several documents hold the same bytes, it is the
// one that the context cites, so that a copy is neither a miss nor relevant twice.
func (q *Question) gold(cited []Passage, c *corpusIndex) map[lode.DocID][]lode.Span {
	gold := map[lode.DocID][]lode.Span{}
	for i := range q.Spans {
		span := &q.Spans[i]
		holders := c.holders(span)
		if span.Grade == 0 || len(holders) == 0 {
			continue
		}
		id := holders[0]
		for _, p := range cited {
			if slices.Contains(holders, p.Document) {
				id = p.Document
				break
			}
		}
		gold[id] = append(gold[id], span.Bytes())
	}
	return gold
}
