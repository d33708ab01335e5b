package segment

import (
	"bytes"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/indextest"
	"github.com/lodedb/lode/internal/text"
)

type tokenOf = text.Token

// world is some rows, cut into parts.
type world struct {
	opts  Options
	parts []Part
	naive naive
	base  []int // of each part
}

// newWorld makes parts of random rows: sealed ones, merged ones, and a growing one at the end.
func newWorld(t *testing.T, rng *rand.Rand, opts Options, rows, vocabulary, most int) *world {
	w := &world{opts: opts, naive: naive{fields: opts.fields()}}
	for range rows {
		w.naive.rows = append(w.naive.rows, randomRow(rng, opts.fields(), vocabulary, most))
	}
	cut := 0
	for cut < rows {
		n := min(1+rng.IntN(rows/2+1), rows-cut)
		some := w.naive.rows[cut : cut+n]
		var part Part
		switch kind := rng.IntN(3); {
		case cut+n == rows && kind > 0:
			part = mustGrow(t, opts, some)
		case kind == 0:
			part = mustOpen(t, mustBuild(t, opts, some, 1), opts)
		default:
			part = mustOpen(t, mustSeal(t, mustGrow(t, opts, some)), opts)
		}
		w.base = append(w.base, cut)
		for i := range n {
			w.naive.parts = append(w.naive.parts, len(w.parts))
			w.naive.inPart = append(w.naive.inPart, uint32(i))
		}
		w.parts = append(w.parts, part)
		cut += n
	}
	return w
}

func (w *world) remove(t *testing.T, i int) {
	t.Helper()
	switch p := w.parts[w.naive.parts[i]].(type) {
	case *Growing:
		p.Remove(w.naive.inPart[i])
	case *Sealed:
		if err := p.Remove(w.naive.inPart[i]); err != nil {
			t.Fatal(err)
		}
	}
	w.naive.rows[i] = nil
}

// views allows a share of the rows.
func (w *world) views(rng *rand.Rand, share float64) []View {
	w.naive.shown = make([]bool, len(w.naive.rows))
	views := make([]View, len(w.parts))
	for i, p := range w.parts {
		views[i].Part = p
		if share < 1 {
			views[i].Allow = randomSet(rng, p.Len(), share)
		}
		for row := range p.Len() {
			w.naive.shown[w.base[i]+row] = views[i].Allow == nil || views[i].Allow.Has(uint32(row))
		}
	}
	return views
}

func randomAlternative(rng *rand.Rand, opts Options, vocabulary int) Alternative {
	a := Term(word(rng.IntN(1 + rng.IntN(vocabulary+vocabulary/8+1))))
	switch kind := rng.IntN(8); {
	case kind == 0:
		a.Prefix = true
	case kind == 1 && opts.Positions:
		for i := range 1 + rng.IntN(2) {
			a.Terms = append(a.Terms, Place{word(rng.IntN(1 + rng.IntN(vocabulary))), uint32(i + 1)})
		}
	}
	if rng.IntN(4) == 0 {
		a.Weight = float64(1+rng.IntN(8)) / 4
	}
	return a
}

func randomQuery(rng *rand.Rand, opts Options, vocabulary int) (q Query) {
	plain := rng.IntN(2) == 0
	for range 1 + rng.IntN(6) {
		c := Clause{Any: []Alternative{Term(word(rng.IntN(1 + rng.IntN(vocabulary))))}}
		if !plain {
			c.Any = []Alternative{randomAlternative(rng, opts, vocabulary)}
			for rng.IntN(4) == 0 {
				c.Any = append(c.Any, randomAlternative(rng, opts, vocabulary))
			}
			c.Occur = []Occur{Should, Should, Should, Must, MustNot}[rng.IntN(5)]
			c.Weight = float64(rng.IntN(3))
		}
		q.Clauses = append(q.Clauses, c)
	}
	return q
}

// What a search finds must be, to the bit and in order, what scoring every row by the formula
// finds, however rows are cut into parts, whoever asks, and whatever was removed.
func TestSearchIsExhaustive(t *testing.T) {
	rng := seeded(t)
	worlds := 14
	if testing.Short() {
		worlds = 5
	}
	for i := range worlds {
		opts := Options{Fields: 1 + rng.IntN(3), Positions: rng.IntN(3) > 0, Analyzer: "test"}
		rows, vocabulary := 20+rng.IntN(1500), 4+rng.IntN(200)
		if i%7 == 0 {
			rows, vocabulary = 12_000, 30 // several windows, and lists of many blocks
		}
		w := newWorld(t, rng, opts, rows, vocabulary, 1+rng.IntN(40))
		for round := range 3 {
			queries := 30
			if rows > 5000 {
				queries = 8
			}
			for range queries {
				w.compare(t, rng, randomQuery(rng, opts, vocabulary))
			}
			for range rows * round / 6 {
				w.remove(t, rng.IntN(rows))
			}
		}
	}
}

func (w *world) compare(t *testing.T, rng *rand.Rand, q Query) {
	t.Helper()
	o := SearchOptions{K: 1 + rng.IntN(20)}
	if rng.IntN(2) == 0 {
		o.K1, o.B = 0.1+2*rng.Float64(), 0.01+0.99*rng.Float64()
		for range rng.IntN(w.opts.fields() + 1) {
			o.Boosts = append(o.Boosts, float64(rng.IntN(5))*0.7)
		}
	}
	share := []float64{1, 1, 0.5, 0.02, 0.001}[rng.IntN(5)]
	views := w.views(rng, share)
	want := w.naive.search(q, o)
	got := mustSearch(t, q, views, o)
	if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
		t.Fatalf("query %+v, options %+v, share %v, %d rows in %d parts (-want +got):\n%s", q, o, share, len(w.naive.rows), len(w.parts), diff)
	}
	for _, h := range got[:min(len(got), 3)] {
		given, err := Explain(t.Context(), q, views, o, h.Part, h.Row)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, c := range given {
			sum += c.Score
		}
		if float32(sum) != h.Score {
			t.Fatalf("query %+v, row %+v: %+v add up to %v", q, h, given, sum)
		}
	}
	bound, err := UpperBound(q, w.parts, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) > 0 && float64(got[0].Score) > bound {
		t.Fatalf("query %+v: score %v is above the bound %v", q, got[0].Score, bound)
	}
}

// The negative control of TestSearchIsExhaustive: the naive scores notice a single row more.
func TestNaiveNoticesARow(t *testing.T) {
	rng := seeded(t)
	w := newWorld(t, rng, Options{}, 200, 10, 20)
	views := w.views(rng, 1)
	o := SearchOptions{K: 300}
	q := words(word(0))
	before := w.naive.search(q, o)
	if diff := cmp.Diff(before, mustSearch(t, q, views, o)); diff != "" {
		t.Fatal(diff)
	}
	for i, row := range w.naive.rows {
		if filled(row) {
			w.naive.rows[i] = nil
			break
		}
	}
	if cmp.Equal(w.naive.search(q, o), mustSearch(t, q, views, o)) {
		t.Error("a row was removed from one side only, and nobody noticed")
	}
}

func TestExplainOfOtherRows(t *testing.T) {
	x := mustGrow(t, Options{}, []Row{{{{Term: "kelp"}}}, {{{Term: "moss"}}}})
	views := []View{{Part: x}}
	q := words("moss", "kelp")
	if got, err := Explain(t.Context(), q, views, SearchOptions{}, 0, 0); err != nil || len(got) != 1 || got[0].Clause != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	x.Remove(0)
	if got, err := Explain(t.Context(), q, views, SearchOptions{}, 0, 0); err != nil || len(got) != 0 {
		t.Errorf("of a removed row: %+v, %v", got, err)
	}
	for _, place := range [][2]int{{0, 2}, {1, 0}, {-1, 0}} {
		if _, err := Explain(t.Context(), q, views, SearchOptions{}, place[0], uint32(place[1])); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%v: %v", place, err)
		}
	}
}

// Values out of range are refused, whatever else is right.
func TestBadSearches(t *testing.T) {
	views := []View{{Part: mustGrow(t, Options{}, nil)}}
	q := words("kelp")
	for _, o := range []SearchOptions{{K: -1}, {K1: -1}, {B: 1.1}, {Boosts: []float64{-1}}, {Boosts: make([]float64, MaxFields+1)}, {Boosts: []float64{math.NaN()}}} {
		if _, err := Search(t.Context(), q, views, o); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, c := range []Clause{
		{}, {Occur: 7, Any: []Alternative{Term("x")}}, {Any: []Alternative{Term("x")}, Weight: -1}, {Any: []Alternative{{}}},
		{Any: []Alternative{{Terms: []Place{{Term: ""}}, Prefix: true}}}, {Any: []Alternative{{Terms: make([]Place, MaxPhraseTerms+1)}}},
		{Any: make([]Alternative, MaxAlternatives+1)}, {Any: []Alternative{{Terms: []Place{{Term: "x"}}, Weight: math.Inf(1)}}},
	} {
		if _, err := Search(t.Context(), Query{Clauses: []Clause{c}}, views, SearchOptions{}); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := views[0].Part.(*Growing).Add(Row{nil, nil}); !lode.IsCode(err, lode.CodeInvalid) {
		t.Error(err)
	}
}

// A writer adds and removes beside searches, which see whole rows or none.
func TestWriterBesideSearches(t *testing.T) {
	x := mustGrow(t, Options{Positions: true}, nil)
	var done sync.WaitGroup
	done.Go(func() {
		for i := range 3000 {
			if _, err := x.Add(Row{{{Term: "both", Position: 0}, {Term: "words", Position: 1}, {Term: word(i), Position: 2}}}); err != nil {
				t.Error(err)
			}
			if i%7 == 0 {
				x.Remove(uint32(i / 2))
			}
		}
	})
	done.Go(func() {
		var b bytes.Buffer
		for range 5 {
			if err := x.Seal(&b); err != nil {
				t.Error(err)
			}
		}
	})
	q := Query{Clauses: []Clause{{Any: []Alternative{{Terms: []Place{{"both", 0}, {"words", 1}}}}}, {Any: []Alternative{{Terms: []Place{{Term: "w1"}}, Prefix: true}}}}}
	for range 200 {
		n := x.Len()
		got := mustSearch(t, q, []View{{Part: x}}, SearchOptions{K: 10})
		if len(got) == 0 && n > 20 {
			t.Fatalf("of %d rows none are found", n)
		}
		if _, err := Suggest(t.Context(), "wordx", []View{{Part: x}}, 3); err != nil {
			t.Fatal(err)
		}
	}
	done.Wait()
}

// A search that is told to stop between two windows of rows must do so, and the next one must not
// find what it left behind.
func TestCancelledInsideTheScan(t *testing.T) {
	rows := make([]Row, 20_000)
	for i := range rows {
		rows[i] = Row{{{Term: "kelp"}, {Term: word(i % 9)}}}
	}
	views := []View{{Part: mustOpen(t, mustSeal(t, mustGrow(t, Options{}, rows)), Options{})}}
	want := mustSearch(t, words("kelp", "w3"), views, SearchOptions{K: 20})
	must := words("kelp")
	must.Clauses[0].Occur = Must
	for _, q := range []Query{words("kelp", "w3"), must} {
		for left := range int64(4) {
			ctx := indextest.NewDying(t.Context(), left)
			if _, err := Search(ctx, q, views, SearchOptions{K: 20_000}); !lode.IsCode(err, lode.CodeCanceled) {
				t.Errorf("left %d: got error %v", left, err)
			}
		}
		if diff := cmp.Diff(want, mustSearch(t, words("kelp", "w3"), views, SearchOptions{K: 20})); diff != "" {
			t.Error(diff)
		}
	}
}

// Bounds of phrases and of clauses that must match leave no row out, in lists of many blocks of
// which few rows are wanted. Lengths and counts rise and fall along the rows, so that blocks differ.
func TestBoundsOfPhrasesAndMusts(t *testing.T) {
	rng := seeded(t)
	opts := Options{Fields: 2, Positions: true}
	w := &world{opts: opts, naive: naive{fields: 2}, base: []int{0}}
	const vocabulary = 7
	for i := range 6000 {
		row := make(Row, 2)
		for f := range row {
			for j := range rng.IntN(2+i/150%20) / (1 + 3*f) {
				row[f] = append(row[f], text.Token{Term: word(rng.IntN(1 + rng.IntN(vocabulary))), Position: uint32(j)})
			}
		}
		w.naive.rows = append(w.naive.rows, row)
		w.naive.parts, w.naive.inPart = append(w.naive.parts, 0), append(w.naive.inPart, uint32(i))
	}
	w.parts = []Part{mustOpen(t, mustSeal(t, mustGrow(t, opts, w.naive.rows)), opts)}
	any := func() string { return word(rng.IntN(vocabulary)) }
	phrase := func() Alternative { return Alternative{Terms: []Place{{any(), 0}, {any(), 1}}} }
	views := w.views(rng, 1)
	rounds := 40
	if testing.Short() {
		rounds = 10
	}
	for range rounds {
		for _, q := range []Query{
			{Clauses: []Clause{{Any: []Alternative{phrase()}}, {Any: []Alternative{Term(any())}}}},
			{Clauses: []Clause{{Any: []Alternative{phrase()}}}},
			{Clauses: []Clause{{Any: []Alternative{phrase(), Term(any())}}, {Any: []Alternative{phrase()}}}},
			{Clauses: []Clause{{Occur: Must, Any: []Alternative{Term(any())}}, {Any: []Alternative{Term(any())}}}},
			{Clauses: []Clause{{Occur: Must, Any: []Alternative{Term(any())}}, {Occur: Must, Any: []Alternative{Term(any())}}}},
			{Clauses: []Clause{{Occur: Must, Any: []Alternative{phrase()}}, {Any: []Alternative{Term(any())}}}},
		} {
			o := SearchOptions{K: 1 + rng.IntN(4), Boosts: []float64{1, float64(rng.IntN(4))}}
			if diff := cmp.Diff(w.naive.search(q, o), mustSearch(t, q, views, o)); diff != "" {
				t.Fatalf("query %s, options %+v (-want +got):\n%s", q.testString(), o, diff)
			}
		}
	}
}
