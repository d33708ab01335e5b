package collection

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// document is a stored document with the versions that matter: the newest, and the one
// that search shows. They are the same object when they are the same version.
type document struct {
	doc     *lode.Document
	newest  *lode.DocVersion
	current *lode.DocVersion // nil: nothing is shown yet
}

// readDocument completes a document that was found; nil stays nil.
func readDocument(tx *storage.Tx, doc *lode.Document) (*document, error) {
	if doc == nil {
		return nil, nil
	}
	d := &document{doc: doc}
	var err error
	if d.newest, err = tx.Version(doc.Collection, doc.No, doc.Newest); err != nil {
		return nil, err
	}
	switch doc.Current {
	case 0:
	case doc.Newest:
		d.current = d.newest
	default:
		d.current, err = tx.Version(doc.Collection, doc.No, doc.Current)
	}
	return d, err
}

// findDocument looks a document up by its outside id; nil when there is none.
func findDocument(tx *storage.Tx, c lode.CollectionID, kind lode.Kind, id lode.DocID) (*document, error) {
	doc, err := absent(tx.FindDocument(c, kind, id))
	if err != nil {
		return nil, err
	}
	return readDocument(tx, doc)
}

// hasWaiting reports whether an older version is shown while the newest one is not ready.
// Then the newest version keeps its own metadata and readers until it is committed.
func (d *document) hasWaiting() bool { return d.current != nil && d.newest != d.current }

// waitingReaders are the reader labels of a waiting version, nil without labels or without
// a waiting version: both mean that it restricts nothing.
func (d *document) waitingReaders() []string {
	if !d.hasWaiting() {
		return nil
	}
	return d.newest.Readers
}

// maySee is the access rule of everything that belongs to a document. A resubmission
// narrows access at once, also to the older version that is still shown, and widens it
// only when its own content is committed: neither order of the two can leak.
func (d *document) maySee(p lode.Principal) bool {
	return maySee(p, d.doc.Readers, d.waitingReaders())
}

func maySee(p lode.Principal, readers, waiting []string) bool {
	return p.MaySee(readers) && p.MaySee(waiting)
}

// newestFacts are what was said with the newest version.
func (d *document) newestFacts() lode.Facts {
	if d.hasWaiting() {
		return factsOfVersion(d.newest)
	}
	return factsOf(d.doc)
}

func factsOf(d *lode.Document) lode.Facts {
	return lode.Facts{Metadata: d.Metadata, Readers: d.Readers, ExpiresAt: d.ExpiresAt}
}

func factsOfVersion(v *lode.DocVersion) lode.Facts {
	return lode.Facts{Metadata: v.Metadata, Readers: v.Readers, ExpiresAt: v.ExpiresAt}
}

func describeDocument(d *lode.Document, f lode.Facts) {
	d.Metadata, d.Readers, d.ExpiresAt = f.Metadata, f.Readers, f.ExpiresAt
}

func describeVersion(v *lode.DocVersion, f lode.Facts) {
	v.Metadata, v.Readers, v.ExpiresAt = f.Metadata, f.Readers, f.ExpiresAt
}

// setFacts replaces what was said with the newest version.
func (d *document) setFacts(f lode.Facts) {
	if d.hasWaiting() {
		describeVersion(d.newest, f)
		return
	}
	describeDocument(d.doc, f)
}

// sameFacts compares exactly: 1 and 1.0 are different metadata, although filters match both.
func sameFacts(f, g lode.Facts) bool {
	return sameMetadata(f.Metadata, g.Metadata) && slices.Equal(f.Readers, g.Readers) && sameTime(f.ExpiresAt, g.ExpiresAt)
}

func sameMetadata(m, n lode.Metadata) bool { return maps.EqualFunc(m, n, sameValue) }

func sameTime(t, u *time.Time) bool {
	return t == nil && u == nil || t != nil && u != nil && t.Equal(*u)
}

func sameValue(v, w lode.Value) bool {
	return v.Kind == w.Kind && v.Text == w.Text && v.Int == w.Int && v.Num == w.Num && v.Bool == w.Bool &&
		slices.EqualFunc(v.List, w.List, sameValue) && sameMetadata(v.Fields, w.Fields)
}

// clone copies what a command may change, so that a document that a published entry holds
// never changes.
func (d *document) clone() *document {
	doc, newest := *d.doc, *d.newest
	c := &document{doc: &doc, newest: &newest, current: d.current}
	if d.current == d.newest {
		c.current = c.newest
	}
	return c
}

// put stores the document and its newest version.
func (d *document) put(tx *storage.Tx) error {
	if err := tx.PutDocument(d.doc); err != nil {
		return err
	}
	return tx.PutVersion(d.doc.Collection, d.newest)
}

// count is what the document adds to its collection's numbers.
func (d *document) count() lode.CollectionStats {
	var s lode.CollectionStats
	if d == nil {
		return s
	}
	if d.doc.Kind == lode.KindVector {
		s.Vectors = 1
		return s
	}
	if d.current != nil {
		s.Documents, s.Chunks = 1, d.current.Chunks
	}
	switch d.newest.State {
	case lode.StatePending:
		s.Pending = 1
	case lode.StateQuarantined:
		s.Quarantined = 1
	}
	return s
}

func addStats(s *lode.CollectionStats, d lode.CollectionStats, sign int) {
	s.Documents += sign * d.Documents
	s.Vectors += sign * d.Vectors
	s.Chunks += sign * d.Chunks
	s.Pending += sign * d.Pending
	s.Quarantined += sign * d.Quarantined
}

// slotOf places an outside id among the 4096 slots that data can later be spread over.
func slotOf(id lode.DocID) uint16 {
	h := sha256.Sum256([]byte(id))
	return binary.LittleEndian.Uint16(h[:2]) % 4096
}

// job is the right to process the newest version.
func (d *document) job() lode.Job {
	return lode.Job{Collection: d.doc.Collection, Doc: d.doc.No, Version: d.newest.Version, Epoch: d.newest.Epoch}
}

func (d *document) receipt(outcome lode.Outcome) lode.Receipt {
	return lode.Receipt{Doc: d.doc.No, ID: d.doc.ID, Version: d.newest.Version, Epoch: d.newest.Epoch, Outcome: outcome}
}
