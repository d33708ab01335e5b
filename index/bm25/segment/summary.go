package segment

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// maxImpacts bounds a class. More would be tighter, and larger.
const maxImpacts = 4

// impact stands for postings whose first field holds the term count times at most, and has
// length terms at least.
type impact struct{ count, length uint32 }

// summary is what a bound on the scores of some postings needs to know of them, whatever the
// statistics and the boosts are by then. Rows that hold the term in other fields than the first,
// such as a title, are a class of their own: they score more, and are few.
type summary [2]class

// class covers postings: each is below one of the impacts, holds the term most[f] times at most
// in field f, which has least[f] terms at least. The first field has impacts instead.
type class struct {
	impacts []impact // counts and lengths ascend
	most    [MaxFields]uint32
	least   [MaxFields]uint32
}

// classOf is 1 for postings with a count beyond the first field.
func classOf(counts []uint32) int {
	for _, n := range counts[1:] {
		if n > 0 {
			return 1
		}
	}
	return 0
}

// add takes a posting in: its counts and lengths by field.
func (s *summary) add(counts, lengths []uint32) {
	c := &s[classOf(counts)]
	if len(c.impacts) == 0 {
		copy(c.least[1:], lengths[1:])
	}
	for f := 1; f < len(counts); f++ {
		c.most[f] = max(c.most[f], counts[f])
		c.least[f] = min(c.least[f], lengths[f])
	}
	c.impacts = append(c.impacts, impact{counts[0], lengths[0]})
}

// merge takes in all that another one stands for.
func (s *summary) merge(o *summary, fields int) {
	for i := range s {
		c, from := &s[i], &o[i]
		if len(from.impacts) == 0 {
			continue
		}
		if len(c.impacts) == 0 {
			c.least = from.least
		}
		for f := 1; f < fields; f++ {
			c.most[f] = max(c.most[f], from.most[f])
			c.least[f] = min(c.least[f], from.least[f])
		}
		c.impacts = append(c.impacts, from.impacts...)
	}
}

// reset forgets everything but the memory.
func (s *summary) reset() {
	for i := range s {
		s[i] = class{impacts: s[i].impacts[:0]}
	}
}

func (s *summary) reduce() {
	s[0].reduce()
	s[1].reduce()
}

// reduce leaves the impacts that no other one covers, and joins neighbours until they are few.
func (c *class) reduce() {
	slices.SortFunc(c.impacts, func(a, b impact) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.length, b.length))
	})
	kept := c.impacts[:0]
	for _, p := range c.impacts { // the largest count first: a smaller one must be shorter
		if len(kept) == 0 || p.length < kept[len(kept)-1].length {
			kept = append(kept, p)
		}
	}
	slices.Reverse(kept)
	for len(kept) > maxImpacts {
		best := 0
		for i := 1; i+1 < len(kept); i++ {
			if loss(kept[i], kept[i+1]) < loss(kept[best], kept[best+1]) {
				best = i
			}
		}
		kept[best+1].length = kept[best].length
		kept = slices.Delete(kept, best, best+1)
	}
	c.impacts = kept
}

// loss says how much a bound suffers when a counts as often as b: by how much the count grows.
func loss(a, b impact) uint64 { return uint64(b.count-a.count) << 16 / uint64(max(b.count, 1)) }

// append writes the summary of postings of a segment with so many fields. Fields beyond the
// first that mask lacks hold no term; where it has none, there is one class.
func (s *summary) append(dst []byte, fields int, mask uint8) []byte {
	for i := range s[:classes(mask)] {
		c := &s[i]
		dst = append(dst, byte(len(c.impacts)))
		var last impact
		for _, p := range c.impacts {
			dst = binary.AppendUvarint(dst, uint64(p.count-last.count))
			dst = binary.AppendUvarint(dst, uint64(p.length-last.length))
			last = p
		}
		for f := 1; f < fields && len(c.impacts) > 0; f++ {
			if i == 1 && mask>>f&1 == 1 {
				dst = binary.AppendUvarint(dst, uint64(c.most[f]))
			}
			dst = binary.AppendUvarint(dst, uint64(c.least[f]))
		}
	}
	return dst
}

// classes is how many classes a summary has for fields that hold a term.
func classes(mask uint8) int {
	if mask>>1 == 0 {
		return 1
	}
	return 2
}

// read reads what append wrote.
func (s *summary) read(r *reader, fields int, mask uint8) {
	s.reset()
	for i := range s[:classes(mask)] {
		c := &s[i]
		n := int(r.byte())
		if n > maxImpacts {
			r.bad("a summary has %d impacts, at most %d", n, maxImpacts)
			return
		}
		var last impact
		for range n {
			last.count += r.u32()
			last.length += r.u32()
			c.impacts = append(c.impacts, last)
		}
		for f := 1; f < fields && n > 0; f++ {
			if i == 1 && mask>>f&1 == 1 {
				c.most[f] = r.u32()
			}
			c.least[f] = r.u32()
		}
	}
}

// covers reports whether a posting is within the summary.
func (s *summary) covers(counts, lengths []uint32) bool {
	c := &s[classOf(counts)]
	for f := 1; f < len(counts); f++ {
		if counts[f] > c.most[f] || lengths[f] < c.least[f] {
			return false
		}
	}
	return slices.ContainsFunc(c.impacts, func(p impact) bool { return counts[0] <= p.count && lengths[0] >= p.length })
}
