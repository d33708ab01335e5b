package beir

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lodedb/lode"
)

// Question is a query with the spans of a document that answer it.
type Question struct {
	Text
	Doc   string
	Spans []lode.Span // in the text of the document, in bytes
}

// ReadQuestions reads a set that has the file answers.json beside it, in the order of its
// queries. An answer that does not stand where the file says is an error.
func ReadQuestions(dir string) (*Set, []Question, error) {
	set, err := Read(dir)
	if err != nil {
		return nil, nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, "answers.json"))
	if err != nil {
		return nil, nil, err
	}
	var rows []answerRow
	if err := json.Unmarshal(b, &rows); err != nil {
		return nil, nil, fmt.Errorf("read answers.json: %w", err)
	}
	texts := map[string]string{}
	for _, d := range set.Docs {
		texts[d.ID] = d.Text
	}
	questions := make([]Question, len(set.Queries))
	by := map[string]*Question{}
	for i, q := range set.Queries {
		questions[i].Text = q
		by[q.ID] = &questions[i]
	}
	for _, row := range rows {
		q := by[row.QID]
		if q == nil {
			return nil, nil, fmt.Errorf("answers.json: there is no question %s", row.QID)
		}
		q.Doc = row.Doc
		if q.Spans, err = row.spans(texts[row.Doc]); err != nil {
			return nil, nil, err
		}
	}
	return set, questions, nil
}

type answerRow struct {
	QID, Doc string
	Answers  []struct {
		Start int `json:"answer_start"` // in characters
		Text  string
	}
}

func (r answerRow) spans(text string) ([]lode.Span, error) {
	var spans []lode.Span
	for _, answer := range r.Answers {
		start := byteOffset(text, answer.Start)
		if start < 0 || !strings.HasPrefix(text[start:], answer.Text) {
			return nil, fmt.Errorf("answers.json: question %s: the answer does not stand at %d of %s", r.QID, answer.Start, r.Doc)
		}
		spans = append(spans, lode.Span{Start: start, End: start + len(answer.Text)})
	}
	return spans, nil
}

// byteOffset is where the nth character of a text begins, -1 where there is none.
func byteOffset(s string, n int) int {
	for at := range s {
		if n == 0 {
			return at
		}
		n--
	}
	return -1
}
