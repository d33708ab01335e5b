package segment

import "slices"

// scorer scores the rows that match a clause, in ascending order: no target is below an earlier
// one.
type scorer interface {
	// next returns the first row from target on that matches, or noRow.
	next(target uint32) uint32
	// score is what the clause gives to the row that next returned; 0: it does not match, for the
	// fields that it is in do not count.
	score() float64
	// atLeast is a row that the first one from target on is not below, found cheaply.
	atLeast(target uint32) uint32
	// boundIn is what rows from one to before another score at most.
	boundIn(from, to uint32) float64
	// fill adds the scores of the rows of a window to its sums and, if given, to own. Rows of
	// which what the clause gives and rest cannot be found may be left out.
	fill(w *window, own []float64, rest float64)
	// refine adds the scores of the rows of a window that are alive to its sums and to own. Those
	// that are hopeless even with what the clause could give them and rest may be left out.
	refine(w *window, own []float64, rest float64)
	// until is the last row of the block that target is in, or before: bounds change behind it.
	until(target uint32) uint32
}

// until is the last row of the block that target is in, or before.
func (c *cursor) until(target uint32) uint32 {
	if !c.move(target) {
		return noRow - 1
	}
	return c.last
}

// newScorer returns the scorer of a clause in a part; nil: no row matches.
func (s *partSearch) newScorer(c *planned, entries []entry) scorer {
	g := &group{s: s, weight: c.weight}
	for _, v := range c.any {
		if slices.ContainsFunc(v.terms, func(t int) bool { return entries[t].open == nil }) {
			continue
		}
		if len(v.terms) == 1 {
			g.any = append(g.any, newCursor(s, entries[v.terms[0]], 1, v.weight))
			continue
		}
		g.any = append(g.any, newPhrase(s, &v, entries))
	}
	if len(g.any) == 0 {
		return nil
	}
	if only, ok := g.any[0].(*cursor); ok && len(g.any) == 1 {
		only.weight = c.weight
		only.whole = c.weight * s.scoring.bound(only.p.whole(), only.scale)
		return only
	}
	g.rows = make([]uint32, len(g.any))
	return g
}

// counted is an alternative of a clause: it counts before the clause scores.
type counted interface {
	next(target uint32) uint32
	occurrences() float64
	atLeast(target uint32) uint32
	// boundIn bounds what the alternative alone would saturate to, for a weight of 1.
	boundIn(from, to uint32) float64
	until(target uint32) uint32
}

// group scores a clause of several alternatives, or of a phrase.
type group struct {
	s      *partSearch
	weight float64
	any    []counted
	rows   []uint32 // where each alternative stands
	row    uint32
	counts []float64 // of a window
}

func (g *group) next(target uint32) uint32 {
	g.row = noRow
	for i, a := range g.any {
		g.rows[i] = a.next(target)
		g.row = min(g.row, g.rows[i])
	}
	return g.row
}

func (g *group) score() float64 {
	n := 0.0
	for i, a := range g.any {
		if g.rows[i] == g.row {
			n += a.occurrences()
		}
	}
	return g.saturated(n, g.row)
}

func (g *group) saturated(n float64, row uint32) float64 {
	if n == 0 {
		return 0
	}
	return float64(g.weight * g.s.scoring.saturate(n, g.s.length(row)))
}

func (g *group) atLeast(target uint32) uint32 {
	row := uint32(noRow)
	for _, a := range g.any {
		row = min(row, a.atLeast(target))
	}
	return row
}

// boundIn adds up what the alternatives would score alone: saturation makes it less.
func (g *group) boundIn(from, to uint32) float64 {
	most := 0.0
	for _, a := range g.any {
		most += a.boundIn(from, to)
	}
	return g.weight * min(most, g.s.scoring.gain)
}

func (g *group) until(target uint32) uint32 {
	row := uint32(noRow - 1)
	for _, a := range g.any {
		row = min(row, a.until(target))
	}
	return row
}

// fill counts, alternative by alternative, and then scores.
func (g *group) fill(w *window, own []float64, _ float64) {
	if g.counts == nil {
		g.counts = make([]float64, windowRows)
	}
	var found [windowRows / 64]uint64
	for _, a := range g.any {
		for row := a.next(w.start); row < w.end; row = a.next(row + 1) {
			at := row - w.start
			g.counts[at] += a.occurrences()
			found[at/64] |= 1 << (at % 64)
		}
	}
	eachBit(found[:], func(at uint32) {
		v := g.saturated(g.counts[at], w.start+at)
		g.counts[at] = 0
		w.sums[at] += v
		if own != nil {
			own[at] = v
		}
	})
	for i, word := range found {
		w.found[i] |= word
	}
}

func (g *group) refine(w *window, own []float64, rest float64) {
	eachBit(w.alive[:], func(at uint32) {
		row := w.start + at
		bound := g.boundIn(row, row+1)
		if bound == 0 || g.s.hopeless((w.sums[at]+bound+rest)*moreMargin) || g.next(row) != row {
			return
		}
		own[at] = g.score()
		w.sums[at] += own[at]
	})
}

// meet returns the first row from target on at which all of them stand, or noRow.
func meet[S interface{ next(target uint32) uint32 }](all []S, target uint32) uint32 {
	for i := 0; i < len(all); i++ {
		row := all[i].next(target)
		if row == noRow {
			return noRow
		}
		if row > target {
			if target = row; i > 0 {
				i = -1
			}
		}
	}
	return target
}

// phrase is rows that hold terms at places that stand to each other as in the phrase.
type phrase struct {
	s         *partSearch
	terms     []*cursor
	positions []uint32 // of the terms, in the same order
	scale     float64
	counts    [MaxFields]uint32 // of the row that next returned, by field
	lists     [][]uint32
}

func newPhrase(s *partSearch, v *variant, entries []entry) *phrase {
	p := &phrase{s: s, scale: v.weight, positions: slices.Clone(v.positions)}
	rows := make([]uint32, len(v.terms))
	for i, t := range v.terms {
		p.terms = append(p.terms, newCursor(s, entries[t], 1, v.weight))
		rows[i] = entries[t].live
	}
	// The rarest term leads.
	for i := range rows {
		if rows[i] < rows[0] {
			rows[0], rows[i] = rows[i], rows[0]
			p.terms[0], p.terms[i] = p.terms[i], p.terms[0]
			p.positions[0], p.positions[i] = p.positions[i], p.positions[0]
		}
	}
	p.lists = make([][]uint32, len(v.terms))
	return p
}

// candidate returns the first row from target on that holds all terms.
func (p *phrase) candidate(target uint32) uint32 { return meet(p.terms, target) }

func (p *phrase) next(target uint32) uint32 {
	row := p.candidate(target)
	for ; row != noRow && !p.match(); row = p.candidate(row + 1) {
	}
	return row
}

// match counts how often the phrase is in the fields of the row that all terms stand at.
func (p *phrase) match() bool {
	for _, c := range p.terms {
		c.p.readCounts()
	}
	any := false
	for f := range p.s.fields {
		p.counts[f] = 0
		if !slices.ContainsFunc(p.terms, func(c *cursor) bool { return c.b.count(f, c.at) == 0 }) {
			p.counts[f] = p.matchField(f)
			any = any || p.counts[f] > 0
		}
	}
	return any
}

func (p *phrase) matchField(f int) (n uint32) {
	for i, c := range p.terms {
		if !c.placed {
			if err := c.p.readPlaces(); err != nil {
				p.s.fail(err)
				return 0
			}
			c.placed = true
		}
		p.lists[i] = c.b.places(p.lists[i][:0], f, c.at)
	}
	for _, at := range p.lists[0] {
		if p.holdsAt(at) {
			n++
		}
	}
	return n
}

// holdsAt reports whether the other terms are where they should be if the first one is at a
// place.
func (p *phrase) holdsAt(at uint32) bool {
	for i := 1; i < len(p.lists); i++ {
		want := int64(at) + int64(p.positions[i]) - int64(p.positions[0])
		if want < 0 || want > noRow {
			return false
		}
		if _, ok := slices.BinarySearch(p.lists[i], uint32(want)); !ok {
			return false
		}
	}
	return true
}

func (p *phrase) occurrences() float64 {
	n := 0.0
	for f := range p.s.fields {
		n += float64(p.s.scoring.boosts[f] * float64(p.counts[f]))
	}
	return n * p.scale
}

func (p *phrase) atLeast(target uint32) uint32 {
	row := uint32(0)
	for _, c := range p.terms {
		row = max(row, c.atLeast(target))
	}
	return row
}

// boundIn is that of the term that bounds best: a phrase is in a row no more often than its
// rarest term.
func (p *phrase) boundIn(from, to uint32) float64 {
	least := p.s.scoring.gain
	for _, c := range p.terms {
		least = min(least, c.boundIn(from, to))
	}
	return least
}

func (p *phrase) until(target uint32) uint32 {
	row := uint32(noRow - 1)
	for _, c := range p.terms {
		row = min(row, c.until(target))
	}
	return row
}
