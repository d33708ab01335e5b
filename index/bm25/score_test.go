package bm25_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/bm25"
	"github.com/lodedb/lode/index/indextest"
	"github.com/lodedb/lode/internal/text"
)

// model scores by the formula in the package comment, over texts kept as they are.
type model struct {
	k1, b    float64
	analyzer text.Analyzer
	rows     [][]string // terms; nil for a row that was removed
}

func (m *model) idf(term string) float64 {
	var live, holders float64
	for _, row := range m.rows {
		if len(row) > 0 {
			live++
		}
		if count(row, term) > 0 {
			holders++
		}
	}
	return math.Log(1 + (live-holders+0.5)/(holders+0.5))
}

func (m *model) score(query string, row []string) float64 {
	var live, all float64
	for _, r := range m.rows {
		if len(r) > 0 {
			live++
			all += float64(len(r))
		}
	}
	var score float64
	for _, term := range m.analyzer.Terms(nil, query) { // a repeated term counts again
		f := count(row, term)
		if f > 0 {
			score += m.idf(term) * f * (m.k1 + 1) / (f + m.k1*(1-m.b+m.b*float64(len(row))/(all/live)))
		}
	}
	return score
}

func count(row []string, term string) (n float64) {
	for _, t := range row {
		if t == term {
			n++
		}
	}
	return n
}

func randomWords(rng *rand.Rand, vocabulary, n int) string {
	var b strings.Builder
	for range n {
		fmt.Fprintf(&b, "w%d ", int(float64(vocabulary)*math.Pow(rng.Float64(), 3)))
	}
	return b.String()
}

func TestScoresFollowTheFormula(t *testing.T) {
	for _, opts := range []bm25.Options{{}, {K1: 1.2, B: 0.75}, {K1: 2, B: 1}, {K1: 0.1, B: 0.01}} {
		rng := rand.New(rand.NewPCG(1, 2))
		x := bm25.New(opts)
		m := &model{k1: opts.K1, b: opts.B}
		if opts.K1 == 0 {
			m.k1, m.b = 0.9, 0.4
		}
		for i := range 150 {
			s := randomWords(rng, 120, rng.IntN(40))
			x.Add(s)
			m.rows = append(m.rows, m.analyzer.Terms(nil, s))
			if i%5 == 4 {
				gone := rng.IntN(i)
				x.Remove(uint32(gone))
				m.rows[gone] = nil
			}
		}
		for range 10 {
			query := randomWords(rng, 130, 1+rng.IntN(6))
			got, err := x.Search(t.Context(), query, 1000, nil)
			if err != nil {
				t.Fatal(err)
			}
			matching := 0
			for _, row := range m.rows {
				if m.score(query, row) > 0 {
					matching++
				}
			}
			if len(got) != matching {
				t.Fatalf("%+v, query %q: %d rows, want %d", opts, query, len(got), matching)
			}
			for _, c := range got {
				want := m.score(query, m.rows[c.Ordinal])
				if math.Abs(float64(c.Score)-want) > 1e-5*want {
					t.Fatalf("%+v, query %q: score %v of row %d, want %v", opts, query, c.Score, c.Ordinal, want)
				}
			}
		}
	}
}

func TestUpperBoundIsTheSumOfGains(t *testing.T) {
	x := bm25.New(bm25.Options{})
	for _, s := range []string{"kelp moss", "kelp", "fern", ""} {
		x.Add(s)
	}
	idf := func(holders float64) float64 { return math.Log(1 + (3-holders+0.5)/(holders+0.5)) }
	f := func(query string, want float64) {
		t.Helper()
		if got := x.UpperBound(query); math.Abs(got-want) > 1e-5*want {
			t.Errorf("query %q: bound %v, want %v", query, got, want)
		}
	}
	f("kelp", idf(2)*1.9)
	f("kelp kelp moss", (2*idf(2)+idf(1))*1.9)
	f("unseen", idf(0)*1.9)
	x.Remove(1)
	idf = func(holders float64) float64 { return math.Log(1 + (2-holders+0.5)/(holders+0.5)) }
	f("kelp", idf(1)*1.9)
}

func TestCompactGivesMemoryBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	x := bm25.New(bm25.Options{})
	var lexical index.Lexical = x
	for i := range 2000 {
		x.Add(fmt.Sprintf("own%d %s", i, randomWords(rng, 5000, 50)))
	}
	full := x.Bytes()
	keep := index.NewBitset(2000)
	for i := range uint32(20) {
		keep.Set(i * 100)
	}
	small := lexical.Compact(keep)
	if small.Len() != 20 || small.Bytes() > full/10 {
		t.Errorf("20 of 2000 rows hold %d of %d bytes", small.Bytes(), full)
	}
	got, err := small.Search(t.Context(), "own1900", 5, nil)
	if err != nil || len(got) != 1 || got[0].Ordinal != 19 {
		t.Errorf("row 1900 became %v, error %v", got, err)
	}
	if got, err := small.Search(t.Context(), "own1901", 5, nil); err != nil || len(got) != 0 {
		t.Errorf("a row that was dropped is found: %v, error %v", got, err)
	}
}

func TestSmallIndexIsSmall(t *testing.T) {
	x := bm25.New(bm25.Options{})
	if x.Bytes() != 0 {
		t.Errorf("an empty index holds %d bytes", x.Bytes())
	}
	x.Add("kelp and moss")
	if x.Bytes() > 8<<10 {
		t.Errorf("one row holds %d bytes", x.Bytes())
	}
}

func TestNewPanicsOnBadOptions(t *testing.T) {
	for _, opts := range []bm25.Options{{K1: -1}, {B: -0.1}, {B: 1.1}, {K1: math.NaN()}, {B: math.NaN()}, {K1: math.Inf(1)}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v is accepted", opts)
				}
			}()
			bm25.New(opts)
		}()
	}
}

// A search that is told to stop between two windows of rows must do so.
func TestCancelledInsideTheScan(t *testing.T) {
	x := bm25.New(bm25.Options{})
	for range 20_000 {
		x.Add("kelp")
	}
	ctx := indextest.NewDying(t.Context(), 3)
	if _, err := x.Search(ctx, "kelp", 10, nil); !lode.IsCode(err, lode.CodeCanceled) {
		t.Errorf("got error %v", err)
	}
	ctx = indextest.NewDying(t.Context(), 1000)
	if _, err := x.Search(ctx, "kelp", 10, nil); err != nil || ctx.Asked.Load() < 4 {
		t.Errorf("error %v, the context was asked %d times in 20,000 rows", err, ctx.Asked.Load())
	}
}

func BenchmarkAdd(b *testing.B) {
	texts := benchmarkTexts(512)
	b.ReportAllocs()
	x := bm25.New(bm25.Options{})
	for i := 0; b.Loop(); i++ {
		x.Add(texts[i%len(texts)])
	}
}

func BenchmarkSearch(b *testing.B) {
	texts := benchmarkTexts(2000)
	x := bm25.New(bm25.Options{})
	for i := range 20_000 {
		x.Add(texts[i%len(texts)])
	}
	b.Run("rare", func(b *testing.B) { searchLoop(b, x, "w900 w1500 w2900") })
	b.Run("common", func(b *testing.B) { searchLoop(b, x, "w0 w1 w2 w3 w4 w5 w6 w7 w8 w9") })
}

func searchLoop(b *testing.B, x *bm25.Index, query string) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.Search(b.Context(), query, 10, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarkTexts are chunks of 300 words of a skewed vocabulary.
func benchmarkTexts(n int) []string {
	rng := rand.New(rand.NewPCG(7, 8))
	texts := make([]string, n)
	for i := range texts {
		texts[i] = randomWords(rng, 30_000, 300)
	}
	return texts
}
