package storage

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/lodedb/lode"
)

// MergePolicy says when sealed segments are merged. Segments of similar size are merged with
// each other, so that a row is written again once for each tier that it climbs, not once for
// each merge of its collection; a segment of which much is dead is written again whatever its
// size.
type MergePolicy struct {
	// Factor is what lies between two tiers, and how many segments of one are merged at least;
	// MaxInputs at most. The defaults are 4 and 8.
	Factor    int
	MaxInputs int
	// MaxBytes bounds what is alive in the inputs of one merge, so that it ends, and so that the
	// directory of a segment stays small. The default is 1 GiB.
	MaxBytes int64
	// DeadPercent of the rows of a file make it due. The default is 30.
	DeadPercent int
}

// Defaults of [MergePolicy].
const (
	DefaultMergeFactor      = 4
	DefaultMergeInputs      = 8
	DefaultMergeBytes       = 1 << 30
	DefaultMergeDeadPercent = 30
)

// smallestTierBytes are below the second tier: segments of less are alike.
const smallestTierBytes = 2 << 20

func (p *MergePolicy) ensureDefaults() {
	p.Factor = cmp.Or(p.Factor, DefaultMergeFactor)
	p.MaxInputs = cmp.Or(p.MaxInputs, DefaultMergeInputs)
	p.MaxBytes = cmp.Or(p.MaxBytes, DefaultMergeBytes)
	p.DeadPercent = cmp.Or(p.DeadPercent, DefaultMergeDeadPercent)
}

func (p *MergePolicy) validate() error {
	switch {
	case p.Factor < 2 || p.Factor > MaxMergeInputs:
		return lode.Invalid("factor", p.Factor, "factor must be 2 to %d", MaxMergeInputs)
	case p.MaxInputs < p.Factor || p.MaxInputs > MaxMergeInputs:
		return lode.Invalid("max_inputs", p.MaxInputs, "max_inputs must be the factor, %d, to %d", p.Factor, MaxMergeInputs)
	case p.MaxBytes < 1:
		return lode.Invalid("max_bytes", p.MaxBytes, "max_bytes must be at least 1")
	case p.DeadPercent < 1 || p.DeadPercent > 100:
		return lode.Invalid("dead_percent", p.DeadPercent, "dead_percent must be 1 to 100")
	}
	return nil
}

// MergeDue returns the inputs of the merge of a collection that is due next, nil when none is.
// Merges that are under way count: their inputs are left out. It reads the records of the
// segments and nothing else.
func (t *Tx) MergeDue(c lode.CollectionID, p MergePolicy) ([]lode.SegmentID, error) {
	p.ensureDefaults()
	if err := p.validate(); err != nil {
		return nil, err
	}
	all, err := t.Segments(c)
	if err != nil {
		return nil, err
	}
	return p.pick(all), nil
}

// pick chooses the smallest tier that is due, as it costs least and frees as many segments.
func (p *MergePolicy) pick(all []Segment) []lode.SegmentID {
	all = slices.DeleteFunc(all, func(s Segment) bool { return s.State != SegmentSealed || s.Into != 0 })
	slices.SortFunc(all, func(a, b Segment) int {
		return cmp.Or(cmp.Compare(a.LiveBytes(), b.LiveBytes()), cmp.Compare(a.ID, b.ID))
	})
	for start, end := 0, 0; start < len(all); start = end {
		tier := p.tier(&all[start])
		for end = start; end < len(all) && p.tier(&all[end]) == tier; end++ {
		}
		if inputs := p.fromTier(all[start:end]); inputs != nil {
			return inputs
		}
	}
	dead := slices.DeleteFunc(all, func(s Segment) bool { return !p.isDead(&s) })
	inputs, _ := p.fill(dead)
	return inputs
}

// tier is the number of times that a segment is Factor times larger than the smallest ones.
func (p *MergePolicy) tier(s *Segment) (tier int) {
	for size := s.LiveBytes() / smallestTierBytes; size > 0; size /= int64(p.Factor) {
		tier++
	}
	return tier
}

// fromTier merges enough segments of one tier, or as many as the largest merge takes when that
// is what stands in the way of more.
func (p *MergePolicy) fromTier(tier []Segment) []lode.SegmentID {
	if len(tier) < p.Factor {
		return nil
	}
	inputs, size := p.fill(tier)
	if len(inputs) >= p.Factor || len(inputs) > 1 && size > p.MaxBytes/2 {
		return inputs
	}
	return nil
}

// fill takes segments, smallest first, as long as a merge has room. One that is too large
// for any is taken alone.
func (p *MergePolicy) fill(segments []Segment) (inputs []lode.SegmentID, size int64) {
	for i := range segments {
		s := &segments[i]
		if len(inputs) > 0 && (len(inputs) == p.MaxInputs || size+s.LiveBytes() > p.MaxBytes) {
			break
		}
		inputs, size = append(inputs, s.ID), size+s.LiveBytes()
	}
	return inputs, size
}

// isDead reports whether so much of a file is dead that it is to be written again.
func (p *MergePolicy) isDead(s *Segment) bool {
	hi, dead := bits.Mul64(uint64(max(s.FileRows-s.Rows, 0)), 100)
	return hi > 0 || s.FileRows > 0 && dead > uint64(s.FileRows)*uint64(p.DeadPercent)
}
