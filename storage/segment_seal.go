package storage

import "github.com/lodedb/lode"

// Seal closes the growing segment of a collection to new versions. It returns 0 when it
// holds nothing, and [lode.CodeConflict] while an earlier one is not sealed yet: at most two
// segments of a collection are unsealed.
func (t *Tx) Seal(c lode.CollectionID) (lode.SegmentID, error) {
	if err := t.needWrite(); err != nil {
		return 0, err
	}
	all, err := t.Segments(c)
	if err != nil {
		return 0, err
	}
	var growing lode.SegmentID
	for _, s := range all {
		switch s.State {
		case SegmentSealing:
			return 0, lode.Errorf(lode.CodeConflict, "segment %d is being sealed", s.ID)
		case SegmentGrowing:
			growing = s.ID
		}
	}
	if growing == 0 {
		return 0, nil
	}
	k := segmentKey{c, growing}
	s, err := t.segment(k)
	if err != nil || s.Pending == 0 && s.Members == 0 {
		return 0, err
	}
	s.State, s.changed = SegmentSealing, true
	return growing, t.settleSegment(s)
}

// awaitsFile reports whether what is in the segment is fixed, and not yet in a sealed file.
func (s *Segment) awaitsFile() bool {
	return s.Closed() && (s.State == SegmentSealing || s.State == SegmentMerging)
}

// PutSealed says in which file a closed segment, or a merging one, lies. A merged file takes
// the place of its inputs, whose files go once nobody reads them any more. A node that lacks the file builds it
// now; one that builds another is [lode.CodeCorrupt]. The same again changes nothing. A
// segment that is not there any more, because everything in it was dropped, is
// [lode.CodeNotFound], one that is not closed [lode.CodeConflict].
func (t *Tx) PutSealed(c lode.CollectionID, id lode.SegmentID, hash lode.Hash, fileBytes int64) error {
	if err := t.needWrite(); err != nil {
		return err
	}
	k := segmentKey{c, id}
	s, err := t.segment(k)
	switch {
	case err != nil:
		return err
	case !s.exists:
		return lode.NotFound("segment", k)
	case s.State == SegmentSealed && s.Hash == hash:
		return nil
	case !s.awaitsFile():
		return lode.Errorf(lode.CodeConflict, "segment %s is %s", k, s.State)
	}
	if err := t.ensureBuilt(k, hash); err != nil {
		return err
	}
	merged := s.State == SegmentMerging
	s.State, s.Hash, s.FileBytes, s.changed = SegmentSealed, hash, fileBytes, true
	if merged {
		return t.takeInputs(k, s)
	}
	s.FileRows = s.Rows
	return t.purgeDropped(k, s)
}

// purgeDropped forgets the members that were dropped while the segment was being built.
func (t *Tx) purgeDropped(k segmentKey, s *segmentState) error {
	b := bucket{t, space{membersBucket, segmentKey{collection: k.collection}}}
	err := b.scanAll(segmentNoKey(k.segment), func(key, raw []byte) error {
		var m memberRecord
		if err := decodeRecord(kindMember, raw, &m); err != nil {
			return recordError(kindMember, key, err)
		}
		if m.Dropped != 0 {
			b.delete(key)
			s.Members, s.Rows = s.Members-1, s.Rows-int64(m.Rows)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return t.settleSegment(s)
}
