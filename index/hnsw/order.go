package hnsw

import (
	"slices"
	"sync/atomic"
)

// order lists the rows in the order of the sealed form: those of higher levels first, and
// within a level as a breadth-first walk from the entry meets them, so that rows that are
// read together lie together. Rows that no walk meets come last. levels[l-1] is how many
// rows have level l or more.
func (x *Index) order(s *state, rows int) (ordinals []uint32, levels []int) {
	seen := make([]bool, rows)
	walk := make([]uint32, 0, rows)
	visit := func(o uint32) {
		if int(o) < rows && !seen[o] {
			seen[o] = true
			walk = append(walk, o)
		}
	}
	if key := x.entry.Load(); key != 0 {
		_, place := entryOf(key)
		visit(place)
	}
	for i := 0; i < len(walk); i++ {
		breathe(i)
		row := s.row(0, walk[i])
		for j := range row {
			visit(atomic.LoadUint32(&row[j]))
		}
	}
	for o := range uint32(rows) {
		visit(o)
	}
	level := func(o uint32) int {
		if s.upperAt[o] == 0 {
			return 0
		}
		return x.levelOf(o)
	}
	slices.SortStableFunc(walk, func(a, b uint32) int { return level(b) - level(a) })
	for _, o := range walk {
		for len(levels) < level(o) {
			levels = append(levels, 0)
		}
		for l := range level(o) {
			levels[l]++
		}
	}
	return walk, levels
}
