package collection

import (
	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// selected is the result of a command about documents that were selected: how many matched,
// and were changed or removed. errs has one error for each id of a selection by ids, nil where
// it was carried out.
type selected struct {
	matched, changed int
	errs             []error
}

// each calls act with every document of a selection that the actor may see, and that matches.
// What is missing or hidden is an error of an id, and passed over among numbers: those were
// selected a moment ago, and what happened since comes first.
//
// Of a document whose newest version is shown the version is read only when it is asked for: a
// change of what is said of it needs none.
func (b *batch) each(c lode.CollectionID, s *selection, versions bool, act func(*document) (changed bool, refusal, err error)) (selected, error) {
	var result selected
	who := s.Actor.principal()
	one := func(d *document) (refusal, err error) {
		result.matched++
		changed, refusal, err := act(d)
		if changed {
			result.changed++
		}
		return refusal, err
	}
	for _, no := range s.Nos {
		doc, err := absent(b.tx.Document(c, no))
		if err != nil {
			return result, err
		}
		d, err := b.withVersions(doc, versions)
		if err != nil {
			return result, err
		}
		if d == nil || d.doc.Kind != s.Kind || !d.maySee(who) || !s.filter.Match(d.doc) {
			continue
		}
		if _, err := one(d); err != nil {
			return result, err
		}
	}
	for _, id := range s.IDs {
		doc, err := absent(b.tx.FindDocument(c, s.Kind, id))
		if err != nil {
			return result, err
		}
		d, err := b.withVersions(doc, versions)
		if err != nil {
			return result, err
		}
		var refusal error
		switch {
		case d == nil || !d.maySee(who):
			refusal = errNoDocument(s.Kind, id)
		case s.filter.Match(d.doc):
			if refusal, err = one(d); err != nil {
				return result, err
			}
		}
		result.errs = append(result.errs, refusal)
	}
	return result, nil
}

// shownVersion stands for a version that is shown and the newest, and of which nothing else matters.
var shownVersion lode.DocVersion

func (b *batch) withVersions(doc *lode.Document, always bool) (*document, error) {
	if always || doc == nil || doc.Newest != doc.Current {
		return readDocument(b.tx, doc)
	}
	return &document{doc: doc, newest: &shownVersion, current: &shownVersion}, nil
}

// numbered finds a document by its number, nil where there is none.
func numbered(tx *storage.Tx, c lode.CollectionID, no lode.DocNo) (*document, error) {
	doc, err := absent(tx.Document(c, no))
	if err != nil {
		return nil, err
	}
	return readDocument(tx, doc)
}

// patchDocuments changes what owners say of documents. Their versions and rows stay.
func (b *batch) patchDocuments(c *patchDocuments) (any, error) {
	settings, err := b.collection(c.Collection)
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return errNoCollection(c.Collection), nil
	}
	var described []*document
	result, err := b.each(c.Collection, &c.Selection, false, func(old *document) (bool, error, error) {
		next, refusal := c.patched(old)
		if next == nil || refusal != nil {
			return false, refusal, nil
		}
		described = append(described, next)
		b.restricted(old, next)
		if err := b.described(old, next, c.At); err != nil {
			return false, nil, err
		}
		return true, nil, next.putFacts(b.tx)
	})
	if err != nil {
		return nil, err
	}
	b.onSegment(c.Collection, func(s *segment) error {
		for _, d := range described {
			s.describe(d.doc, d.waitingReaders())
		}
		return nil
	})
	return result, nil
}

// patched is the document after the patch, nil where that changes nothing.
func (c *patchDocuments) patched(old *document) (next *document, refusal error) {
	before := old.newestFacts()
	said, err := c.Patch.Apply(before)
	if err != nil {
		return nil, coded(err)
	}
	if sameFacts(before, said) {
		return nil, nil
	}
	next = old.clone()
	next.setFacts(said)
	next.doc.UpdatedAt = c.At
	return next, nil
}

// putFacts stores what setFacts changed.
func (d *document) putFacts(tx *storage.Tx) error {
	if err := tx.PutDocument(d.doc); err != nil || !d.hasWaiting() {
		return err
	}
	return tx.PutVersion(d.doc.Collection, d.newest)
}

// deleteSelected removes documents.
func (b *batch) deleteSelected(c *deleteSelected) (any, error) {
	settings, err := b.collection(c.Collection)
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return errNoCollection(c.Collection), nil
	}
	result, err := b.each(c.Collection, &c.Selection, true, func(d *document) (bool, error, error) {
		if c.ExpiredAt != nil && !d.doc.Expired(*c.ExpiredAt) {
			return false, nil, nil
		}
		return true, nil, b.deleteDocument(d, c.At)
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// noteSelected keeps the outcome of a write that needed several commands.
func (b *batch) noteSelected(c *noteSelected) (any, error) {
	errs := (&outcome{Items: c.Items, Refused: c.Refused}).errs()
	return selected{c.Matched, c.Changed, errs}, nil
}
