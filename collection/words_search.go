package collection

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	lexical "github.com/lodedb/lode/index/bm25/segment"
)

// Scores of words are BM25F with the usual parameters of BM25 for passages; a word of the heading
// counts as much as two of the text.
const (
	wordsK1 = 1.2
	wordsB  = 0.75
)

var wordBoosts = []float64{1, 2} // of text and heading

func wordSearch(k int) lexical.SearchOptions {
	return lexical.SearchOptions{K: k, K1: wordsK1, B: wordsB, Boosts: wordBoosts}
}

// Lexical is [View.LexicalWith] for a text of which every character is text.
func (v *View) Lexical(ctx context.Context, text string, k int, f lode.Filter) ([]lode.Candidate, error) {
	return v.LexicalWith(ctx, text, lode.LexicalSearch{K: k, Filter: f})
}

// LexicalWith returns the min(s.K, matching) rows that answer the words best, among those that
// the principal may see and the filter matches. Word statistics belong to the moment of
// the search, and so does its answer: it may be newer than the view. Rows tells apart what
// belongs together.
func (v *View) LexicalWith(ctx context.Context, text string, s lode.LexicalSearch) ([]lode.Candidate, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if err := checkQueryText(text); err != nil {
		return nil, err
	}
	// The lock keeps the words of the loaded snapshot's rows until the answer is there.
	v.collection.lexicalUse.RLock()
	defer v.collection.lexicalUse.RUnlock()
	now := v.collection.published.Load()
	v.mu.Lock()
	v.mu.lexical = now
	v.mu.Unlock()
	may, err := v.allow(ctx, now, s.Filter)
	if err != nil {
		return nil, err
	}
	views, err := now.wordViews(may.parts)
	if err != nil {
		return nil, err
	}
	defer now.keepWords()
	found, err := lexical.Search(ctx, v.collection.query(now, text, s.Syntax), views, wordSearch(s.K))
	if err != nil {
		return nil, now.wordsFailed(err)
	}
	out := make([]lode.Candidate, len(found))
	for i, h := range found {
		out[i] = lode.Candidate{Row: now.wordRow(h.Part, h.Row), Score: float64(h.Score)}
	}
	return out, nil
}

func checkQueryText(text string) error {
	if len(text) > lode.MaxQueryBytes {
		return lode.Invalid("text", len(text), "query text has %d bytes, the limit is %d", len(text), lode.MaxQueryBytes)
	}
	return nil
}

// LexicalBound is a score that no row can exceed for these words, by the statistics of this moment:
// they are those of the latest LexicalWith unless something was written since. It is infinity where
// the words cannot be looked up. Those that no row holds count with the weight that a first row
// with them would nearly have. It is 0 for a text without words.
func (v *View) LexicalBound(text string, x lode.WordSyntax) float64 {
	s := v.latest()
	defer s.keepWords()
	parts := make([]lexical.Part, len(s.parts))
	for i := range s.parts {
		parts[i] = s.parts[i].words.part
	}
	bound, err := lexical.UpperBound(v.collection.query(s, text, x), parts, wordSearch(1))
	if err != nil {
		_ = s.wordsFailed(err)
		return math.Inf(1)
	}
	return bound
}

// wordViews are the words of the parts, in the order in which they are searched; each are the rows
// of every part that may be found, nil for all that count.
func (s *snapshot) wordViews(each []*index.Bitset) ([]lexical.View, error) {
	views := make([]lexical.View, 0, len(s.parts))
	for _, i := range s.words.parts {
		p := &s.parts[i]
		if p.words.file != nil && p.words.file.damaged.Load() {
			return nil, lode.Errorf(lode.CodeCorrupt, "the words of segment %d are damaged", p.segment).WithHint("they are made anew: ask again in a while")
		}
		w := lexical.View{Part: p.words.part}
		if each != nil {
			w.Allow = p.allowWords(each[i])
		}
		if s.words.mixed {
			w.Order = p.words.rows
		}
		views = append(views, w)
	}
	return views, nil
}

// wordRow is the row of the collection that is a row of a view.
func (s *snapshot) wordRow(view int, row uint32) lode.RowID {
	p := &s.parts[s.words.parts[view]]
	return s.rows[p.words.rows[row]-1].id
}

// keepWords keeps files mapped until here.
func (s *snapshot) keepWords() { runtime.KeepAlive(s) }

// wordsFailed has the files of the words looked at where one of them could not be read.
func (s *snapshot) wordsFailed(err error) error {
	if !lode.IsCode(err, lode.CodeCorrupt) {
		return err
	}
	for i := range s.parts {
		if f := s.parts[i].words.file; f != nil {
			f.verified.Store(false)
		}
	}
	return fmt.Errorf("search words: %w", err)
}

// latest is what the latest search by words answered from, or the view itself.
func (v *View) latest() *snapshot {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.mu.lexical != nil {
		return v.mu.lexical
	}
	return v.base
}

// LexicalExplain says what each word or phrase of a query gave to the score of a row, also of one
// that a search would not find, by the statistics of this moment: they are those of the latest
// LexicalWith unless something was written since. It is [ErrViewGone] for a row that is gone, or that the
// principal may not see.
func (v *View) LexicalExplain(ctx context.Context, text string, x lode.WordSyntax, row lode.RowID) ([]lode.TermContribution, error) {
	if err := checkQueryText(text); err != nil {
		return nil, err
	}
	v.collection.lexicalUse.RLock()
	defer v.collection.lexicalUse.RUnlock()
	s := v.latest()
	ordinal, e, ok := s.find(row)
	if !ok || !maySee(v.principal, e.doc.Readers, e.waiting) || e.expired(v.now) {
		return nil, ErrViewGone
	}
	if _, _, ok := v.collection.published.Load().find(row); !ok {
		return nil, ErrViewGone // its words may be forgotten
	}
	views, err := s.wordViews(nil)
	if err != nil {
		return nil, err
	}
	at, _ := s.partOf(e.segment)
	view := slices.Index(s.words.parts, at)
	in, ok := findRow(s.parts[at].words.rows, ordinal)
	if !ok {
		return nil, ErrViewGone
	}
	defer s.keepWords()
	q := v.collection.query(s, text, x)
	given, err := lexical.Explain(ctx, q, views, wordSearch(1), view, in)
	if err != nil {
		return nil, s.wordsFailed(err)
	}
	names, out := v.collection.namer(s, text), make([]lode.TermContribution, len(given))
	for i, c := range given {
		out[i] = lode.TermContribution{Term: names.name(&q.Clauses[c.Clause]), Score: c.Score}
	}
	return out, nil
}

// Highlight returns what of a passage in a language matches the words of a query, in bytes of the
// passage, in order and without overlaps.
func (v *View) Highlight(text string, x lode.WordSyntax, passage, language string) []lode.Span {
	marked := lexical.Highlight(analyzerOf(language), passage, v.collection.query(v.latest(), text, x))
	spans := make([]lode.Span, len(marked))
	for i, m := range marked {
		spans[i] = lode.Span{Start: m.Start, End: m.End}
	}
	return spans
}
