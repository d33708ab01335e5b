package hnsw

import (
	"slices"
	"sync/atomic"

	"github.com/lodedb/lode/index/quant"
)

// neighbor is a row with its distance from the one whose links are chosen.
type neighbor struct {
	score float32
	place uint32
}

// chooser picks links by the heuristic of HNSW.
type chooser struct {
	z      *quant.Quantizer
	query  *quant.Query
	zero   []float32
	rest   []neighbor
	ids    []uint32
	scores []float32
	picked []neighbor
	linked []neighbor
}

func (c *chooser) begin(s *state) {
	if c.z == s.building && c.query != nil {
		c.query.SetRegion(s.buildCodes)
		return
	}
	c.z, c.query = s.building, s.building.Query()
	c.zero = make([]float32, s.dim)
	if err := c.query.Set(c.zero); err != nil {
		panic("hnsw: " + err.Error()) // zero has the right dimension and length
	}
	c.query.SetRegion(s.buildCodes)
}

// choose picks up to m of the candidates, which are sorted by distance: the nearest, then
// each next one that is nearer to the row than to every one picked before. So links lead in
// different directions. What is returned is valid until the next call.
//
// Each pick is compared with all candidates that are left, in one call; those nearer to it
// than to the row leave. That takes as many comparisons as to check candidate after
// candidate, and far fewer calls.
func (c *chooser) choose(s *state, candidates []neighbor, m int) []neighbor {
	c.rest = append(c.rest[:0], candidates...)
	c.picked = c.picked[:0]
	rest := c.rest
	for len(rest) > 0 {
		pick := rest[0]
		c.picked = append(c.picked, pick)
		rest = rest[1:]
		if len(c.picked) == m || len(rest) == 0 {
			break
		}
		c.ids = c.ids[:0]
		for _, r := range rest {
			c.ids = append(c.ids, r.place)
		}
		c.scores = slices.Grow(c.scores[:0], len(rest))[:len(rest)]
		c.query.SetRow(pick.place)
		c.query.Scorer().Scores(c.scores, c.ids)
		left := rest[:0]
		for i, r := range rest {
			if !(c.scores[i] < r.score) {
				left = append(left, r)
			}
		}
		rest = left
	}
	return c.picked
}

// rowOf returns the links of a row and their distances, to be written under its lock.
func (s *state) rowOf(level int, place uint32) ([]uint32, []float32) {
	row := s.row(level, place)
	if level == 0 {
		start := int(place) * s.width
		return row, s.linkScores[start : start+s.width]
	}
	start := (int(s.upperAt[place]) - 2 + level) * s.m
	return row, s.upperScores[start : start+s.m]
}

// setRow writes links and fills up with the row's own place.
func setRow(row []uint32, scores []float32, place uint32, links []neighbor) {
	for i := range row {
		id := place
		if i < len(links) {
			id, scores[i] = links[i].place, links[i].score
		}
		if row[i] != id {
			atomic.StoreUint32(&row[i], id)
		}
	}
}

// linkBack adds a link from a row to a new one. A full row chooses anew.
func (c *chooser) linkBack(s *state, level int, from uint32, to neighbor) {
	row, scores := s.rowOf(level, from)
	n := slices.Index(row, from)
	if n >= 0 {
		scores[n] = to.score
		atomic.StoreUint32(&row[n], to.place)
		return
	}
	c.linked = c.linked[:0]
	for i, place := range row {
		c.linked = append(c.linked, neighbor{scores[i], place})
	}
	c.linked = append(c.linked, to)
	slices.SortFunc(c.linked, nearer)
	setRow(row, scores, from, c.choose(s, c.linked, len(row)))
}

func nearer(a, b neighbor) int {
	switch {
	case a.score < b.score:
		return -1
	case a.score > b.score:
		return 1
	case a.place < b.place:
		return -1
	case a.place > b.place:
		return 1
	}
	return 0
}
