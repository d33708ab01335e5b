package storage

import (
	"cmp"
	"slices"

	"github.com/lodedb/lode"
)

// A merge is two log entries. [Tx.Merge] makes a merging segment and fixes what goes into its
// file: the members that its inputs have at that entry. Nothing is copied for that. A version
// that is dropped later leaves a note under the merging segment, so that inputs and notes
// together are at any time what the entry fixed, on every node. [Tx.PutSealed] names the file
// and turns the inputs into signs that lead to it: no record of a version or a member is
// written, however many there are.

// MaxMergeInputs bounds the inputs of one merge.
const MaxMergeInputs = 64

// Merge begins a segment that takes the place of sealed ones, which need not be neighbours,
// and returns its number. [Store.BuildSegment] builds its file and [Tx.PutSealed] names it;
// until then the inputs are read. What was dropped from them before is not in the file, what
// is dropped from now on is. One input alone is rid of what was dropped. An input that does
// not exist is [lode.CodeNotFound], one that is not sealed or is being merged
// [lode.CodeConflict].
func (t *Tx) Merge(c lode.CollectionID, inputs []lode.SegmentID) (lode.SegmentID, error) {
	counters, err := t.shelfForWrite(c, countersBucket)
	if err != nil {
		return 0, err
	}
	inputs = slices.Compact(slices.Sorted(slices.Values(inputs)))
	if len(inputs) < 1 || len(inputs) > MaxMergeInputs {
		return 0, lode.Invalid("inputs", len(inputs), "a merge has 1 to %d inputs", MaxMergeInputs)
	}
	merging := Segment{State: SegmentMerging, ClosedAt: t.entry, Inputs: inputs}
	for _, id := range inputs {
		s, err := t.mergeable(segmentKey{c, id})
		if err != nil {
			return 0, err
		}
		merging.FileRows += s.Rows
	}
	id, err := next(counters, lastSegmentKey, 1)
	if err != nil {
		return 0, err
	}
	merging.ID = lode.SegmentID(id)
	s, err := t.segment(segmentKey{c, merging.ID})
	if err != nil {
		return 0, err
	}
	*s = segmentState{Segment: merging, exists: true, changed: true}
	return merging.ID, t.mark(c, inputs, merging.ID)
}

// mergeable returns a segment that may become the input of a merge.
func (t *Tx) mergeable(k segmentKey) (*segmentState, error) {
	s, err := t.segment(k)
	switch {
	case err != nil:
		return nil, err
	case !s.exists:
		return nil, lode.NotFound("segment", k)
	case s.State != SegmentSealed:
		return nil, lode.Errorf(lode.CodeConflict, "segment %s is %s", k, s.State)
	case s.Into != 0:
		return nil, lode.Errorf(lode.CodeConflict, "segment %s is being merged into %d", k, s.Into)
	}
	return s, nil
}

// mark says of the inputs which segment is merging them, 0 for none.
func (t *Tx) mark(c lode.CollectionID, inputs []lode.SegmentID, into lode.SegmentID) error {
	for _, id := range inputs {
		s, err := t.segment(segmentKey{c, id})
		if err != nil {
			return err
		}
		s.Into, s.changed = into, true
		if err := t.settleSegment(s); err != nil {
			return err
		}
	}
	return nil
}

// DropMerge gives up a merge whose file is not named yet: the inputs stay. Without such a
// merge it is [lode.CodeNotFound], after its end [lode.CodeConflict].
func (t *Tx) DropMerge(c lode.CollectionID, id lode.SegmentID) error {
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
	case s.State != SegmentMerging:
		return lode.Errorf(lode.CodeConflict, "segment %s is %s", k, s.State)
	}
	if err := t.dropNotes(k); err != nil {
		return err
	}
	s.exists, s.changed = false, true
	return t.mark(c, s.Inputs, 0)
}

// dropNotes forgets what was dropped while a segment was merging.
func (t *Tx) dropNotes(k segmentKey) error {
	return bucket{t, space{membersBucket, segmentKey{collection: k.collection}}}.dropPrefix(segmentNoKey(k.segment))
}

// Home returns the segment that has the rows of a version: the one that the version names, or
// the one which that was merged into. [lode.CodeNotFound] where there is none.
func (t *Tx) Home(c lode.CollectionID, id lode.SegmentID) (lode.SegmentID, error) {
	k, s, err := t.home(segmentKey{c, id})
	if err == nil && !s.exists {
		err = lode.NotFound("segment", k)
	}
	return k.segment, err
}

// Grown returns the versions whose rows are shown out of a segment that is not a sealed file
// yet, as much of them as [Tx.Chunks] wants, in order of their rows.
func (t *Tx) Grown(c lode.CollectionID, id lode.SegmentID) ([]lode.DocVersion, error) {
	members, err := t.appendMembers(nil, segmentKey{c, id})
	if err != nil {
		return nil, err
	}
	var all []lode.DocVersion
	for i := range members {
		if members[i].dropped == 0 && members[i].rows > 0 {
			all = append(all, *members[i].asVersion())
		}
	}
	slices.SortFunc(all, func(a, b lode.DocVersion) int { return cmp.Compare(a.FirstRow, b.FirstRow) })
	return all, nil
}

// home follows a merged segment to the one that has its rows. A sign leads to a file, never
// to another sign.
func (t *Tx) home(k segmentKey) (segmentKey, *segmentState, error) {
	s, err := t.segment(k)
	if err != nil || s.State != SegmentMerged {
		return k, s, err
	}
	at := segmentKey{k.collection, s.Into}
	s, err = t.segment(at)
	if err == nil && (!s.exists || s.State != SegmentSealed) {
		err = lode.Errorf(lode.CodeCorrupt, "segment %s leads to %s, which is not sealed", k, at)
	}
	return at, s, err
}

// leaveHome takes a version out of the segment that has its rows, when that is not the one
// the version names, and notes it while that one is being merged.
func (t *Tx) leaveHome(k segmentKey, s *segmentState, v *lode.DocVersion, m *memberRecord) error {
	at, home, err := t.home(k)
	if err != nil {
		return err
	}
	if home != s {
		home.Members, home.Rows, home.changed = home.Members-1, home.Rows-int64(m.Rows), true
	}
	if home.State == SegmentSealed && home.Into != 0 {
		if err := t.noteDropped(at, home.Into, v, m); err != nil {
			return err
		}
	}
	if home == s {
		return nil
	}
	return t.settleSegment(home)
}

// noteDropped keeps for the builder what was dropped from the input of a merge.
func (t *Tx) noteDropped(from segmentKey, into lode.SegmentID, v *lode.DocVersion, m *memberRecord) error {
	merging, err := t.segment(segmentKey{from.collection, into})
	if err != nil {
		return err
	}
	if !merging.exists || merging.State != SegmentMerging {
		return lode.Errorf(lode.CodeCorrupt, "segment %s is said to be merged into %d, which is not merging", from, into)
	}
	merging.Members, merging.changed = merging.Members+1, true
	note := *m
	note.Dropped, note.From = t.entry, from.segment
	b := bucket{t, space{membersBucket, segmentKey{collection: from.collection}}}
	return putRecord(b, kindMember, memberKey(into, v.Doc, v.Version), &note)
}

// leaves returns the segments that versions in the given ones name.
func (t *Tx) leaves(c lode.CollectionID, segments []lode.SegmentID) (leaves []lode.SegmentID, err error) {
	all, err := t.allSegments(c)
	for i := range all {
		if s := &all[i]; s.grown() && slices.Contains(segments, s.ID) || s.State == SegmentMerged && slices.Contains(segments, s.Into) {
			leaves = append(leaves, s.ID)
		}
	}
	return leaves, err
}

// takeInputs puts a merged segment, which has its file now, in the place of its inputs.
func (t *Tx) takeInputs(k segmentKey, s *segmentState) error {
	leaves, err := t.leaves(k.collection, s.Inputs)
	if err != nil {
		return err
	}
	if err := t.dropNotes(k); err != nil {
		return err
	}
	s.Members, s.Rows, s.Bytes, s.changed = 0, 0, s.FileBytes, true
	for _, id := range s.Inputs {
		in, err := t.segment(segmentKey{k.collection, id})
		if err != nil {
			return err
		}
		s.Members, s.Rows = s.Members+in.Members, s.Rows+in.Rows
		in.exists, in.changed = in.grown(), true // others have no version that names them
	}
	for _, id := range leaves {
		leaf, err := t.segment(segmentKey{k.collection, id})
		if err != nil {
			return err
		}
		leaf.Segment = Segment{ID: id, State: SegmentMerged, Members: leaf.Members, Rows: leaf.Rows, Into: k.segment}
		leaf.changed = true
		if err := t.settleSegment(leaf); err != nil {
			return err
		}
	}
	return t.settleSegment(s)
}
