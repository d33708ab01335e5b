package api_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

func TestCheckAnswer(t *testing.T) {
	ctx := t.Context()
	f := newFake()
	c, _ := serve(t, f)
	if _, err := c.UploadDocuments(ctx, "docs", []client.File{client.FileBytes("a.md", []byte("The ferry carries 320 passengers."))}, client.UploadOptions{}); err != nil {
		t.Fatal(err)
	}
	found, err := c.Retrieve(ctx, "docs", v1.Retrieve{Text: "ferry"})
	if err != nil {
		t.Fatal(err)
	}
	there := found.Hits[0].ChunkID
	absent := there
	absent.Doc += 100
	got, err := c.CheckAnswer(ctx, "docs", v1.CheckAnswer{
		Answer:    "The ferry carries 320 passengers [1]. It carries 230 passengers [1]. The crane is old [2][9].",
		Citations: []v1.AnswerCitation{{Number: 1, ChunkID: there}, {Number: 2, ChunkID: absent}, {Number: 3, ChunkID: there}},
	})
	if err != nil || len(got.Sentences) != 3 || got.Claims != 3 || got.Supported != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, want := range []string{"supported", "unsupported", "unsupported"} {
		if got.Sentences[i].Verdict != want {
			t.Errorf("%+v, want %s", got.Sentences[i], want)
		}
	}
	if s := got.Sentences[1]; s.Missing[0] != "230" || s.Number != 1 || s.Place.End != 33 || s.Text != "It carries 230 passengers [1]." {
		t.Errorf("%+v", s)
	}
	if s := got.Sentences[2]; len(s.Unknown) != 1 || s.Unknown[0] != 9 || s.Place != nil {
		t.Errorf("%+v", s)
	}
	for i, want := range []v1.CheckedCitation{
		{Number: 1, ChunkID: there, Found: true, Kind: "document", Verified: true, Cited: true}, {Number: 2, ChunkID: absent, Cited: true, Reason: "there is no such passage"}, {Number: 3, ChunkID: there, Found: true, Kind: "document", Verified: true},
	} {
		if got.Citations[i] != want {
			t.Errorf("%+v, want %+v", got.Citations[i], want)
		}
	}
}

func wantProblem(t *testing.T, err error, code lode.Code, field string) {
	t.Helper()
	var coded *lode.Error
	if !errors.As(err, &coded) || coded.Code != code || coded.Field != field {
		t.Errorf("%v, want %s about %s", err, code, field)
	}
}

func TestCheckAnswerRefuses(t *testing.T) {
	c, _ := serve(t, newFake())
	for field, req := range map[string]v1.CheckAnswer{
		"answer":              {},
		"citations":           {Answer: "a", Citations: make([]v1.AnswerCitation, 129)},
		"citations[0].number": {Answer: "a", Citations: []v1.AnswerCitation{{}}},
		"citations[0].parts":  {Answer: "a", Citations: []v1.AnswerCitation{{Number: 1, Parts: make([]v1.Span, 100_001)}}},
	} {
		_, err := c.CheckAnswer(t.Context(), "docs", req)
		wantProblem(t, err, lode.CodeInvalid, field)
	}
	_, err := c.CheckAnswer(t.Context(), "docs", v1.CheckAnswer{Answer: strings.Repeat("a", 64<<10+1)})
	wantProblem(t, err, lode.CodeInvalid, "answer")
	_, err = c.CheckAnswer(t.Context(), "absent", v1.CheckAnswer{Answer: "a [1]", Citations: []v1.AnswerCitation{{Number: 1}}})
	wantProblem(t, err, lode.CodeNotFound, "collection")
	_, err = c.CheckAnswer(t.Context(), "absent", v1.CheckAnswer{Answer: "a [1]", Citations: []v1.AnswerCitation{{Number: 1, Collection: "docs"}}})
	wantProblem(t, err, lode.CodeNotFound, "collection")
	got, err := c.CheckAnswer(t.Context(), "docs", v1.CheckAnswer{Answer: "a [1]", Citations: []v1.AnswerCitation{{Number: 1, Collection: "absent"}}})
	if err != nil || got.Citations[0].Found || got.Citations[0].Reason == "" {
		t.Errorf("%+v, %v", got, err)
	}
}
