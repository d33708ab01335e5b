package storage

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/lodedb/lode"
)

// A collection's rows and silver lie in segments. One segment grows: what is staged goes
// there. [Tx.Seal] closes it to new versions; once no version is being staged in it, its
// members are fixed, every node builds the same sealed file from them ([Store.BuildSegment]),
// and [Tx.PutSealed] names that file. From then on the growing file is not needed.

// SegmentState says how far a segment is.
type SegmentState uint8

// The states, in order.
const (
	SegmentGrowing SegmentState = iota + 1 // new versions are staged in it
	SegmentSealing                         // closed to new versions, not yet a sealed file
	SegmentSealed                          // in a sealed file
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
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// Segment describes a segment of a collection, the same on every node.
type Segment struct {
	ID    lode.SegmentID `cbor:"1,keyasint"`
	State SegmentState   `cbor:"2,keyasint"`
	// Pending versions are being staged in it; Members are shown, or were when it closed.
	Pending int `cbor:"3,keyasint"`
	Members int `cbor:"4,keyasint"`
	// Bytes were staged in it, rows and silver together.
	Bytes int64 `cbor:"5,keyasint"`
	// ClosedAt is the log entry that fixed what is in it, 0 before.
	ClosedAt uint64 `cbor:"6,keyasint,omitempty"`
	// Hash names the sealed file, which has FileBytes.
	Hash      lode.Hash `cbor:"7,keyasint"`
	FileBytes int64     `cbor:"8,keyasint,omitempty"`
	// PutAt is the log entry that put its last row or silver: a growing file that has seen it
	// holds everything.
	PutAt uint64 `cbor:"9,keyasint,omitempty"`
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

// Segments returns the segments of a collection, ascending.
func (t *Tx) Segments(c lode.CollectionID) ([]Segment, error) {
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
	last, err := getRecord[counterRecord](counters, kindCounter, lastSegmentKey)
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
	return s, nil
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
		s.Members++
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
	if s.State == SegmentSealing && s.Closed() {
		m, err := getRecord[memberRecord](b, kindMember, key)
		if err != nil {
			return err
		}
		if m == nil {
			return lode.Errorf(lode.CodeCorrupt, "version %s is no member of segment %s", versionName(v.Doc, v.Version), k)
		}
		m.Dropped = t.entry
		return putRecord(b, kindMember, key, m)
	}
	b.delete(key)
	s.Members--
	return t.settleSegment(s)
}

// settleSegment closes a segment that nothing is staged in any more, and forgets one of
// which nothing is left.
func (t *Tx) settleSegment(s *segmentState) error {
	switch {
	case s.Pending < 0 || s.Members < 0:
		return lode.Errorf(lode.CodeCorrupt, "segment %d counts %d pending versions and %d members", s.ID, s.Pending, s.Members)
	case s.State == SegmentSealing && !s.Closed() && s.Pending == 0 && s.Members > 0:
		s.ClosedAt = t.entry
	case s.State == SegmentSealing && !s.Closed() && s.Pending == 0, s.State == SegmentSealed && s.Members == 0:
		s.exists = false
	case s.State == SegmentGrowing && s.Pending == 0 && s.Members == 0 && s.Bytes >= emptyBytes:
		s.exists = false // what is in it is garbage, and enough of it
	}
	return nil
}

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

// PutSealed says in which file a closed segment lies. A node that lacks the file builds it
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
	case s.State != SegmentSealing || !s.Closed():
		return lode.Errorf(lode.CodeConflict, "segment %s is %s", k, s.State)
	}
	if err := t.ensureBuilt(k, hash); err != nil {
		return err
	}
	s.State, s.Hash, s.FileBytes, s.changed = SegmentSealed, hash, fileBytes, true
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
			s.Members--
		}
		return nil
	})
	if err != nil {
		return err
	}
	return t.settleSegment(s)
}
