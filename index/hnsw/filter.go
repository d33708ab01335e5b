package hnsw

import (
	"context"
	"math/bits"
	"sync/atomic"

	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
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
	n := 0
	for i := range (int(f.rows) + 63) / 64 {
		n += bits.OnesCount64(f.word(i))
	}
	return n
}

// traverseFiltered fills the pool with the ef nearest rows that pass and that a best-first
// search over all rows finds. It goes on until no row that is left to follow is nearer than
// the worst of those, so that it finds its way across rows that do not pass.
func (s *searcher) traverseFiltered(ctx context.Context, entry uint32, score float32, ef, spare int, f filter) error {
	s.nextEpoch()
	s.walk.Visited[entry] = s.walk.Epoch
	s.walk.Pool.Reset(ef, spare)
	s.heap = append(s.heap[:0], distance.Key(score, entry))
	if f.passes(s.v.ordinal(entry)) {
		s.walk.Pool.Insert(distance.Key(score, entry))
	}
	scorer := s.query.Scorer()
	hops := 0
	for ; len(s.heap) > 0; hops++ {
		key := s.heap.pop()
		if distance.KeyScore(key) > s.walk.Pool.Threshold() {
			break
		}
		if hops%lookEvery == lookEvery-1 {
			if err := index.Stopped(ctx); err != nil {
				return err
			}
		}
		place := distance.KeyRow(key)
		ids, err := s.unseen(place, s.v.row(0, place))
		if err != nil {
			return err
		}
		s.Compared += len(ids)
		n := scorer.Batch(s.positions[:], s.scores[:], ids, s.walk.Pool.Threshold())
		for i, score := range s.scores[:n] {
			id := ids[s.positions[i]]
			s.heap.push(distance.Key(score, id))
			if f.passes(s.v.ordinal(id)) {
				s.walk.Pool.Insert(distance.Key(score, id))
			}
		}
	}
	s.Hops += hops
	return nil
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
