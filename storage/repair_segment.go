package storage

import (
	"bytes"
	"fmt"

	"github.com/lodedb/lode"
)

// segments compares the counts of segments; what else their records say is not derived.
func (s *shelfDerivation) segments() error {
	if s.blind {
		return nil
	}
	b := s.in(segmentsBucket)
	merged := map[lode.SegmentID]*Segment{} // what leads to them
	err := b.scanAll(nil, func(k, raw []byte) error {
		if r := find[Segment](b, k); r != nil && r.State == SegmentMerged {
			n := s.segment(r.ID)
			if merged[r.Into] == nil {
				merged[r.Into] = &Segment{}
			}
			merged[r.Into].Members, merged[r.Into].Rows = merged[r.Into].Members+n.Members, merged[r.Into].Rows+n.Rows
		}
		return nil
	})
	if err != nil {
		return err
	}
	return b.scanAll(nil, func(k, raw []byte) error {
		r := find[Segment](b, k)
		if r == nil || !bytes.Equal(k, segmentNoKey(r.ID)) {
			return nil
		}
		held := s.segment(r.ID)
		switch {
		case r.State == SegmentMerging:
			held.Rows = 0 // those of dropped versions are not counted
		case r.State == SegmentSealed && !r.grown() && merged[r.ID] != nil:
			held = merged[r.ID]
		}
		return s.count(b, k, r, held)
	})
}

// count compares the counts of a segment with what is held in it.
func (s *shelfDerivation) count(b bucket, k []byte, r, held *Segment) error {
	if r.Pending == held.Pending && r.Members == held.Members && r.Rows == held.Rows {
		return nil
	}
	if (r.State == SegmentSealed && r.Into == 0 || r.State == SegmentMerged) && held.Pending == 0 && held.Members == 0 {
		s.edit(b.s, k, nil, s.where(segmentsBucket), fmt.Sprintf("is %s and has no members", r.State), "removed")
		return nil
	}
	what := fmt.Sprintf("counts %d pending versions, %d members and %d rows, there are %d, %d and %d",
		r.Pending, r.Members, r.Rows, held.Pending, held.Members, held.Rows)
	r.Pending, r.Members, r.Rows = held.Pending, held.Members, held.Rows
	is, err := encodeRecord(kindSegment, r)
	if err != nil {
		return err
	}
	s.edit(b.s, k, is, s.where(segmentsBucket), what, "counted again")
	return nil
}
