package indextest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

// NewDense makes an empty index.
type NewDense = func(dim int, m lode.Metric) index.Dense

var metrics = []lode.Metric{lode.Cosine, lode.Dot, lode.L2}

// Dense runs the suite for exact dense indexes.
func Dense(t *testing.T, newIndex NewDense) {
	for _, metric := range metrics {
		t.Run(string(metric), func(t *testing.T) {
			t.Run("Empty", func(t *testing.T) { denseEmpty(t, newIndex, metric) })
			t.Run("Model", func(t *testing.T) { denseModel(t, newIndex, metric) })
			t.Run("Ties", func(t *testing.T) { denseTies(t, newIndex, metric) })
			t.Run("Filters", func(t *testing.T) { denseFilters(t, newIndex, metric) })
			t.Run("BadInput", func(t *testing.T) { denseBadInput(t, newIndex, metric) })
			t.Run("ExtremeNumbers", func(t *testing.T) { denseExtremes(t, newIndex, metric) })
			t.Run("LongNumbers", func(t *testing.T) { denseLong(t, newIndex, metric) })
			t.Run("Compact", func(t *testing.T) { denseCompact(t, newIndex, metric) })
			t.Run("Cancelled", func(t *testing.T) { denseCancelled(t, newIndex, metric) })
			t.Run("WriterBesideReaders", func(t *testing.T) { denseConcurrent(t, newIndex, metric) })
		})
	}
}

// seeded returns a random source and prints its seed if the test fails.
func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("random seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

// randomVector has few different numbers, so that equal scores are common.
func randomVector(rng *rand.Rand, dim int, coarse bool) lode.Vector {
	v := make(lode.Vector, dim)
	for i := range v {
		if coarse {
			v[i] = float32(rng.IntN(3) - 1)
		} else {
			v[i] = float32(rng.NormFloat64())
		}
	}
	if !slices.ContainsFunc(v, func(f float32) bool { return f != 0 }) {
		v[rng.IntN(dim)] = 1 // cosine has no use for a zero vector
	}
	return v
}

// randomSet holds about share of the ordinals below n.
func randomSet(rng *rand.Rand, n int, share float64) *index.Bitset {
	set := index.NewBitset(n)
	for i := range n {
		if rng.Float64() < share {
			set.Set(uint32(i))
		}
	}
	return set
}

// denseModel answers by the definition of the metrics, in float64.
type denseRows struct {
	metric lode.Metric
	rows   []lode.Vector // as they are compared
}

func (m *denseRows) add(v lode.Vector) {
	if m.metric == lode.Cosine {
		v = v.Normalize()
	}
	m.rows = append(m.rows, slices.Clone(v))
}

func (m *denseRows) score(query, row lode.Vector) float32 {
	var sum float64
	for i := range row {
		a, b := float64(query[i]), float64(row[i])
		if m.metric == lode.L2 {
			sum -= (a - b) * (a - b)
		} else {
			sum += a * b
		}
	}
	return float32(max(-math.MaxFloat32, min(sum, math.MaxFloat32)))
}

func (m *denseRows) search(query lode.Vector, k int, allow *index.Bitset) []index.Candidate {
	if m.metric == lode.Cosine {
		query = query.Normalize()
	}
	var all []index.Candidate
	for i, row := range m.rows {
		if allow == nil || allow.Has(uint32(i)) {
			all = append(all, index.Candidate{Ordinal: uint32(i), Score: m.score(query, row)})
		}
	}
	return best(all, k)
}

// best sorts by the order of answers and cuts at k.
func best(all []index.Candidate, k int) []index.Candidate {
	slices.SortFunc(all, func(a, b index.Candidate) int {
		switch {
		case a.Better(b):
			return -1
		case b.Better(a):
			return 1
		}
		return 0
	})
	return all[:min(k, len(all))]
}

// checkDense compares an answer with the model's. Scores may differ by rounding, and rows
// may change places only where their scores are that close.
func checkDense(t *testing.T, got, want []index.Candidate, model *denseRows, query lode.Vector, what string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d candidates, want %d", what, len(got), len(want))
	}
	if model.metric == lode.Cosine {
		query = query.Normalize()
	}
	seen := make(map[uint32]bool)
	for i, c := range got {
		if seen[c.Ordinal] {
			t.Fatalf("%s: ordinal %d comes twice", what, c.Ordinal)
		}
		seen[c.Ordinal] = true
		if i > 0 && !got[i-1].Better(c) {
			t.Fatalf("%s: %v comes before %v", what, got[i-1], c)
		}
		own := model.score(query, model.rows[c.Ordinal])
		if !close32(c.Score, own) || !close32(c.Score, want[i].Score) {
			t.Fatalf("%s: place %d: got %v, whose score is %v, want %v", what, i, c, own, want[i])
		}
	}
}

func close32(a, b float32) bool {
	diff := math.Abs(float64(a) - float64(b))
	return diff <= 1e-5*max(1, math.Abs(float64(a)), math.Abs(float64(b)))
}

func mustSearch(t *testing.T, x index.Dense, query lode.Vector, k int, allow *index.Bitset) []index.Candidate {
	t.Helper()
	got, err := x.Search(t.Context(), query, k, allow)
	if err != nil {
		t.Fatalf("search: %v", err)
	}
	return got
}

func mustAdd(t *testing.T, x index.Dense, v lode.Vector) uint32 {
	t.Helper()
	ordinal, err := x.Add(v)
	if err != nil {
		t.Fatalf("add: %v", err)
	}
	return ordinal
}

func denseEmpty(t *testing.T, newIndex NewDense, metric lode.Metric) {
	x := newIndex(3, metric)
	if x.Dim() != 3 || x.Metric() != metric || x.Len() != 0 || x.Bytes() < 0 {
		t.Errorf("new index: dim %d, metric %s, %d rows, %d bytes", x.Dim(), x.Metric(), x.Len(), x.Bytes())
	}
	if got := mustSearch(t, x, lode.Vector{1, 2, 3}, 10, nil); len(got) != 0 {
		t.Errorf("an empty index answers %v", got)
	}
	if v := x.Vector(0); v != nil {
		t.Errorf("an empty index has the row %v", v)
	}
	if y := x.Compact(nil); y.Len() != 0 || y.Dim() != 3 || y.Metric() != metric {
		t.Errorf("compacting nothing gives %d rows", y.Len())
	}
}

func denseModel(t *testing.T, newIndex NewDense, metric lode.Metric) {
	rng := seeded(t)
	for _, dim := range []int{1, 2, 3, 17, 64, 100} {
		x, model := newIndex(dim, metric), &denseRows{metric: metric}
		for step := range 400 {
			v := randomVector(rng, dim, rng.IntN(2) == 0)
			given := slices.Clone(v)
			if ordinal := mustAdd(t, x, given); int(ordinal) != step {
				t.Fatalf("dim %d: add %d returned ordinal %d", dim, step, ordinal)
			}
			model.add(v)
			clear(given) // Add must have copied it
			if x.Len() != step+1 {
				t.Fatalf("dim %d: %d rows after %d adds", dim, x.Len(), step+1)
			}
			if step%7 != 0 {
				continue
			}
			query := randomVector(rng, dim, rng.IntN(2) == 0)
			k := 1 + rng.IntN(step+20)
			got := mustSearch(t, x, query, k, nil)
			checkDense(t, got, model.search(query, k, nil), model, query, fmt.Sprintf("dim %d, %d rows, k %d", dim, step+1, k))
		}
		for i, row := range model.rows {
			if got := x.Vector(uint32(i)); !slices.Equal(got, row) {
				t.Fatalf("dim %d: row %d is %v, want %v", dim, i, got, row)
			}
		}
		if v := x.Vector(uint32(x.Len())); v != nil {
			t.Errorf("there is a row behind the last: %v", v)
		}
		if x.Bytes() < int64(4*dim*x.Len()) {
			t.Errorf("%d rows of dim %d in %d bytes", x.Len(), dim, x.Bytes())
		}
	}
}

// denseTies adds rows of a few directions over and over, and cuts in the middle of equals.
func denseTies(t *testing.T, newIndex NewDense, metric lode.Metric) {
	const dim, rows = 5, 1000
	rng := seeded(t)
	x := newIndex(dim, metric)
	class := make([]int, rows)
	for i := range rows {
		class[i] = rng.IntN(dim)
		v := make(lode.Vector, dim)
		v[class[i]] = 2
		mustAdd(t, x, v)
	}
	query := lode.Vector{5, 4, 3, 2, 1} // every class is farther than the one before
	var want []uint32
	for c := range dim {
		for i := range rows {
			if class[i] == c {
				want = append(want, uint32(i))
			}
		}
	}
	for _, k := range []int{1, 2, 3, 10, 63, 64, 65, 100, 199, 333, 500, 999, 1000, 5000} {
		var got []uint32
		for _, c := range mustSearch(t, x, query, k, nil) {
			got = append(got, c.Ordinal)
		}
		if diff := cmp.Diff(want[:min(k, rows)], got); diff != "" {
			t.Fatalf("k %d: equal scores are not in order of ordinals (-want +got):\n%s", k, diff)
		}
	}
}

func denseFilters(t *testing.T, newIndex NewDense, metric lode.Metric) {
	const dim, rows = 12, 3000
	rng := seeded(t)
	x, model := newIndex(dim, metric), &denseRows{metric: metric}
	for range rows {
		v := randomVector(rng, dim, false)
		mustAdd(t, x, v)
		model.add(v)
	}
	full := index.NewBitset(rows)
	full.SetAll()
	sets := map[string]*index.Bitset{
		"none": index.NewBitset(rows), "zero value": {}, "all": full,
		"one short": randomSet(rng, rows-1, 1), "half long": randomSet(rng, rows/2+7, 1), "too long": randomSet(rng, rows+500, 1),
	}
	for _, share := range []float64{0.0005, 0.001, 0.01, 0.1, 0.5, 0.9, 0.999} {
		sets[fmt.Sprintf("share %g", share)] = randomSet(rng, rows, share)
	}
	last := index.NewBitset(rows)
	last.Set(rows - 1)
	sets["last row"] = last
	for name, allow := range sets {
		for _, k := range []int{1, 10, 100, rows} {
			query := randomVector(rng, dim, false)
			got := mustSearch(t, x, query, k, allow)
			checkDense(t, got, model.search(query, k, allow), model, query, fmt.Sprintf("allow %s, k %d", name, k))
			for _, c := range got {
				if !allow.Has(c.Ordinal) {
					t.Fatalf("allow %s: answered with %d, which is not allowed", name, c.Ordinal)
				}
			}
		}
	}
}

func denseBadInput(t *testing.T, newIndex NewDense, metric lode.Metric) {
	x := newIndex(3, metric)
	mustAdd(t, x, lode.Vector{1, 2, 3})
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	bad := map[string]lode.Vector{
		"nil": nil, "empty": {}, "short": {1, 2}, "long": {1, 2, 3, 4},
		"NaN": {1, nan, 3}, "+Inf": {inf, 2, 3}, "-Inf": {1, 2, -inf},
	}
	if metric == lode.Cosine {
		bad["zero"] = lode.Vector{0, 0, 0}
	}
	for name, v := range bad {
		if _, err := x.Add(v); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("add %s: got error %v, want code invalid", name, err)
		}
		if _, err := x.Search(t.Context(), v, 1, nil); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("search %s: got error %v, want code invalid", name, err)
		}
	}
	for _, k := range []int{0, -1, math.MinInt} {
		if _, err := x.Search(t.Context(), lode.Vector{1, 2, 3}, k, nil); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("k %d: got error %v, want code invalid", k, err)
		}
	}
	if got := mustSearch(t, x, lode.Vector{1, 2, 3}, 1_000_000_000, nil); len(got) != 1 {
		t.Errorf("huge k: got %v", got)
	}
	if x.Len() != 1 {
		t.Errorf("refused vectors left %d rows, want 1", x.Len())
	}
	if ordinal := mustAdd(t, x, lode.Vector{3, 2, 1}); ordinal != 1 {
		t.Errorf("refused vectors used up ordinals: the next is %d", ordinal)
	}
}

// denseExtremes wants finite scores in the right order from numbers at the ends of float32.
func denseExtremes(t *testing.T, newIndex NewDense, metric lode.Metric) {
	rng := seeded(t)
	const dim = 9
	x, model := newIndex(dim, metric), &denseRows{metric: metric}
	scales := []float64{1e-45, 1e-38, 1e-20, 1, 1e19, 1e30, 3e38}
	vector := func() lode.Vector {
		v := make(lode.Vector, dim)
		for i := range v {
			v[i] = float32(scales[rng.IntN(len(scales))] * (2*rng.Float64() - 1))
		}
		v[0] = 1
		return v
	}
	for range 500 {
		v := vector()
		mustAdd(t, x, v)
		model.add(v)
	}
	for i := range 50 {
		query := vector()
		if i%5 == 0 {
			query = slices.Clone(model.rows[i]) // a distance of 0
		}
		got := mustSearch(t, x, query, 20, nil)
		checkDense(t, got, model.search(query, 20, nil), model, query, "extreme numbers")
		for _, c := range got {
			if math.IsInf(float64(c.Score), 0) || math.IsNaN(float64(c.Score)) || math.Signbit(float64(c.Score)) && c.Score == 0 {
				t.Fatalf("score %v of %d", c.Score, c.Ordinal)
			}
		}
	}
}

// denseLong asks from one side of nothing for what lies far on the other: an index that takes the mean
// of its rows away compares vectors that are twice as long then.
func denseLong(t *testing.T, newIndex NewDense, metric lode.Metric) {
	rng := seeded(t)
	const dim, far = 9, 0.9 * 0x1p60
	x, model := newIndex(dim, metric), &denseRows{metric: metric}
	vector := func(side float64) lode.Vector {
		v := make(lode.Vector, dim)
		for i := range v {
			v[i] = float32(1e16 * rng.NormFloat64())
		}
		v[0] = float32(side * far)
		return v
	}
	for range 300 {
		v := vector(1)
		mustAdd(t, x, v)
		model.add(v)
	}
	for range 10 {
		query := vector(-1)
		checkDense(t, mustSearch(t, x, query, 20, nil), model.search(query, 20, nil), model, query, "long numbers")
	}
}

func denseCompact(t *testing.T, newIndex NewDense, metric lode.Metric) {
	const dim, rows = 7, 700
	rng := seeded(t)
	x := newIndex(dim, metric)
	for range rows {
		mustAdd(t, x, randomVector(rng, dim, true))
	}
	for name, keep := range map[string]*index.Bitset{
		"all (nil)": nil, "none": {}, "some": randomSet(rng, rows, 0.3), "short set": randomSet(rng, rows/2, 0.9), "one": randomSet(rng, 1, 1),
	} {
		y, model := x.Compact(keep), &denseRows{metric: lode.Dot}
		if metric == lode.L2 {
			model.metric = lode.L2
		}
		for i := range uint32(rows) {
			if keep == nil || keep.Has(i) {
				model.rows = append(model.rows, slices.Clone(x.Vector(i)))
			}
		}
		if y.Len() != len(model.rows) {
			t.Fatalf("keep %s: %d rows, want %d", name, y.Len(), len(model.rows))
		}
		for i, row := range model.rows {
			if !slices.Equal(y.Vector(uint32(i)), row) {
				t.Fatalf("keep %s: row %d is not what it was", name, i)
			}
		}
		query := randomVector(rng, dim, false)
		if metric == lode.Cosine {
			query = query.Normalize()
		}
		checkDense(t, mustSearch(t, y, query, 10, nil), model.search(query, 10, nil), model, query, "compacted, keep "+name)
		if ordinal := mustAdd(t, y, randomVector(rng, dim, true)); int(ordinal) != len(model.rows) {
			t.Fatalf("keep %s: the next ordinal is %d", name, ordinal)
		}
	}
	if x.Len() != rows {
		t.Errorf("compacting changed the old index to %d rows", x.Len())
	}
}

func denseCancelled(t *testing.T, newIndex NewDense, metric lode.Metric) {
	x := newIndex(2, metric)
	mustAdd(t, x, lode.Vector{1, 2})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Search(ctx, lode.Vector{1, 2}, 1, nil); !lode.IsCode(err, lode.CodeCanceled) {
		t.Errorf("cancelled search: got error %v, want code canceled", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 0)
	defer cancel()
	if _, err := x.Search(ctx, lode.Vector{1, 2}, 1, nil); !lode.IsCode(err, lode.CodeTimeout) {
		t.Errorf("late search: got error %v, want code timeout", err)
	}
}
