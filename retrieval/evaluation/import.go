package evaluation

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/beir"
)

// ReadBEIR makes a set of the queries and judgements of a folder in the layout of the BEIR
// benchmark. Its documents are judged whole, by the ids of corpus.jsonl.
func ReadBEIR(dir string) (*Set, error) {
	from, err := beir.Read(dir)
	if err != nil {
		return nil, fmt.Errorf("read data set %s: %w", dir, err)
	}
	set := &Set{Questions: make([]Question, 0, len(from.Queries))}
	for _, query := range from.Queries {
		q := Question{ID: query.ID, Query: query.Text}
		for _, id := range sortedKeys(from.Qrels[query.ID]) {
			q.Spans = append(q.Spans, Span{Document: lode.DocID(id), Grade: max(0, from.Qrels[query.ID][id])})
		}
		if q.Relevant() > 0 { // one with nothing relevant says nothing of a ranking
			set.Questions = append(set.Questions, q)
		}
	}
	return set, set.Validate()
}

// ReadAnswers makes a set of a BEIR folder whose answers.json says where the answers are, as XQuAD
// does: lists of {qid, doc, answers: [{answer_start, text}]}. Starts count characters of the text
// of the document; offset is how many bytes of canonical text stand before it.
func ReadAnswers(dir, answers string, offset func(title string) int) (*Set, error) {
	from, err := beir.Read(dir)
	if err != nil {
		return nil, fmt.Errorf("read data set %s: %w", dir, err)
	}
	raw, err := os.ReadFile(answers)
	if err != nil {
		return nil, err
	}
	var said []struct {
		QID, Doc string
		Answers  []struct {
			Start int `json:"answer_start"`
			Text  string
		}
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		return nil, lode.FieldError(lode.CodeMalformed, answers, "", "the answers are not as XQuAD has them: %s", err)
	}
	docs := make(map[string]beir.Text, len(from.Docs))
	for _, d := range from.Docs {
		docs[d.ID] = d
	}
	queries := make(map[string]string, len(from.Queries))
	for _, q := range from.Queries {
		queries[q.ID] = q.Text
	}
	set := &Set{}
	for i, a := range said {
		doc, known := docs[a.Doc]
		if !known || queries[a.QID] == "" || len(a.Answers) == 0 {
			return nil, lode.Invalid(fmt.Sprintf("[%d]", i), a.QID, "an answer is of a question and a document of the set")
		}
		q := Question{ID: a.QID, Query: queries[a.QID], Answer: a.Answers[0].Text}
		for _, one := range a.Answers {
			start, ok := byteOffset(doc.Text, one.Start)
			if end := start + len(one.Text); !ok || end > len(doc.Text) || doc.Text[start:end] != one.Text {
				return nil, lode.Invalid(fmt.Sprintf("[%d].answer_start", i), one.Start, "the text of document %s is another there", a.Doc)
			}
			start += offset(doc.Title)
			q.Spans = append(q.Spans, Span{Document: lode.DocID(a.Doc), Start: start, End: start + len(one.Text), Grade: DefaultGrade})
		}
		set.Questions = append(set.Questions, q)
	}
	return set, set.Validate()
}

// ReadSpans makes a set of a file like questions.csv of Chroma's chunking evaluation: columns
// question, references and corpus_id, where references are JSON lists of {content, start_index,
// end_index} in characters. text returns the canonical text of a corpus, and document its id. A
// reference that is not in the text where it is said to be is looked for, and is an error where it is
// not in the text at all.
func ReadSpans(r io.Reader, text func(corpus string) (string, error), document func(corpus string) lode.DocID) (*Set, error) {
	rows := csv.NewReader(r)
	if head, err := rows.Read(); err != nil || len(head) != 3 || head[0] != "question" || head[1] != "references" || head[2] != "corpus_id" {
		return nil, lode.FieldError(lode.CodeMalformed, "line 1", "", "the columns are question, references and corpus_id")
	}
	set := &Set{}
	for n := 1; ; n++ {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return set, set.Validate()
		}
		if err != nil {
			return nil, lode.FieldError(lode.CodeMalformed, "row "+strconv.Itoa(n), "", "%s", err)
		}
		q := Question{ID: fmt.Sprintf("%s-%d", row[2], n), Query: row[0]}
		if q.Spans, err = references(row[1], row[2], text, document); err != nil {
			return nil, fmt.Errorf("row %d: %w", n, err)
		}
		set.Questions = append(set.Questions, q)
	}
}

func references(list, corpus string, text func(string) (string, error), document func(string) lode.DocID) ([]Span, error) {
	var said []struct {
		Content string
		Start   int `json:"start_index"`
		End     int `json:"end_index"`
	}
	if err := json.Unmarshal([]byte(list), &said); err != nil {
		return nil, lode.FieldError(lode.CodeMalformed, "references", "", "the references are no JSON list: %s", err)
	}
	whole, err := text(corpus)
	if err != nil {
		return nil, err
	}
	spans := make([]Span, len(said))
	for i, r := range said {
		start, err := place(whole, r.Content, r.Start)
		if err != nil {
			return nil, err
		}
		spans[i] = Span{Document: document(corpus), Start: start, End: start + len(r.Content), Grade: DefaultGrade}
	}
	return spans, nil
}
