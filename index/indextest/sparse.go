package indextest

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

// NewSparse makes an empty index.
type NewSparse = func() index.Sparse

// Sparse runs the suite for sparse indexes.
func Sparse(t *testing.T, newIndex NewSparse) {
	t.Run("Empty", func(t *testing.T) { sparseEmpty(t, newIndex) })
	t.Run("Model", func(t *testing.T) { sparseModel(t, newIndex) })
	t.Run("Large", func(t *testing.T) { sparseLarge(t, newIndex) })
	t.Run("Ties", func(t *testing.T) { sparseTies(t, newIndex) })
	t.Run("BadInput", func(t *testing.T) { sparseBadInput(t, newIndex) })
	t.Run("ExtremeNumbers", func(t *testing.T) { sparseExtremes(t, newIndex) })
	t.Run("Cancelled", func(t *testing.T) { sparseCancelled(t, newIndex) })
	t.Run("WriterBesideReaders", func(t *testing.T) { sparseConcurrent(t, newIndex) })
}

// randomSparse has up to most entries of a number of dimensions, small ones more often.
func randomSparse(rng *rand.Rand, dims, most int, value func() float32) (v lode.SparseVector) {
	have := map[uint32]bool{}
	for range rng.IntN(most + 1) {
		have[uint32(rng.IntN(1+rng.IntN(dims)))] = true
	}
	for i := range have {
		v.Indices = append(v.Indices, i)
	}
	slices.Sort(v.Indices)
	for range v.Indices {
		v.Values = append(v.Values, value())
	}
	return v
}

// coarse are few different values, negative ones too, so that equal scores are common.
func coarse(rng *rand.Rand) func() float32 {
	return func() float32 { return []float32{-2, -1, 1, 2, 3}[rng.IntN(5)] }
}

func fine(rng *rand.Rand) func() float32 {
	return func() float32 { return float32(rng.NormFloat64() + 1e-9) }
}

func positive(rng *rand.Rand) func() float32 {
	return func() float32 { return float32(rng.ExpFloat64() + 1e-3) }
}

// sparseWant is the answer by brute force.
func sparseWant(rows []lode.SparseVector, query lode.SparseVector, k int, allow *index.Bitset) []index.Candidate {
	best := index.NewTopK(k)
	for i, row := range rows {
		sum, matches := 0.0, false
		for j, dim := range query.Indices {
			if at, ok := slices.BinarySearch(row.Indices, dim); ok {
				sum += float64(float64(query.Values[j]) * float64(row.Values[at]))
				matches = true
			}
		}
		if matches && (allow == nil || allow.Has(uint32(i))) {
			best.Offer(index.Candidate{Ordinal: uint32(i), Score: float32(max(-math.MaxFloat32, min(sum, math.MaxFloat32))) + 0})
		}
	}
	return best.Sorted()
}

func sparseCompare(t *testing.T, x index.Sparse, rows []lode.SparseVector, query lode.SparseVector, k int, allow *index.Bitset) {
	t.Helper()
	got, err := x.Search(t.Context(), query, k, allow)
	if err != nil {
		t.Fatalf("search: %v", err)
	}
	if diff := cmp.Diff(sparseWant(rows, query, k, allow), got, equateEmpty); diff != "" {
		t.Fatalf("%d rows, k %d, query %v (-want +got):\n%s", len(rows), k, query, diff)
	}
}

func mustAddSparse(t *testing.T, x index.Sparse, v lode.SparseVector, want int) {
	t.Helper()
	if ordinal, err := x.Add(v); err != nil || int(ordinal) != want {
		t.Fatalf("add %v: ordinal %d, want %d (%v)", v, ordinal, want, err)
	}
}

func sparseOf(dim uint32, value float32) lode.SparseVector {
	return lode.SparseVector{Indices: []uint32{dim}, Values: []float32{value}}
}

func sparseEmpty(t *testing.T, newIndex NewSparse) {
	x := newIndex()
	sparseCompare(t, x, nil, sparseOf(7, 1), 5, nil)
	mustAddSparse(t, x, lode.SparseVector{}, 0)
	sparseCompare(t, x, make([]lode.SparseVector, 1), sparseOf(7, 1), 5, nil)
	rows := []lode.SparseVector{{}, sparseOf(math.MaxUint32, -1)}
	mustAddSparse(t, x, rows[1], 1)
	sparseCompare(t, x, rows, sparseOf(math.MaxUint32, 1), 5, nil) // below 0, and yet it matches
	if y := newIndex().Compact(nil); y.Len() != 0 {
		t.Errorf("compacting nothing gives %d rows", y.Len())
	}
}

// sparseModel compares with brute force under random filters, before and after compaction.
func sparseModel(t *testing.T, newIndex NewSparse) {
	rng := seeded(t)
	for i := range 60 {
		value := [](func() float32){coarse(rng), fine(rng), positive(rng)}[i%3]
		x := newIndex()
		var rows []lode.SparseVector
		for range rng.IntN(400) {
			rows = append(rows, randomSparse(rng, 80, 15, value))
			mustAddSparse(t, x, rows[len(rows)-1], len(rows)-1)
		}
		for range 2 {
			sparseAsk(t, rng, x, rows, 90, value)
			keep := randomSet(rng, len(rows), 0.7)
			var kept []lode.SparseVector
			keep.Each(func(ordinal uint32) bool {
				kept = append(kept, rows[ordinal])
				return true
			})
			y := x.Compact(keep)
			if y.Len() != len(kept) || x.Len() != len(rows) {
				t.Fatalf("compacting %d rows to %d gave %d", len(rows), len(kept), y.Len())
			}
			mustAddSparse(t, x, lode.SparseVector{}, len(rows)) // the old one stays usable
			x, rows = y, kept
		}
	}
}

// sparseAsk asks some questions.
func sparseAsk(t *testing.T, rng *rand.Rand, x index.Sparse, rows []lode.SparseVector, dims int, value func() float32) {
	t.Helper()
	for _, share := range []float64{0, 0.001, 0.02, 0.3, 0.9, 1} {
		query := randomSparse(rng, dims, 12, value)
		if query.Len() == 0 {
			query = sparseOf(0, value())
		}
		allow := randomSet(rng, max(0, len(rows)-rng.IntN(4)), share)
		if share == 1 {
			allow = nil
		}
		for _, k := range []int{1, 10, 1 + rng.IntN(len(rows)+3)} {
			sparseCompare(t, x, rows, query, k, allow)
		}
	}
}

// sparseLarge has rows and dimensions of which an index can skip most, and does it right.
func sparseLarge(t *testing.T, newIndex NewSparse) {
	rng := seeded(t)
	for _, value := range [](func() float32){coarse(rng), fine(rng), positive(rng)} {
		x := newIndex()
		rows := make([]lode.SparseVector, 15_000)
		for i := range rows {
			rows[i] = randomSparse(rng, 300, 20, value)
			if i%3000 < 1000 {
				rows[i] = lode.SparseVector{} // whole stretches without a match
			}
			mustAddSparse(t, x, rows[i], i)
		}
		for range 4 {
			sparseAsk(t, rng, x, rows, 300, value)
		}
	}
}

func sparseTies(t *testing.T, newIndex NewSparse) {
	const rows = 9000
	x := newIndex()
	var want []uint32
	for i := range rows {
		if i%3 == 0 {
			mustAddSparse(t, x, sparseOf(2, 1), i)
			continue
		}
		mustAddSparse(t, x, sparseOf(1, 1), i)
		want = append(want, uint32(i))
	}
	for _, k := range []int{1, 5, 4096, 5999, rows} {
		found, err := x.Search(t.Context(), sparseOf(1, 2), k, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []uint32
		for _, c := range found {
			got = append(got, c.Ordinal)
		}
		if diff := cmp.Diff(want[:min(k, len(want))], got); diff != "" {
			t.Fatalf("k %d: equal scores are not in order of ordinals (-want +got):\n%s", k, diff)
		}
	}
}

func sparseBadInput(t *testing.T, newIndex NewSparse) {
	x := newIndex()
	mustAddSparse(t, x, sparseOf(1, 1), 0)
	nan := float32(math.NaN())
	for what, v := range map[string]lode.SparseVector{
		"uneven": {Indices: []uint32{1}}, "only values": {Values: []float32{1}},
		"descending": {Indices: []uint32{2, 1}, Values: []float32{1, 1}},
		"twice":      {Indices: []uint32{2, 2}, Values: []float32{1, 1}},
		"zero":       sparseOf(1, 0), "not a number": sparseOf(1, nan),
		"too long": {Indices: make([]uint32, lode.MaxSparseEntries+1), Values: make([]float32, lode.MaxSparseEntries+1)},
	} {
		if _, err := x.Add(v); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("add %s: got error %v, want code invalid", what, err)
		}
		if _, err := x.Search(t.Context(), v, 1, nil); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("search %s: got error %v, want code invalid", what, err)
		}
	}
	if _, err := x.Search(t.Context(), lode.SparseVector{}, 1, nil); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("search for nothing: got error %v, want code invalid", err)
	}
	for _, k := range []int{0, -1} {
		if _, err := x.Search(t.Context(), sparseOf(1, 1), k, nil); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("k %d: got error %v, want code invalid", k, err)
		}
	}
	if x.Len() != 1 {
		t.Errorf("what was refused used up ordinals: %d rows", x.Len())
	}
	sparseCompare(t, x, []lode.SparseVector{sparseOf(1, 1)}, sparseOf(1, 1), 1_000_000_000, nil)
	sparseCompare(t, x, []lode.SparseVector{sparseOf(1, 1)}, sparseOf(1, 1), 1, &index.Bitset{})
	// What is added is copied.
	v := sparseOf(5, 2)
	mustAddSparse(t, x, v, 1)
	v.Values[0], v.Indices[0] = 9, 9
	sparseCompare(t, x, []lode.SparseVector{sparseOf(1, 1), sparseOf(5, 2)}, sparseOf(5, 1), 3, nil)
}

// sparseExtremes: scores stay finite and bounds hold at the ends of what a float32 can be.
func sparseExtremes(t *testing.T, newIndex NewSparse) {
	rng := seeded(t)
	value := func() float32 {
		return []float32{math.MaxFloat32, -math.MaxFloat32, 1e-45, -1e-45, 1, -1, 1e20}[rng.IntN(7)]
	}
	x := newIndex()
	var rows []lode.SparseVector
	for i := range 5000 {
		rows = append(rows, randomSparse(rng, 20, 6, value))
		mustAddSparse(t, x, rows[i], i)
	}
	sparseAsk(t, rng, x, rows, 20, value)
	sparseAsk(t, rng, x, rows, 20, value)
}

func sparseCancelled(t *testing.T, newIndex NewSparse) {
	x := newIndex()
	mustAddSparse(t, x, sparseOf(1, 1), 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Search(ctx, sparseOf(1, 1), 1, nil); !lode.IsCode(err, lode.CodeCanceled) {
		t.Errorf("cancelled search: got error %v, want code canceled", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 0)
	defer cancel()
	if _, err := x.Search(ctx, sparseOf(1, 1), 1, nil); !lode.IsCode(err, lode.CodeTimeout) {
		t.Errorf("late search: got error %v, want code timeout", err)
	}
}

// sparseConcurrent adds rows while readers look for them. Every row has a dimension of its own.
func sparseConcurrent(t *testing.T, newIndex NewSparse) {
	const rows, readers, common = 1500, 3, 1_000_000
	x := newIndex()
	var added atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range uint32(rows) {
			if _, err := x.Add(lode.SparseVector{Indices: []uint32{i, common}, Values: []float32{2, float32(i) + 1}}); err != nil {
				t.Error(err)
				break
			}
			added.Add(1)
		}
		added.Add(rows) // the sign to stop
	})
	for range readers {
		wg.Go(func() {
			local := rand.New(rand.NewPCG(readers, rows))
			for {
				n := added.Load()
				if n >= rows || n > 0 && !sparseSees(t, x, uint32(local.Int64N(n)), int(n)) {
					return
				}
			}
		})
	}
	wg.Wait()
	if x.Len() != rows {
		t.Errorf("%d rows, want %d", x.Len(), rows)
	}
}

// sparseSees reports whether a search for a row is right when so many were there before.
func sparseSees(t *testing.T, x index.Sparse, row uint32, n int) bool {
	got, err := x.Search(t.Context(), sparseOf(row, 1), 10, nil)
	if err != nil || len(got) != 1 || got[0] != (index.Candidate{Ordinal: row, Score: 2}) {
		t.Errorf("search for row %d: %v, error %v", row, got, err)
		return false
	}
	all, err := x.Search(t.Context(), sparseOf(1_000_000, 1), 5, nil)
	if err != nil || len(all) < min(5, n) || int(all[0].Ordinal) < n-1 {
		t.Errorf("of %d rows the best are %v, error %v", n, all, err)
		return false
	}
	if y := x.Compact(allowOnly(row)); y.Len() != 1 || x.Bytes() <= 0 {
		t.Errorf("compacting beside the writer lost row %d", row)
		return false
	}
	return true
}
