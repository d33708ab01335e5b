package bench

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/internal/beir"
)

// TestAnswers runs a set of two paragraphs, of which the second question names no word of its.
func TestAnswers(t *testing.T) {
	dir := t.TempDir()
	set := filepath.Join("retrieval", "xquad-en")
	write(t, dir, filepath.Join(set, "corpus.jsonl"), `{"_id":"a","title":"Herons","text":" Grüne herons fish in shallow water."}
{"_id":"b","title":"Owls","text":"Owls hunt mice at night."}`)
	write(t, dir, filepath.Join(set, "queries.jsonl"), `{"_id":"1","text":"where do herons fish"}
{"_id":"2","text":"where do herons fish"}`)
	write(t, dir, filepath.Join(set, "qrels/test.tsv"), "query-id\tcorpus-id\tscore\n1\ta\t1\n2\tb\t1\n")
	write(t, dir, filepath.Join(set, "answers.json"), `[{"qid":"1","doc":"a","answers":[{"answer_start":22,"text":"shallow water"}]},
{"qid":"2","doc":"b","answers":[{"answer_start":10,"text":"mice"}]}]`)
	write(t, dir, "corpora/go-website/guide.md", "# Guide\n\n## Install\n\nRun the installer.\n\n## Remove\n\nRun it with --remove.\n")
	o := options(t, dir)
	r, err := Answers(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	// both paragraphs fit either budget
	if got := figure(t, r, "xquad-en, 400 tokens: answer cited in the context"); got.Value != 100 {
		t.Errorf("%+v", got)
	}
	if figure(t, r, "citations checked").Value < 5 || len(r.Missed()) > 0 {
		t.Errorf("%+v", r.Figures)
	}
	write(t, dir, filepath.Join(set, "answers.json"), `[{"qid":"1","doc":"a","answers":[{"answer_start":21,"text":"shallow water"}]}]`)
	if _, err := Answers(t.Context(), o); err == nil {
		t.Error("an answer that stands elsewhere is taken")
	}
}

// TestCitationsThatDoNotHold plants what the run must catch.
func TestCitationsThatDoNotHold(t *testing.T) {
	l := &layers{bronze: []byte("x <b>one two</b>"), silver: &v1.SilverLayer{Text: "one two", SourceMap: []v1.SourceRun{{Silver: v1.Span{End: 7}, Bronze: v1.Span{Start: 5, End: 12}, Kind: "exact"}}}}
	s := &spanCheck{}
	if !s.mapped(l, v1.Span{End: 7}) {
		t.Error("a span that has its bytes is refused")
	}
	l.bronze[6] = 'N'
	if s.mapped(l, v1.Span{End: 7}) {
		t.Error("a span is taken whose bytes are others")
	}
	shown := passagesOf("[1] Title (uri)\n> one\n> two\n\n[2] Other\n> three\n>\n> four\n")
	if len(shown) != 2 || !sameText(shown[0], "one two") || !sameText(shown[1], "three\n\nfour") || sameText(shown[1], "three five") {
		t.Errorf("%q", shown)
	}
	a := &answering{}
	q := beir.Question{Doc: "d", Spans: []lode.Span{{Start: 10, End: 20}}}
	for _, c := range []struct {
		doc        lode.DocID
		start, end int
		holds      bool
	}{{"d", 10, 20, true}, {"d", 11, 20, false}, {"d", 0, 19, false}, {"e", 0, 30, false}} {
		answer := &v1.Retrieved{Context: v1.Context{Citations: []v1.Citation{{DocumentID: c.doc, Span: v1.Span{Start: c.start, End: c.end}}}}}
		if a.holds(q, answer) != c.holds {
			t.Errorf("%+v", c)
		}
	}
}

func TestGivenRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "records.jsonl", strings.Repeat("{\"id\":\"a\"}\n", 12))
	write(t, dir, "embeddings.bin", strings.Repeat("x", 12*8+4))
	if _, err := Given(t.Context(), options(t, dir)); err == nil {
		t.Error("vectors that do not fit their records are taken")
	}
	random := rand.New(rand.NewPCG(1, 2))
	var b []byte
	for range 300 {
		b = lode.AppendVector(b, lode.Vector{random.Float32() - 0.5, random.Float32() - 0.5, random.Float32() - 0.5})
	}
	write(t, dir, "records.jsonl", strings.Repeat("{\"id\":\"a\"}\n", 300))
	write(t, dir, "embeddings.bin", string(b))
	r, err := Given(t.Context(), options(t, dir))
	if err != nil || len(r.Missed()) > 0 {
		t.Errorf("%v %+v", err, r)
	}
}

func TestQuestionsOfAFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "q", "how do herons fish\n\n{\"text\":\"where do owls hunt\",\"_id\":\"2\"}\n")
	all, err := readQuestions(filepath.Join(dir, "q"))
	if err != nil || len(all) != 2 || all[1] != "where do owls hunt" {
		t.Errorf("%q, %v", all, err)
	}
	for _, wrong := range []string{"", "{\"txt\":\"x\"}", "{"} {
		write(t, dir, "q", wrong)
		if _, err := readQuestions(filepath.Join(dir, "q")); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestCorpus(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: builds the program, under -short")
	}
	dir := t.TempDir()
	write(t, dir, "guide.md", "# Guide\n\n## Install\n\nRun the installer.\n")
	write(t, dir, "notes.txt", "Herons fish in shallow water.\n")
	o := options(t, dir)
	o.Binary = program(t)
	with := CorpusOptions{Clients: []int{1, 3}, Each: 50 * time.Millisecond}
	with.EnsureDefaults()
	r, err := Corpus(t.Context(), o, with)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"documents taken in", "1 client: p99", "3 clients: questions answered", "recall@10 of the search for vectors, mean", "resident memory of the node", "disk"} {
		if figure(t, r, name).Value <= 0 {
			t.Errorf("%s: %+v", name, figure(t, r, name))
		}
	}
	o.Data = t.TempDir()
	if _, err := Corpus(t.Context(), o, with); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("an empty folder: %v", err)
	}
}
