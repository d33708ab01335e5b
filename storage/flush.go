package storage

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// Updates gather in layers in memory and go to the files together: many log entries become
// one transaction of the catalogue, whose pages are written and synced once. The log holds
// what is not in the files yet.

// Bounds of what is not in the files yet.
const (
	// maxLayerBytes make an update wait for the flush that is under way.
	maxLayerBytes = 64 << 20
	// maxStuckBytes may gather while the disk is full, for what cannot be refused.
	maxStuckBytes = 256 << 20
	// flushRetry is how long a flush waits that found no space.
	flushRetry = time.Second
)

// flusher is the goroutine that flushes.
type flusher struct {
	mu    sync.Mutex    // one flush at a time, none while files are exchanged or closed; after swap, before writing
	dirty chan struct{} // there is something to flush
	full  chan struct{} // and it is much
	stop  chan struct{}
	done  chan struct{}
	once  sync.Once

	wait struct {
		sync.Mutex
		changed chan struct{} // closed when a flush ends
		stuck   error         // why the last one found no space
		flushed Applied
	}
	frozen Applied // where the layer ends that is being flushed, or was last; under writing
}

func (s *Store) startFlusher() {
	f := &s.flusher
	f.dirty, f.full = make(chan struct{}, 1), make(chan struct{}, 1)
	f.stop, f.done = make(chan struct{}), make(chan struct{})
	f.wait.changed = make(chan struct{})
	go s.flushLoop()
}

func (s *Store) stopFlusher() {
	f := &s.flusher
	if f.stop == nil {
		return
	}
	f.once.Do(func() { close(f.stop) })
	<-f.done
}

func (s *Store) flushLoop() {
	defer close(s.flusher.done)
	for {
		select {
		case <-s.flusher.dirty:
		case <-s.flusher.stop:
			return
		}
		for patience := s.options.FlushInterval; ; patience = flushRetry {
			select {
			case <-s.flusher.full:
			case <-time.After(patience):
			case <-s.flusher.stop:
				return
			}
			err := s.flushAll() // also what came after a layer that found no space
			if err == nil || s.failure() != nil {
				break
			}
			s.log.Warn("flush put off", "error", err)
		}
	}
}

// failure returns why writing has stopped.
func (s *Store) failure() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.writing.failed
}

// dirty tells the flusher that the active layer has grown.
func (s *Store) dirty(active *layer) {
	notify(s.flusher.dirty)
	if active.bytes >= s.options.FlushBytes {
		notify(s.flusher.full)
	}
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// awaitRoom waits while the active layer is full and the one before is being flushed.
func (s *Store) awaitRoom() error {
	for {
		s.flusher.wait.Lock()
		changed, stuck := s.flusher.wait.changed, s.flusher.wait.stuck
		s.flusher.wait.Unlock()
		now := s.state.Load()
		if now == nil || s.failure() != nil {
			return nil
		}
		waiting := int64(0)
		for _, l := range now.layers {
			waiting += l.bytes
		}
		switch {
		case stuck == nil && now.layers[0].bytes < maxLayerBytes, stuck != nil && waiting < maxStuckBytes:
			return nil
		case stuck != nil:
			return fmt.Errorf("%d bytes are applied and cannot be written: %w", waiting, stuck)
		}
		notify(s.flusher.full)
		select {
		case <-changed:
		case <-s.flusher.done:
			return errClosed
		}
	}
}

// Flush writes everything that is applied to the files and returns when it is durable there.
func (s *Store) Flush() error { return s.flushAll() }

// Flushed returns the log position up to which everything is in the files. A start goes on
// from there.
func (s *Store) Flushed() Applied {
	s.flusher.wait.Lock()
	defer s.flusher.wait.Unlock()
	return s.flusher.wait.flushed
}

// flushAll flushes what is applied by now.
func (s *Store) flushAll() error {
	at := s.Applied()
	for s.Flushed().Index < at.Index {
		if err := s.flush(); err != nil {
			return err
		}
	}
	return nil
}

// flush writes the active layer. It does not take swap: an update that holds it may be
// waiting for this, and another goroutine for the update.
func (s *Store) flush() error {
	f := &s.flusher
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.catalog == nil {
		return errClosed
	}
	frozen, err := s.freeze()
	if err == nil && frozen != nil {
		end := vfs.Begin(s.fsys, vfs.Call{Op: "commit", Path: s.path(catalogName), Bytes: frozen.bytes})
		err = s.writeLayer(frozen, f.frozen)
		end()
	}
	var fatal *commitError
	var damaged *pageError
	s.writing.Lock()
	switch {
	case errors.As(err, &fatal), errors.As(err, &damaged):
		s.failLocked(err)
	case err == nil && frozen != nil:
		now := s.state.Load()
		s.state.Store(&state{at: now.at, layers: now.layers[:1:1]})
	}
	s.writing.Unlock()
	f.wait.Lock()
	defer f.wait.Unlock()
	if f.wait.stuck = err; err == nil {
		f.wait.flushed = f.frozen
	}
	if f.wait.changed != nil {
		close(f.wait.changed)
	}
	f.wait.changed = make(chan struct{})
	return err
}

// freeze makes the active layer the one to be flushed, together with one that an earlier
// flush could not write. It returns nil when there is nothing to be flushed.
func (s *Store) freeze() (frozen *layer, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.writing.failed != nil {
		return nil, lode.Errorf(lode.CodeUnavailable, "the catalogue takes no writes after a failure: %w", s.writing.failed)
	}
	now := s.state.Load()
	switch {
	case len(now.layers) == 2:
		// An earlier flush found no space. What came later may have made some: what is deleted
		// again need not be written.
		frozen = now.layers[1].clone()
		frozen.merge(now.layers[0])
	case now.at == s.flusher.frozen:
		return nil, nil
	default:
		frozen = now.layers[0]
	}
	s.state.Store(&state{at: now.at, layers: []*layer{newLayer(), frozen}})
	s.flusher.frozen = now.at
	return frozen, nil
}

// writeLayer writes a layer to the files: segments first, so that the catalogue never speaks
// of rows that are not there.
func (s *Store) writeLayer(l *layer, at Applied) error {
	gone, err := s.writeSegments(l, at)
	if err != nil {
		return err
	}
	err = s.catalog.write(at, l.writeCatalog)
	if err != nil {
		return err
	}
	s.epochs.retire(gone)
	return nil
}

// writeSegments writes the rows and the silver of a layer to the growing segments, and
// returns how to remove the files that nothing will refer to when the layer is flushed.
func (s *Store) writeSegments(l *layer, at Applied) (gone []func() error, err error) {
	err = guarded(func() error {
		catalog, err := s.catalog.begin()
		if err != nil {
			return err
		}
		defer catalog.end()
		before := &Tx{store: s, at: at, catalog: catalog}
		after := &Tx{store: s, at: at, catalog: catalog, layers: []*layer{l}}
		if gone, err = s.obsolete(l, before, after); err != nil {
			return err
		}
		for _, k := range l.segments() {
			sg, err := after.segment(k)
			if err != nil {
				return err
			}
			if !sg.exists || !sg.hasGrowing() {
				continue // its rows are in the sealed file, or gone
			}
			if err := s.writeSegment(l, k, at); err != nil {
				return fmt.Errorf("write segment %s: %w", k, err)
			}
		}
		return nil
	})
	return gone, err
}

func (s *Store) writeSegment(l *layer, k segmentKey, at Applied) error {
	h, err := s.segments.forWriting(k)
	if err != nil {
		return err
	}
	defer h.release()
	// A file that came from another node with a snapshot may hold later entries already. It must
	// go on saying so: the next snapshot may rely on it.
	holds, err := appliedIn(h.value)
	if err != nil {
		return err
	}
	if holds.Index > at.Index {
		at = holds
	}
	return h.value.write(at, func(w baseWriter) error {
		for _, b := range partBuckets {
			from := string(space{b, k}.appendKey(nil, nil))
			to := string(space{b, segmentKey{k.collection, k.segment + 1}}.appendKey(nil, nil))
			n := 0
			err := l.part(from, to, func(sp space, key string, value []byte) error {
				n++
				breathe(n)
				return writeEntry(w, sp, key, value)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// obsolete finds the files of segments that the layer seals or forgets.
func (s *Store) obsolete(l *layer, before, after *Tx) (gone []func() error, err error) {
	forget := func(k segmentKey, was *segmentState) {
		gone = append(gone, func() error { return s.segments.removeGrowing(k) })
		if was.State == SegmentSealed {
			gone = append(gone, func() error {
				return s.segments.removeDoomed(was.Hash, s.segments.doom(was.Hash))
			})
		}
	}
	for _, c := range l.droppedCollections() {
		b := bucket{before, space{segmentsBucket, segmentKey{collection: c}}}
		err := b.scanAll(nil, func(key, _ []byte) error {
			k := segmentKey{c, lode.SegmentID(parseDocumentKey(key))}
			was, err := before.segment(k)
			if err == nil {
				forget(k, was)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	err = l.all(func(sp space, key string, _ []byte) error {
		if sp.bucket != segmentsBucket {
			return nil
		}
		k := segmentKey{sp.collection, lode.SegmentID(be64(key))}
		was, err := before.segment(k)
		if err != nil {
			return err
		}
		is, err := after.segment(k)
		switch {
		case err != nil:
			return err
		case !is.exists:
			forget(k, was)
		case is.State == SegmentMerged && was.State != SegmentMerged:
			forget(k, was)
		case is.State == SegmentSealed && was.State != SegmentSealed:
			gone = append(gone, func() error { return s.segments.removeGrowing(k) })
		}
		return nil
	})
	return gone, err
}
