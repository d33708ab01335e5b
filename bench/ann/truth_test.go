package ann

import (
	"cmp"
	"slices"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/distance"
)

// TestComputeTruth compares with a sort of all distances, over whole numbers so that many
// are equal.
func TestComputeTruth(t *testing.T) {
	random := testRand(t)
	draw := func(rows int) *Vectors {
		v := &Vectors{Rows: rows, Dim: 4, Data: make([]float32, 4*rows)}
		for i := range v.Data {
			v.Data[i] = float32(random.IntN(4))
		}
		return v
	}
	base, queries := draw(300), draw(20)
	done := 0
	truth, err := computeTruth(t.Context(), base, queries, lode.L2, func(n int) { done = max(done, n) })
	if err != nil || truth.K != truthDepth || done != queries.Rows {
		t.Fatalf("%v, %d done", err, done)
	}
	if err := truth.check(base.Rows); err != nil {
		t.Fatal(err)
	}
	for q := range queries.Rows {
		ids := make([]uint32, base.Rows)
		for i := range ids {
			ids[i] = uint32(i)
		}
		far := func(id uint32) float64 {
			return distance.L2SquaredExact(queries.Row(q), base.Row(int(id)))
		}
		slices.SortStableFunc(ids, func(a, b uint32) int { return cmp.Compare(far(a), far(b)) })
		if !slices.Equal(truth.Row(q), ids[:truthDepth]) {
			t.Fatalf("query %d: got %v, want %v", q, truth.Row(q), ids[:truthDepth])
		}
	}
}

// TestAtFalls demands that more recall never costs less, whatever was measured.
func TestAtFalls(t *testing.T) {
	random := testRand(t)
	for range 200 {
		points := make([]Point, 1+random.IntN(12))
		for i := range points {
			points[i] = Point{Recall: random.Float64(), QPS: 1 + 1000*random.Float64()}
		}
		before, reached := 1e9, true
		for recall := 0.0; recall <= 1; recall += 0.01 {
			qps, ok := At(points, recall)
			if ok && (!reached || qps > before) {
				t.Fatalf("at %v: %v after %v in %+v", recall, qps, before, points)
			}
			before, reached = qps, ok
		}
	}
}
