package ann

import (
	"math"
	"slices"
	"testing"
)

func TestPercentile(t *testing.T) {
	hundred := make([]int64, 100)
	for i := range hundred {
		hundred[i] = int64(i + 1)
	}
	f := func(sorted []int64, p float64, want int64) {
		t.Helper()
		if got := percentile(sorted, p); got != want {
			t.Errorf("p%v of %d values is %d, want %d", 100*p, len(sorted), got, want)
		}
	}
	f(hundred, 0, 1)
	f(hundred, 0.5, 50)
	f(hundred, 0.9, 90)
	f(hundred, 0.99, 99)
	f(hundred, 0.999, 100)
	f(hundred, 1, 100)
	f([]int64{7}, 0.5, 7)
	f(nil, 0.5, 0)
}

func TestAt(t *testing.T) {
	points := []Point{{EF: 10, Recall: 0.80, QPS: 1000}, {EF: 20, Recall: 0.92, QPS: 500}, {EF: 40, Recall: 0.96, QPS: 250}, {EF: 30, Recall: 0.91, QPS: 400}}
	f := func(recall, want float64) {
		t.Helper()
		got, ok := At(points, recall)
		if !ok || math.Abs(got/want-1) > 1e-9 {
			t.Errorf("at %v: %v %v, want %v", recall, got, ok, want)
		}
	}
	f(0.96, 250)
	f(0.92, 500) // the point at ef 30 is beaten by the one at ef 20
	f(0.94, 500/math.Sqrt2)
	f(0.86, 1000/math.Sqrt2)
	f(0.5, 1000) // never faster than what was measured
	if _, ok := At(points, 0.97); ok {
		t.Error("a recall beyond every point is extrapolated")
	}
	if _, ok := At(nil, 0.5); ok {
		t.Error("no points")
	}
	slices.Reverse(points)
	f(0.94, 500/math.Sqrt2)
}

// TestRecall counts every neighbour as near as the last as right, and no answer twice.
func TestRecall(t *testing.T) {
	truth := &Truth{Queries: 2, K: 4, IDs: []uint32{1, 2, 3, 4, 5, 6, 7, 8}, Distances: []float32{1, 2, 2, 3, 1, 1, 1, 1}}
	f := func(want float64, answers ...[]uint32) {
		t.Helper()
		if got := truth.Recall(answers, 2); math.Abs(got-want) > 1e-12 {
			t.Errorf("%v: recall %v, want %v", answers, got, want)
		}
	}
	f(1, []uint32{1, 2}, []uint32{5, 6})
	f(1, []uint32{1, 3}, []uint32{8, 7})      // ties at the cut
	f(0.5, []uint32{1, 4}, []uint32{9, 5})    // one of two each
	f(0.25, []uint32{}, []uint32{5})          // fewer answers
	f(0.5, []uint32{2, 3}, []uint32{10, 11})  // both of the tie fill the two places
	truth.Distances = nil                     // without distances only the first count
	f(0.25, []uint32{1, 3}, []uint32{10, 11}) //
}
