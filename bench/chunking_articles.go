package bench

import (
	"strings"

	"github.com/clipperhouse/uax29/v2/sentences"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/beir"
)

// readArticles makes long texts of a set whose passages are parts of articles, as XQuAD's are:
// passages with one title are joined by blank lines, in their order. The answer to a question is
// the sentence that the marked words stand in, for a few words alone are no evidence.
func readArticles(dir string) (*chunkingSet, error) {
	passages, questions, err := beir.ReadQuestions(dir)
	if err != nil {
		return nil, err
	}
	articles := map[lode.DocID]*strings.Builder{}
	starts, texts := map[string]int{}, map[string]beir.Text{}
	for _, p := range passages.Docs {
		article := articles[lode.DocID(p.Title)]
		if article == nil {
			article = new(strings.Builder)
			articles[lode.DocID(p.Title)] = article
		} else {
			article.WriteString("\n\n")
		}
		starts[p.ID], texts[p.ID] = article.Len(), p
		article.WriteString(p.Text)
	}
	set := &chunkingSet{texts: map[lode.DocID]*chunkingText{}}
	for id, article := range articles {
		set.texts[id] = newChunkingText(article.String())
	}
	for _, q := range questions {
		if len(q.Spans) == 0 {
			continue
		}
		start, passage := starts[q.Doc], texts[q.Doc]
		gold := sentenceAround(passage.Text, q.Spans[0])
		set.questions = append(set.questions, chunkingQuestion{
			text: q.Text.Text, of: lode.DocID(passage.Title), gold: []lode.Span{{Start: start + gold.Start, End: start + gold.End}},
		})
	}
	if len(set.questions) == 0 {
		return nil, lode.Invalid("data", dir, "the folder holds no questions with answers")
	}
	return set, nil
}

// sentenceAround widens a span to the sentences that it stands in.
func sentenceAround(text string, words lode.Span) lode.Span {
	out := words
	for it := sentences.FromString(text); it.Next(); {
		s := lode.Span{Start: it.Start(), End: it.Start() + len(strings.TrimSpace(it.Value()))}
		if s.Overlaps(words) {
			out = lode.Span{Start: min(out.Start, s.Start), End: max(out.End, s.End)}
		}
	}
	return out
}
