package beir_test

import (
	"math"
	"testing"

	"github.com/lodedb/lode/internal/beir"
)

func TestNDCG(t *testing.T) {
	grades := map[string]int{"a": 3, "b": 2, "c": 1, "d": 0, "e": -1}
	// Worked by hand: ideal 3/1 + 2/1.58496 + 1/2 = 4.761860.
	ideal := 3 + 2/math.Log2(3) + 0.5
	f := func(ranked []string, k int, want float64) {
		t.Helper()
		if got := beir.NDCG(ranked, grades, k); math.Abs(got-want) > 1e-12 {
			t.Errorf("NDCG(%v, %d) = %v, want %v", ranked, k, got, want)
		}
	}
	f([]string{"a", "b", "c"}, 10, 1)
	f([]string{"a", "b", "c", "d", "x"}, 3, 1)
	f([]string{"b", "a", "x", "c"}, 10, (2+3/math.Log2(3)+1/math.Log2(5))/ideal)
	f([]string{"x", "e", "d"}, 10, 0)
	f([]string{"x", "a"}, 1, 0)
	f([]string{"c", "b"}, 1, 1.0/3)
	f([]string{"a", "a", "a"}, 10, 3/ideal) // a repeat gains nothing
	f(nil, 10, 0)
	if got := beir.NDCG([]string{"a"}, nil, 10); got != 0 {
		t.Errorf("without grades: %v", got)
	}
}

func TestRecall(t *testing.T) {
	grades := map[string]int{"a": 3, "b": 1, "c": 0}
	f := func(ranked []string, k int, want float64) {
		t.Helper()
		if got := beir.Recall(ranked, grades, k); got != want {
			t.Errorf("Recall(%v, %d) = %v, want %v", ranked, k, got, want)
		}
	}
	f([]string{"a", "c", "b"}, 3, 1)
	f([]string{"a", "c", "b"}, 2, 0.5)
	f([]string{"a", "a"}, 2, 0.5)
	f([]string{"c"}, 5, 0)
	f(nil, 5, 0)
	if got := beir.Recall([]string{"a"}, nil, 5); got != 0 {
		t.Errorf("without grades: %v", got)
	}
}
