package evaluation

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/lodedb/lode"
)

// maxLineBytes bounds one question: its query, answer and spans.
const maxLineBytes = 2 << 20

// Read reads a set as JSON Lines and validates it. Empty lines are left out. Errors name the line
// and the field; a member that does not exist is one.
func Read(r io.Reader) (*Set, error) {
	set := &Set{}
	lines := bufio.NewScanner(io.LimitReader(r, MaxSetBytes+1))
	lines.Buffer(make([]byte, 0, 64<<10), maxLineBytes)
	read, n := 0, 0
	for lines.Scan() {
		n++
		if read += len(lines.Bytes()) + 1; read > MaxSetBytes+1 {
			return nil, errSetTooLarge()
		}
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		q, err := readQuestion(line)
		if err != nil {
			return nil, err.In(lineName(n))
		}
		if err := q.validate(); err != nil { // here, where the line of the file is known
			return nil, err.In(lineName(n))
		}
		if set.Questions = append(set.Questions, q); len(set.Questions) > MaxQuestions {
			return nil, set.Validate()
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, lode.FieldError(lode.CodeTooLarge, lineName(n+1), maxLineBytes, "a line has at most %d bytes", maxLineBytes)
	} else if err != nil {
		return nil, err
	}
	return set, set.Validate()
}

func errSetTooLarge() error {
	return lode.FieldError(lode.CodeTooLarge, "set", MaxSetBytes, "an evaluation set has at most %d bytes", MaxSetBytes)
}

// readQuestion reads one line. A grade that is missing is the default, one of 0 is none.
func readQuestion(line []byte) (Question, *lode.Error) {
	var said struct {
		Question
		Spans []spanLine `json:"spans"`
	}
	if !utf8.Valid(line) { // the decoder would replace what is not
		return Question{}, lode.FieldError(lode.CodeMalformed, "", "", "the line is not valid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&said); err != nil {
		return Question{}, jsonError(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Question{}, lode.FieldError(lode.CodeMalformed, "", "", "something follows the question on its line")
	}
	q := said.Question
	q.Spans = make([]Span, len(said.Spans))
	for i, s := range said.Spans {
		q.Spans[i] = s.Span
		q.Spans[i].Grade = DefaultGrade
		if s.Grade != nil {
			q.Spans[i].Grade = *s.Grade
		}
	}
	return q, nil
}

// spanLine is a span in which a missing grade can be told from 0.
type spanLine struct {
	Span
	Grade *int `json:"grade"`
}

func jsonError(err error) *lode.Error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		field := strings.NewReplacer("Span.", "", "Question.", "").Replace(wrong.Field) // embedded types are no members
		return lode.FieldError(lode.CodeInvalid, field, wrong.Value, "%s is no %s", wrong.Value, wrong.Type)
	}
	if name, found := strings.CutPrefix(err.Error(), "json: unknown field "); found {
		name = strings.Trim(name, `"`)
		return lode.FieldError(lode.CodeUnknownField, name, "", "there is no member of this name").
			WithHint("a question has id, query, spans, answer and drafted; a span has document, uri, bronze_sha256, start, end and grade")
	}
	var coded *lode.Error
	if errors.As(err, &coded) {
		return coded
	}
	return lode.FieldError(lode.CodeMalformed, "", "", "the line is not a question as JSON: %s", strings.TrimPrefix(err.Error(), "json: "))
}
