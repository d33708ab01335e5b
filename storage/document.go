package storage

import (
	"math"

	"github.com/lodedb/lode"
)

// NextDocNo gives out a number for a new document or raw vector.
func (t *Tx) NextDocNo() (lode.DocNo, error) {
	if err := t.needWrite(); err != nil {
		return 0, err
	}
	no, err := next(t.top(clusterBucket), lastDocumentKey, 1)
	if err == nil {
		t.newDoc = lode.DocNo(no)
	}
	return lode.DocNo(no), err
}

// NextRows gives out n consecutive row numbers of a collection.
func (t *Tx) NextRows(c lode.CollectionID, n int) (first lode.RowID, err error) {
	if n < 0 {
		return 0, lode.Errorf(lode.CodeInternal, "next %d rows", n)
	}
	counters, err := t.shelfForWrite(c, countersBucket)
	if err != nil {
		return 0, err
	}
	row, err := next(counters, lastRowKey, uint64(n))
	return lode.RowID(row), err
}

// PutDocument stores a new document or replaces the record of a known one, and keeps the
// lookup of its outside id. Kind and ID never change; an ID that belongs to another
// document is [lode.CodeConflict].
func (t *Tx) PutDocument(d *lode.Document) error {
	documents, err := t.shelfForWrite(d.Collection, documentsBucket)
	if err != nil {
		return err
	}
	if d.No == 0 || d.ID == "" || wordFor(d.Kind) == "" {
		return lode.Errorf(lode.CodeInternal, "document %d has no number, id or kind", d.No)
	}
	key := documentKey(d.No)
	old, err := t.document.parse(kindDocument, key, documents.getOf(d.No, key))
	if err != nil {
		return err
	}
	if old != nil && (old.Kind != d.Kind || old.ID != d.ID) {
		return lode.FieldError(lode.CodeConflict, wordFor(d.Kind), d.ID, "document %d has another id", d.No)
	}
	if old == nil {
		if err := t.putOutsideID(d); err != nil {
			return err
		}
	}
	return putRecord(documents, kindDocument, key, d)
}

func (t *Tx) putOutsideID(d *lode.Document) error {
	idKey, err := t.lookupForWrite()
	if err != nil {
		return err
	}
	ids, err := t.shelf(d.Collection, idsBucket)
	if err != nil {
		return err
	}
	key := outsideIDKey(idKey, d.Collection, d.Kind, d.ID)
	taken, err := getRecord[outsideIDRecord](ids, kindOutsideID, key)
	if err != nil {
		return err
	}
	if taken != nil && taken.No != d.No {
		return lode.FieldError(lode.CodeConflict, wordFor(d.Kind), d.ID, "id belongs to document %d", taken.No)
	}
	return putRecord(ids, kindOutsideID, key, &outsideIDRecord{Kind: d.Kind, ID: d.ID, No: d.No})
}

// wordFor is the word for a kind in errors, empty for an unknown one.
func wordFor(k lode.Kind) string {
	switch k {
	case lode.KindDocument:
		return "document"
	case lode.KindVector:
		return "vector"
	}
	return ""
}

// Document returns a document or raw vector by number.
func (t *Tx) Document(c lode.CollectionID, no lode.DocNo) (*lode.Document, error) {
	documents, err := t.shelf(c, documentsBucket)
	if err != nil {
		return nil, err
	}
	key := documentKey(no)
	parse := parseRecord[lode.Document]
	if t.edit != nil {
		parse = t.document.parse
	}
	d, err := parse(kindDocument, key, documents.get(key))
	if err == nil && d == nil {
		return nil, lode.NotFound("document", no)
	}
	return d, err
}

// FindDocument returns a document or raw vector by its outside id.
func (t *Tx) FindDocument(c lode.CollectionID, kind lode.Kind, id lode.DocID) (*lode.Document, error) {
	word := wordFor(kind)
	if word == "" {
		return nil, lode.Errorf(lode.CodeInternal, "find document of kind %d", kind)
	}
	ids, err := t.shelf(c, idsBucket)
	if err != nil {
		return nil, err
	}
	idKey, err := t.lookupForWrite() // a collection exists, so the key does
	if err != nil {
		return nil, err
	}
	r, err := getRecord[outsideIDRecord](ids, kindOutsideID, outsideIDKey(idKey, c, kind, id))
	switch {
	case err != nil:
		return nil, err
	case r == nil:
		return nil, lode.NotFound(word, id)
	case r.Kind != kind || r.ID != id:
		return nil, lode.Errorf(lode.CodeCorrupt, "the lookup of an outside id leads to another one, of document %d", r.No)
	}
	d, err := t.Document(c, r.No)
	if lode.IsCode(err, lode.CodeNotFound) {
		return nil, lode.Errorf(lode.CodeCorrupt, "an outside id leads to document %d, which does not exist", r.No)
	}
	return d, err
}

// Documents calls fn for the documents and raw vectors with a number above after, ascending,
// until fn returns false. fn may write.
func (t *Tx) Documents(c lode.CollectionID, after lode.DocNo, fn func(*lode.Document) (more bool, err error)) error {
	documents, err := t.shelf(c, documentsBucket)
	if err != nil || after == math.MaxUint64 {
		return err
	}
	return documents.scan(nil, documentKey(after+1), func(k, v []byte) (bool, error) {
		d := new(lode.Document)
		if err := decodeRecord(kindDocument, v, d); err != nil {
			return false, recordError(kindDocument, k, err)
		}
		return fn(d)
	})
}

// DropDocument removes a document with all of its versions, rows, silver, jobs and its
// lookup, and the judgements of it. Its blobs lose their references. Versions that [Tx.PutPast] has kept stay.
func (t *Tx) DropDocument(d *lode.Document) error {
	documents, err := t.shelfForWrite(d.Collection, documentsBucket)
	if err != nil {
		return err
	}
	stored, err := t.Document(d.Collection, d.No)
	if err != nil {
		return err
	}
	versions, err := t.shelf(d.Collection, versionsBucket)
	if err != nil {
		return err
	}
	err = versions.scanAll(documentKey(d.No), func(k, raw []byte) error {
		v := new(lode.DocVersion)
		if err := decodeRecord(kindVersion, raw, v); err != nil {
			return recordError(kindVersion, k, err)
		}
		if v.Kept {
			return nil
		}
		versions.delete(k)
		if err := t.moveVersion(d.Collection, v, nil); err != nil {
			return err
		}
		return t.release(v.Blob)
	})
	if err != nil {
		return err
	}
	if err := t.dropFeedback(d.Collection, d.No); err != nil {
		return err
	}
	if err := t.DropQuarantined(d.Collection, d.No); err != nil {
		return err
	}
	if err := t.top(jobsBucket).dropPrefix(append(collectionKey(d.Collection), documentKey(d.No)...)); err != nil {
		return err
	}
	if err := t.dropOutsideID(stored); err != nil {
		return err
	}
	documents.delete(documentKey(d.No))
	return nil
}

func (t *Tx) dropOutsideID(d *lode.Document) error {
	idKey, err := t.lookupForWrite()
	if err != nil {
		return err
	}
	ids, err := t.shelf(d.Collection, idsBucket)
	if err != nil {
		return err
	}
	ids.delete(outsideIDKey(idKey, d.Collection, d.Kind, d.ID))
	return nil
}

// releaseVersions takes the blob references of all versions whose key has the prefix.
func (t *Tx) releaseVersions(versions bucket, prefix []byte) error {
	return versions.scanAll(prefix, func(k, raw []byte) error {
		v := new(lode.DocVersion)
		if err := decodeRecord(kindVersion, raw, v); err != nil {
			return recordError(kindVersion, k, err)
		}
		return t.release(v.Blob)
	})
}
