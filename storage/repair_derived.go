package storage

import (
	"bytes"
	"fmt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

// Records that say nothing of their own are computed again from collections, documents and
// versions, and compared: lookups, references, jobs, notes, members and counts. What leads to
// a record that does not decode is left alone, as nobody can tell whether it is right.

// recordEdit is a record of the catalogue as it must be; nil is none.
type recordEdit struct {
	space
	key   string
	value []byte
}

// derived compares the derived records with what they are derived from and writes those that
// differ, all in one transaction at the position of the catalogue.
func (r *repair) derived() error {
	r.Progress("derived records", 0, 1)
	defer r.Progress("derived records", 1, 1)
	d := &derivation{repair: r}
	err := r.s.View(func(t *Tx) error {
		d.c = newChecker(r.ctx, t, nil, func(Breach) {})
		return d.run()
	})
	if err != nil || len(d.edits) == 0 {
		return err
	}
	r.report.Repaired = append(r.report.Repaired, d.found...)
	if r.DryRun {
		return r.foresee(d.edits)
	}
	return r.write(d.edits)
}

// write opens the catalogue for writing, for as long as it takes.
func (r *repair) write(edits []recordEdit) error {
	at, files := r.s.Applied(), r.s.files.(*boltFiles)
	if err := r.dropCatalog(); err != nil {
		return err
	}
	files.readOnly = false
	out, err := files.openCatalog()
	files.readOnly = true
	if err != nil {
		return err
	}
	err = writeEdits(out, at, edits)
	if closeErr := out.close(); err != nil || closeErr != nil {
		return fmt.Errorf("write derived records: %w", firstOf(err, closeErr))
	}
	return r.s.openCatalog()
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func writeEdits(out base, at Applied, edits []recordEdit) error {
	return out.write(at, func(w baseWriter) error {
		for _, e := range edits {
			if err := writeEntry(w, e.space, e.key, e.value); err != nil {
				return err
			}
		}
		return nil
	})
}

// derivation is one comparison.
type derivation struct {
	*repair
	c     *checker
	edits []recordEdit
	found []Repaired

	refs map[lode.Hash]uint64
	jobs map[string][]byte
	// unsure: some version does not decode, so that nobody knows all references and jobs.
	unsure bool
}

func (d *derivation) run() error {
	t := d.c.tx
	if r, err := t.cluster(); err != nil || r == nil {
		return nil // without its key nothing can be looked up; the check says so
	}
	d.refs, d.jobs = map[lode.Hash]uint64{}, map[string][]byte{}
	names := map[string][]byte{}
	err := t.top(collectionsBucket).scanAll(nil, func(k, _ []byte) error {
		if len(k) != numberKeyBytes {
			return nil
		}
		return d.collection(lode.CollectionID(parseDocumentKey(k)), names)
	})
	if err != nil {
		return err
	}
	if err := d.compare(t.top(namesBucket), "names", names, d.namesUnknown); err != nil {
		return err
	}
	if err := d.compare(t.top(jobsBucket), "jobs", d.jobs, d.jobsUnknown); err != nil {
		return err
	}
	return d.references()
}

// collection computes what is derived from one collection.
func (d *derivation) collection(id lode.CollectionID, names map[string][]byte) error {
	in := func(b bucketID) bucket { return bucket{d.c.tx, space{b, segmentKey{collection: id}}} }
	idKey, err := d.c.tx.lookup()
	if err != nil {
		return err
	}
	if col := find[lode.Collection](d.c.tx.top(collectionsBucket), collectionKey(id)); col != nil && col.ID == id {
		if err := expect(names, nameKey(idKey, col.Name), kindName, &nameRecord{Name: col.Name, ID: id}); err != nil {
			return err
		}
	}
	s := &shelfDerivation{derivation: d, id: id, in: in, held: map[lode.SegmentID]*Segment{}, members: map[string][]byte{}}
	for _, step := range []func() error{s.versions, s.evaluations, s.feedback, s.documents, s.memberships, s.segments} {
		if err := step(); err != nil {
			return err
		}
	}
	return d.c.ctx.Err()
}

// expect enters a record as it must be.
func expect(want map[string][]byte, key []byte, kind seal.Kind, v any) error {
	raw, err := encodeRecord(kind, v)
	want[string(key)] = raw
	return err
}

// compare makes edits of the differences between a bucket and what must be in it. spare says
// which records that should not be there are left alone.
func (d *derivation) compare(b bucket, where string, want map[string][]byte, spare func(key, raw []byte) bool) error {
	err := b.scanAll(nil, func(k, raw []byte) error {
		is := want[string(k)]
		delete(want, string(k))
		switch {
		case bytes.Equal(is, raw):
		case is != nil:
			d.edit(b.s, k, is, where, "says something else than what it is derived from", "written again")
		case !spare(k, raw):
			d.edit(b.s, k, nil, where, "is derived from nothing", "removed")
		}
		return d.c.ctx.Err()
	})
	for k, is := range want {
		d.edit(b.s, []byte(k), is, where, "is missing", "written again")
	}
	return err
}

func (d *derivation) edit(s space, k, value []byte, where, what, how string) {
	d.edits = append(d.edits, recordEdit{s, string(k), value})
	d.found = append(d.found, Repaired{Breach{Where: fmt.Sprintf("%s/%x", where, k), What: what}, how})
}

// namesUnknown reports whether a name may be that of a collection that does not decode.
func (d *derivation) namesUnknown(_, raw []byte) bool {
	var n nameRecord
	return decodeRecord(kindName, raw, &n) == nil && d.undecodable(d.c.tx.top(collectionsBucket), collectionKey(n.ID))
}

// undecodable reports whether there is a record at a key that says nothing any more.
func (d *derivation) undecodable(b bucket, key []byte) bool {
	raw := b.get(key)
	return raw != nil && forms[b.s.bucket].check(key, raw) != nil
}

func (d *derivation) jobsUnknown(k, _ []byte) bool {
	if len(k) != jobKeyBytes {
		return false
	}
	versions := bucket{d.c.tx, space{versionsBucket, segmentKey{collection: lode.CollectionID(parseDocumentKey(k))}}}
	return d.undecodable(versions, k[numberKeyBytes:])
}

// references compares the counts of blobs. Where a version does not decode they may be too
// low, so that none is lowered.
func (d *derivation) references() error {
	want := map[string][]byte{}
	for h, n := range d.refs {
		if was := find[blobRecord](d.c.tx.top(blobsBucket), h[:]); d.unsure && was != nil && was.Refs > n {
			n = was.Refs
		}
		if err := expect(want, h[:], kindBlobRefs, &blobRecord{Refs: n}); err != nil {
			return err
		}
	}
	return d.compare(d.c.tx.top(blobsBucket), "blobs", want, func(k, raw []byte) bool {
		return d.unsure && forms[blobsBucket].check(k, raw) == nil
	})
}

// shelfDerivation is the comparison of one collection.
type shelfDerivation struct {
	*derivation
	id      lode.CollectionID
	in      func(bucketID) bucket
	held    map[lode.SegmentID]*Segment // pending versions and members of the segments that versions name
	members map[string][]byte
	blind   bool // a version of this collection does not decode
}

func (s *shelfDerivation) where(b bucketID) string { return fmt.Sprintf("data/%d/%s", s.id, b) }

func (s *shelfDerivation) segment(id lode.SegmentID) *Segment {
	if s.held[id] == nil {
		s.held[id] = &Segment{}
	}
	return s.held[id]
}

// versions gathers what is derived from versions.
func (s *shelfDerivation) versions() error {
	versions := s.in(versionsBucket)
	return versions.scanAll(nil, func(k, raw []byte) error {
		v := new(lode.DocVersion)
		if forms[versionsBucket].check(k, raw) != nil || decodeRecord(kindVersion, raw, v) != nil || !bytes.Equal(k, versionKey(v.Doc, v.Version)) {
			s.unsure, s.blind = true, true
			return nil
		}
		if !v.Blob.IsZero() {
			s.refs[v.Blob]++
		}
		if v.State == lode.StatePending {
			j := lode.Job{Collection: s.id, Doc: v.Doc, Version: v.Version, Epoch: v.Epoch}
			if err := expect(s.jobs, jobKey(j), kindJob, &j); err != nil {
				return err
			}
		}
		switch {
		case v.Segment == 0:
		case v.State == lode.StateReady:
			return expect(s.members, memberKey(v.Segment, v.Doc, v.Version), kindMember, &memberRecord{Epoch: v.Epoch, FirstRow: v.FirstRow, Rows: v.Chunks})
		default:
			s.segment(v.Segment).Pending++
		}
		return s.c.ctx.Err()
	})
}

// evaluations counts the references of evaluation sets.
func (s *shelfDerivation) evaluations() error {
	return s.in(evaluationsBucket).scanAll(nil, func(k, raw []byte) error {
		e := new(Evaluation)
		if forms[evaluationsBucket].check(k, raw) != nil || decodeRecord(kindEvaluation, raw, e) != nil {
			s.unsure = true
			return nil
		}
		s.refs[e.Blob]++
		return s.c.ctx.Err()
	})
}

// feedback compares the order of judgements with their keys.
func (s *shelfDerivation) feedback() error {
	order := map[string][]byte{}
	err := s.in(feedbackBucket).scanAll(nil, func(k, _ []byte) error {
		if len(k) != feedbackKeyBytes {
			return nil
		}
		return expect(order, k[numberKeyBytes:], kindFeedbackOrder, &feedbackOrder{Doc: parseDocumentKey(k)})
	})
	if err != nil {
		return err
	}
	return s.compare(s.in(feedbackOrderBucket), s.where(feedbackOrderBucket), order, func(_, _ []byte) bool { return false })
}

// documents compares lookups and notes of quarantine.
func (s *shelfDerivation) documents() error {
	idKey, err := s.c.tx.lookup()
	if err != nil {
		return err
	}
	ids, notes := map[string][]byte{}, map[string][]byte{}
	err = s.in(documentsBucket).scanAll(nil, func(k, raw []byte) error {
		d := new(lode.Document)
		if forms[documentsBucket].check(k, raw) != nil || decodeRecord(kindDocument, raw, d) != nil || !bytes.Equal(k, documentKey(d.No)) {
			return nil
		}
		newest := find[lode.DocVersion](s.in(versionsBucket), versionKey(d.No, d.Newest))
		if newest != nil && newest.State == lode.StateQuarantined {
			notes[string(documentKey(d.No))] = seal.Seal(kindQuarantine, nil)
		}
		return expect(ids, outsideIDKey(idKey, s.id, d.Kind, d.ID), kindOutsideID, &outsideIDRecord{Kind: d.Kind, ID: d.ID, No: d.No})
	})
	if err != nil {
		return err
	}
	err = s.compare(s.in(idsBucket), s.where(idsBucket), ids, func(_, raw []byte) bool {
		var r outsideIDRecord
		return decodeRecord(kindOutsideID, raw, &r) == nil && s.undecodable(s.in(documentsBucket), documentKey(r.No))
	})
	if err != nil {
		return err
	}
	return s.compare(s.in(quarantineBucket), s.where(quarantineBucket), notes, s.noteUnknown)
}

// noteUnknown reports whether nobody can tell if a document is in quarantine.
func (s *shelfDerivation) noteUnknown(k, _ []byte) bool {
	if len(k) != numberKeyBytes {
		return false
	}
	if s.undecodable(s.in(documentsBucket), k) {
		return true
	}
	d := find[lode.Document](s.in(documentsBucket), k)
	return d != nil && s.undecodable(s.in(versionsBucket), versionKey(d.No, d.Newest))
}

// memberships compares the members of segments. Those that a closed segment keeps after they
// were dropped have no version any more.
func (s *shelfDerivation) memberships() error {
	err := s.in(membersBucket).scanAll(nil, func(k, raw []byte) error {
		if s.members[string(k)] == nil && s.staysMember(k, raw) {
			s.members[string(k)] = bytes.Clone(raw)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for k, raw := range s.members {
		id, _, _ := parseMemberKey([]byte(k))
		n := s.segment(id)
		n.Members++
		var m memberRecord
		if decodeRecord(kindMember, raw, &m) == nil {
			n.Rows += int64(m.Rows)
		}
	}
	return s.compare(s.in(membersBucket), s.where(membersBucket), s.members, func(_, _ []byte) bool { return false })
}

func (s *shelfDerivation) staysMember(k, raw []byte) bool {
	if len(k) != memberKeyBytes {
		return false
	}
	if s.undecodable(s.in(versionsBucket), k[numberKeyBytes:]) {
		return true
	}
	var m memberRecord
	if forms[membersBucket].check(k, raw) != nil || decodeRecord(kindMember, raw, &m) != nil || m.Dropped == 0 {
		return false
	}
	id, _, _ := parseMemberKey(k)
	r := find[Segment](s.in(segmentsBucket), segmentNoKey(id))
	return r != nil && r.keepsDropped(&m)
}
