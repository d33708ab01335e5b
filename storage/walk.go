package storage

import (
	"slices"
	"sync"

	"github.com/lodedb/lode"
)

// walkedDocuments is the number of documents in a [DocumentBatch].
const walkedDocuments = 512

// DocumentBatch holds documents as they are stored, with their versions, copied out of the
// transaction: it may be decoded by any goroutine, also when the transaction has ended.
type DocumentBatch struct {
	bytes []byte
	items []batchedDocument
}

// batchedDocument is one document: where its records lie in the bytes of the batch.
type batchedDocument struct {
	no       lode.DocNo
	record   span
	versions []batchedVersion
}

type batchedVersion struct {
	version lode.Version
	record  span
}

type span struct{ start, end int }

// batches are used again: a start reads every document that there is.
var batches = sync.Pool{New: func() any { return new(DocumentBatch) }}

// Release gives the batch back, once. Nothing that was decoded refers to it.
func (b *DocumentBatch) Release() {
	b.bytes, b.items = b.bytes[:0], b.items[:0]
	batches.Put(b)
}

// DocumentBatches calls fn with all documents and raw vectors of a collection in batches,
// ascending by number. Each batch is the callee's, who releases it.
func (t *Tx) DocumentBatches(c lode.CollectionID, fn func(*DocumentBatch) error) error {
	documents, err := t.shelf(c, documentsBucket)
	if err != nil {
		return err
	}
	versions, err := t.shelf(c, versionsBucket)
	if err != nil {
		return err
	}
	beside := versions.cursor()
	vk, vv := beside.seek(nil)
	b := batches.Get().(*DocumentBatch)
	err = documents.scan(nil, nil, func(k, v []byte) (bool, error) {
		no := parseDocumentKey(k)
		for vk != nil && parseDocumentKey(vk) < no {
			vk, vv = beside.next()
		}
		item := b.add(no, v)
		for ; vk != nil && parseDocumentKey(vk) == no; vk, vv = beside.next() {
			_, number := parseVersionKey(vk)
			item.versions = append(item.versions, batchedVersion{number, b.put(vv)})
		}
		if len(b.items) < walkedDocuments {
			return true, nil
		}
		full := b
		b = batches.Get().(*DocumentBatch)
		return true, fn(full)
	})
	if err != nil || len(b.items) == 0 {
		b.Release()
		return err
	}
	return fn(b)
}

// add begins a document; the memory for its versions is that of an earlier one.
func (b *DocumentBatch) add(no lode.DocNo, record []byte) *batchedDocument {
	n := len(b.items)
	if n == cap(b.items) {
		b.items = append(b.items, batchedDocument{})
	}
	b.items = b.items[:n+1]
	item := &b.items[n]
	*item = batchedDocument{no: no, record: b.put(record), versions: item.versions[:0]}
	return item
}

func (b *DocumentBatch) put(record []byte) span {
	start := len(b.bytes)
	b.bytes = append(b.bytes, record...)
	return span{start, len(b.bytes)}
}

// Decode calls fn with each document, its newest version and the one that is shown, nil for
// none and the same object when they are the same. Versions are valid during the call only; what
// they refer to, and the document, may be kept.
func (b *DocumentBatch) Decode(fn func(doc *lode.Document, newest, current *lode.DocVersion) error) error {
	var newest, current lode.DocVersion
	for i := range b.items {
		item := &b.items[i]
		doc := new(lode.Document)
		if err := decodeRecord(kindDocument, b.record(item.record), doc); err != nil {
			return recordError(kindDocument, documentKey(item.no), err)
		}
		if err := b.version(item, doc.Newest, &newest); err != nil {
			return err
		}
		shown := &newest
		switch doc.Current {
		case 0:
			shown = nil
		case doc.Newest:
		default:
			if err := b.version(item, doc.Current, &current); err != nil {
				return err
			}
			shown = &current
		}
		if err := fn(doc, &newest, shown); err != nil {
			return err
		}
	}
	return nil
}

func (b *DocumentBatch) record(s span) []byte { return b.bytes[s.start:s.end] }

// version decodes a version of a document.
func (b *DocumentBatch) version(item *batchedDocument, v lode.Version, into *lode.DocVersion) error {
	i := slices.IndexFunc(item.versions, func(of batchedVersion) bool { return of.version == v })
	if i < 0 {
		return lode.NotFound("version", versionName(item.no, v))
	}
	*into = lode.DocVersion{}
	if err := decodeRecord(kindVersion, b.record(item.versions[i].record), into); err != nil {
		return recordError(kindVersion, versionKey(item.no, v), err)
	}
	return nil
}
