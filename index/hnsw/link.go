package hnsw

import (
	"context"
	"math"
	"slices"
	"sync"

	"github.com/lodedb/lode/index/distance"
)

// maxLevel bounds levels; with the smallest M a billion rows have no more.
const maxLevel = 30

// levelOf is the level of a row: at least l with probability m^-l. It depends on seed and
// ordinal alone, so that it is the same whoever links the row.
func (x *Index) levelOf(ordinal uint32) int {
	h := x.o.Seed + (uint64(ordinal)+1)*0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	h ^= h >> 31
	uniform := (float64(h>>11) + 0.5) / (1 << 53)
	return min(maxLevel, int(-math.Log(uniform)/math.Log(float64(x.o.M))))
}

func entryKey(level int, place uint32) uint64 { return uint64(level+1)<<32 | uint64(place) }

func entryOf(key uint64) (level int, place uint32) { return int(key>>32) - 1, uint32(key) }

func (x *Index) lockOf(place uint32) *sync.Mutex {
	return &x.locks[place*0x9e3779b1>>(32-lockBits)]
}

// reserveLevels gives a row its place in the levels above 0, and returns its level: less
// where there is no room, which costs nothing but speed.
func (s *state) reserveLevels(place uint32, level int) int {
	if level == 0 {
		return 0
	}
	end := int(s.upperUsed.Add(uint32(level)))
	if end > len(s.upper)/s.m {
		s.upperUsed.Add(-uint32(level))
		return 0
	}
	s.upperAt[place] = uint32(end-level) + 1
	return level
}

// link puts a stored row into the graph. Several goroutines may link different rows.
func (x *Index) link(s *state, w *searcher, place uint32) {
	if s.isSetAside(place) {
		return
	}
	level := s.reserveLevels(place, x.levelOf(place))
	for l := range level + 1 {
		row, scores := s.rowOf(l, place)
		setRow(row, scores, place, nil)
	}
	entry := x.entry.Load()
	if entry == 0 {
		if x.raiseEntry(level, place) {
			return // the first row
		}
		entry = x.entry.Load()
	}
	w.begin(&s.view)
	if err := w.setQuery(s.building, s.vector(place), s.buildCodes); err != nil {
		panic("hnsw: row that was encoded: " + err.Error())
	}
	w.chooser.begin(s)
	picks := x.findLinks(s, w, entry, place, level)

	// From the bottom up: whoever comes by at a level finds links at those below.
	for l, links := range picks {
		row, scores := s.rowOf(l, place)
		lock := x.lockOf(place)
		lock.Lock()
		setRow(row, scores, place, links)
		lock.Unlock()
	}
	for l, links := range picks {
		for _, to := range links {
			lock := x.lockOf(to.place)
			lock.Lock()
			w.chooser.linkBack(s, l, to.place, neighbor{to.score, place})
			lock.Unlock()
		}
	}
	x.raiseEntry(level, place)
}

// findLinks returns the row's links at every level that it and the graph have.
func (x *Index) findLinks(s *state, w *searcher, entry uint64, place uint32, level int) [][]neighbor {
	top, start := entryOf(entry)
	at, score, err := w.descend(context.Background(), start, top, level)
	picks := make([][]neighbor, min(level, top)+1)
	for l := len(picks) - 1; l >= 0 && err == nil; l-- {
		if err = w.traverse(context.Background(), l, at, score, x.o.EfConstruction, 0); err != nil {
			break
		}
		candidates := w.chooser.linked[:0]
		for _, key := range w.walk.Pool.Keys() {
			if id := distance.KeyRow(key); id != place {
				candidates = append(candidates, neighbor{distance.KeyScore(key), id})
			}
		}
		w.chooser.linked = candidates
		picks[l] = slices.Clone(w.chooser.choose(s, candidates, x.o.M))
		at, score = distance.KeyRow(w.walk.Pool.Keys()[0]), distance.KeyScore(w.walk.Pool.Keys()[0])
	}
	if err != nil {
		panic("hnsw: " + err.Error()) // links of our own lead nowhere, or a context without end ended
	}
	return picks
}

// raiseEntry makes the row the entry if its level is above the entry's. It reports whether
// there was none.
func (x *Index) raiseEntry(level int, place uint32) (first bool) {
	x.top.Lock()
	defer x.top.Unlock()
	old := x.entry.Load()
	if top, _ := entryOf(old); level > top {
		x.entry.Store(entryKey(level, place))
	}
	return old == 0
}
