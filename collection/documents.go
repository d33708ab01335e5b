package collection

import (
	"context"
	"slices"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/storage"
)

// DocumentsQuery selects documents of a list.
type DocumentsQuery struct {
	State  lode.DocState // of the newest version; empty for any
	Filter lode.Filter
	After  lode.DocNo // where the previous page ended; 0 for the first
	Limit  int        // at most MaxPage; the default is DefaultPage
}

func (q *DocumentsQuery) validate() (err error) {
	switch q.State {
	case "", lode.StatePending, lode.StateReady, lode.StateQuarantined:
	default:
		return lode.Invalid("state", q.State, "state must be pending, ready or quarantined")
	}
	if err := q.Filter.Validate(); err != nil {
		return coded(err).In("filter")
	}
	q.Limit, err = pageLimit(q.Limit)
	return err
}

// DocumentInfo is a document with its newest version.
type DocumentInfo struct {
	Document lode.Document
	Version  lode.DocVersion // the newest
}

// Document returns a document or raw vector with its newest version, which may be one that
// is not ready while an older one is shown.
func (e *Engine) Document(ctx context.Context, p lode.Principal, collection string, kind lode.Kind, id lode.DocID) (lode.Document, lode.DocVersion, error) {
	var doc lode.Document
	var newest lode.DocVersion
	err := e.read(ctx, p, collection, kind, id, func(_ *storage.Tx, d *document) error {
		doc, newest = *d.doc, *d.newest
		return nil
	})
	return doc, newest, err
}

// read finds a document that the principal may see and reads more of it in the same view.
func (e *Engine) read(ctx context.Context, p lode.Principal, collection string, kind lode.Kind, id lode.DocID, fn func(*storage.Tx, *document) error) error {
	c, err := e.open(p, collection)
	if err != nil {
		return err
	}
	if err := checkKind(kind); err != nil {
		return err
	}
	if err := id.Validate(); err != nil {
		return err
	}
	if err := index.Stopped(ctx); err != nil {
		return err
	}
	return e.store.View(func(tx *storage.Tx) error {
		if err := e.present(tx, c); err != nil {
			return err
		}
		d, err := findDocument(tx, c.settings.ID, kind, id)
		if err != nil {
			return err
		}
		if d == nil || !d.maySee(p) {
			return errNoDocument(kind, id)
		}
		return fn(tx, d)
	})
}

// present tells a collection that was dropped a moment ago from one whose contents are
// damaged.
func (e *Engine) present(tx *storage.Tx, c *collection) error {
	settings, err := absent(tx.Collection(c.settings.ID))
	if err == nil && settings == nil {
		return lode.NotFound("collection", c.settings.Name)
	}
	return err
}

func checkKind(kind lode.Kind) error {
	if kind != lode.KindDocument && kind != lode.KindVector {
		return lode.Invalid("kind", kind, "kind must be document or vector")
	}
	return nil
}

// Documents returns a page of documents in order of their numbers, and the number to go on
// after: 0 at the end.
func (e *Engine) Documents(ctx context.Context, p lode.Principal, collection string, q DocumentsQuery) (page []DocumentInfo, next lode.DocNo, err error) {
	c, err := e.open(p, collection)
	if err != nil {
		return nil, 0, err
	}
	if err := q.validate(); err != nil {
		return nil, 0, err
	}
	now := e.now()
	each := func(_ *storage.Tx, d *document) (bool, error) {
		if d.doc.Kind != lode.KindDocument || !d.maySee(p) || d.doc.Expired(now) || !q.Filter.Match(d.doc) {
			return true, nil
		}
		if q.State != "" && d.newest.State != q.State {
			return true, nil
		}
		if len(page) == q.Limit {
			next = page[len(page)-1].Document.No
			return false, nil
		}
		page = append(page, DocumentInfo{Document: *d.doc, Version: *d.newest})
		return true, nil
	}
	walk := e.scan
	if q.State == lode.StateQuarantined {
		walk = e.scanQuarantined
	}
	err = walk(ctx, c.settings.ID, q.After, each)
	return page, next, err
}

// scanBatch is the number of documents read in one storage transaction: a long one would
// keep old pages from being used again.
const scanBatch = 512

// scan calls fn with the documents and raw vectors after a number until fn returns false.
func (e *Engine) scan(ctx context.Context, c lode.CollectionID, after lode.DocNo, fn func(*storage.Tx, *document) (bool, error)) error {
	return e.inBatches(ctx, c, after, func(tx *storage.Tx, after lode.DocNo, visit func(*lode.Document) (bool, error)) error {
		return tx.Documents(c, after, visit)
	}, fn)
}

// scanQuarantined is scan over the documents in quarantine.
func (e *Engine) scanQuarantined(ctx context.Context, c lode.CollectionID, after lode.DocNo, fn func(*storage.Tx, *document) (bool, error)) error {
	return e.inBatches(ctx, c, after, func(tx *storage.Tx, after lode.DocNo, visit func(*lode.Document) (bool, error)) error {
		return tx.Quarantined(c, after, func(no lode.DocNo) (bool, error) {
			doc, err := tx.Document(c, no)
			if err != nil {
				return false, err
			}
			return visit(doc)
		})
	}, fn)
}

type walkDocuments func(tx *storage.Tx, after lode.DocNo, visit func(*lode.Document) (bool, error)) error

// inBatches walks documents with a fresh transaction for each batch.
func (e *Engine) inBatches(ctx context.Context, c lode.CollectionID, after lode.DocNo, walk walkDocuments, fn func(*storage.Tx, *document) (bool, error)) error {
	for more := true; more; {
		if err := index.Stopped(ctx); err != nil {
			return err
		}
		seen := 0
		more = false
		err := e.store.View(func(tx *storage.Tx) error {
			if settings, err := absent(tx.Collection(c)); err != nil || settings == nil {
				return err
			}
			return walk(tx, after, func(doc *lode.Document) (bool, error) {
				if seen++; seen > scanBatch {
					more = true
					return false, nil
				}
				after = doc.No
				d, err := readDocument(tx, doc)
				if err != nil {
					return false, err
				}
				return fn(tx, d)
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// deleteIDs is the most ids in one command.
const deleteIDs = 256

// DeleteDocuments removes documents or raw vectors. It returns an error for each target, nil
// where it was removed: one that does not exist, or that the principal may not see, is
// [lode.CodeNotFound], one with another version than the wanted one [lode.CodePrecondition].
// When it returns, no later search shows what was removed.
func (e *Engine) DeleteDocuments(ctx context.Context, p lode.Principal, w lode.Write, collection string, kind lode.Kind, targets []lode.Target) ([]error, error) {
	if err := checkKind(kind); err != nil {
		return nil, err
	}
	by, err := checkedActor(p)
	if err != nil {
		return nil, err
	}
	c, openErr := e.open(p, collection)
	results := make([]error, len(targets))
	var places []int
	for i := range targets {
		if err := targets[i].ID.Validate(); err != nil {
			results[i] = err
			continue
		}
		places = append(places, i)
	}
	groups := slices.Collect(slices.Chunk(places, deleteIDs))
	at := e.now()
	for k, group := range groups {
		errs, err := carry[[]error](ctx, e, p, partOf(w, k, len(groups)), openErr, func() command {
			return deletion(c.settings.ID, by, kind, targets, group, at)
		})
		if err == nil {
			err = scatter(results, group, errs)
			nameOwn(results, group, func(at int) lode.DocID { return targets[at].ID })
		}
		if err != nil {
			return results, naming(w.Key, err)
		}
	}
	if len(groups) == 0 {
		return results, openErr
	}
	return results, nil
}

// deletion is the command that removes the targets at the places.
func deletion(c lode.CollectionID, by actor, kind lode.Kind, targets []lode.Target, places []int, when time.Time) *deleteDocuments {
	cmd := &deleteDocuments{Collection: c, Actor: by, Kind: kind, At: when}
	conditions := make([]*lode.Version, len(places))
	for i, at := range places {
		cmd.IDs = append(cmd.IDs, targets[at].ID)
		if conditions[i] = targets[at].IfVersion; conditions[i] != nil {
			cmd.IfVersions = conditions
		}
	}
	return cmd
}

// nameOwn puts the ids back into refusals that are kept without them.
func nameOwn(results []error, places []int, id func(at int) lode.DocID) {
	for _, at := range places {
		if e, ok := results[at].(*lode.Error); ok && e.Value == ownID {
			e.Value = lode.CutValue(string(id(at)))
		}
	}
}

// scatter puts the results of a command's items back to where the items came from.
func scatter[T any](results []T, places []int, of []T) error {
	if len(of) != len(places) {
		return errKeyReused() // what is kept was written for another number of items
	}
	for i, at := range places {
		results[at] = of[i]
	}
	return nil
}

// checkedActor is the actor of a principal whose labels fit a command.
func checkedActor(p lode.Principal) (actor, error) {
	size := len(p.ID)
	for _, label := range p.Labels {
		size += len(label) + 5
	}
	if size > maxActorBytes {
		return actor{}, lode.FieldError(lode.CodeTooLarge, "principal", p.ID, "the principal's labels have %d bytes, the limit is %d", size, maxActorBytes)
	}
	return actorOf(p), nil
}

// errNotShown is returned for content of a document that has no searchable version yet.
func errNotShown(d *document) *lode.Error {
	return lode.FieldError(lode.CodeNotFound, "document", d.doc.ID, "the document has no searchable version, its newest is %s", d.newest.State)
}

// Silver returns the canonical text of the version that is shown.
func (e *Engine) Silver(ctx context.Context, p lode.Principal, collection string, id lode.DocID) (*lode.SilverText, lode.DocVersion, error) {
	var silver *lode.SilverText
	var version lode.DocVersion
	err := e.read(ctx, p, collection, lode.KindDocument, id, func(tx *storage.Tx, d *document) error {
		if d.current == nil {
			return errNotShown(d)
		}
		version = *d.current
		data, err := tx.SilverParts(d.doc.Collection, d.current)
		if err == nil {
			silver, err = storage.DecodeSilver(data)
		}
		return err
	})
	return silver, version, err
}

// Chunks returns the chunks of the version that is shown, in order.
func (e *Engine) Chunks(ctx context.Context, p lode.Principal, collection string, id lode.DocID) ([]lode.Chunk, lode.DocVersion, error) {
	var chunks []lode.Chunk
	var version lode.DocVersion
	err := e.read(ctx, p, collection, lode.KindDocument, id, func(tx *storage.Tx, d *document) error {
		if d.current == nil {
			return errNotShown(d)
		}
		version = *d.current
		return tx.Chunks(d.doc.Collection, d.current, func(s *lode.StagedChunk) error {
			chunks = append(chunks, s.Chunk)
			return index.Stopped(ctx)
		})
	})
	return chunks, version, err
}

// VersionSilver returns the canonical text of a version whose row the caller was given by
// [Engine.Chunk]: access is not asked again.
func (e *Engine) VersionSilver(ctx context.Context, c lode.CollectionID, v *lode.DocVersion) (silver *lode.SilverText, err error) {
	err = e.readVersion(ctx, c, v, func(tx *storage.Tx, v *lode.DocVersion) error {
		data, err := tx.SilverParts(c, v)
		if err == nil {
			silver, err = storage.DecodeSilver(data)
		}
		return err
	})
	return silver, err
}

// VersionChunks returns the chunks of a version likewise, in order.
func (e *Engine) VersionChunks(ctx context.Context, c lode.CollectionID, v *lode.DocVersion) (chunks []lode.Chunk, err error) {
	err = e.readVersion(ctx, c, v, func(tx *storage.Tx, v *lode.DocVersion) error {
		return tx.Chunks(c, v, func(s *lode.StagedChunk) error {
			chunks = append(chunks, s.Chunk)
			return index.Stopped(ctx)
		})
	})
	return chunks, err
}

// readVersion reads a version that is shown, or kept for the history.
func (e *Engine) readVersion(ctx context.Context, c lode.CollectionID, v *lode.DocVersion, read func(*storage.Tx, *lode.DocVersion) error) error {
	if err := index.Stopped(ctx); err != nil {
		return err
	}
	return e.store.View(func(tx *storage.Tx) error {
		now, err := tx.Version(c, v.Doc, v.Version)
		if err != nil {
			return err
		}
		return read(tx, now)
	})
}

// Chunk returns one searchable chunk with its vectors, or one that was searchable at a time that
// is not zero; see [Engine.ViewAsOf]. One that is staged only, or of a version that is no longer
// shown, does not exist.
func (e *Engine) Chunk(ctx context.Context, p lode.Principal, collection string, id lode.ChunkID, asOf time.Time) (lode.Row, error) {
	if !asOf.IsZero() {
		return e.pastChunk(ctx, p, collection, id, asOf)
	}
	c, err := e.open(p, collection)
	if err != nil {
		return lode.Row{}, err
	}
	if err := index.Stopped(ctx); err != nil {
		return lode.Row{}, err
	}
	var row lode.Row
	err = e.store.View(func(tx *storage.Tx) error {
		if err := e.present(tx, c); err != nil {
			return err
		}
		doc, err := absent(tx.Document(c.settings.ID, id.Doc))
		if err != nil {
			return err
		}
		d, err := readDocument(tx, doc)
		if err != nil {
			return err
		}
		if d == nil || d.current == nil || d.current.Version != id.Version || !d.maySee(p) {
			return lode.NotFound("chunk", id)
		}
		staged, err := tx.Chunk(c.settings.ID, d.current, id.Ordinal)
		if err != nil {
			return err
		}
		row = lode.Row{ID: d.current.FirstRow + lode.RowID(id.Ordinal), Document: d.doc, Version: d.current, Chunk: staged.Chunk}
		return readVectors(&row, staged)
	})
	return row, err
}
