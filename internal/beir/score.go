package beir

import (
	"math"
	"slices"
)

// NDCG returns the normalised discounted cumulative gain of a ranking at depth k, as
// trec_eval's ndcg_cut computes it: the gain of an item is its grade itself (not
// 2^grade - 1), an item at rank r (from 1) counts gain/log2(r+1), and the sum is divided by
// that of the best possible ranking. Grades of 0 or less and items without a grade gain
// nothing. An item that stands twice counts at its first place; the second place is empty.
// It is 0 when no item has a positive grade.
func NDCG(ranked []string, grades map[string]int, k int) float64 {
	seen := map[string]bool{}
	got := 0.0
	for i, id := range ranked[:min(k, len(ranked))] {
		if !seen[id] {
			got += discounted(grades[id], i)
		}
		seen[id] = true
	}
	ideal := make([]int, 0, len(grades))
	for _, grade := range grades {
		ideal = append(ideal, grade)
	}
	slices.SortFunc(ideal, func(a, b int) int { return b - a })
	best := 0.0
	for i, grade := range ideal[:min(k, len(ideal))] {
		best += discounted(grade, i)
	}
	if best == 0 {
		return 0
	}
	return got / best
}

func discounted(grade, position int) float64 {
	if grade <= 0 {
		return 0
	}
	return float64(grade) / math.Log2(float64(position+2))
}

// Recall returns the share of items with a positive grade that stand among the first k, 0
// when there are none.
func Recall(ranked []string, grades map[string]int, k int) float64 {
	relevant, found := 0, 0
	for _, grade := range grades {
		if grade > 0 {
			relevant++
		}
	}
	if relevant == 0 {
		return 0
	}
	seen := map[string]bool{}
	for _, id := range ranked[:min(k, len(ranked))] {
		if grades[id] > 0 && !seen[id] {
			found++
		}
		seen[id] = true
	}
	return float64(found) / float64(relevant)
}
