package collection

import (
	"time"

	"github.com/lodedb/lode"
)

// collection finds the collection that a command is about; nil when it was dropped while
// the command was on its way.
func (b *batch) collection(id lode.CollectionID) (*lode.Collection, error) {
	return absent(b.tx.Collection(id))
}

// changed adds what the in-memory state must follow: before is nil for a new document,
// after for one that is gone, rows for a change that leaves the searchable rows alone.
func (b *batch) changed(before, after *document, rows *version) {
	b.restricted(before, after)
	was, is := before.count(), after.count()
	one := after
	if one == nil {
		one = before
	}
	no := one.doc.No
	b.onSegment(one.doc.Collection, func(s *segment) error {
		addStats(&s.stats, was, -1)
		addStats(&s.stats, is, +1)
		switch {
		case after == nil:
			s.hide(no)
		case rows != nil:
			return s.show(rows)
		default:
			s.describe(after.doc, after.waitingReaders())
		}
		return nil
	})
}

// submit decides what a submission means for the document that it names.
func (b *batch) submit(c *submit) (any, error) {
	settings, err := b.collection(c.Collection)
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return errNoCollection(c.Collection), nil
	}
	old, err := findDocument(b.tx, c.Collection, lode.KindDocument, c.ID)
	switch {
	case err != nil:
		return nil, err
	case old != nil && !old.maySee(c.Actor.principal()):
		return errTaken(c.ID), nil
	}
	if refusal := old.unmet(c.IfVersion); refusal != nil {
		return refusal, nil
	}
	switch {
	case old == nil:
		return b.submitNew(c)
	case old.newest.Blob != c.Blob || old.newest.MediaType != c.MediaType || c.Language != "" && languageOf(c.Language) != languageOf(old.newest.Language):
		return b.submitVersion(c, old)
	case old.newest.State == lode.StateQuarantined:
		return b.submitAgain(c, old)
	}
	if old.newest.URI == c.URI && sameFacts(old.newestFacts(), c.facts()) {
		return old.receipt(lode.OutcomeUnchanged), nil
	}
	if c.IfVersion != nil {
		return b.submitVersion(c, old) // so that of two who saw the same version only one wins
	}
	return b.submitFacts(c, old)
}

// unmet refuses a write whose condition does not hold. 0 stands for no document.
func (d *document) unmet(want *lode.Version) *lode.Error {
	newest := lode.Version(0)
	if d != nil {
		newest = d.newest.Version
	}
	switch {
	case want == nil || *want == newest:
		return nil
	case newest == 0:
		return lode.FieldError(lode.CodePrecondition, "if_version", *want, "version %d was wanted, and there is no version of this id", *want)
	}
	return lode.FieldError(lode.CodePrecondition, "if_version", *want, "version %d was wanted, the newest is %d", *want, newest)
}

// errTaken refuses a write under an id that belongs to somebody else: neither overwriting
// nor a receipt about unseen content would do.
func errTaken(id lode.DocID) *lode.Error {
	return lode.FieldError(lode.CodeConflict, "id", id, "the id is taken")
}

func (b *batch) submitNew(c *submit) (any, error) {
	no, err := b.tx.NextDocNo()
	if err != nil {
		return nil, err
	}
	doc := &lode.Document{
		No: no, Collection: c.Collection, Kind: lode.KindDocument, ID: c.ID,
		Slot: slotOf(c.ID), CreatedAt: c.At,
	}
	describeDocument(doc, c.facts())
	return b.accept(c, nil, &document{doc: doc}, lode.OutcomeCreated)
}

// submitVersion takes in other bytes. A version that is not ready is superseded and gone;
// a ready one stays visible until the new one is committed.
func (b *batch) submitVersion(c *submit, old *document) (any, error) {
	if old.newest != old.current {
		if err := b.dropVersion(old, old.newest); err != nil {
			return nil, err
		}
	}
	doc := *old.doc
	next := &document{doc: &doc, current: old.current}
	if old.current == nil {
		describeDocument(&doc, c.facts())
	}
	return b.accept(c, old, next, lode.OutcomeUpdated)
}

// accept adds a pending version to the document.
func (b *batch) accept(c *submit, old, next *document, outcome lode.Outcome) (any, error) {
	next.doc.Newest++
	next.doc.UpdatedAt = c.At
	next.newest = &lode.DocVersion{
		Doc: next.doc.No, Version: next.doc.Newest, State: lode.StatePending,
		Blob: c.Blob, Size: c.Size, URI: c.URI, MediaType: c.MediaType, ReceivedAt: c.At,
		Epoch: 1, Runs: []lode.Run{c.Run}, UpdatedAt: c.At, Language: c.Language,
	}
	if next.hasWaiting() {
		describeVersion(next.newest, c.facts())
	}
	return b.enqueue(old, next, outcome)
}

// submitAgain takes the bytes of a quarantined version as the wish to try once more.
func (b *batch) submitAgain(c *submit, old *document) (any, error) {
	next := old.clone()
	next.setFacts(c.facts())
	next.newest.URI, next.newest.Language = c.URI, c.Language
	next.newest.ReceivedAt = c.At
	next.newest.Runs = []lode.Run{c.Run}
	next.doc.UpdatedAt = c.At
	if err := b.restart(next, c.At); err != nil {
		return nil, err
	}
	return b.enqueue(old, next, lode.OutcomeUpdated)
}

// enqueue stores a document whose newest version is pending, with its job.
func (b *batch) enqueue(old, next *document, outcome lode.Outcome) (any, error) {
	if err := next.put(b.tx); err != nil {
		return nil, err
	}
	job := next.job()
	if err := b.tx.PutJob(job); err != nil {
		return nil, err
	}
	b.changed(old, next, nil)
	b.tell(func(ev *Events) {
		if ev.JobAdded != nil {
			ev.JobAdded(job)
		}
	})
	return next.receipt(outcome), nil
}

// submitFacts replaces metadata, readers and URI where the bytes are the same.
func (b *batch) submitFacts(c *submit, old *document) (any, error) {
	next := old.clone()
	next.setFacts(c.facts())
	next.newest.URI = c.URI
	next.newest.UpdatedAt = c.At
	next.doc.UpdatedAt = c.At
	if err := b.described(old, next, c.At); err != nil {
		return nil, err
	}
	if err := next.put(b.tx); err != nil {
		return nil, err
	}
	b.changed(old, next, nil)
	return next.receipt(lode.OutcomeMetadata), nil
}

// dropVersion removes a version with everything that was stored for it.
func (b *batch) dropVersion(d *document, v *lode.DocVersion) error {
	coll, no := d.doc.Collection, d.doc.No
	if v.State == lode.StateQuarantined {
		if err := b.tx.DropQuarantined(coll, no); err != nil {
			return err
		}
	}
	return b.tx.DropVersion(coll, no, v.Version)
}

// deleteDocuments removes documents or raw vectors; each id stands for itself.
func (b *batch) deleteDocuments(c *deleteDocuments) (any, error) {
	settings, err := b.collection(c.Collection)
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return errNoCollection(c.Collection), nil
	}
	results := make([]error, len(c.IDs))
	for i, id := range c.IDs {
		d, err := findDocument(b.tx, c.Collection, c.Kind, id)
		if err != nil {
			return nil, err
		}
		if d == nil || !d.maySee(c.Actor.principal()) {
			results[i] = errNoDocument(c.Kind, id)
			continue
		}
		if len(c.IfVersions) > 0 {
			if refusal := d.unmet(c.IfVersions[i]); refusal != nil {
				results[i] = refusal
				continue
			}
		}
		if err := b.deleteDocument(d, c.At); err != nil {
			return nil, err
		}
	}
	return results, nil
}

func errNoDocument(kind lode.Kind, id lode.DocID) *lode.Error {
	if kind == lode.KindVector {
		return lode.NotFound("vector", id)
	}
	return lode.NotFound("document", id)
}

func (b *batch) deleteDocument(d *document, at time.Time) error {
	if err := b.gone(d, at); err != nil {
		return err
	}
	if err := b.tx.DropDocument(d.doc); err != nil {
		return err
	}
	b.changed(d, nil, nil)
	gone := *d.doc
	b.tell(func(ev *Events) {
		if ev.Deleted != nil {
			ev.Deleted(gone)
		}
	})
	return nil
}
