package retrieval_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval"
)

func ask(text string) lode.Query { return lode.Query{Collection: "docs", Text: text} }

func rowsOf(r *lode.Result) []lode.RowID {
	var rows []lode.RowID
	for _, h := range r.Hits {
		rows = append(rows, h.Row.ID)
	}
	return rows
}

func unit() *fakeEmbedder { return &fakeEmbedder{vector: lode.Vector{1, 0}} }

func TestHybridFusesByMinMax(t *testing.T) {
	v := newView()
	v.dense = v.candidates(1, 0.9, 2, 0.7, 3, 0.5)
	v.lexical = v.candidates(3, 12, 4, 8, 2, 4)
	w := 0.25
	q := ask("words")
	q.DenseWeight = &w
	result, err := retriever(v, unit()).Retrieve(t.Context(), anyone, q)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range result.Hits {
		dense, lexical := "-", "-"
		if h.Dense != nil {
			dense = fmt.Sprint(*h.Dense)
		}
		if h.Lexical != nil {
			lexical = fmt.Sprint(*h.Lexical)
		}
		got = append(got, fmt.Sprintf("row %d %.3f dense %s lexical %s", h.Row.ID, h.Score, dense, lexical))
	}
	want := []string{
		"row 3 0.750 dense 0.5 lexical 12", // .25*0 + .75*1
		"row 4 0.375 dense - lexical 8",    // .75*.5
		"row 1 0.250 dense 0.9 lexical -",  // .25*1
		"row 2 0.125 dense 0.7 lexical 4",  // .25*.5 + .75*0
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if result.Mode != lode.ModeHybrid || result.DenseWeight != w || result.WeightReason != "given in the query" {
		t.Errorf("mode %s, weight %v, %s", result.Mode, result.DenseWeight, result.WeightReason)
	}
	if diff := cmp.Diff([]int{100, 100}, v.asked.depth); diff != "" {
		t.Error(diff)
	}
}

func TestWeights(t *testing.T) {
	cases := []struct {
		name    string
		prepare func(v *fakeView, e *fakeEmbedder, q *lode.Query)
		want    float64
		reason  string
	}{
		{"model", func(*fakeView, *fakeEmbedder, *lode.Query) {}, 0.5, "default for a model embedder"},
		{"static", func(_ *fakeView, e *fakeEmbedder, _ *lode.Query) { e.static = true }, 0.2, "default for a static embedder"},
		{"raw vectors", func(v *fakeView, _ *fakeEmbedder, q *lode.Query) {
			v.collection.Embedder.Provider, q.Vector = lode.ProviderNone, lode.Vector{1, 0}
		}, 0.5, "default for a given vector"},
		{"given", func(_ *fakeView, _ *fakeEmbedder, q *lode.Query) { w := 0.9; q.DenseWeight = &w }, 0.9, "given in the query"},
		{"given, poor words", func(v *fakeView, _ *fakeEmbedder, q *lode.Query) { w := 0.9; q.DenseWeight = &w; v.bound = 1000 }, 0.9, "given in the query"},
		{"good words", func(v *fakeView, _ *fakeEmbedder, _ *lode.Query) { v.bound = 20 }, 0.5, "default for a model embedder"},
		{"poor words", func(v *fakeView, e *fakeEmbedder, _ *lode.Query) { e.static, v.bound = true, 80 }, 0.5,
			"default for a static embedder (0.20), raised because the best lexical score is 12% of what the query could reach"},
		{"unknown bound", func(v *fakeView, _ *fakeEmbedder, _ *lode.Query) { v.bound = math.Inf(1) }, 0.5, "default for a model embedder"},
		{"no words found", func(v *fakeView, _ *fakeEmbedder, _ *lode.Query) { v.lexical = nil }, 1, "default for a model embedder; the lexical search found nothing"},
		{"no vectors found", func(v *fakeView, _ *fakeEmbedder, _ *lode.Query) { v.dense, v.bound = nil, 1000 }, 0, "default for a model embedder; the dense search found nothing"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v, e, q := newView(), unit(), ask("words")
			v.dense, v.lexical = v.candidates(1, 0.9, 2, 0.1), v.candidates(3, 10, 4, 5)
			c.prepare(v, e, &q)
			result, err := retriever(v, e).Retrieve(t.Context(), anyone, q)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(result.DenseWeight-c.want) > 1e-9 || result.WeightReason != c.reason {
				t.Errorf("weight %v %q, want %v %q", result.DenseWeight, result.WeightReason, c.want, c.reason)
			}
		})
	}
}

// When the words of a question stand nowhere, what means the same is not hidden behind the
// best of the noise.
func TestPoorWordsDoNotHideMeaning(t *testing.T) {
	v, e := newView(), unit()
	e.static = true
	v.dense, v.lexical = v.candidates(1, 0.9, 2, 0.1), v.candidates(3, 2, 4, 1)
	v.bound = 2 / 0.05
	result, err := retriever(v, e).Retrieve(t.Context(), anyone, ask("words"))
	if err != nil || result.Hits[0].Row.ID != 1 {
		t.Errorf("hits %v, %v: want the nearest vector first", rowsOf(result), err)
	}
}

func TestEqualScoresCountInFull(t *testing.T) {
	v := newView()
	v.dense, v.lexical = v.candidates(1, 0.3), v.candidates(2, 7, 3, 7)
	result, err := retriever(v, unit()).Retrieve(t.Context(), anyone, ask("words"))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []lode.RowID{1, 2, 3} { // all at 0.5: by row
		if result.Hits[i].Row.ID != want || result.Hits[i].Score != 0.5 {
			t.Errorf("hit %d is row %d at %v", i, result.Hits[i].Row.ID, result.Hits[i].Score)
		}
	}
}

// k hits come back whenever k rows were found, best first, each once, scores in 0 to 1 and
// no better row left out; whatever the searches find.
func TestHybridProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := newView()
		leg := func(name string, scale float64) []lode.Candidate {
			rows := rapid.SliceOfNDistinct(rapid.IntRange(1, 60), 0, 40, rapid.ID[int]).Draw(t, name)
			var pairs []float64
			for i, r := range rows {
				pairs = append(pairs, float64(r), scale*float64(len(rows)-i/2))
			}
			return v.candidates(pairs...)
		}
		v.dense, v.lexical = leg("dense", 0.01), leg("lexical", 3)
		v.bound = rapid.Float64Range(0, 300).Draw(t, "bound")
		q := ask("words")
		q.K = rapid.IntRange(1, 80).Draw(t, "k")
		if rapid.Bool().Draw(t, "weight given") {
			w := rapid.Float64Range(0, 1).Draw(t, "weight")
			q.DenseWeight = &w
		}
		result, err := retriever(v, unit()).Retrieve(context.Background(), anyone, q)
		if err != nil {
			t.Fatal(err)
		}
		union := map[lode.RowID]bool{}
		for _, c := range append(append([]lode.Candidate{}, v.dense...), v.lexical...) {
			union[c.Row] = true
		}
		if len(result.Hits) != min(q.K, len(union)) {
			t.Fatalf("%d hits of %d rows for k=%d", len(result.Hits), len(union), q.K)
		}
		if result.DenseWeight < 0 || result.DenseWeight > 1 {
			t.Fatalf("weight %v", result.DenseWeight)
		}
		seen := map[lode.RowID]bool{}
		for i, h := range result.Hits {
			if seen[h.Row.ID] || !union[h.Row.ID] || h.Score < 0 || h.Score > 1+1e-12 || h.Dense == nil && h.Lexical == nil {
				t.Fatalf("hit %d: %+v", i, h)
			}
			seen[h.Row.ID] = true
			if i > 0 {
				a, b := result.Hits[i-1], h
				if a.Score < b.Score || a.Score == b.Score && a.Row.ID > b.Row.ID {
					t.Fatalf("hits %d and %d are out of order", i-1, i)
				}
			}
		}
	})
}

func TestCandidateDepth(t *testing.T) {
	for k, want := range map[int]int{1: 100, 10: 100, 11: 110, 99: 990, 500: 1000, 1000: 1000, 5000: 5000} {
		v := newView()
		v.dense, v.lexical = v.candidates(1, 1), v.candidates(1, 1)
		q := ask("words")
		q.K = k
		if _, err := retriever(v, unit()).Retrieve(t.Context(), anyone, q); err != nil || v.asked.depth[0] != want || v.asked.depth[1] != want {
			t.Errorf("k=%d: depths %v, want %d (%v)", k, v.asked.depth, want, err)
		}
	}
}

func TestModes(t *testing.T) {
	vector := lode.Vector{0, 1}
	cases := []struct {
		name   string
		q      lode.Query
		none   bool // the collection has no embedder
		mode   lode.Mode
		called string // methods of the view
		code   lode.Code
	}{
		{"text", lode.Query{Text: "w"}, false, lode.ModeHybrid, "Dense Lexical", ""},
		{"vector", lode.Query{Vector: vector}, false, lode.ModeDense, "Dense", ""},
		{"both", lode.Query{Text: "w", Vector: vector}, false, lode.ModeHybrid, "Dense Lexical", ""},
		{"dense text", lode.Query{Text: "w", Mode: lode.ModeDense}, false, lode.ModeDense, "Dense", ""},
		{"lexical", lode.Query{Text: "w", Mode: lode.ModeLexical}, false, lode.ModeLexical, "Lexical", ""},
		{"lexical beside a vector", lode.Query{Text: "w", Vector: vector, Mode: lode.ModeLexical}, false, lode.ModeLexical, "Lexical", ""},
		{"hybrid without text", lode.Query{Vector: vector, Mode: lode.ModeHybrid}, false, "", "", lode.CodeInvalid},
		{"nothing", lode.Query{}, false, "", "", lode.CodeInvalid},
		{"unknown mode", lode.Query{Text: "w", Mode: "magic"}, false, "", "", lode.CodeInvalid},
		{"blank", lode.Query{Text: " \n"}, false, "", "", lode.CodeInvalid},
		{"not UTF-8", lode.Query{Text: "a\xff"}, false, "", "", lode.CodeInvalid},
		{"huge text", lode.Query{Text: strings.Repeat("w", lode.MaxQueryBytes+1)}, false, "", "", lode.CodeInvalid},
		{"k too large", lode.Query{Text: "w", K: lode.MaxK + 1}, false, "", "", lode.CodeInvalid},
		{"no budget", lode.Query{Text: "w", BudgetTokens: -1}, false, "", "", lode.CodeInvalid},
		{"wrong dimension", lode.Query{Vector: lode.Vector{1}}, false, "", "", lode.CodeInvalid},
		{"not a number", lode.Query{Vector: lode.Vector{1, float32(math.NaN())}}, false, "", "", lode.CodeInvalid},
		{"no direction", lode.Query{Vector: lode.Vector{0, 0}}, false, "", "", lode.CodeInvalid},
		{"none: text", lode.Query{Text: "w"}, true, lode.ModeLexical, "Lexical", ""},
		{"none: vector", lode.Query{Vector: vector}, true, lode.ModeDense, "Dense", ""},
		{"none: both", lode.Query{Text: "w", Vector: vector}, true, lode.ModeHybrid, "Dense Lexical", ""},
		{"none: dense text", lode.Query{Text: "w", Mode: lode.ModeDense}, true, "", "", lode.CodeInvalid},
		{"none: hybrid text", lode.Query{Text: "w", Mode: lode.ModeHybrid}, true, lode.ModeLexical, "Lexical", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v, e := newView(), unit()
			v.dense, v.lexical = v.candidates(1, 0.5), v.candidates(2, 5)
			if c.none {
				v.collection.Embedder.Provider = lode.ProviderNone
			}
			c.q.Collection = "docs"
			result, err := retriever(v, e).Retrieve(t.Context(), anyone, c.q)
			wantCode(t, err, c.code)
			var called []string
			for _, method := range []string{"Dense", "Lexical"} {
				if v.calls[method] > 0 {
					called = append(called, method)
				}
			}
			if got := strings.Join(called, " "); got != c.called {
				t.Errorf("called %q, want %q", got, c.called)
			}
			if err == nil && result.Mode != c.mode {
				t.Errorf("mode %s, want %s", result.Mode, c.mode)
			}
			if len(c.q.Vector) > 0 && (e.calls > 0 || err == nil && c.mode != lode.ModeLexical && &v.asked.vector[0] != &c.q.Vector[0]) {
				t.Error("the given vector was not used")
			}
		})
	}
}

func TestSingleModesKeepTheirScores(t *testing.T) {
	v := newView()
	v.dense = v.candidates(1, 0.9, 2, 0.7, 3, 0.5)
	q := ask("words")
	q.Mode, q.K = lode.ModeDense, 2
	result, err := retriever(v, unit()).Retrieve(t.Context(), anyone, q)
	if err != nil || len(result.Hits) != 2 || result.Hits[1].Score != 0.7 || *result.Hits[1].Dense != 0.7 || result.Hits[1].Lexical != nil {
		t.Errorf("hits %+v, %v", result, err)
	}
	if result.WeightReason != "" || v.asked.depth[0] != 2 {
		t.Errorf("reason %q, depth %v", result.WeightReason, v.asked.depth)
	}
}

func TestFilterReachesBothSearches(t *testing.T) {
	v, q := newView(), ask("words")
	if err := json.Unmarshal([]byte(`{"field":"year","eq":3}`), &q.Filter); err != nil {
		t.Fatal(err)
	}
	if _, err := retriever(v, unit()).Retrieve(t.Context(), anyone, q); err != nil {
		t.Fatal(err)
	}
	if len(v.asked.filters) != 2 || v.asked.filters[0].Field != "year" || v.asked.filters[1].Field != "year" {
		t.Errorf("filters %+v", v.asked.filters)
	}
}

func TestTextWithoutDirection(t *testing.T) {
	v, e := newView(), &fakeEmbedder{vector: lode.Vector{0, 0}}
	v.lexical = v.candidates(2, 5)
	result, err := retriever(v, e).Retrieve(t.Context(), anyone, ask("?!"))
	if err != nil || len(result.Hits) != 1 || result.DenseWeight != 0 {
		t.Errorf("%+v, %v: want the lexical hit", result, err)
	}
	q := ask("?!")
	q.Mode = lode.ModeDense
	_, err = retriever(v, e).Retrieve(t.Context(), anyone, q)
	wantCode(t, err, lode.CodeInvalid)
}

func TestFailures(t *testing.T) {
	down := lode.Errorf(lode.CodeProvider, "provider answered 500")
	for _, method := range []string{"View", "EmbedderFor", "Dense", "Lexical", "Rows"} {
		v := newView()
		v.dense, v.lexical = v.candidates(1, 0.5), v.candidates(2, 5)
		v.fail[method] = down
		_, err := retriever(v, unit()).Retrieve(t.Context(), anyone, ask("words"))
		wantCode(t, err, lode.CodeProvider)
	}
	v := newView()
	v.lexical = v.candidates(2, 5)
	_, err := retriever(v, &fakeEmbedder{err: down}).Retrieve(t.Context(), anyone, ask("words"))
	wantCode(t, err, lode.CodeProvider)
	_, err = retriever(v, &fakeEmbedder{vector: lode.Vector{1}}).Retrieve(t.Context(), anyone, ask("words"))
	wantCode(t, err, lode.CodeProvider)
	_, err = retriever(v, unit()).Retrieve(t.Context(), lode.Principal{}, ask("words"))
	wantCode(t, err, lode.CodeUnauthorized)
}

// A failing provider ends the search beside it.
func TestFailureCancelsTheOtherSearch(t *testing.T) {
	v := newView()
	v.block = make(chan struct{})
	_, err := retriever(v, &fakeEmbedder{err: lode.Errorf(lode.CodeProvider, "down")}).Retrieve(t.Context(), anyone, ask("words"))
	wantCode(t, err, lode.CodeProvider)
}

func TestCancellation(t *testing.T) {
	v := newView()
	v.block = make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := retriever(v, unit()).Retrieve(ctx, anyone, ask("words"))
	wantCode(t, err, lode.CodeTimeout)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err = retriever(v, unit()).Retrieve(ctx, anyone, ask("words"))
	wantCode(t, err, lode.CodeCanceled)
}

func TestVanishedRowsAskANewView(t *testing.T) {
	for name, leave := range map[string]func(v *fakeView){
		"error": func(v *fakeView) { v.fail["Rows"] = fmt.Errorf("read rows: %w", retrieval.ErrViewGone) },
		"short": func(v *fakeView) { delete(v.rows, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			old, e := newView(), unit()
			old.dense, old.lexical = old.candidates(1, 0.5), old.candidates(1, 5)
			leave(old)
			young := newView()
			young.dense = young.candidates(2, 0.5)
			views := []*fakeView{old, old, young}
			o := options(old, e)
			o.View = func(context.Context, lode.Principal, string, time.Time) (retrieval.View, error) {
				v := views[0]
				views = views[1:]
				return v, nil
			}
			result, err := retrieval.New(o).Retrieve(t.Context(), anyone, ask("words"))
			if err != nil || len(result.Hits) != 1 || result.Hits[0].Row.ID != 2 {
				t.Fatalf("%+v, %v", result, err)
			}
			if e.calls != 1 {
				t.Errorf("embedded %d times", e.calls)
			}
			_, err = retriever(old, e).Retrieve(t.Context(), anyone, ask("words"))
			wantCode(t, err, lode.CodeUnavailable)
			if errors.Is(err, retrieval.ErrViewGone) {
				t.Error("the sentinel leaks")
			}
		})
	}
}

func TestEmptyCollection(t *testing.T) {
	result, err := retriever(newView(), unit()).Retrieve(t.Context(), anyone, ask("words"))
	if err != nil || len(result.Hits) != 0 || result.Context.Text != "" || result.Context.Tokens != 0 || result.Context.BudgetTokens != lode.DefaultBudgetTokens {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestStepsAreReported(t *testing.T) {
	v := newView()
	v.dense, v.lexical = v.candidates(1, 0.5), v.candidates(2, 5)
	steps := make(chan retrieval.Step, 10)
	o := options(v, unit())
	o.Events.StepDone = func(s retrieval.Step, _ time.Duration, err error) {
		if err == nil {
			steps <- s
		}
	}
	if _, err := retrieval.New(o).Retrieve(t.Context(), anyone, ask("words")); err != nil {
		t.Fatal(err)
	}
	if len(steps) != 6 {
		t.Errorf("%d steps reported", len(steps))
	}
}
