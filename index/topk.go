package index

import "slices"

// TopK keeps the k best candidates of those offered, whatever the order they come in. The
// zero value keeps none.
type TopK struct {
	k    int
	heap []Candidate // the worst on top; a heap only once it is full
}

// NewTopK returns a selection of the k best. Memory grows with what is offered, not with k.
func NewTopK(k int) *TopK { return &TopK{k: max(k, 0)} }

// Full reports whether k candidates are held, so that another must beat [TopK.Worst].
func (t *TopK) Full() bool { return len(t.heap) == t.k }

// Held is how many candidates are held.
func (t *TopK) Held() int { return len(t.heap) }

// Worst is the candidate that the next better one replaces. Only when Full, and k is not 0.
func (t *TopK) Worst() Candidate { return t.heap[0] }

// Offer proposes a candidate.
func (t *TopK) Offer(c Candidate) {
	if len(t.heap) < t.k {
		t.heap = append(t.heap, c)
		if len(t.heap) == t.k {
			t.heapify()
		}
		return
	}
	if t.k > 0 && c.Better(t.heap[0]) {
		t.heap[0] = c
		t.sink(0)
	}
}

// Merge offers everything that other holds.
func (t *TopK) Merge(other *TopK) {
	for _, c := range other.heap {
		t.Offer(c)
	}
}

// Sorted returns what is held, best first, and ends the selection: nothing may be offered
// afterwards.
func (t *TopK) Sorted() []Candidate {
	slices.SortFunc(t.heap, func(a, b Candidate) int {
		if a.Better(b) {
			return -1
		}
		return 1 // no two candidates of a search share an ordinal
	})
	return t.heap
}

func (t *TopK) heapify() {
	for i := len(t.heap)/2 - 1; i >= 0; i-- {
		t.sink(i)
	}
}

// sink moves the candidate at i down until both children are better.
func (t *TopK) sink(i int) {
	h := t.heap
	moving := h[i]
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child].Better(h[child+1]) {
			child++
		}
		if !moving.Better(h[child]) {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = moving
}
