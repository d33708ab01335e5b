package collection

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/payload"
	"github.com/lodedb/lode/storage"
)

// checkVectorEvery says which rows have their vector compared: every row of a small
// collection, then one in so many.
const checkVectorEvery = 64

// Check walks storage, then compares every collection in memory with it, and reports each
// breach. It may run while the node serves. An error means that it could not go on.
func (e *Engine) Check(ctx context.Context, report func(where, what string)) error {
	if e.closed.Load() {
		return errClosed()
	}
	if err := e.Await(ctx); err != nil {
		return err
	}
	err := e.store.Check(ctx, func(b storage.Breach) {
		if b.Benign {
			e.options.Logger.Info("space to be swept", "where", b.Where, "what", b.What)
			return
		}
		report(b.Where, b.What)
	})
	if err != nil {
		return err
	}
	for _, name := range e.catalog.Load().names() {
		if err := e.checkCollection(ctx, name, report); err != nil {
			return err
		}
	}
	return e.checkCatalog(report)
}

// checkCatalog compares the lists of collections.
func (e *Engine) checkCatalog(report func(where, what string)) error {
	return e.cut(func(tx *storage.Tx, now *catalog, _ map[*collection]*snapshot) error {
		stored, err := tx.Collections()
		if err != nil {
			return err
		}
		for _, settings := range stored {
			if now.byID[settings.ID] == nil {
				report("collection "+settings.Name, "is in storage but not in memory")
			}
		}
		if len(stored) < len(now.byID) {
			report("collections", fmt.Sprintf("%d are in memory, %d in storage", len(now.byID), len(stored)))
		}
		return nil
	})
}

// cut calls fn with a storage transaction and the in-memory state of the same moment.
func (e *Engine) cut(fn func(*storage.Tx, *catalog, map[*collection]*snapshot) error) error {
	// Between a commit and its publication the two differ: the lock keeps that out until the
	// transaction has begun and the state is loaded.
	e.applyLock.Lock()
	unlock := sync.OnceFunc(e.applyLock.Unlock)
	defer unlock()
	return e.store.View(func(tx *storage.Tx) error {
		now := e.catalog.Load()
		snapshots := map[*collection]*snapshot{}
		for _, c := range now.byID {
			snapshots[c] = c.published.Load()
		}
		unlock()
		return fn(tx, now, snapshots)
	})
}

func (e *Engine) checkCollection(ctx context.Context, name string, report func(where, what string)) error {
	return e.cut(func(tx *storage.Tx, now *catalog, of map[*collection]*snapshot) error {
		c := now.byName[name]
		if c == nil {
			return nil // dropped meanwhile
		}
		k := &checker{
			tx: tx, snapshot: of[c], ctx: ctx,
			report: func(format string, args ...any) { report("collection "+name, fmt.Sprintf(format, args...)) },
		}
		return k.run(c.settings.ID)
	})
}

// checker compares one snapshot with storage.
type checker struct {
	tx       *storage.Tx
	ctx      context.Context
	snapshot *snapshot
	report   func(format string, args ...any)
	stats    lode.CollectionStats
	rows     int
}

func (k *checker) run(id lode.CollectionID) error {
	s := k.snapshot
	for i, x := range s.sparse {
		if x != nil && x.Len() < len(s.rows) {
			k.report("%d rows, but the index of space %q has %d", len(s.rows), s.settings.Vectors[i].Name, x.Len())
			return nil
		}
	}
	live := 0
	for i := range s.parts {
		p := &s.parts[i]
		if n := p.vectors.Len(); n < len(p.rows) {
			k.report("segment %d has %d rows, but the index of its vectors has %d", p.segment, len(p.rows), n)
			return nil
		}
		live += p.live.Count()
		if err := errors.Join(k.graphs(p), k.words(p)); err != nil {
			return err
		}
	}
	byDocument, all := map[lode.DocNo]*entry{}, 0
	s.docs.each(func(e *entry) bool {
		byDocument[e.doc.No] = e
		all += int(e.rows)
		return true
	})
	if live != all {
		k.report("%d rows are searchable by their words and %d by their vectors", all, live)
	}
	err := k.tx.Documents(id, 0, func(doc *lode.Document) (bool, error) {
		if err := index.Stopped(k.ctx); err != nil {
			return false, err
		}
		d, err := readDocument(k.tx, doc)
		if err != nil {
			return false, err
		}
		addStats(&k.stats, d.count(), +1)
		e := byDocument[doc.No]
		delete(byDocument, doc.No)
		return true, k.document(d, e)
	})
	if err != nil {
		return err
	}
	for no := range byDocument {
		k.report("document %d is searchable but not in storage", no)
	}
	if all != k.rows {
		k.report("%d rows are searchable, %d are in storage", all, k.rows)
	}
	if k.stats != s.stats {
		k.report("the numbers are %+v, storage says %+v", s.stats, k.stats)
	}
	return nil
}

// graphs verifies those of a part. One that is damaged is to be built anew.
func (k *checker) graphs(p *partView) error {
	verified := func(verify func(context.Context) error, damaged *atomic.Bool) error {
		err := verify(k.ctx)
		if !lode.IsCode(err, lode.CodeCorrupt) {
			return err
		}
		damaged.Store(true)
		k.report("segment %d: %v", p.segment, err)
		return nil
	}
	if p.graph == nil {
		return nil
	}
	if err := verified(p.graph.verify, &p.graph.damaged); err != nil {
		return err
	}
	for i := range p.spaces {
		if g := p.spaces[i].graph; g != nil {
			if err := verified(g.verify, &g.damaged); err != nil {
				return err
			}
		}
	}
	return nil
}

// words verifies those of a part: every live row has its words, and no other row has the same.
func (k *checker) words(p *partView) error {
	w := &p.words
	if n := w.part.Len(); n < len(w.rows) {
		k.report("segment %d has %d rows, but the index of its words has %d", p.segment, len(w.rows), n)
		return nil
	}
	if named, live := p.narrowWords(p.live).Count(), p.live.Count(); named != live {
		k.report("segment %d shows %d rows, of which %d have words", p.segment, live, named)
	}
	if w.file == nil {
		return nil
	}
	err := w.file.verify(k.ctx)
	if lode.IsCode(err, lode.CodeCorrupt) {
		w.file.verified.Store(false)
		k.report("segment %d: %v", p.segment, err)
		return nil
	}
	return err
}

// document compares one document with its entry, nil where it has none.
func (k *checker) document(d *document, e *entry) error {
	if !d.hasWaiting() && (d.newest.Metadata != nil || d.newest.Readers != nil || d.newest.ExpiresAt != nil) {
		k.report("document %d has waiting metadata or readers, but no waiting version", d.doc.No)
	}
	if d.current == nil || d.current.Chunks == 0 {
		if e != nil {
			k.report("document %d has no searchable version but is searched", d.doc.No)
		}
		return nil
	}
	k.rows += d.current.Chunks
	if e == nil {
		k.report("document %d is not searched", d.doc.No)
		return nil
	}
	same := e.doc.Current == d.doc.Current && e.first == d.current.FirstRow && int(e.rows) == d.current.Chunks && e.segment == d.current.Segment
	if !same {
		k.report("document %d is searched as version %d with rows from %d", d.doc.No, e.doc.Current, e.first)
		return nil
	}
	if !sameFacts(factsOf(e.doc), factsOf(d.doc)) || !slices.Equal(e.waiting, d.waitingReaders()) {
		k.report("document %d is searched with other metadata or readers", d.doc.No)
	}
	if !k.decidedBy(e) {
		k.report("document %d is found by other metadata or readers than it has", d.doc.No)
	}
	return k.vectors(d, e)
}

// decidedBy reports whether the blocks that filters and access ask hold the entry, and no other.
func (k *checker) decidedBy(e *entry) bool {
	_, p := k.snapshot.partOf(e.segment)
	if p == nil {
		return false
	}
	first, ok := p.find(e.ordinal)
	for at, left := int(first), int(e.rows); ok && left > 0; {
		var d payload.Doc
		block := at / payload.BlockRows
		if ok = block < len(p.blocks); ok {
			d, ok = p.blocks[block].At(at % payload.BlockRows)
		}
		ok = ok && d.Doc == e.doc && d.Expires == e.expires && slices.Equal(d.Waiting, e.waiting) && d.Rows > 0 && d.Rows <= left
		at, left = at+d.Rows, left-d.Rows
	}
	return ok
}

// vectors compares vectors of a document's rows.
func (k *checker) vectors(d *document, e *entry) error {
	s := k.snapshot
	return k.tx.Chunks(d.doc.Collection, d.current, func(staged *lode.StagedChunk) error {
		ordinal, found, ok := s.find(e.first + lode.RowID(staged.Chunk.ID.Ordinal))
		if !ok || found != e || ordinal != e.ordinal+staged.Chunk.ID.Ordinal {
			k.report("row %d is not where its document says", e.first+lode.RowID(staged.Chunk.ID.Ordinal))
			return nil
		}
		if len(s.rows) > 10_000 && ordinal%checkVectorEvery != 0 {
			return nil
		}
		want, err := lode.ParseVector(staged.Vector)
		if err != nil {
			return err
		}
		if s.settings.Metric == lode.Cosine {
			want = want.Normalize()
		}
		if !slices.Equal(s.vector(e.segment, ordinal), want) {
			k.report("row %d has another vector than storage", s.rows[ordinal].id)
		}
		return k.others(staged, e, ordinal)
	})
}

// others compares the vectors of a row in named spaces.
func (k *checker) others(staged *lode.StagedChunk, e *entry, ordinal uint32) error {
	s := k.snapshot
	want, err := othersOf(s.settings.Vectors, staged)
	if err != nil {
		return err
	}
	for i, space := range s.settings.Vectors {
		same := true
		if space.Sparse {
			same, err = k.sameSparse(s.sparse[i], want.sparseAt(i), ordinal)
		} else {
			same = slices.Equal(s.vectorIn(i, e.segment, ordinal), want.denseAt(i))
		}
		if err != nil {
			return err
		}
		if !same {
			k.report("row %d has another vector in space %q than storage", s.rows[ordinal].id, space.Name)
		}
	}
	return nil
}

// sameSparse reports whether a row scores against its own vector as it must. Of a row without a
// vector there is nothing to ask for.
func (k *checker) sameSparse(x index.Sparse, v lode.SparseVector, ordinal uint32) (bool, error) {
	if v.Len() == 0 {
		return true, nil
	}
	sum := 0.0
	for _, value := range v.Values {
		sum += float64(float64(value) * float64(value))
	}
	only := index.NewBitset(int(ordinal) + 1)
	only.Set(ordinal)
	got, err := x.Search(k.ctx, v, 1, only)
	return len(got) == 1 && got[0].Score == float32(min(sum, math.MaxFloat32)), err
}
