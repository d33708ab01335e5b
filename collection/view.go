package collection

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/payload"
	"github.com/lodedb/lode/storage"
)

// ErrViewGone is returned by [View.Rows] when a row was replaced or deleted since the view
// was taken. The caller takes a new view and searches again.
var ErrViewGone = errors.New("the view is gone: a row was replaced since it was taken")

// View is a collection as one principal sees it at one moment. It may be used by several
// goroutines at a time, needs no closing, and is meant for one question: the longer it is
// held, the likelier Rows finds that it is gone.
type View struct {
	engine     *Engine
	collection *collection
	principal  lode.Principal
	reader     *payload.Reader // of the principal; nil for one that sees everything
	readerKey  string          // the same for principals that see the same
	now        int64           // what is expired then is not found
	base       *snapshot

	mu struct {
		sync.Mutex
		allowed []*allowed
		lexical *snapshot // what the latest lexical search answered from
	}
}

// View takes a consistent view of a collection for a principal.
func (e *Engine) View(ctx context.Context, p lode.Principal, name string) (*View, error) {
	if err := index.Stopped(ctx); err != nil {
		return nil, err
	}
	c, err := e.open(p, name)
	if err != nil {
		return nil, err
	}
	if err := c.await(ctx); err != nil {
		return nil, err
	}
	return e.viewOf(p, c), nil
}

func (e *Engine) viewOf(p lode.Principal, c *collection) *View {
	v := &View{engine: e, collection: c, principal: p, now: e.options.Clock().UnixNano(), base: c.published.Load()}
	if !p.SeesAll() {
		v.reader, v.readerKey = payload.NewReader(p), fmt.Sprintf("%q", normalReaders(p.Labels)) // quoted: no two sets look alike
	}
	return v
}

// Collection returns the settings of the collection as they are now.
func (v *View) Collection() lode.Collection { return v.collection.described() }

// Dense returns the min(k, matching) rows nearest to the vector, among those that the
// principal may see and the filter matches.
func (v *View) Dense(ctx context.Context, vector lode.Vector, k int, f lode.Filter) ([]lode.Candidate, error) {
	return v.DenseWith(ctx, vector, lode.DenseSearch{K: k, Filter: f})
}

// DenseWith is Dense with a say in how.
func (v *View) DenseWith(ctx context.Context, vector lode.Vector, q lode.DenseSearch) ([]lode.Candidate, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	at, dim, metric := 0, v.collection.settings.Dim, v.collection.settings.Metric
	if q.Using != "" {
		var err error
		if at, err = v.spaceOf(q.Using, false); err != nil {
			return nil, err
		}
		dim, metric = v.collection.settings.Vectors[at].Dim, v.collection.settings.Vectors[at].Metric
	}
	if err := vector.ValidateFor(dim, metric); err != nil {
		return nil, err
	}
	if q.Using == "" {
		v.collection.recent.note(vector)
	}
	start := time.Now()
	may, err := v.allow(ctx, v.base, q.Filter)
	if err != nil {
		return nil, err
	}
	if x := q.Explain; x != nil {
		*x = lode.Explanation{Rows: v.base.count(), Allowed: count(may.parts), FilterNanos: time.Since(start).Nanoseconds()}
	}
	var found []index.Candidate
	if q.Using == "" {
		found, err = v.base.searchWith(ctx, vector, &q, may.parts)
	} else {
		found, err = v.base.searchSpace(ctx, at, vector, &q, may.parts)
	}
	if err != nil {
		return nil, err
	}
	return v.base.candidates(found), nil
}

func (s *snapshot) candidates(found []index.Candidate) []lode.Candidate {
	out := make([]lode.Candidate, len(found))
	for i, c := range found {
		out[i] = lode.Candidate{Row: s.rows[c.Ordinal].id, Score: float64(c.Score)}
	}
	return out
}

// stopEvery is the number of documents after which a scan looks whether its caller left.
const stopEvery = 4096

// Rows returns the rows in the order asked for, with their text and documents. It is
// [ErrViewGone] when one of them was replaced or deleted since the view was taken, and then
// nothing is returned: half an answer would show a document in two versions or in none.
func (v *View) Rows(ctx context.Context, ids []lode.RowID, withVectors bool) ([]lode.Row, error) {
	if len(ids) > 2*lode.MaxK {
		return nil, lode.Invalid("rows", len(ids), "at most %d rows at a time", 2*lode.MaxK)
	}
	rows := make([]lode.Row, 0, len(ids))
	err := v.engine.store.View(func(tx *storage.Tx) error {
		versions := map[lode.DocNo]*lode.DocVersion{}
		for i, id := range ids {
			if i%stopEvery == 0 {
				if err := index.Stopped(ctx); err != nil {
					return err
				}
			}
			e := v.find(id)
			if e == nil {
				return ErrViewGone
			}
			row, err := readRow(tx, e, id, withVectors, versions)
			if err != nil {
				return err
			}
			if uri, was := v.collection.uris[e.doc.No]; was {
				row.Version.URI = uri
			}
			rows = append(rows, row)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// find returns the document of a row, in the view or in what its lexical search saw, if
// the principal may see it there.
func (v *View) find(id lode.RowID) *entry {
	v.mu.Lock()
	lexical := v.mu.lexical
	v.mu.Unlock()
	for _, s := range []*snapshot{v.base, lexical} {
		if s == nil {
			continue
		}
		if _, e, ok := s.find(id); ok && maySee(v.principal, e.doc.Readers, e.waiting) && !e.expired(v.now) {
			return e
		}
	}
	return nil
}

// readRow reads a row's text and version. Versions are never given a second content, so
// what is found under the entry's version is what was searched.
func readRow(tx *storage.Tx, e *entry, id lode.RowID, withVector bool, versions map[lode.DocNo]*lode.DocVersion) (lode.Row, error) {
	doc := e.doc
	v := versions[doc.No]
	if v == nil || v.Version != doc.Current {
		found, err := absent(tx.Version(doc.Collection, doc.No, doc.Current))
		if err != nil {
			return lode.Row{}, err
		}
		if found == nil {
			return lode.Row{}, ErrViewGone
		}
		v = found
		versions[doc.No] = v
	}
	read := tx.ChunkText
	if withVector {
		read = tx.Chunk
	}
	staged, err := absent(read(doc.Collection, v, uint32(id-e.first)))
	if err != nil {
		return lode.Row{}, err
	}
	if staged == nil {
		return lode.Row{}, ErrViewGone
	}
	row := lode.Row{ID: id, Document: doc, Version: v, Chunk: staged.Chunk}
	if withVector {
		err = readVectors(&row, staged)
	}
	return row, err
}

// readVectors gives a row all of its vectors.
func readVectors(row *lode.Row, staged *lode.StagedChunk) (err error) {
	if row.Vector, err = lode.ParseVector(staged.Vector); err != nil {
		return err
	}
	named, err := staged.Named()
	row.Vectors, row.Sparse = named.Dense, named.Sparse
	return err
}
