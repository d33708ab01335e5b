package collection

import (
	"context"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/storage"
)

// Standing is what there is of a document, searchable or not.
type Standing struct {
	Document *lode.Document
	Newest   *lode.DocVersion // the newest version, which may be one that is not ready
	Current  *lode.DocVersion // the one that search shows; nil: none yet
	// Waiting are the reader labels of a newest version that is not ready: who sees the document
	// holds one of them too.
	Waiting []string
	Expired bool
}

// Standing says how a document, or a raw vector, stands now: by its outside id, or by the number of a
// chunk of it. One that the principal may not see does not exist, and the error is the same.
func (v *View) Standing(ctx context.Context, kind lode.Kind, id lode.DocID, no lode.DocNo) (*Standing, error) {
	if err := index.Stopped(ctx); err != nil {
		return nil, err
	}
	var found *document
	c := v.collection.settings.ID
	err := v.engine.store.View(func(tx *storage.Tx) error {
		var err error
		if no == 0 {
			found, err = findDocument(tx, c, kind, id)
			return err
		}
		doc, err := absent(tx.Document(c, no))
		if err == nil {
			found, err = readDocument(tx, doc)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if found == nil || !found.maySee(v.principal) {
		return nil, errNoDocument(kind, id)
	}
	e := entry{expires: expiry(found.doc)}
	return &Standing{
		Document: found.doc, Newest: found.newest, Current: found.current, Waiting: found.waitingReaders(), Expired: e.expired(v.now),
	}, nil
}
