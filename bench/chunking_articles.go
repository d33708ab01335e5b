package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/clipperhouse/uax29/v2/sentences"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/beir"
)

// readArticles makes long texts of a set whose passages are parts of articles, as XQuAD's are:
// passages with one title are joined by blank lines, in their order. The answer to a question is
// the sentence that the marked words stand in, for a few words alone are no evidence.
func readArticles(dir string) (*chunkingSet, error) {
	passages, err := beir.Read(dir)
	if err != nil {
		return nil, err
	}
	articles := map[lode.DocID]*strings.Builder{}
	type place struct {
		article lode.DocID
		start   int
		text    string
	}
	places := map[string]place{}
	for _, p := range passages.Docs {
		id := lode.DocID(p.Title)
		if articles[id] == nil {
			articles[id] = new(strings.Builder)
		} else {
			articles[id].WriteString("\n\n")
		}
		places[p.ID] = place{article: id, start: articles[id].Len(), text: p.Text}
		articles[id].WriteString(p.Text)
	}
	set := &chunkingSet{texts: map[lode.DocID]*chunkingText{}}
	for id, text := range articles {
		set.texts[id] = newChunkingText(text.String())
	}
	marked, err := readAnswers(filepath.Join(dir, "answers.json"))
	if err != nil {
		return nil, err
	}
	for _, q := range passages.Queries {
		answer := marked[q.ID]
		at, known := places[answer.Passage]
		if !known {
			continue
		}
		gold, err := answer.sentence(at.text)
		if err != nil {
			return nil, fmt.Errorf("answer to %s: %w", q.ID, err)
		}
		set.questions = append(set.questions, chunkingQuestion{
			text: q.Text, of: at.article, gold: []lode.Span{{Start: at.start + gold.Start, End: at.start + gold.End}},
		})
	}
	if len(set.questions) == 0 {
		return nil, lode.Invalid("data", dir, "the folder holds no questions")
	}
	return set, nil
}

// markedAnswer are the words of a passage that answer a question.
type markedAnswer struct {
	Question string `json:"qid"`
	Passage  string `json:"doc"`
	Answers  []struct {
		Start int    `json:"answer_start"` // in characters
		Text  string `json:"text"`
	} `json:"answers"`
}

func readAnswers(path string) (map[string]markedAnswer, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []markedAnswer
	if err := json.Unmarshal(content, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	byQuestion := map[string]markedAnswer{}
	for _, a := range all {
		byQuestion[a.Question] = a
	}
	return byQuestion, nil
}

// sentence returns where the sentences are in a passage that hold the first of the answers.
func (a *markedAnswer) sentence(passage string) (lode.Span, error) {
	if len(a.Answers) == 0 {
		return lode.Span{}, lode.Invalid("answers", 0, "there is none")
	}
	start := byteAt(passage, a.Answers[0].Start)
	words := lode.Span{Start: start, End: start + len(a.Answers[0].Text)}
	if !strings.HasPrefix(passage[start:], a.Answers[0].Text) {
		return words, lode.Invalid("answer_start", a.Answers[0].Start, "the text there is not the answer")
	}
	out := words
	for it := sentences.FromString(passage); it.Next(); {
		s := lode.Span{Start: it.Start(), End: it.Start() + len(strings.TrimSpace(it.Value()))}
		if s.Overlaps(words) {
			out = lode.Span{Start: min(out.Start, s.Start), End: max(out.End, s.End)}
		}
	}
	return out, nil
}
