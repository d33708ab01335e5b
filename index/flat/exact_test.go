package flat_test

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
	"github.com/lodedb/lode/index/flat"
	"github.com/lodedb/lode/index/indextest"
)

var metrics = []lode.Metric{lode.Cosine, lode.Dot, lode.L2}

// bruteForce scores every allowed row with the exact functions and sorts.
func bruteForce(x *flat.Index, query lode.Vector, k int, allow *index.Bitset) []index.Candidate {
	if x.Metric() == lode.Cosine {
		query = query.Normalize()
	}
	var all []index.Candidate
	for i := range uint32(x.Len()) {
		if allow != nil && !allow.Has(i) {
			continue
		}
		score := distance.DotExact(query, x.Vector(i))
		if x.Metric() == lode.L2 {
			score = -distance.L2SquaredExact(query, x.Vector(i))
		}
		all = append(all, index.Candidate{Ordinal: i, Score: float32(score)})
	}
	slices.SortFunc(all, func(a, b index.Candidate) int {
		if a.Better(b) {
			return -1
		}
		return 1
	})
	return all[:min(k, len(all))]
}

// cluster returns vectors that differ by so little that fast kernels cannot tell them
// apart: the hardest case for leaving rows out.
func cluster(rng *rand.Rand, dim int, spread float64) func() lode.Vector {
	center := make([]float64, dim)
	for i := range center {
		center[i] = rng.NormFloat64()
	}
	return func() lode.Vector {
		v := make(lode.Vector, dim)
		for i := range v {
			v[i] = float32(center[i] + spread*rng.NormFloat64())
		}
		return v
	}
}

// fill returns an index of rows from next.
func fill(tb testing.TB, dim int, metric lode.Metric, rows int, next func() lode.Vector) *flat.Index {
	tb.Helper()
	x := flat.New(dim, metric)
	for range rows {
		if _, err := x.Add(next()); err != nil {
			tb.Fatal(err)
		}
	}
	return x
}

// The answers must be those of brute force to the last bit, scores included, so that every
// CPU gives the same. Rows and queries are such that kernels often put rows in the wrong
// order.
func TestAnswersAreBitExact(t *testing.T) {
	const dim, rows = 96, 3000
	for _, metric := range metrics {
		for _, spread := range []float64{1e-6, 1e-5, 1e-4, 1e-3, 1} {
			rng := rand.New(rand.NewPCG(11, uint64(1/spread)))
			next, elsewhere := cluster(rng, dim, spread), cluster(rng, dim, spread)
			x := fill(t, dim, metric, rows, next)
			for _, query := range []lode.Vector{next(), next(), elsewhere(), elsewhere(), elsewhere(), elsewhere(), elsewhere()} {
				want := bruteForce(x, query, rows, nil)
				for _, k := range []int{1, 3, 10, 30, 100, 300, 1000} {
					got, err := x.Search(t.Context(), query, k, nil)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(want[:k], got); diff != "" {
						t.Fatalf("%s, spread %g, k %d (-brute force +got):\n%s", metric, spread, k, diff)
					}
				}
			}
		}
	}
}

// The same with rows enough for helper goroutines, whatever order they finish in.
func TestHelpersChangeNothing(t *testing.T) {
	const dim, rows = 96, 25_000
	before := runtime.GOMAXPROCS(max(4, runtime.GOMAXPROCS(0))) // helpers even on a small machine
	defer runtime.GOMAXPROCS(before)
	for _, metric := range metrics {
		rng := rand.New(rand.NewPCG(12, 13))
		next := cluster(rng, dim, 1e-6)
		x := fill(t, dim, metric, rows, next)
		third := index.NewBitset(rows)
		for i := range uint32(rows) {
			if rng.IntN(3) == 0 {
				third.Set(i)
			}
		}
		for _, allow := range []*index.Bitset{nil, third} {
			query := next()
			want := bruteForce(x, query, rows, allow)
			for _, k := range []int{1, 10, 500} {
				got, err := x.Search(t.Context(), query, k, allow)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want[:k], got); diff != "" {
					t.Fatalf("%s, k %d (-brute force +got):\n%s", metric, k, diff)
				}
			}
		}
	}
}

func TestCancelledInsideTheScan(t *testing.T) {
	const dim, rows = 8, 100_000
	x := flat.New(dim, lode.L2)
	for i := range rows {
		if _, err := x.Add(lode.Vector{0: float32(i), dim - 1: 1}); err != nil {
			t.Fatal(err)
		}
	}
	query := make(lode.Vector, dim)
	ctx := indextest.NewDying(t.Context(), 1<<40)
	if _, err := x.Search(ctx, query, 1, nil); err != nil {
		t.Fatal(err)
	}
	whole := ctx.Asked.Load()
	if whole < rows/8192 {
		t.Fatalf("the context was asked %d times in %d rows", whole, rows)
	}
	for _, after := range []int64{0, 1, 2, whole / 2, whole - 1} {
		ctx := indextest.NewDying(t.Context(), after)
		if _, err := x.Search(ctx, query, 1, nil); !lode.IsCode(err, lode.CodeCanceled) {
			t.Errorf("context that ended after %d questions: error %v", after, err)
		}
		if extra := ctx.Asked.Load() - after; extra > 2+int64(runtime.GOMAXPROCS(0)) {
			t.Errorf("context that ended after %d questions was asked %d times more", after, extra)
		}
	}
}

// Rows handed out must stay as they were while the index grows through all its block sizes.
func TestVectorsStayValid(t *testing.T) {
	for _, dim := range []int{1, 3, 500, 2000, lode.MaxDim} {
		x := flat.New(dim, lode.Dot)
		rows := 300
		if dim == 1 {
			rows = 70_000 // more than a block
		}
		var early []lode.Vector
		for i := range rows {
			v := make(lode.Vector, dim)
			v[dim-1] = float32(i)
			ordinal, err := x.Add(v)
			if err != nil || int(ordinal) != i {
				t.Fatalf("dim %d: add %d: ordinal %d, error %v", dim, i, ordinal, err)
			}
			if i < 100 {
				early = append(early, x.Vector(ordinal))
			}
		}
		for i, v := range early {
			if v[dim-1] != float32(i) || cap(v) != dim {
				t.Fatalf("dim %d: row %d became %v", dim, i, v[dim-1])
			}
		}
		for i := range rows {
			if got := x.Vector(uint32(i)); got[dim-1] != float32(i) {
				t.Fatalf("dim %d: row %d holds %v", dim, i, got[dim-1])
			}
		}
	}
}

func TestMemory(t *testing.T) {
	x := flat.New(512, lode.Cosine)
	if x.Bytes() != 0 {
		t.Errorf("an empty index holds %d bytes", x.Bytes())
	}
	v := make(lode.Vector, 512)
	v[0] = 1
	for range 2000 {
		if _, err := x.Add(v); err != nil {
			t.Fatal(err)
		}
		if used, limit := x.Bytes(), int64(2*x.Len()*2048+300<<10); used > limit || x.Len() == 1 && used > 20<<10 {
			t.Fatalf("%d rows hold %d bytes", x.Len(), used)
		}
	}
	keep := index.NewBitset(3)
	keep.SetAll()
	if small := x.Compact(keep); small.Bytes() > 20<<10 {
		t.Errorf("3 rows hold %d bytes after compacting", small.Bytes())
	}
}

func TestNewPanicsOnBadSettings(t *testing.T) {
	for name, f := range map[string]func(){
		"dim 0":      func() { flat.New(0, lode.Dot) },
		"dim -1":     func() { flat.New(-1, lode.Dot) },
		"dim huge":   func() { flat.New(lode.MaxDim+1, lode.Dot) },
		"metric":     func() { flat.New(3, "hamming") },
		"metric nil": func() { flat.New(3, "") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is accepted", name)
				}
			}()
			f()
		}()
	}
}

func BenchmarkSearch(b *testing.B) {
	const dim, rows = 384, 20_000
	rng := rand.New(rand.NewPCG(1, 2))
	for _, metric := range metrics {
		next := cluster(rng, dim, 1)
		x := fill(b, dim, metric, rows, next)
		sparse := index.NewBitset(rows)
		for i := 0; i < rows; i += 100 {
			sparse.Set(uint32(i))
		}
		query := next()
		for _, c := range []struct {
			name  string
			k     int
			allow *index.Bitset
		}{{"k10", 10, nil}, {"k1000", 1000, nil}, {"k10-1percent", 10, sparse}} {
			b.Run(string(metric)+"-"+c.name, func(b *testing.B) {
				for b.Loop() {
					if _, err := x.Search(b.Context(), query, c.k, c.allow); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
			})
		}
	}
}
