package evaluation

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lodedb/lode"
)

// Bounds of a set.
const (
	MaxSetBytes    = 8 << 20
	MaxQuestions   = 20_000
	MaxSpans       = 2_000 // of one question
	MaxGrade       = 100
	MaxIDBytes     = 256
	MaxAnswerBytes = 4 << 10
)

// DefaultGrade is that of a span that names none.
const DefaultGrade = 1

// Set is an evaluation set: Set 1-n Question 1-n Span. Ids of questions are unique.
type Set struct{ Questions []Question }

// Question is a query with what answers it.
type Question struct {
	ID     string `json:"id"`
	Query  string `json:"query"`
	Spans  []Span `json:"spans"`
	Answer string `json:"answer,omitempty"` // as a person would give it; no score uses it
	// Drafted names the template of a question that no person asked.
	Drafted Template `json:"drafted,omitempty"`
}

// Span is a judged stretch of the canonical text of a document. The document is the one with the
// bytes of Bronze where that is given, else the one with the outside id, else that of the URI: a
// judgement with a hash is about that text, and about no later version.
type Span struct {
	Document lode.DocID `json:"document,omitempty"`
	URI      string     `json:"uri,omitempty"`
	Bronze   lode.Hash  `json:"bronze_sha256,omitzero"`
	// Start and End are bytes of the canonical text; both 0: the whole document.
	Start int `json:"start,omitempty"`
	End   int `json:"end,omitempty"`
	// Grade says how good an answer the span is; 0 was judged to be none. The default is
	// [DefaultGrade].
	Grade int `json:"grade"`
}

// Whole reports whether the span is the whole document.
func (s *Span) Whole() bool { return s.Start == 0 && s.End == 0 }

// Bytes returns where the span is.
func (s *Span) Bytes() lode.Span { return lode.Span{Start: s.Start, End: s.End} }

// Relevant counts the spans that answer the question.
func (q *Question) Relevant() (n int) {
	for i := range q.Spans {
		if q.Spans[i].Grade > 0 {
			n++
		}
	}
	return n
}

// wholeDocuments reports whether the question is judged by documents alone.
func (q *Question) wholeDocuments() bool {
	return !slices.ContainsFunc(q.Spans, func(s Span) bool { return !s.Whole() })
}

// Validate checks the set. A line in an error counts questions from 1.
func (s *Set) Validate() error {
	if len(s.Questions) == 0 {
		return lode.Invalid("questions", 0, "the set has no questions")
	}
	if len(s.Questions) > MaxQuestions {
		return lode.FieldError(lode.CodeTooLarge, "questions", len(s.Questions), "a set has at most %d questions", MaxQuestions)
	}
	lines := make(map[string]int, len(s.Questions))
	for i := range s.Questions {
		q := &s.Questions[i]
		if err := q.validate(); err != nil {
			return err.In(lineName(i + 1))
		}
		if first := lines[q.ID]; first > 0 {
			return lode.Invalid(lineName(i+1)+".id", q.ID, "line %d has the same id", first)
		}
		lines[q.ID] = i + 1
	}
	return nil
}

func lineName(n int) string { return fmt.Sprintf("line %d", n) }

func (q *Question) validate() *lode.Error {
	if err := validateText("id", q.ID, MaxIDBytes); err != nil {
		return err
	}
	if err := validateText("query", q.Query, lode.MaxQueryBytes); err != nil {
		return err
	}
	if len(q.Answer) > MaxAnswerBytes {
		return lode.FieldError(lode.CodeTooLarge, "answer", len(q.Answer), "an answer has at most %d bytes", MaxAnswerBytes)
	}
	if len(q.Spans) > MaxSpans {
		return lode.FieldError(lode.CodeTooLarge, "spans", len(q.Spans), "a question has at most %d spans", MaxSpans)
	}
	if q.Drafted != "" && !slices.Contains(Templates(), q.Drafted) {
		return lode.Invalid("drafted", q.Drafted, "the templates are %v", Templates())
	}
	for i := range q.Spans {
		if err := q.Spans[i].validate(); err != nil {
			return err.In(fmt.Sprintf("spans[%d]", i))
		}
	}
	if q.Relevant() == 0 {
		return lode.Invalid("spans", len(q.Spans), "no span of the question has a grade above 0: no ranking could be right")
	}
	return nil
}

func validateText(field, s string, most int) *lode.Error {
	switch {
	case strings.TrimSpace(s) == "":
		return lode.Invalid(field, s, "%s is empty", field)
	case len(s) > most:
		return lode.FieldError(lode.CodeTooLarge, field, len(s), "%s has %d bytes, the limit is %d", field, len(s), most)
	case !utf8.ValidString(s):
		return lode.Invalid(field, len(s), "%s is not valid UTF-8", field)
	}
	return nil
}

func (s *Span) validate() *lode.Error {
	if s.Document == "" && s.URI == "" && s.Bronze.IsZero() {
		return lode.Invalid("document", "", "a span names its document").WithHint("give bronze_sha256, document or uri")
	}
	if s.Document != "" {
		if err := s.Document.Validate(); err != nil {
			return lode.Invalid("document", s.Document, "the document has no valid id: %s", err)
		}
	}
	if len(s.URI) > lode.MaxURIBytes {
		return lode.FieldError(lode.CodeTooLarge, "uri", len(s.URI), "a URI has at most %d bytes", lode.MaxURIBytes)
	}
	if s.Start < 0 {
		return lode.Invalid("start", s.Start, "start must not be negative")
	}
	if !s.Whole() && s.End <= s.Start {
		return lode.Invalid("end", s.End, "end must be behind start (%d)", s.Start).WithHint("leave both out for the whole document")
	}
	if s.Grade < 0 || s.Grade > MaxGrade {
		return lode.Invalid("grade", s.Grade, "grade must be 0 to %d", MaxGrade)
	}
	return nil
}

// Encode returns the set as JSON Lines in the order of its questions. [Read] reads them.
func (s *Set) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for i := range s.Questions {
		if err := enc.Encode(&s.Questions[i]); err != nil {
			return nil, fmt.Errorf("encode question %s: %w", s.Questions[i].ID, err)
		}
	}
	return b.Bytes(), nil
}

// Hash identifies the set: the SHA-256 of its lines in order of id, so that the order of a file
// does not matter.
func (s *Set) Hash() (lode.Hash, error) {
	sorted := Set{Questions: slices.Clone(s.Questions)}
	slices.SortFunc(sorted.Questions, func(a, b Question) int { return cmp.Compare(a.ID, b.ID) })
	encoded, err := sorted.Encode()
	if err != nil {
		return lode.Hash{}, err
	}
	return sha256.Sum256(encoded), nil
}

// DraftedCount is how many questions no person asked.
func (s *Set) DraftedCount() (n int) {
	for i := range s.Questions {
		if s.Questions[i].Drafted != "" {
			n++
		}
	}
	return n
}

// SpanCount is how many spans the set has with a grade above 0.
func (s *Set) SpanCount() (n int) {
	for i := range s.Questions {
		n += s.Questions[i].Relevant()
	}
	return n
}
