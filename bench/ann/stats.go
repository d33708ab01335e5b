package ann

import (
	"math"
	"slices"
)

// percentile returns the value that a share p of the sorted values does not exceed: the
// smallest for p of 0, the largest for 1, the nearest rank between; 0 for no values.
func percentile(sorted []int64, p float64) int64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// At returns the QPS at a recall, read off the frontier of the points: those that no other
// point beats in both. Between two neighbours on the frontier the logarithm of the QPS is
// interpolated over the recall. Where even the fastest point has more recall, its QPS
// counts as it is; where no point has as much, ok is false. Nothing is extrapolated.
func At(points []Point, recall float64) (qps float64, ok bool) {
	front := frontier(points)
	for i, p := range front {
		if p.Recall < recall {
			continue
		}
		if i == 0 || p.Recall == recall {
			return p.QPS, true
		}
		before := front[i-1]
		share := (recall - before.Recall) / (p.Recall - before.Recall)
		return math.Exp(math.Log(before.QPS) + share*(math.Log(p.QPS)-math.Log(before.QPS))), true
	}
	return 0, false
}

// frontier returns the points that no other has both more recall and more QPS than, by
// ascending recall, which is by descending QPS.
func frontier(points []Point) []Point {
	sorted := slices.SortedFunc(slices.Values(points), func(a, b Point) int {
		if a.Recall != b.Recall {
			return compareFloats(b.Recall, a.Recall)
		}
		return compareFloats(b.QPS, a.QPS)
	})
	var front []Point
	for _, p := range sorted {
		if p.QPS > 0 && (len(front) == 0 || p.QPS > front[len(front)-1].QPS) {
			front = append(front, p)
		}
	}
	slices.Reverse(front)
	return front
}

func compareFloats(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
