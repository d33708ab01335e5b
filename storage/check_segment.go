package storage

import (
	"bytes"
	"maps"
	"slices"

	"github.com/lodedb/lode"
)

// segments compares the segments' records and members with the versions, both ways.
func (s *shelfCheck) segments() {
	last := s.counter(s.bucket(countersBucket), lastSegmentKey)
	all := map[lode.SegmentID]*Segment{}
	walk(s.checker, s.bucket(segmentsBucket), func(k []byte, r *Segment) {
		where := s.at("segment %d", r.ID)
		if !bytes.Equal(k, segmentNoKey(r.ID)) {
			s.breach(where, "stands under key %x", k)
			return
		}
		if r.ID == 0 || uint64(r.ID) > last {
			s.breach(where, "has a number that was not given out; the last is %d", last)
		}
		all[r.ID] = r
	})
	held, unsealed := s.heldBy(all), 0
	for _, id := range slices.Sorted(maps.Keys(all)) {
		r, is := all[id], held[id]
		if is == nil {
			is = &Segment{}
		}
		if r.hasGrowing() {
			unsealed++
		}
		s.segment(r, is)
		s.ties(r, all)
	}
	if unsealed > 2 {
		s.breach(s.where, "has %d segments that are not sealed", unsealed)
	}
	for id := range s.held {
		if all[id] == nil {
			s.breach(s.at("segment %d", id), "does not exist, versions lie in it")
		}
	}
}

// heldBy counts for each segment the versions whose rows it has: its own, or those of the
// segments that lead to it.
func (s *shelfCheck) heldBy(all map[lode.SegmentID]*Segment) map[lode.SegmentID]*Segment {
	held := map[lode.SegmentID]*Segment{}
	add := func(id lode.SegmentID, n *Segment) {
		if held[id] == nil {
			held[id] = &Segment{}
		}
		held[id].Pending, held[id].Members, held[id].Rows = held[id].Pending+n.Pending, held[id].Members+n.Members, held[id].Rows+n.Rows
	}
	for id, n := range s.held {
		add(id, n)
		if r := all[id]; r != nil && r.State == SegmentMerged {
			add(r.Into, n)
		}
	}
	return held
}

// segment compares the record of a segment with what is held in it.
func (s *shelfCheck) segment(r, held *Segment) {
	where := s.at("segment %d", r.ID)
	records, dropped, rows := s.members(where, r)
	switch {
	case r.State < SegmentGrowing || r.State > SegmentMerged:
		s.breach(where, "is in no known state")
	case r.Pending != held.Pending:
		s.breach(where, "counts %d pending versions, there are %d", r.Pending, held.Pending)
	case r.State == SegmentSealed && (r.Pending != 0 || r.Members == 0 && r.Into == 0 || r.Hash.IsZero() || r.FileBytes == 0):
		s.breach(where, "is sealed with %d pending versions, %d members and %d bytes", r.Pending, r.Members, r.FileBytes)
	case r.State == SegmentSealed && r.Rows > r.FileRows:
		s.breach(where, "has %d rows in a file of %d", r.Rows, r.FileRows)
	}
	switch {
	case r.State == SegmentSealed && !r.grown(): // versions name the segments that lead to it
		if records != 0 || r.Members != held.Members || r.Rows != held.Rows {
			s.breach(where, "counts %d members with %d rows and has %d of its own; %d versions with %d rows lead to it", r.Members, r.Rows, records, held.Members, held.Rows)
		}
	case r.State == SegmentMerging:
		if records != r.Members || records != dropped || held.Members != 0 || r.Rows != 0 {
			s.breach(where, "is merging, notes %d dropped versions and has %d, %d of them dropped, with %d shown from it", r.Members, records, dropped, held.Members)
		}
	case records != r.Members || records-dropped != held.Members:
		s.breach(where, "counts %d members, has %d, and %d versions are shown from it", r.Members, records, held.Members)
	case r.Rows != rows:
		s.breach(where, "counts %d rows, its members have %d", r.Rows, rows)
	}
}

// ties checks what merges say about each other's segments.
func (s *shelfCheck) ties(r *Segment, all map[lode.SegmentID]*Segment) {
	where := s.at("segment %d", r.ID)
	into := all[r.Into]
	switch {
	case r.State == SegmentMerged && (into == nil || into.State != SegmentSealed || into.grown()):
		s.breach(where, "is merged into segment %d, which has no rows of others", r.Into)
	case r.State == SegmentSealed && r.Into != 0 && (into == nil || into.State != SegmentMerging || !slices.Contains(into.Inputs, r.ID)):
		s.breach(where, "is being merged into segment %d, which does not know of it", r.Into)
	case r.State != SegmentMerged && r.State != SegmentSealed && r.Into != 0:
		s.breach(where, "is %s and leads to segment %d", r.State, r.Into)
	}
	if r.State != SegmentMerging {
		return
	}
	if r.grown() {
		s.breach(where, "is merging nothing")
	}
	for _, id := range r.Inputs {
		if in := all[id]; in == nil || in.State != SegmentSealed || in.Into != r.ID {
			s.breach(where, "is merging segment %d, which is not there or does not know of it", id)
		}
	}
}

// members compares the members of a segment with the versions they stand for.
func (s *shelfCheck) members(where string, r *Segment) (records, dropped int, rows int64) {
	b := s.bucket(membersBucket)
	_ = b.scanAll(segmentNoKey(r.ID), func(k, raw []byte) error {
		if forms[membersBucket].check(k, raw) != nil {
			return nil // reported
		}
		var m memberRecord
		if decodeRecord(kindMember, raw, &m) != nil {
			return nil
		}
		records, rows = records+1, rows+int64(m.Rows)
		_, doc, version := parseMemberKey(k)
		v := s.version(doc, version)
		switch {
		case m.Dropped != 0:
			dropped++
			if !r.keepsDropped(&m) {
				s.breach(where, "keeps version %s, which was dropped", versionName(doc, version))
			}
		case v == nil || v.State != lode.StateReady || v.Segment != r.ID || v.Epoch != m.Epoch || v.FirstRow != m.FirstRow || v.Chunks != m.Rows:
			s.breach(where, "has version %s as a member, which is not shown or says otherwise", versionName(doc, version))
		}
		return s.ctx.Err()
	})
	return records, dropped, rows
}

// keepsDropped reports whether a version that was dropped goes into the segment's file all the
// same. One entry may close the segment and drop the version.
func (s *Segment) keepsDropped(m *memberRecord) bool {
	if !s.awaitsFile() || m.Dropped < s.ClosedAt {
		return false
	}
	if s.State == SegmentMerging {
		return slices.Contains(s.Inputs, m.From)
	}
	return m.From == 0
}
