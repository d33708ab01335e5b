package collection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// load makes the in-memory state of one moment of storage. With early it does not wait for
// large collections: those come in the background, from the same moment.
func (e *Engine) load(early bool) (*catalog, error) {
	loaded := newCatalog()
	opened := make(chan error, 2) // only the first is read
	e.loads.all.Go(func() {
		var later []*loader
		err := e.store.View(func(tx *storage.Tx) (err error) {
			if later, err = e.loadAll(tx, loaded, early); err != nil {
				return err
			}
			opened <- nil
			return e.loadLater(later)
		})
		opened <- err
		e.endLoads(later, err)
	})
	return loaded, <-opened
}

// loadAll loads the collections, but for those that are loaded later, which it returns.
func (e *Engine) loadAll(tx *storage.Tx, loaded *catalog, early bool) (later []*loader, err error) {
	all, err := tx.Collections()
	if err != nil {
		return nil, err
	}
	for _, settings := range all {
		l, err := e.openCollection(tx, settings)
		switch {
		case err != nil:
		case early && e.options.EarlyRows > 0 && l.progress.total >= int64(e.options.EarlyRows):
			if l.c.loading, err = l.postpone(); err == nil {
				later = append(later, l)
			}
		default:
			if err = l.load(); err == nil {
				err = l.c.publish()
			}
		}
		if err != nil {
			return nil, fmt.Errorf("load collection %s: %w", settings.Name, err)
		}
		loaded.add(l.c)
	}
	return later, nil
}

// openCollection opens the graphs and words of a collection, of which nothing else is loaded yet.
func (e *Engine) openCollection(tx *storage.Tx, settings *lode.Collection) (*loader, error) {
	l := &loader{ctx: e.loads.ctx, e: e, tx: tx, c: newCollection(*settings, &e.options), progress: new(progress), workers: runtime.GOMAXPROCS(0)}
	var err error
	if l.segments, err = tx.Segments(settings.ID); err != nil {
		return nil, err
	}
	for i := range l.segments {
		if isShown(&l.segments[i]) {
			l.progress.total += l.segments[i].Rows
		}
	}
	l.files, err = e.openFiles(tx, settings, l.segments)
	return l, err
}

// segmentFiles are what sealed segments have beside their own files.
type segmentFiles struct {
	graphs map[lode.SegmentID]*graphPart
	words  map[lode.SegmentID]*wordsFile
}

// openFiles opens the graphs and words that are there. Those that cannot be opened are built again
// later: until then their rows are searched exactly, and their words are read.
func (e *Engine) openFiles(tx *storage.Tx, settings *lode.Collection, all []storage.Segment) (segmentFiles, error) {
	files := segmentFiles{graphs: map[lode.SegmentID]*graphPart{}, words: map[lode.SegmentID]*wordsFile{}}
	var ids []lode.SegmentID
	for i := range all {
		if all[i].State == storage.SegmentSealed {
			ids = append(ids, all[i].ID)
		}
	}
	rows, err := tx.MapAllSealed(settings.ID, ids)
	if err != nil {
		return files, err
	}
	graphs, words := make([]*graphPart, len(ids)), make([]*wordsFile, len(ids))
	unused := func(what string, id lode.SegmentID, err error) {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			e.options.Logger.Warn(what+" not used", "collection", settings.Name, "segment", id, "error", err)
		}
	}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, id := range ids {
		group.Go(func() (err error) {
			words[i], err = e.openWords(id, rows[i])
			unused("a file of words is", id, err)
			if e.options.Graphs != nil {
				graphs[i], err = e.openGraph(settings, id, rows[i])
				unused("a graph is", id, err)
			}
			return nil
		})
	}
	_ = group.Wait() // what is not there is no error
	for i, id := range ids {
		if graphs[i] != nil {
			files.graphs[id] = graphs[i]
		}
		if words[i] != nil {
			files.words[id] = words[i]
		}
	}
	return files, nil
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
	_ = e.Await(context.Background()) // a load reads what is replaced; how it ended is asked below
	e.loads.all.Wait()
	defer e.past.pause()() // while the store waits for a load of the past nobody could ask anything
	e.applyLock.Lock()
	defer e.applyLock.Unlock()
	if err := e.stopped(); err != nil {
		return Fatal{Err: err}
	}
	if err := e.store.RestoreSnapshot(r); err != nil {
		return fmt.Errorf("restore snapshot: %w", err)
	}
	loaded, err := e.load(false)
	if err != nil {
		e.applyLock.failed = err
		return Fatal{Err: fmt.Errorf("restore snapshot: %w", err)}
	}
	e.catalog.Store(loaded)
	return nil
}
