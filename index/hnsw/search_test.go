package hnsw_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/hnsw"
	"github.com/lodedb/lode/index/indextest"
)

// k rows come back whenever k match, whatever the filter, in order and without repetition.
func TestAnswersAreFull(t *testing.T) {
	d := clustered(t, 3000, 32, 30)
	rng := rand.New(rand.NewPCG(5, 6))
	for _, kind := range kinds {
		x := build(t, d, hnsw.Options{Kind: kind, M: 4, EfConstruction: 20})
		for i := range uint32(300) {
			x.Delete(i * 7)
		}
		sealed, err := x.Freeze()
		if err != nil {
			t.Fatal(err)
		}
		for _, share := range []float64{0.0005, 0.01, 0.1, 0.5, 0.95, 1} {
			allow := index.NewBitset(len(d.rows))
			matching := 0
			for i := range uint32(len(d.rows)) {
				if rng.Float64() < share {
					allow.Set(i)
					if i%7 != 0 || i >= 2100 {
						matching++
					}
				}
			}
			for _, k := range []int{1, 10, 200, 5000} {
				for _, ef := range []int{1, 50} {
					o := hnsw.SearchOptions{K: k, Ef: ef, Allow: allow}
					for _, s := range []searcher{x, sealed} {
						got, err := s.SearchWith(t.Context(), d.queries[k%100], o)
						if err != nil || len(got) != min(k, matching) {
							t.Fatalf("%s, share %g, k %d, ef %d: %d of %d rows, error %v", kind, share, k, ef, len(got), matching, err)
						}
						checkOrder(t, got, func(o uint32) bool { return allow.Has(o) && (o%7 != 0 || o >= 2100) })
					}
				}
			}
		}
	}
}

func checkOrder(t *testing.T, got []index.Candidate, allowed func(uint32) bool) {
	t.Helper()
	seen := map[uint32]bool{}
	for i, c := range got {
		if seen[c.Ordinal] || !allowed(c.Ordinal) || i > 0 && !got[i-1].Better(c) {
			t.Fatalf("place %d: %v (seen %v, allowed %v)", i, c, seen[c.Ordinal], allowed(c.Ordinal))
		}
		seen[c.Ordinal] = true
	}
}

// Scores are the exact ones of the flat index, to the bit.
func TestScoresAreExact(t *testing.T) {
	d := clustered(t, 2000, 96, 20)
	for _, kind := range kinds {
		x := build(t, d, hnsw.Options{Kind: kind, EfConstruction: 50})
		for i, q := range d.queries {
			got, err := x.SearchWith(t.Context(), q, hnsw.SearchOptions{K: truthDepth, Exact: true})
			if err != nil || !slices.Equal(got, d.truth[i]) {
				t.Fatalf("%s: got %v, want %v, error %v", kind, got, d.truth[i], err)
			}
		}
	}
}

func TestRadius(t *testing.T) {
	d := clustered(t, 3000, 32, 30)
	for _, kind := range kinds {
		x := build(t, d, hnsw.Options{Kind: kind, EfConstruction: 60})
		sealed, err := x.Freeze()
		if err != nil {
			t.Fatal(err)
		}
		found, right := 0, 0
		for _, q := range d.queries[:30] {
			all, err := x.SearchWith(t.Context(), q, hnsw.SearchOptions{K: len(d.rows), Exact: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{0, 1, 40, 300} {
				score := all[n].Score
				want, _ := slices.BinarySearchFunc(all, score, func(c index.Candidate, s float32) int {
					if c.Score >= s {
						return -1
					}
					return 1
				})
				for _, exact := range []bool{true, false} {
					for _, s := range []interface {
						Radius(context.Context, lode.Vector, hnsw.RadiusOptions) ([]index.Candidate, error)
					}{x, sealed} {
						got, err := s.Radius(t.Context(), q, hnsw.RadiusOptions{Score: score, Exact: exact})
						if err != nil {
							t.Fatal(err)
						}
						checkOrder(t, got, func(uint32) bool { return true })
						if exact && !slices.Equal(got, all[:want]) {
							t.Fatalf("%s: %d rows within %v, want %d", kind, len(got), score, want)
						}
						if len(got) > 0 && got[len(got)-1].Score < score {
							t.Fatalf("%s: %v is beyond %v", kind, got[len(got)-1], score)
						}
						found, right = found+len(got), right+want
					}
				}
				if got, err := x.Radius(t.Context(), q, hnsw.RadiusOptions{Score: score, Limit: 3}); err != nil || len(got) > 3 {
					t.Fatalf("%d rows under a limit of 3, error %v", len(got), err)
				}
			}
		}
		if share := float64(found) / float64(right); share < 0.98 {
			t.Errorf("%s: radius searches find %.3f of the rows", kind, share)
		}
	}
}

func TestBadInput(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, o := range []hnsw.Options{
		{}, {Dim: -1}, {Dim: lode.MaxDim + 1}, {Dim: 3, Metric: "hamming"}, {Dim: 3, M: 1}, {Dim: 3, M: hnsw.MaxM + 1},
		{Dim: 3, EfConstruction: -1}, {Dim: 3, Ef: hnsw.MaxEf + 1}, {Dim: 3, Kind: "int2"}, {Dim: 3, Threads: -1}, {Dim: 3, Capacity: -1},
	} {
		if _, err := hnsw.New(o); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("options %+v: error %v", o, err)
		}
	}
	for _, metric := range []lode.Metric{lode.Cosine, lode.L2} {
		x := mustNew(t, hnsw.Options{Dim: 3, Metric: metric})
		bad := []lode.Vector{nil, {1}, {1, 2, 3, 4}, {nan, 1, 2}, {1, inf, 2}, {1, 2, -inf}}
		if metric == lode.Cosine {
			bad = append(bad, lode.Vector{0, 0, 0})
		}
		for _, v := range bad {
			if _, err := x.AddBatch(t.Context(), []lode.Vector{{1, 2, 3}, v}); !lode.IsCode(err, lode.CodeInvalid) || x.Len() != 0 {
				t.Errorf("add %v: error %v, %d rows", v, err, x.Len())
			}
		}
		if _, err := x.AddBatch(t.Context(), []lode.Vector{{1, 2, 3}, {3, 2, 1}}); err != nil {
			t.Fatal(err)
		}
		sealed, err := x.Freeze()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []searcher{x, sealed} {
			for _, v := range bad {
				if _, err := s.SearchWith(t.Context(), v, hnsw.SearchOptions{K: 1}); !lode.IsCode(err, lode.CodeInvalid) {
					t.Errorf("search %v: error %v", v, err)
				}
			}
			for _, o := range []hnsw.SearchOptions{{}, {K: -1}, {K: 1, Ef: -1}, {K: 1, Ef: hnsw.MaxEf + 1}} {
				if _, err := s.SearchWith(t.Context(), lode.Vector{1, 2, 3}, o); !lode.IsCode(err, lode.CodeInvalid) {
					t.Errorf("options %+v: error %v", o, err)
				}
			}
			if got, err := s.SearchWith(t.Context(), lode.Vector{1, 2, 3}, hnsw.SearchOptions{K: math.MaxInt, Ef: hnsw.MaxEf}); err != nil || len(got) != 2 {
				t.Errorf("huge k: %v, error %v", got, err)
			}
		}
		for _, o := range []hnsw.RadiusOptions{{Score: nan}, {Score: inf}, {Limit: -1}, {Ef: -1}} {
			if _, err := x.Radius(t.Context(), lode.Vector{1, 2, 3}, o); !lode.IsCode(err, lode.CodeInvalid) {
				t.Errorf("radius %+v: error %v", o, err)
			}
		}
	}
}

// A search looks at its context on the way, in every form, and ends with a coded error.
func TestCancelledInsideTheSearch(t *testing.T) {
	d := clustered(t, 20_000, 8, 20)
	x := build(t, d, hnsw.Options{M: 4, EfConstruction: 8})
	half := index.NewBitset(len(d.rows))
	for i := 0; i < len(d.rows); i += 2 {
		half.Set(uint32(i))
	}
	for name, search := range map[string]func(context.Context) error{
		"traversal": func(ctx context.Context) error {
			_, err := x.SearchWith(ctx, d.queries[0], hnsw.SearchOptions{K: 1, Ef: 300})
			return err
		},
		"filtered": func(ctx context.Context) error {
			_, err := x.SearchWith(ctx, d.queries[0], hnsw.SearchOptions{K: 1, Ef: 150, Allow: half})
			return err
		},
		"scan": func(ctx context.Context) error {
			_, err := x.SearchWith(ctx, d.queries[0], hnsw.SearchOptions{K: 1, Exact: true})
			return err
		},
		"radius": func(ctx context.Context) error {
			_, err := x.Radius(ctx, d.queries[0], hnsw.RadiusOptions{Score: 0.9, Ef: 300})
			return err
		},
	} {
		ctx := indextest.NewDying(t.Context(), 1<<40)
		if err := search(ctx); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		whole := ctx.Asked.Load()
		if whole < 3 {
			t.Errorf("%s: the context was asked %d times", name, whole)
		}
		for _, after := range []int64{0, 1, whole - 1} {
			ctx := indextest.NewDying(t.Context(), after)
			if err := search(ctx); !lode.IsCode(err, lode.CodeCanceled) || !errors.Is(err, context.Canceled) {
				t.Errorf("%s: context that ended after %d questions: error %v", name, after, err)
			}
		}
	}
}

// A batch that is cancelled leaves an index that is whole: what was linked is there.
func TestCancelledBatch(t *testing.T) {
	d := clustered(t, 3000, 16, 20)
	x := mustNew(t, hnsw.Options{Dim: 16, Threads: 3})
	ctx := indextest.NewDying(t.Context(), 1000)
	if _, err := x.AddBatch(ctx, d.rows); !lode.IsCode(err, lode.CodeCanceled) {
		t.Fatalf("error %v", err)
	}
	n := x.Len()
	if n < 900 || n > 1003 {
		t.Errorf("%d rows are there", n)
	}
	if first, err := x.AddBatch(t.Context(), d.rows[n:]); err != nil || int(first) != n {
		t.Fatalf("the rest begins at %d, error %v", first, err)
	}
	if got := d.recall(t, x, hnsw.SearchOptions{Ef: 100}); got < 0.97 {
		t.Errorf("recall %.3f", got)
	}
}

func TestSearchBatch(t *testing.T) {
	d := clustered(t, 2000, 24, 20)
	x := build(t, d, hnsw.Options{EfConstruction: 40})
	var stats hnsw.Stats
	got, err := x.SearchBatch(t.Context(), d.queries, hnsw.SearchOptions{K: 5, Stats: &stats}, 3)
	if err != nil || len(got) != len(d.queries) || stats.Compared < len(d.queries) {
		t.Fatalf("%d answers, %+v, error %v", len(got), stats, err)
	}
	for i, q := range d.queries {
		want, err := x.Search(t.Context(), q, 5, nil)
		if err != nil || !slices.Equal(got[i], want) {
			t.Fatalf("query %d: %v, alone %v, error %v", i, got[i], want, err)
		}
	}
	bad := slices.Clone(d.queries)
	bad[50] = lode.Vector{1}
	if _, err := x.SearchBatch(t.Context(), bad, hnsw.SearchOptions{K: 5}, 2); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("a bad query: error %v", err)
	}
}

// A closed index is empty and goes on as such.
func TestClose(t *testing.T) {
	d := clustered(t, 6000, 64, 10)
	x := build(t, d, hnsw.Options{EfConstruction: 10, M: 4})
	y, err := x.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := errors.Join(x.Close(), y.Close()); err != nil {
			t.Fatal(err)
		}
		for _, s := range []searcher{x, y} {
			if got, err := s.SearchWith(t.Context(), d.queries[0], hnsw.SearchOptions{K: 3}); err != nil || len(got) != 0 {
				t.Errorf("answer %v, error %v", got, err)
			}
		}
		if x.Len() != 0 || y.Len() != 0 || x.Vector(0) != nil || y.Vector(0) != nil {
			t.Errorf("%d and %d rows", x.Len(), y.Len())
		}
	}
	if _, err := x.AddBatch(t.Context(), d.rows[:500]); err != nil || x.Len() != 500 {
		t.Errorf("%d rows, error %v", x.Len(), err)
	}
	if err := y.Verify(t.Context()); !lode.IsCode(err, lode.CodeCorrupt) {
		t.Errorf("verify of nothing: %v", err)
	}
}
