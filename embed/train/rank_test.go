package train

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode/embed/table"
	"github.com/lodedb/lode/internal/report"
)

func near(t *testing.T, name string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9 {
		t.Errorf("%s is %.6f, want %.6f", name, got, want)
	}
}

// Measures against values computed by hand.
func TestMeasures(t *testing.T) {
	ids := []string{"a", "b", "c", "d"}
	grades := map[string]int{"b": 1, "d": 1}
	ranked := []scored{{passage: 0}, {passage: 1}, {passage: 2}, {passage: 3}}
	second, fourth := 1/math.Log2(3), 1/math.Log2(5)
	near(t, "nDCG", ndcg(ranked, ids, grades), (second+fourth)/(1+second))
	near(t, "recall@1", recall(ranked, ids, grades, 1), 0)
	near(t, "recall@2", recall(ranked, ids, grades, 2), .5)
	near(t, "recall@4", recall(ranked, ids, grades, 4), 1)
	near(t, "nDCG of nothing", ndcg(nil, ids, grades), 0)
	near(t, "nDCG of the best", ndcg([]scored{{passage: 3}, {passage: 1}}, ids, grades), 1)
}

func TestFuse(t *testing.T) {
	dense := []scored{{passage: 0, score: .9}, {passage: 1, score: .5}, {passage: 2, score: .1}}
	lexical := []scored{{passage: 2, score: 8}, {passage: 3, score: 4}}
	f := func(weight float64, want ...scored) {
		t.Helper()
		got := fuse(dense, lexical, weight)
		for i := range got {
			got[i].score = math.Round(got[i].score*1000) / 1000
		}
		if !slices.Equal(got, want) {
			t.Errorf("weight %v: %v, want %v", weight, got, want)
		}
	}
	f(.25, scored{2, .75}, scored{0, .25}, scored{1, .125}, scored{3, 0})
	f(1, scored{0, 1}, scored{1, .5}, scored{2, 0}, scored{3, 0})
	near(t, "weight of a sure leg", confident(.3, []scored{{0, 6}}, 10), .3)
	near(t, "weight of a noisy leg", confident(.3, []scored{{0, 1}}, 10), .3/(.3+.7*.2))
	near(t, "weight without a leg", confident(.3, nil, 0), 1)
}

// letterEmbedder counts letters.
func letterEmbedder(text string) []float32 {
	v := make([]float32, 26)
	for _, c := range strings.ToLower(text) {
		if 'a' <= c && c <= 'z' {
			v[c-'a']++
		}
	}
	return v
}

func TestDenseRanking(t *testing.T) {
	d := newDenseRanking(letterEmbedder, []string{"zzz", "abc", "ab"}, 0)
	if got := d.rank("abab"); got[0].passage != 2 || got[1].passage != 1 || math.Abs(got[0].score-1) > 1e-6 || math.Abs(got[1].score-math.Sqrt(2./3)) > 1e-6 {
		t.Errorf("%v", got)
	}
	if cut := newDenseRanking(letterEmbedder, []string{"zzz", "abc"}, 2); len(cut.vectors) != 4 || cut.rank("c")[0].score != 0 {
		t.Errorf("%v", cut.vectors)
	}
}

func TestGlossSet(t *testing.T) {
	w := tinyWordNet(t)
	s, err := glossSet(w, []string{"3-n", "4-v"}, 5, 3)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.ids, []string{"3-n", "4-v", "1-n"}) || len(s.questions) != 2 || s.questions[0].text != "gem, jewel" || s.questions[0].grades["3-n"] != 1 {
		t.Errorf("%+v", s)
	}
	w.Synsets[2].Definition = "a jewel of stone"
	if s, err = glossSet(w, []string{"3-n", "4-v"}, 5, 3); err != nil || len(s.questions) != 1 {
		t.Errorf("a question that shares a stem is asked: %+v, %v", s, err)
	}
	if _, err := glossSet(w, []string{"9-n"}, 5, 3); err == nil {
		t.Error("an unknown synset is no error")
	}
}

func TestMarkdownParagraphs(t *testing.T) {
	got := markdownParagraphs("---\ntitle: x\n---\n# Head\n\n" + one + "\n \n```\ncode code code code code code code code code\n```\n\n" + two + "\n")
	if !slices.Equal(got, []string{one, two}) {
		t.Errorf("%q", got)
	}
}

// tinyTable is a table of random rows, with these.
func tinyTable(t *testing.T) (*table.Table, []float32) {
	t.Helper()
	o := tinyOptions()
	trainer := tinyTrainer(t, o)
	c, g := tiny()
	b, err := table.Build(table.Contents{Dim: o.Dim, Buckets: o.Buckets, Words: NewVocabulary(c, g, o.Words).Words, Rows: trainer.Rows()})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := table.Open(string(b))
	if err != nil {
		t.Fatal(err)
	}
	return opened, trainer.Rows()
}

// TestEvaluation runs all measures on a table of random rows and sets of a few lines: what is asked
// for is missed, and said to be.
func TestEvaluation(t *testing.T) {
	opened, rows := tinyTable(t)
	dir := t.TempDir()
	for name, content := range map[string]string{
		"corpus.jsonl":   `{"_id":"1","text":"the aaa is here"}` + "\n" + `{"_id":"2","text":"bbb filler"}`,
		"queries.jsonl":  `{"_id":"q","text":"qaaa"}`,
		"qrels/test.tsv": "query-id\tcorpus-id\tscore\nq\t1\t1\n",
	} {
		path := filepath.Join(dir, "tiny", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := readSet(filepath.Join(dir, "tiny"))
	if err != nil {
		t.Fatal(err)
	}
	e := &Evaluation{Table: opened, Rows: rows, Other: opened, Say: func(string, ...any) {}}
	r, means := &report.Head{}, map[string]float64{}
	if err := e.retrieval(r, s, means); err != nil {
		t.Fatal(err)
	}
	e.means(r, means)
	if err := e.noOverlap(r, s); err != nil {
		t.Fatal(err)
	}
	figures := map[string]report.Figure{}
	for _, f := range r.Figures {
		figures[f.Name] = f
	}
	if n := len(figures); n != len(r.Figures) || n < 40 {
		t.Errorf("%d figures of %d names", len(r.Figures), n)
	}
	if f := figures["tiny, what 8 bits lose"]; f.Met == nil || math.Abs(f.Value) > .5 {
		t.Errorf("%+v", f)
	}
	if f := figures["tiny, BM25"]; f.Value != 0 { // "qaaa" is no word of any passage
		t.Errorf("%+v", f)
	}
}

// The embedder of the rows as trained and that of the table agree but for 8 bits.
func TestFloatEmbedder(t *testing.T) {
	opened, rows := tinyTable(t)
	counter := opened.NewCounter()
	counter.Add("the filler unknown")
	counter.Add("the filler unknown other")
	counter.Add("the aaa")
	for _, w := range []*table.Weights{nil, counter.Weights()} {
		float := floatEmbedder(opened, rows, w)("the aaa unknownword")
		normalize(float)
		if same := dot(float, tableEmbedder(opened, w)("the aaa unknownword")); same < .9995 {
			t.Errorf("cosine %v", same)
		}
	}
}
