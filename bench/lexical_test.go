package bench

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode/index/bm25/segment"
	"github.com/lodedb/lode/internal/testdata"
)

// TestLexical runs a small form without another engine; how long things take is not looked at.
func TestLexical(t *testing.T) {
	o := options(t, testdata.Dir(t))
	l := LexicalOptions{Cache: t.TempDir(), Rows: 400, Each: 3, Rounds: 1}
	r, err := Lexical(t.Context(), o, l)
	if err != nil {
		t.Fatal(err)
	}
	if got := figure(t, r, "answers equal to those that leave nothing out").Value; got != 1 {
		t.Errorf("%v of the answers are right", got)
	}
	if len(r.Missed()) != 0 {
		t.Errorf("missed: %+v", r.Missed())
	}
	// A second run finds corpus and index where the first has left them.
	before := figure(t, r, "lode, build with analysis, one thread").Value
	if r, err = Lexical(t.Context(), o, l); err != nil {
		t.Fatal(err)
	}
	if figure(t, r, "lode, build with analysis, one thread").Value != before {
		t.Error("the index was built again")
	}
}

// TestSameHitsNotices is the negative control of the comparison with everything.
func TestSameHitsNotices(t *testing.T) {
	a := []segment.Hit{{Row: 1, Score: 2}, {Row: 5, Score: 1}}
	if !sameHits(a, slices.Clone(a)) {
		t.Error("equal answers differ")
	}
	for name, b := range map[string][]segment.Hit{
		"score": {{Row: 1, Score: 2}, {Row: 5, Score: 1 + 0x1p-23}},
		"order": {{Row: 5, Score: 1}, {Row: 1, Score: 2}},
		"row":   {{Row: 1, Score: 2}, {Row: 6, Score: 1}},
		"part":  {{Row: 1, Score: 2}, {Part: 1, Row: 5, Score: 1}},
		"less":  a[:1],
	} {
		if sameHits(a, b) {
			t.Errorf("another %s is not noticed", name)
		}
	}
}

// The corpus is the same for the same seed, another for another one, and made of words of the
// texts.
func TestBigramCorpus(t *testing.T) {
	m, err := learnBigrams(testdata.Dir(t))
	if err != nil {
		t.Fatal(err)
	}
	docs := t.TempDir()
	prose := strings.Repeat("Herons fish in shallow water. ", 5)
	if err := os.WriteFile(filepath.Join(docs, "a.html"), []byte("<title>Birds</title><main><h1>Herons</h1><p>"+prose+"</p><p>Too short.</p><h2>Food</h2><p>"+prose+"</p></main>"), 0o644); err != nil {
		t.Fatal(err)
	}
	write := func(seed uint64) string {
		path := filepath.Join(t.TempDir(), "corpus")
		real, err := m.writeCorpus(path, 50, seed, func(out *bufio.Writer) (int, error) {
			return writeDocs(t.Context(), out, docs, 50)
		})
		if err != nil || real != 2 {
			t.Fatal(real, err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	one := write(1)
	if one != write(1) || one == write(2) {
		t.Error("the seed does not decide the corpus")
	}
	if !strings.HasPrefix(one, "Birds Herons\tHerons fish") || !strings.Contains(one, "\nBirds Herons Food\tHerons") {
		t.Errorf("real documents: %.300s", one)
	}
	if lines := strings.Count(one, "\n"); lines != 50 || strings.Count(one, "\t") != 50 {
		t.Errorf("%d lines", lines)
	}
}

func TestQuantile(t *testing.T) {
	values := []float64{5, 1, 4, 2, 3}
	for share, want := range map[float64]float64{0: 1, 0.5: 3, 0.99: 5, 1: 5} {
		if got := quantile(values, share); got != want {
			t.Errorf("%v: %v", share, got)
		}
	}
	if quantile(nil, 0.5) != 0 {
		t.Error("of nothing")
	}
}
