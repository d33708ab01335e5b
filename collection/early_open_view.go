package collection

import (
	"context"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/storage"
)

// EarlyView answers questions by vectors alone about a collection that is still being loaded,
// for a principal that sees everything. The graphs of sealed segments are searched where they
// lie, and what is found is looked up in storage. What it cannot answer rightly is
// [ErrViewGone], as is what it knows no more: the caller takes a [View] then, which waits.
// It may be used by several goroutines at a time and needs no closing.
type EarlyView struct {
	engine     *Engine
	collection *collection
	rows       *earlyRows
	now        int64 // what is expired then is not found

	mu    sync.Mutex
	found map[lode.RowID]*entry
}

// EarlyView returns nil where a [View] must be taken: when the collection is loaded, as nearly
// always, when something was applied to it since the start, and for a principal that does not
// see everything.
func (e *Engine) EarlyView(ctx context.Context, p lode.Principal, name string) (*EarlyView, error) {
	if err := index.Stopped(ctx); err != nil {
		return nil, err
	}
	c, err := e.open(p, name)
	if err != nil || c.loading == nil || !p.SeesAll() {
		return nil, err
	}
	rows := c.loading.early.Load()
	if rows == nil {
		return nil, nil
	}
	return &EarlyView{engine: e, collection: c, rows: rows, now: e.options.Clock().UnixNano(), found: map[lode.RowID]*entry{}}, nil
}

// Collection returns the settings of the collection as they are now.
func (v *EarlyView) Collection() lode.Collection { return v.collection.described() }

// Dense is [View.Dense].
func (v *EarlyView) Dense(ctx context.Context, vector lode.Vector, k int, f lode.Filter) ([]lode.Candidate, error) {
	return v.DenseWith(ctx, vector, lode.DenseSearch{K: k, Filter: f})
}

// DenseWith is [View.DenseWith], without a filter, in no named space, and unexplained.
func (v *EarlyView) DenseWith(ctx context.Context, vector lode.Vector, q lode.DenseSearch) ([]lode.Candidate, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	if !q.Filter.MatchesAll() || q.Explain != nil || q.Using != "" {
		return nil, ErrViewGone
	}
	if err := vector.ValidateFor(v.collection.settings.Dim, v.collection.settings.Metric); err != nil {
		return nil, err
	}
	v.collection.loading.asked.Add(1)
	defer v.collection.loading.asked.Add(-1)
	wide := q
	if v.rows.dead {
		wide.K = 2*q.K + earlySlack
	}
	hits, err := v.rows.search(ctx, vector, &wide)
	if err != nil {
		return nil, err
	}
	return v.shown(hits, q.K)
}

// earlySlack is how many rows more are looked for where some may be gone.
const earlySlack = 32

// shown are the first k hits that are still there. It is ErrViewGone when some are not, and
// nobody knows whether others come in their place.
func (v *EarlyView) shown(hits []earlyHit, k int) ([]lode.Candidate, error) {
	out := make([]lode.Candidate, 0, min(k, len(hits)))
	err := v.engine.store.View(func(tx *storage.Tx) error {
		gone := false
		for i := 0; i < len(hits) && len(out) < k; i++ {
			e, err := v.entry(tx, &hits[i])
			if err != nil {
				return err
			}
			if e == nil {
				gone = true
				continue
			}
			v.remember(hits[i].row, e)
			out = append(out, lode.Candidate{Row: hits[i].row, Score: float64(hits[i].score)})
		}
		// What is gone was so at the start, or something was written since, of which the rest is
		// not seen here.
		if gone && (len(out) < k || tx.At() != v.rows.at) {
			return ErrViewGone
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// entry is what would be known of the document of a hit; nil when the row is not shown.
func (v *EarlyView) entry(tx *storage.Tx, hit *earlyHit) (*entry, error) {
	doc, err := absent(tx.Document(v.collection.settings.ID, hit.version.Doc))
	if err != nil || doc == nil || doc.Current != hit.version.Version {
		return nil, err
	}
	e := &entry{doc: doc, expires: expiry(doc), first: hit.version.First, rows: uint32(hit.version.Rows)}
	if e.expired(v.now) {
		return nil, nil
	}
	return e, nil
}

func (v *EarlyView) remember(id lode.RowID, e *entry) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.found[id] = e
}

// entries are those of rows that were found before.
func (v *EarlyView) entries(ctx context.Context, ids []lode.RowID) ([]*entry, error) {
	if len(ids) > 2*lode.MaxK {
		return nil, lode.Invalid("rows", len(ids), "at most %d rows at a time", 2*lode.MaxK)
	}
	if err := index.Stopped(ctx); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	all := make([]*entry, len(ids))
	for i, id := range ids {
		if all[i] = v.found[id]; all[i] == nil {
			return nil, ErrViewGone
		}
	}
	return all, nil
}

// Known is [View.Known].
func (v *EarlyView) Known(ctx context.Context, ids []lode.RowID) ([]lode.Row, error) {
	all, err := v.entries(ctx, ids)
	if err != nil {
		return nil, err
	}
	rows := make([]lode.Row, len(ids))
	for i, e := range all {
		rows[i] = knownRow(e, ids[i])
	}
	return rows, nil
}

// Rows is [View.Rows].
func (v *EarlyView) Rows(ctx context.Context, ids []lode.RowID, withVectors bool) ([]lode.Row, error) {
	all, err := v.entries(ctx, ids)
	if err != nil {
		return nil, err
	}
	rows := make([]lode.Row, len(ids))
	err = v.engine.store.View(func(tx *storage.Tx) (err error) {
		versions := map[lode.DocNo]*lode.DocVersion{}
		for i, e := range all {
			if rows[i], err = readRow(tx, e, ids[i], withVectors, versions); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}
