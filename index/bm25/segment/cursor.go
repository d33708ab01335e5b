package segment

import (
	"math/bits"
	"slices"
	"sync"

	"github.com/lodedb/lode/index"
)

// partSearch is a search over one part.
type partSearch struct {
	scoring *scoring
	rows    rowReader
	fields  int
	allow   *index.Bitset // nil: all
	base    uint32        // of the part's rows among all
	order   []uint32      // or their places; see View
	top     *index.TopK
	limit   float64 // what hopeless compares with
	err     error   // the first; everything ends then
	cursors []*cursor
	one     struct { // what length asks
		row    [1]uint32
		length [1]float64
	}
}

// fail keeps the first error.
func (s *partSearch) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// hopeless reports whether rows of a score at most so large cannot be found any more. Mostly rows
// come in order, so that one that is as good as the worst held comes after it.
func (s *partSearch) hopeless(score float64) bool { return score <= s.limit }

// offer proposes a row, after all rows before it.
func (s *partSearch) offer(row uint32, score float64) {
	ordinal := s.base + row
	if s.order != nil {
		ordinal = s.order[row]
	}
	s.top.Offer(index.Candidate{Ordinal: ordinal, Score: float32(score)})
	s.setLimit()
}

// setLimit takes as much off the worst score as the rounding of bounds and sums may add. Where rows
// do not come in order one that is as good as the worst may be found: then the limit is a score
// that is rounded to less.
func (s *partSearch) setLimit() {
	margin := 1 - 0x1p-30
	if s.order != nil {
		margin = 1 - 0x1p-22
	}
	if s.limit = -1; s.top.Full() {
		s.limit = float64(s.top.Worst().Score) * margin
	}
}

// moreMargin makes sure that a row of which something was left out as hopeless is found to be
// hopeless when what is left is added up.
const moreMargin = 1 + 0x1p-28

// visible has a bit for each of the 64 rows from 64·i that may be found.
func (s *partSearch) visible(i uint32) uint64 {
	word := ^s.rows.deadWord(i)
	if s.allow != nil {
		word &= s.allow.Word(int(i))
	}
	return word
}

func (s *partSearch) isVisible(row uint32) bool { return s.visible(row/64)>>(row%64)&1 == 1 }

// cursor scores the rows that hold a term, in ascending order.
type cursor struct {
	s             *partSearch
	p             postings
	weight, scale float64 // of the term, and of one occurrence
	whole         float64 // bound on all rows

	first, last uint32 // of the current block
	begun       bool
	ended       bool
	b           *block // the current one, once it is decoded
	at          int
	bound       float64 // on the current block, if hasBound
	hasBound    bool
	hasValues   bool
	placed      bool                   // the positions of the current block can be read
	values      [blockPostings]float64 // scores of the current block, if hasValues
	sealed      sealedPostings         // that p may be
}

// cursors are kept for the next search.
var cursors = sync.Pool{New: func() any { return new(cursor) }}

func newCursor(s *partSearch, e entry, weight, scale float64) *cursor {
	c := cursors.Get().(*cursor)
	c.s, c.weight, c.scale = s, weight, scale
	c.begun, c.ended, c.b = false, false, nil
	c.p = e.open(c)
	c.whole = weight * s.scoring.bound(c.p.whole(), scale)
	s.cursors = append(s.cursors, c)
	return c
}

// release gives the cursors back.
func (s *partSearch) release() {
	for _, c := range s.cursors {
		c.s, c.p, c.b = nil, nil, nil
		c.sealed.r, c.sealed.data, c.sealed.block.positions = nil, nil, nil
		cursors.Put(c)
	}
	s.cursors = nil
}

// move goes to the block with the first row from target on, or is false.
func (c *cursor) move(target uint32) bool {
	if c.ended || c.begun && target <= c.last {
		return !c.ended
	}
	ok, err := c.p.seek(target)
	if err != nil {
		c.s.fail(err)
	}
	if !ok || err != nil {
		c.ended = true
		return false
	}
	c.begun = true
	c.first, c.last = c.p.span()
	c.b, c.at, c.hasBound, c.hasValues, c.placed = nil, 0, false, false, false
	return true
}

// load decodes the current block.
func (c *cursor) load() bool {
	if c.b != nil {
		return true
	}
	b, err := c.p.decode()
	if err != nil {
		c.s.fail(err)
		c.ended = true
		return false
	}
	c.b = b
	return true
}

// next returns the first row from target on that holds the term, or noRow.
func (c *cursor) next(target uint32) uint32 {
	if !c.move(target) || !c.load() {
		return noRow
	}
	c.at = c.b.find(target)
	return c.b.rows[c.at]
}

// atLeast is a row that the first one from target on is not below, found without decoding.
func (c *cursor) atLeast(target uint32) uint32 {
	if !c.move(target) {
		return noRow
	}
	if c.b != nil {
		return c.next(target)
	}
	return max(target, c.first)
}

// occurrences is how much the row that next returned counts, all its fields together.
func (c *cursor) occurrences() float64 {
	c.p.readCounts()
	n := 0.0
	for f := range c.s.fields {
		n += float64(c.s.scoring.boosts[f] * float64(c.b.count(f, c.at)))
	}
	return n * c.scale
}

// score is what the term gives to the row that next returned.
func (c *cursor) score() float64 {
	if c.hasValues {
		return c.values[c.at]
	}
	n := c.occurrences()
	if n == 0 {
		return 0
	}
	return float64(c.weight * c.s.scoring.saturate(n, c.s.length(c.b.rows[c.at])))
}

// length is the length of a row as scores see it.
func (s *partSearch) length(row uint32) float64 {
	s.one.row[0], s.one.length[0] = row, 0
	if err := s.rows.addLengths(s.one.length[:], s.one.row[:], s.scoring.boosts[:s.fields]); err != nil {
		s.fail(err)
	}
	return s.one.length[0]
}

// evaluate scores all rows of the current block.
func (c *cursor) evaluate() bool {
	if c.hasValues {
		return true
	}
	if !c.load() {
		return false
	}
	n := c.b.n
	var lengths [blockPostings]float64
	if err := c.s.rows.addLengths(lengths[:n], c.b.rows[:n], c.s.scoring.boosts[:c.s.fields]); err != nil {
		c.s.fail(err)
		c.ended = true
		return false
	}
	c.p.readCounts()
	values := c.values[:n]
	clear(values)
	for f := range c.s.fields {
		if boost := c.s.scoring.boosts[f]; c.b.mask>>f&1 == 1 && boost > 0 {
			for i, count := range c.b.counts[f][:n] {
				values[i] += float64(boost * float64(count))
			}
		}
	}
	for i, count := range values {
		if count *= c.scale; count > 0 {
			values[i] = float64(c.weight * c.s.scoring.saturate(count, lengths[i]))
		}
	}
	c.hasValues = true
	return true
}

// blockBound is what rows of the current block score at most.
func (c *cursor) blockBound() float64 {
	if c.hasBound {
		return c.bound
	}
	c.hasBound = true
	m, err := c.p.summary()
	if err != nil {
		c.s.fail(err)
	}
	if m != nil {
		c.bound = c.weight * c.s.scoring.bound(m, c.scale)
		return c.bound
	}
	c.bound = c.whole
	if c.evaluate() { // few, or in memory
		c.bound = slices.Max(c.values[:c.b.n])
	}
	return c.bound
}

// boundIn is what rows from one to before another score at most.
func (c *cursor) boundIn(from, to uint32) float64 {
	switch {
	case !c.move(from) || c.atLeast(from) >= to:
		return 0
	case c.last >= to-1:
		return min(c.whole, c.blockBound())
	}
	most, ok := c.p.boundAhead(to, c.s.scoring, c.scale)
	if !ok {
		return c.whole
	}
	return min(c.whole, c.weight*most)
}

// fill adds the scores of the rows of a window. Blocks whose rows cannot be found although the
// other terms give them rest are left out; what the window then lacks of such a row makes it
// only more hopeless.
func (c *cursor) fill(w *window, own []float64, rest float64) {
	for from := w.start; from < w.end; from = c.last + 1 {
		if !c.move(from) || c.first >= w.end {
			return
		}
		if c.s.limit > 0 && c.s.hopeless((rest+c.blockBound())*moreMargin) {
			continue
		}
		if !c.evaluate() {
			return
		}
		i := c.b.find(from)
		rows := c.b.rows[i:c.b.n]
		values := c.values[i:c.b.n]
		for j, row := range rows {
			at := row - w.start
			if at >= windowRows {
				return
			}
			w.sums[at] += values[j]
			w.found[at/64] |= 1 << (at % 64)
			if own != nil {
				own[at] = values[j]
			}
		}
	}
}

// fewAlive is the number of rows up to which each is looked for in a block.
const fewAlive = 6

// refine decodes a block only if a row in it is alive and not hopeless with what bounds the block.
func (c *cursor) refine(w *window, own []float64, rest float64) {
	for from := w.start; from < w.end; from = c.last + 1 {
		if !c.move(from) || c.first >= w.end {
			return
		}
		start, end := max(from, c.first)-w.start, min(c.last, w.end-1)-w.start
		n := w.hopeful(c, start, end, rest)
		if n == 0 {
			continue
		}
		if !c.load() {
			return
		}
		if n <= fewAlive {
			w.eachAlive(start, end, func(at uint32) {
				if c.at = c.b.find(w.start + at); c.b.rows[c.at] == w.start+at {
					c.give(w, own, at)
				}
			})
			continue
		}
		for i := c.b.find(w.start + start); i < c.b.n; i++ {
			at := c.b.rows[i] - w.start
			if at > end {
				break
			}
			if w.alive[at/64]>>(at%64)&1 == 1 {
				c.at = i
				c.give(w, own, at)
			}
		}
	}
}

// give adds the score of the row that the cursor stands at.
func (c *cursor) give(w *window, own []float64, at uint32) {
	own[at] = c.score()
	w.sums[at] += own[at]
}

// hopeful counts the rows from one place of the window to another that are alive and not hopeless
// with the bound on the current block and rest.
func (w *window) hopeful(c *cursor, start, end uint32, rest float64) (n int) {
	if !w.anyAlive(start, end) {
		return 0
	}
	bound := c.blockBound() + rest
	w.eachAlive(start, end, func(at uint32) {
		if !c.s.hopeless((w.sums[at] + bound) * moreMargin) {
			n++
		}
	})
	return n
}

// anyAlive reports whether a row from one place of the window to another is alive.
func (w *window) anyAlive(start, end uint32) bool {
	first, last := start/64, end/64
	head, tail := ^uint64(0)<<(start%64), ^uint64(0)>>(63-end%64)
	if first == last {
		return w.alive[first]&head&tail != 0
	}
	for _, word := range w.alive[first+1 : last] {
		if word != 0 {
			return true
		}
	}
	return w.alive[first]&head|w.alive[last]&tail != 0
}

// eachAlive calls f with the rows from one place of the window to another that are alive.
func (w *window) eachAlive(start, end uint32, f func(at uint32)) {
	for i := start / 64; i <= end/64; i++ {
		word := w.alive[i]
		if i == start/64 {
			word &= ^uint64(0) << (start % 64)
		}
		if i == end/64 {
			word &= ^uint64(0) >> (63 - end%64)
		}
		for ; word != 0; word &= word - 1 {
			f(i*64 + uint32(bits.TrailingZeros64(word)))
		}
	}
}

// windowRows is the number of rows that are scored together: their sums stay in the first
// cache, and between two windows a search looks at its context.
const windowRows = 4096

// window is the rows from start to before end, and the sums of scores that they have so far.
type window struct {
	start, end uint32
	sums       [windowRows]float64
	found      [windowRows / 64]uint64
	alive      [windowRows / 64]uint64 // rows that may be in the answer
	own        [][]float64             // by scorer, what it alone gave; where it is kept
}

// allowed is how many rows of the window may be found.
func (s *partSearch) allowed(start, end uint32) (n int) {
	for i := start / 64; i*64 < end; i++ {
		n += bits.OnesCount64(s.visible(i) & within(int(i), int(end)))
	}
	return n
}
