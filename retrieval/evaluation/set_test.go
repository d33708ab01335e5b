package evaluation_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/testdata"
	"github.com/lodedb/lode/retrieval/evaluation"
)

func TestRead(t *testing.T) {
	set, err := evaluation.Read(strings.NewReader(`
{"id":"a","query":"where?","spans":[{"document":"d","start":3,"end":9},{"uri":"file:x","grade":0}],"answer":"here"}

{"id":"b","query":"when?","spans":[{"bronze_sha256":"` + strings.Repeat("ab", 32) + `","grade":3}]}`))
	if err != nil {
		t.Fatal(err)
	}
	a, b := set.Questions[0], set.Questions[1]
	if a.Spans[0].Grade != 1 || a.Spans[1].Grade != 0 || b.Spans[0].Grade != 3 || a.Relevant() != 1 || set.SpanCount() != 2 {
		t.Errorf("read %+v", set)
	}
	if !b.Spans[0].Whole() || a.Spans[0].Whole() {
		t.Error("only a span without start and end is the whole document")
	}
	encoded, err := set.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := evaluation.Read(strings.NewReader(string(encoded)))
	if err != nil {
		t.Fatal(err)
	}
	again.Questions[0], again.Questions[1] = again.Questions[1], again.Questions[0]
	if h1, h2 := hashOf(t, set), hashOf(t, again); h1 != h2 {
		t.Errorf("hash %s after a round trip in another order, was %s", h2, h1)
	}
	again.Questions[0].Spans[0].Grade++
	if hashOf(t, set) == hashOf(t, again) {
		t.Error("another grade, the same hash")
	}
}

func hashOf(t *testing.T, s *evaluation.Set) lode.Hash {
	t.Helper()
	h, err := s.Hash()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestReadRefuses(t *testing.T) {
	good := `{"id":"a","query":"q","spans":[{"document":"d"}]}` + "\n"
	f := func(lines string, code lode.Code, field string) {
		t.Helper()
		_, err := evaluation.Read(strings.NewReader(lines))
		var e *lode.Error
		if !errors.As(err, &e) || e.Code != code || e.Field != field {
			t.Errorf("%.80s: got %v, want %s of %q", lines, err, code, field)
		}
	}
	f("", lode.CodeInvalid, "questions")
	f(good+"{", lode.CodeMalformed, "line 2")
	f(good+"{\"id\":\"\xff\"}", lode.CodeMalformed, "line 2")
	f(good+good, lode.CodeInvalid, "line 2.id")
	f(`{"id":"a","query":"q","spans":[{"document":"d"}]} {}`, lode.CodeMalformed, "line 1")
	f(`{"id":"a","query":"q","chunks":[]}`, lode.CodeUnknownField, "line 1.chunks")
	f(`{"id":"a","query":"q","spans":[{"document":"d","chunk":"x"}]}`, lode.CodeUnknownField, "line 1.chunk")
	f(`{"id":"a","query":"q","spans":[{"document":7}]}`, lode.CodeInvalid, "line 1.spans.document")
	f(`{"id":"a","query":" ","spans":[{"document":"d"}]}`, lode.CodeInvalid, "line 1.query")
	f(`{"query":"q","spans":[{"document":"d"}]}`, lode.CodeInvalid, "line 1.id")
	f(`{"id":"a","query":"q","spans":[]}`, lode.CodeInvalid, "line 1.spans")
	f(`{"id":"a","query":"q","spans":[{"document":"d","grade":0}]}`, lode.CodeInvalid, "line 1.spans")
	f(`{"id":"a","query":"q","spans":[{"start":1,"end":2}]}`, lode.CodeInvalid, "line 1.spans[0].document")
	f(`{"id":"a","query":"q","spans":[{"document":"d","start":5,"end":5}]}`, lode.CodeInvalid, "line 1.spans[0].end")
	f(`{"id":"a","query":"q","spans":[{"document":"d","start":-1,"end":5}]}`, lode.CodeInvalid, "line 1.spans[0].start")
	f(`{"id":"a","query":"q","spans":[{"document":"d"},{"document":"d","grade":101}]}`, lode.CodeInvalid, "line 1.spans[1].grade")
	f(`{"id":"a","query":"q","spans":[{"bronze_sha256":"12"}]}`, lode.CodeInvalid, "line 1.hash")
	f(`{"id":"a","query":"`+strings.Repeat("q", lode.MaxQueryBytes+1)+`","spans":[{"document":"d"}]}`, lode.CodeTooLarge, "line 1.query")
	f(`{"id":"`+strings.Repeat("i", 3<<20)+`"}`, lode.CodeTooLarge, "line 1")
}

func FuzzRead(f *testing.F) {
	f.Add(`{"id":"a","query":"q","spans":[{"document":"d","start":1,"end":4,"grade":2}]}`)
	f.Fuzz(func(t *testing.T, s string) {
		set, err := evaluation.Read(strings.NewReader(s))
		if err != nil {
			return
		}
		encoded, err := set.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := evaluation.Read(strings.NewReader(string(encoded)))
		if err != nil {
			t.Fatalf("%s: %v", encoded, err)
		}
		if hashOf(t, set) != hashOf(t, again) {
			t.Fatalf("%s: another set after a round trip", encoded)
		}
	})
}

func TestImports(t *testing.T) {
	dir := filepath.Join(testdata.Dir(t), "retrieval/xquad-en")
	set, err := evaluation.ReadAnswers(dir, filepath.Join(dir, "answers.json"), func(title string) int { return len(title) + 2 })
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Questions) != 1190 || set.Questions[0].Answer != "308" {
		t.Errorf("%d questions, the first answered %q", len(set.Questions), set.Questions[0].Answer)
	}
	if set, err = evaluation.ReadBEIR(dir); err != nil || len(set.Questions) != 1190 {
		t.Errorf("BEIR: %v, %v", set, err)
	}
	dir = filepath.Join(testdata.Dir(t), "chunking")
	csv, err := os.Open(filepath.Join(dir, "questions.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer csv.Close()
	texts := map[string]string{}
	for _, name := range []string{"chatlogs", "state_of_the_union", "wikitexts"} {
		raw, err := os.ReadFile(filepath.Join(dir, "corpora", name+".md"))
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(raw)
	}
	set, err = evaluation.ReadSpans(csv, func(corpus string) (string, error) {
		text, known := texts[corpus]
		if !known {
			return "", errors.New("no such corpus")
		}
		return text, nil
	}, func(corpus string) lode.DocID { return lode.DocID(corpus + ".md") })
	if err != nil || len(set.Questions) != 276 {
		t.Errorf("%v, %v", set, err)
	}
}
