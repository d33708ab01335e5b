package storage

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lodedb/lode"
)

// A collection's rows and silver lie in segments. One segment grows: what is staged goes
// there. [Tx.Seal] closes it to new versions; once no version is being staged in it, its
// members are fixed, every node builds the same sealed file from them ([Store.BuildSegment]),
// and [Tx.PutSealed] names that file. From then on the growing file is not needed.
//
// [Tx.Merge] begins a segment that takes the place of sealed ones. What goes into its file is
// fixed by that log entry; it is built and named as the file of any other. Versions go on
// naming the segment they were staged in, which leads to the one that has its rows now.

// SegmentState says how far a segment is.
type SegmentState uint8

// The states, in order.
const (
	SegmentGrowing SegmentState = iota + 1 // new versions are staged in it
	SegmentSealing                         // closed to new versions, not yet a sealed file
	SegmentSealed                          // in a sealed file
	SegmentMerging                         // to be built from its inputs, not yet a sealed file
	SegmentMerged                          // in the sealed file of another segment
)

// String is the state in a word.
func (s SegmentState) String() string {
	switch s {
	case SegmentGrowing:
		return "growing"
	case SegmentSealing:
		return "sealing"
	case SegmentSealed:
		return "sealed"
	case SegmentMerging:
		return "merging"
	case SegmentMerged:
		return "merged"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// Segment describes a segment of a collection, the same on every node.
type Segment struct {
	ID    lode.SegmentID `cbor:"1,keyasint"`
	State SegmentState   `cbor:"2,keyasint"`
	// Pending versions are being staged in it; Members are shown, or were when it closed. Of
	// one that is merging, Members are those that were dropped since it began.
	Pending int `cbor:"3,keyasint"`
	Members int `cbor:"4,keyasint"`
	// Bytes were staged in it, rows and silver together; of a merged one they are its file's.
	Bytes int64 `cbor:"5,keyasint"`
	// ClosedAt is the log entry that fixed what is in it, 0 before.
	ClosedAt uint64 `cbor:"6,keyasint,omitempty"`
	// Hash names the sealed file, which has FileBytes.
	Hash      lode.Hash `cbor:"7,keyasint"`
	FileBytes int64     `cbor:"8,keyasint,omitempty"`
	// PutAt is the log entry that put its last row or silver: a growing file that has seen it
	// holds everything.
	PutAt uint64 `cbor:"9,keyasint,omitempty"`
	// Inputs are the segments that this one takes the place of; none for one that grew.
	Inputs []lode.SegmentID `cbor:"10,keyasint,omitempty"`
	// Into is the segment that is merging this one, or has its rows when it is merged.
	Into lode.SegmentID `cbor:"11,keyasint,omitempty"`
	// Rows are those of the members; FileRows are in the sealed file, or will be in that of a
	// merging segment. What is between them is dead.
	Rows     int64 `cbor:"12,keyasint"`
	FileRows int64 `cbor:"13,keyasint,omitempty"`
}

// grown reports whether versions are, or were, staged in the segment.
func (s *Segment) grown() bool { return len(s.Inputs) == 0 }

// hasGrowing reports whether what is in the segment lies in a growing file.
func (s *Segment) hasGrowing() bool { return s.State == SegmentGrowing || s.State == SegmentSealing }

// LiveBytes is about how much of the sealed file is of versions that are still there.
func (s *Segment) LiveBytes() int64 {
	if s.FileRows == 0 {
		return s.FileBytes // silver of empty documents
	}
	return int64(float64(s.FileBytes) * (float64(s.Rows) / float64(s.FileRows)))
}

// Closed reports whether what is in the segment is fixed.
func (s *Segment) Closed() bool { return s.ClosedAt != 0 }

// memberRecord is a version whose rows count, and what the builder needs to know about it.
type memberRecord struct {
	Epoch    uint32     `cbor:"1,keyasint"`
	FirstRow lode.RowID `cbor:"2,keyasint"`
	Rows     int        `cbor:"3,keyasint"`
	// Dropped is the log entry that dropped the version after the segment closed: the sealed
	// file still gets its rows, so that it is the same on every node.
	Dropped uint64 `cbor:"4,keyasint,omitempty"`
	// From is set for a version that was dropped while its segment was being merged: the input
	// that has its rows. Such a record stands under the merging segment.
	From lode.SegmentID `cbor:"5,keyasint,omitempty"`
}

// String is the segment as its file is named.
func (k segmentKey) String() string { return fmt.Sprintf("%d-%d", k.collection, k.segment) }

func parseSegmentKey(name string) (k segmentKey, ok bool) {
	c, s, _ := strings.Cut(name, "-")
	collection, err := strconv.ParseUint(c, 10, 64)
	if err != nil {
		return k, false
	}
	segment, err := strconv.ParseUint(s, 10, 64)
	k = segmentKey{lode.CollectionID(collection), lode.SegmentID(segment)}
	return k, err == nil && k.String() == name
}

func compareSegments(a, b segmentKey) int {
	return cmp.Or(cmp.Compare(a.collection, b.collection), cmp.Compare(a.segment, b.segment))
}

// emptyBytes must have been staged in a growing segment before it goes when nothing is left
// in it: one that is small is used on, as its file costs more than its garbage.
const emptyBytes = 1 << 20

// segmentState is a segment's record within a transaction, written once at its end.
type segmentState struct {
	Segment
	exists, changed bool
}

// segment returns the record of a segment; exists is false where there is none.
func (t *Tx) segment(k segmentKey) (*segmentState, error) {
	if s := t.segments[k]; s != nil {
		return s, nil
	}
	b := bucket{t, space{segmentsBucket, segmentKey{collection: k.collection}}}
	r, err := getRecord[Segment](b, kindSegment, segmentNoKey(k.segment))
	if err != nil {
		return nil, err
	}
	s := &segmentState{}
	if r != nil {
		s.Segment, s.exists = *r, true
	}
	if t.segments == nil {
		t.segments = map[segmentKey]*segmentState{}
	}
	t.segments[k] = s
	return s, nil
}

// flushSegments writes the changed records. Many rows change one record.
func (t *Tx) flushSegments() error {
	for k, s := range t.segments {
		if !s.changed {
			continue
		}
		b := bucket{t, space{segmentsBucket, segmentKey{collection: k.collection}}}
		if !s.exists {
			b.delete(segmentNoKey(k.segment))
		} else if err := putRecord(b, kindSegment, segmentNoKey(k.segment), &s.Segment); err != nil {
			return err
		}
		s.changed = false
	}
	return nil
}

// Segments returns the segments of a collection, ascending, without those that are merged: a
// version that names one of these lies in [Tx.Home].
func (t *Tx) Segments(c lode.CollectionID) ([]Segment, error) {
	all, err := t.allSegments(c)
	return slices.DeleteFunc(all, func(s Segment) bool { return s.State == SegmentMerged }), err
}

// allSegments is Segments with those that are merged.
func (t *Tx) allSegments(c lode.CollectionID) ([]Segment, error) {
	b, err := t.shelf(c, segmentsBucket)
	if err != nil {
		return nil, err
	}
	if t.edit != nil {
		if err := t.flushSegments(); err != nil {
			return nil, err
		}
	}
	var all []Segment
	err = b.scanAll(nil, func(k, raw []byte) error {
		var s Segment
		if err := decodeRecord(kindSegment, raw, &s); err != nil {
			return recordError(kindSegment, k, err)
		}
		all = append(all, s)
		return nil
	})
	return all, err
}

// growingSegment returns the segment in which new versions are staged, made when there is
// none.
func (t *Tx) growingSegment(c lode.CollectionID) (*segmentState, error) {
	counters, err := t.shelfForWrite(c, countersBucket)
	if err != nil {
		return nil, err
	}
	last, err := getRecord[counterRecord](counters, kindCounter, growingSegmentKey)
	if err != nil {
		return nil, err
	}
	if last != nil {
		s, err := t.segment(segmentKey{c, lode.SegmentID(last.Last)})
		if err != nil || s.exists && s.State == SegmentGrowing {
			return s, err
		}
	}
	id, err := next(counters, lastSegmentKey, 1)
	if err != nil {
		return nil, err
	}
	s, err := t.segment(segmentKey{c, lode.SegmentID(id)})
	if err != nil {
		return nil, err
	}
	*s = segmentState{Segment: Segment{ID: lode.SegmentID(id), State: SegmentGrowing}, exists: true, changed: true}
	return s, putRecord(counters, kindCounter, growingSegmentKey, &counterRecord{Last: id})
}

// Place gives a version the segment in which it is staged, unless it has one. The caller
// stores v afterwards, with [Tx.PutVersion].
func (t *Tx) Place(c lode.CollectionID, v *lode.DocVersion) error {
	if v.Segment != 0 {
		return nil
	}
	s, err := t.growingSegment(c)
	if err != nil {
		return err
	}
	v.Segment = s.ID
	return nil
}

// moveVersion keeps the segments' counts and members in step with the record of a version;
// before and after may be nil.
func (t *Tx) moveVersion(c lode.CollectionID, before, after *lode.DocVersion) error {
	if before != nil && before.Segment != 0 {
		if err := t.leaveSegment(c, before, after); err != nil {
			return err
		}
	}
	if after == nil || after.Segment == 0 {
		return nil
	}
	k := segmentKey{c, after.Segment}
	s, err := t.segment(k)
	if err != nil {
		return err
	}
	if !s.exists {
		return lode.Errorf(lode.CodeInternal, "version %s is placed in segment %s, which does not exist", versionName(after.Doc, after.Version), k)
	}
	s.changed = true
	if after.State != lode.StateReady {
		s.Pending++
		return nil
	}
	member := &memberRecord{Epoch: after.Epoch, FirstRow: after.FirstRow, Rows: after.Chunks}
	key := memberKey(after.Segment, after.Doc, after.Version)
	b := bucket{t, space{membersBucket, segmentKey{collection: c}}}
	if b.getOf(after.Doc, key) == nil {
		s.Members, s.Rows = s.Members+1, s.Rows+int64(after.Chunks)
	}
	if err := putRecord(b, kindMember, key, member); err != nil {
		return err
	}
	return t.settleSegment(s)
}

// leaveSegment takes a version out of its segment, as far as it does not stay in it.
func (t *Tx) leaveSegment(c lode.CollectionID, v, after *lode.DocVersion) error {
	k := segmentKey{c, v.Segment}
	s, err := t.segment(k)
	if err != nil {
		return err
	}
	if !s.exists {
		return lode.Errorf(lode.CodeCorrupt, "version %s lies in segment %s, which does not exist", versionName(v.Doc, v.Version), k)
	}
	s.changed = true
	if v.State != lode.StateReady {
		s.Pending--
		if after != nil && after.Segment == v.Segment {
			return nil // counted again at once, pending or as a member
		}
		return t.settleSegment(s)
	}
	if after != nil && after.Segment == v.Segment && after.State == lode.StateReady {
		return nil
	}
	return t.dropMember(k, s, v)
}

func (t *Tx) dropMember(k segmentKey, s *segmentState, v *lode.DocVersion) error {
	b := bucket{t, space{membersBucket, segmentKey{collection: k.collection}}}
	key := memberKey(k.segment, v.Doc, v.Version)
	m, err := getRecord[memberRecord](b, kindMember, key)
	if err != nil {
		return err
	}
	if m == nil {
		return lode.Errorf(lode.CodeCorrupt, "version %s is no member of segment %s", versionName(v.Doc, v.Version), k)
	}
	if s.State == SegmentSealing && s.Closed() {
		m.Dropped = t.entry
		return putRecord(b, kindMember, key, m)
	}
	b.delete(key)
	s.Members, s.Rows = s.Members-1, s.Rows-int64(m.Rows)
	if err := t.leaveHome(k, s, v, m); err != nil {
		return err
	}
	return t.settleSegment(s)
}

// settleSegment closes a segment that nothing is staged in any more, and forgets one of
// which nothing is left.
func (t *Tx) settleSegment(s *segmentState) error {
	switch {
	case s.Pending < 0 || s.Members < 0 || s.Rows < 0:
		return lode.Errorf(lode.CodeCorrupt, "segment %d counts %d pending versions, %d members and %d rows", s.ID, s.Pending, s.Members, s.Rows)
	case s.State == SegmentSealing && !s.Closed() && s.Pending == 0 && s.Members > 0:
		s.ClosedAt = t.entry
	case s.State == SegmentSealing && !s.Closed() && s.Pending == 0:
		s.exists = false
	case s.State == SegmentMerged && s.Members == 0, s.State == SegmentSealed && s.Members == 0 && s.Into == 0:
		s.exists = false // one that is being merged is needed for what was in it
	case s.State == SegmentGrowing && s.Pending == 0 && s.Members == 0 && s.Bytes >= emptyBytes:
		s.exists = false // what is in it is garbage, and enough of it
	}
	return nil
}
