package collection

import (
	"context"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

// Known returns the rows in the order asked for as far as searches know them: ID, Document
// and the chunk's ID. Storage is not read, so the rows are those of the view whatever was
// replaced since. It is [ErrViewGone] when a row is none of the view's.
func (v *View) Known(ctx context.Context, ids []lode.RowID) ([]lode.Row, error) {
	if len(ids) > 2*lode.MaxK {
		return nil, lode.Invalid("rows", len(ids), "at most %d rows at a time", 2*lode.MaxK)
	}
	if err := index.Stopped(ctx); err != nil {
		return nil, err
	}
	rows, entries := make([]lode.Row, len(ids)), make([]*entry, len(ids))
	for i, id := range ids {
		entries[i], _ = v.base.locate(id)
	}
	preload(entries)
	for i, id := range ids {
		e := entries[i]
		if e == nil || !maySee(v.principal, e.doc.Readers, e.waiting) || e.expired(v.now) {
			if e = v.find(id); e == nil { // it may be in what a lexical search saw
				return nil, ErrViewGone
			}
		}
		rows[i] = knownRow(e, id)
	}
	return rows, nil
}

// preload reads what an answer is about to be made of. Found documents lie anywhere in memory, and
// each takes a few misses of the caches that wait for one another; done side by side, those of all
// documents are waited for together.
//
//go:noinline
func preload(entries []*entry) (read int) {
	for _, e := range entries {
		if e != nil {
			read += len(e.doc.ID) + len(e.doc.Readers) + int(e.doc.Current)
		}
	}
	for _, e := range entries {
		if e != nil && e.doc.ID != "" {
			read += int(e.doc.ID[0])
		}
	}
	return read
}

// knownRow is a row as far as it is known without reading anything.
func knownRow(e *entry, id lode.RowID) lode.Row {
	return lode.Row{ID: id, Document: e.doc, Chunk: lode.Chunk{
		ID: lode.ChunkID{Doc: e.doc.No, Version: e.doc.Current, Ordinal: uint32(id - e.first)},
	}}
}

// locate is find for a row that was just found by its ordinal. Ids ascend by one where no row
// ever left, so that its place is mostly known without a search, which would touch memory
// that the search before it did not.
func (s *snapshot) locate(id lode.RowID) (*entry, bool) {
	if len(s.rows) > 0 && id >= s.rows[0].id {
		at := uint64(id - s.rows[0].id)
		if at < uint64(len(s.rows)) && s.rows[at].id == id {
			e := s.docs.at(s.rows[at].slot)
			return e, e != nil
		}
	}
	_, e, ok := s.find(id)
	return e, ok
}
