package hnsw

import (
	"math/bits"
	"sync/atomic"

	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/quant"
)

// filter says which rows a search may answer with, and what else it knows of them.
type filter struct {
	view      *view
	rows      uint32          // ordinals are below
	allow     *index.Bitset   // nil: all
	deleted   []atomic.Uint64 // nil: none
	oversized []uint32        // rows that are in no graph
	extent    quant.Extent    // of the codes
}

func (f *filter) passesAll() bool { return f.allow == nil && f.deleted == nil }

func (f *filter) passes(ordinal uint32) bool {
	return ordinal < f.rows && f.word(int(ordinal/64))>>(ordinal%64)&1 == 1
}

// word is the set of rows that pass among the 64 from 64·i, which begin below rows.
func (f *filter) word(i int) uint64 {
	w := ^uint64(0)
	if f.allow != nil {
		w = f.allow.Word(i)
	}
	if f.deleted != nil {
		w &^= f.deleted[i].Load()
	}
	if left := int(f.rows) - 64*i; left < 64 {
		w &= 1<<left - 1
	}
	return w
}

// count is the number of rows that pass.
func (f *filter) count() int {
	if f.passesAll() {
		return int(f.rows)
	}
	if f.deleted == nil && f.allow.Len() <= int(f.rows) {
		return f.allow.Count()
	}
	n := 0
	for i := range (int(f.rows) + 63) / 64 {
		n += bits.OnesCount64(f.word(i))
	}
	return n
}

// keyHeap is a heap with the smallest key on top.
type keyHeap []int64

func (h *keyHeap) push(key int64) {
	*h = append(*h, key)
	a := *h
	i := len(a) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if a[parent] <= key {
			break
		}
		a[i] = a[parent]
		i = parent
	}
	a[i] = key
}

func (h *keyHeap) pop() int64 {
	a := *h
	top, last := a[0], a[len(a)-1]
	a = a[:len(a)-1]
	*h = a
	for i := 0; len(a) > 0; {
		child := 2*i + 1
		if child+1 < len(a) && a[child+1] < a[child] {
			child++
		}
		if child >= len(a) || last <= a[child] {
			a[i] = last
			break
		}
		a[i] = a[child]
		i = child
	}
	return top
}
