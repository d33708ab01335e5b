package collection

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// load builds the in-memory state from storage, in one consistent view.
func (e *Engine) load() (*catalog, error) {
	loaded := newCatalog()
	err := e.store.View(func(tx *storage.Tx) error {
		all, err := tx.Collections()
		if err != nil {
			return err
		}
		for _, settings := range all {
			c, err := e.loadCollection(tx, settings)
			if err != nil {
				return fmt.Errorf("load collection %s: %w", settings.Name, err)
			}
			loaded.add(c)
		}
		return nil
	})
	return loaded, err
}

// shown is a searchable version that was found in storage.
type shown struct {
	doc     *lode.Document
	waiting []string
	version *lode.DocVersion
}

func (e *Engine) loadCollection(tx *storage.Tx, settings *lode.Collection) (*collection, error) {
	c := newCollection(*settings, &e.options)
	var all []shown
	err := tx.Documents(settings.ID, 0, func(doc *lode.Document) (bool, error) {
		d, err := readDocument(tx, doc)
		if err != nil {
			return false, fmt.Errorf("document %d: %w", doc.No, err)
		}
		addStats(&c.segment.stats, d.count(), +1)
		if d.current != nil && d.current.Chunks > 0 {
			all = append(all, shown{doc: doc, waiting: d.waitingReaders(), version: d.current})
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	graphs, err := e.loadGraphs(tx, settings)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b shown) int { return cmp.Compare(a.version.FirstRow, b.version.FirstRow) })
	for i := range all {
		home, err := tx.Home(settings.ID, all[i].version.Segment)
		if err != nil {
			return nil, err
		}
		c.segment.move(all[i].version.Segment, home)
		if err := loadRows(tx, &c.segment, &all[i], graphs[home] == nil); err != nil {
			return nil, fmt.Errorf("document %d: %w", all[i].doc.No, err)
		}
	}
	for _, g := range graphs {
		if err := c.segment.adopt(g); err != nil {
			return nil, err
		}
	}
	c.ungraphed.Store(true)
	return c, c.publish()
}

// loadGraphs opens the graphs that are there. One that cannot be opened is built again later:
// until then its rows are searched exactly.
func (e *Engine) loadGraphs(tx *storage.Tx, settings *lode.Collection) (map[lode.SegmentID]*graphPart, error) {
	graphs := map[lode.SegmentID]*graphPart{}
	if e.options.Graphs == nil {
		return graphs, nil
	}
	all, err := tx.Segments(settings.ID)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].State != storage.SegmentSealed {
			continue
		}
		rows, err := tx.MapSealed(settings.ID, all[i].ID)
		if err != nil {
			return nil, err
		}
		g, err := e.openGraph(settings, all[i].ID, rows)
		switch {
		case err == nil:
			graphs[all[i].ID] = g
		case !errors.Is(err, fs.ErrNotExist):
			e.options.Logger.Warn("a graph is not used", "collection", settings.Name, "segment", all[i].ID, "error", err)
		}
	}
	return graphs, nil
}

func loadRows(tx *storage.Tx, s *segment, found *shown, withVectors bool) error {
	rows := &version{doc: found.doc, segment: found.version.Segment, first: found.version.FirstRow}
	add := func(staged *lode.StagedChunk) error {
		rows.texts = append(rows.texts, staged.Chunk.EmbeddedText(found.version.Title))
		if err := rows.addOthers(s.spaces, staged); err != nil {
			return err
		}
		if !withVectors {
			return nil
		}
		v, err := lode.ParseVector(staged.Vector)
		if err != nil {
			return fmt.Errorf("vector of chunk %s: %w", staged.Chunk.ID, err)
		}
		rows.vectors = append(rows.vectors, v)
		return nil
	}
	read := tx.Chunks
	if !withVectors {
		read = tx.ChunkTexts
	}
	err := read(found.doc.Collection, found.version, add)
	if err != nil {
		return err
	}
	if err := s.show(rows); err != nil {
		return err
	}
	s.describe(found.doc, found.waiting)
	return nil
}

// Snapshot takes a copy of the durable state for another node or a backup: all that is
// applied now, and nothing later. write is called at most once, beside Apply; release exactly
// once, also when write was not called.
func (e *Engine) Snapshot() (write func(io.Writer) error, release func(), err error) {
	if e.closed.Load() {
		return nil, nil, errClosed()
	}
	taken, err := e.store.Snapshot()
	if err != nil {
		return nil, nil, err
	}
	return taken.Write, taken.Release, nil
}

// Restore replaces the durable state by a snapshot and rebuilds what is in memory. When it
// fails, the state is the one from before, or the state machine has stopped.
func (e *Engine) Restore(r io.Reader) error {
	e.applyLock.Lock()
	defer e.applyLock.Unlock()
	if err := e.stopped(); err != nil {
		return Fatal{Err: err}
	}
	if err := e.store.RestoreSnapshot(r); err != nil {
		return fmt.Errorf("restore snapshot: %w", err)
	}
	loaded, err := e.load()
	if err != nil {
		e.applyLock.failed = err
		return Fatal{Err: fmt.Errorf("restore snapshot: %w", err)}
	}
	e.catalog.Store(loaded)
	return nil
}
