package quant

import (
	"cmp"
	"container/heap"
	"slices"
)

// Candidate is a row with its score, smaller is better, and how far from the true score
// that may be.
type Candidate struct {
	ID    uint32
	Score float32
	Bound float32
}

// Rerank returns the k best candidates by their exact scores, best first, equal ones by id,
// and how many exact scores that took. The bounds decide: a candidate is looked at only if
// its true score may be among the k best that are known. What is in candidates is lost.
func Rerank(k int, candidates []Candidate, exact func(id uint32) float32) ([]Candidate, int) {
	if k <= 0 || len(candidates) == 0 {
		return nil, 0
	}
	candidates = possible(k, candidates)
	slices.SortFunc(candidates, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(a.Score-a.Bound, b.Score-b.Bound), cmp.Compare(a.ID, b.ID))
	})
	best := make(worstFirst, 0, min(k, len(candidates))+1)
	touched := 0
	for _, c := range candidates {
		if len(best) == k && c.Score-c.Bound > best[0].Score {
			break // and so is every later one
		}
		touched++
		c.Score, c.Bound = exact(c.ID), 0
		heap.Push(&best, c)
		if len(best) > k {
			heap.Pop(&best)
		}
	}
	slices.SortFunc(best, compare)
	return best, touched
}

// possible drops the candidates whose best case is worse than the worst case of k others.
func possible(k int, candidates []Candidate) []Candidate {
	if len(candidates) <= k {
		return candidates
	}
	worst := make(worstFirst, 0, k+1)
	for _, c := range candidates {
		c.Score += c.Bound
		if len(worst) == k && compare(c, worst[0]) >= 0 {
			continue
		}
		heap.Push(&worst, c)
		if len(worst) > k {
			heap.Pop(&worst)
		}
	}
	limit := worst[0].Score
	return slices.DeleteFunc(candidates, func(c Candidate) bool { return c.Score-c.Bound > limit })
}

func compare(a, b Candidate) int {
	return cmp.Or(cmp.Compare(a.Score, b.Score), cmp.Compare(a.ID, b.ID))
}

// worstFirst is a heap with the worst candidate in front.
type worstFirst []Candidate

func (h worstFirst) Len() int           { return len(h) }
func (h worstFirst) Less(i, j int) bool { return compare(h[i], h[j]) > 0 }
func (h worstFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push and Pop are called by package heap only.
func (h *worstFirst) Push(x any) { *h = append(*h, x.(Candidate)) }
func (h *worstFirst) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
