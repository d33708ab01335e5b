package segment

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// maxImpacts bounds a summary. More would be tighter, and larger.
const maxImpacts = 4

// impact stands for postings whose first field holds the term count times at most, and has
// length terms at least.
type impact struct{ count, length uint32 }

// summary is what a bound on the scores of some postings needs to know of them, whatever the
// statistics and the boosts are by then: every posting is below one of the impacts, holds the
// term most[f] times at most in field f, which has least[f] terms at least. The first field
// has impacts instead.
type summary struct {
	impacts []impact // counts and lengths ascend; none: nothing is known
	most    [MaxFields]uint32
	least   [MaxFields]uint32
}

// add takes a posting in: its counts and lengths by field.
func (s *summary) add(counts, lengths []uint32) {
	if len(s.impacts) == 0 {
		copy(s.least[1:], lengths[1:])
	}
	for f := 1; f < len(counts); f++ {
		s.most[f] = max(s.most[f], counts[f])
		s.least[f] = min(s.least[f], lengths[f])
	}
	s.impacts = append(s.impacts, impact{counts[0], lengths[0]})
}

// merge takes in all that another one stands for.
func (s *summary) merge(o *summary, fields int) {
	if len(s.impacts) == 0 {
		s.least = o.least
	}
	for f := 1; f < fields; f++ {
		s.most[f] = max(s.most[f], o.most[f])
		s.least[f] = min(s.least[f], o.least[f])
	}
	s.impacts = append(s.impacts, o.impacts...)
}

// reduce leaves the impacts that no other one covers, and joins neighbours until they are few.
func (s *summary) reduce() {
	slices.SortFunc(s.impacts, func(a, b impact) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.length, b.length))
	})
	kept := s.impacts[:0]
	for _, p := range s.impacts { // the largest count first: a smaller one must be shorter
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
	s.impacts = kept
}

// loss says how much a bound suffers when a counts as often as b: by how much the count grows.
func loss(a, b impact) uint64 { return uint64(b.count-a.count) << 16 / uint64(b.count) }

// append writes the summary of postings of a segment with so many fields. Fields beyond the
// first that mask lacks hold no term.
func (s *summary) append(dst []byte, fields int, mask uint8) []byte {
	dst = append(dst, byte(len(s.impacts)))
	if len(s.impacts) == 0 {
		return dst
	}
	var last impact
	for _, p := range s.impacts {
		dst = binary.AppendUvarint(dst, uint64(p.count-last.count))
		dst = binary.AppendUvarint(dst, uint64(p.length-last.length))
		last = p
	}
	for f := 1; f < fields; f++ {
		if mask>>f&1 == 1 {
			dst = binary.AppendUvarint(dst, uint64(s.most[f]))
		}
		dst = binary.AppendUvarint(dst, uint64(s.least[f]))
	}
	return dst
}

// read reads what append wrote.
func (s *summary) read(r *reader, fields int, mask uint8) {
	n := int(r.byte())
	*s = summary{impacts: s.impacts[:0]}
	if n > maxImpacts {
		r.bad("a summary has %d impacts, at most %d", n, maxImpacts)
		return
	}
	var last impact
	for range n {
		last.count += r.u32()
		last.length += r.u32()
		s.impacts = append(s.impacts, last)
	}
	for f := 1; f < fields && n > 0; f++ {
		if mask>>f&1 == 1 {
			s.most[f] = r.u32()
		}
		s.least[f] = r.u32()
	}
}
