package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// Names inside a data folder.
const (
	lockName     = "LOCK"
	nodeName     = "NODE"
	planName     = "PLAN"
	catalogName  = "catalog.db"
	segmentsName = "segments"
	blobsName    = "blobs"
	raftName     = "raft"
)

// Applied is a position in the replicated log.
type Applied struct{ Index, Term uint64 }

// Store is the open data folder of one node. Its methods may be called at the same time;
// updates run one after another, views beside them and beside each other.
type Store struct {
	dir      string
	fsys     vfs.FS
	log      *slog.Logger
	options  Options
	nodeID   string
	lock     io.Closer
	blobs    *Blobs
	files    baseFiles
	segments *segmentFiles

	// state is what views see; only Update and the flusher replace it.
	state     atomic.Pointer[state]
	restoring sync.Mutex // one restore at a time; before swap
	// swap is held shared by every transaction and flush, and alone by what exchanges or
	// closes the files.
	swap    sync.RWMutex
	catalog base // nil when closed
	// snapshots are those that hold swap until they are written or released.
	snapshots struct {
		sync.Mutex
		open   map[*Snapshot]struct{}
		closed bool
	}
	// writing is held by one update at a time, and by the flusher while it moves layers;
	// after swap.
	writing struct {
		sync.Mutex
		failed error // what made the files unsafe to write to
	}
	flusher  flusher
	epochs   epochs
	memos    memos
	scrubber scrubber
}

// state is a moment: layers over the files.
type state struct {
	at     Applied
	layers []*layer // newest first: the active one, then perhaps the one that is being flushed
}

// Open opens a data folder and creates it when it is missing. It takes the folder's lock:
// a folder that another process has open is [lode.CodeConflict]. Damage and unknown
// versions are [lode.CodeCorrupt]. What an interrupted process left half-made is removed
// or finished.
func Open(dir string, o Options) (s *Store, err error) {
	o.ensureDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	if s, err = newStore(dir, o); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open data folder %s: %w", s.dir, err), s.Close())
	}
	s.startFlusher()
	s.log.Info("data folder opened", "dir", s.dir, "node", s.nodeID, "applied", s.Applied().Index)
	return s, nil
}

func newStore(dir string, o Options) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, fsys: o.FS, log: o.Logger, options: o, blobs: newBlobs(o.FS, filepath.Join(dir, blobsName))}
	s.files = o.files(dir)
	s.epochs.log = o.Logger
	s.segments = newSegmentFiles(o.FS, filepath.Join(dir, segmentsName), s.files)
	s.snapshots.open = map[*Snapshot]struct{}{}
	return s, nil
}

func (s *Store) open() error {
	if err := makeDataDir(s.fsys, s.dir); err != nil {
		return err
	}
	if err := s.takeLock(); err != nil {
		return err
	}
	id, found, err := readNode(s.fsys, s.path(nodeName))
	if err != nil {
		return err
	}
	if err := s.prepare(found); err != nil {
		return err
	}
	if err := s.openCatalog(); err != nil {
		return err
	}
	if !found {
		if id, err = createNode(s.fsys, s.path(nodeName)); err != nil {
			return err
		}
	}
	s.nodeID = id
	return nil
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Store) takeLock() error {
	if s.options.Memory != nil {
		return nil
	}
	lock, err := vfs.Lock(s.path(lockName))
	var locked *vfs.LockedError
	if errors.As(err, &locked) {
		return lode.Errorf(lode.CodeConflict, "the data folder is in use: %w", err)
	}
	s.lock = lock
	return err
}

func (s *Store) openCatalog() error {
	catalog, err := s.files.openCatalog()
	if errors.Is(err, fs.ErrNotExist) {
		return lode.Errorf(lode.CodeCorrupt, "%s is missing from a folder that has been in use", catalogName).
			WithHint("run lode repair, which takes the catalogue from the log; else restore the node from a backup")
	}
	if err != nil {
		return err
	}
	s.catalog = catalog
	return s.loadState()
}

// loadState begins with what is in the files.
func (s *Store) loadState() error {
	return guarded(func() error {
		tx, err := s.catalog.begin()
		if err != nil {
			return err
		}
		defer tx.end()
		at, err := tx.applied()
		s.state.Store(&state{at: at, layers: []*layer{newLayer()}})
		f := &s.flusher
		f.frozen = at
		f.wait.Lock()
		defer f.wait.Unlock()
		f.wait.flushed, f.wait.stuck = at, nil
		return err
	})
}

// Close waits for transactions, lets go of snapshots, writes what is not in the files yet
// and closes the folder. It may be called twice.
func (s *Store) Close() error {
	s.stopFlusher()
	s.releaseSnapshots(true)
	s.swap.Lock()
	defer s.swap.Unlock()
	var errs []error
	if s.catalog != nil {
		if s.failure() == nil && s.state.Load() != nil {
			errs = append(errs, s.flushAll())
		}
		s.flusher.mu.Lock()
		errs = append(errs, s.segments.close(), s.catalog.close())
		s.catalog = nil
		s.flusher.mu.Unlock()
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
		s.lock = nil
	}
	return errors.Join(errs...)
}

// NodeID returns the identity of this node: made with the folder, never changed.
func (s *Store) NodeID() string { return s.nodeID }

// RaftDir returns the folder for the log's own files. It exists.
func (s *Store) RaftDir() string { return s.path(raftName) }

// Blobs returns the blobs of this node.
func (s *Store) Blobs() *Blobs { return s.blobs }

// Applied returns the log position of the last update. After a start it is that of the last
// flush: the log must be applied from there again.
func (s *Store) Applied() Applied {
	if now := s.state.Load(); now != nil {
		return now.at
	}
	return Applied{}
}

var errClosed = lode.Errorf(lode.CodeUnavailable, "the store is closed")

// View calls fn with a state of one moment. fn must not call View or Update: while a
// restore waits, the inner one would wait for ever.
func (s *Store) View(fn func(*Tx) error) error {
	s.swap.RLock()
	defer s.swap.RUnlock()
	return guarded(func() error {
		t, err := s.begin()
		if err != nil {
			return err
		}
		defer t.end()
		return fn(t)
	})
}

// begin takes the present moment; the caller holds swap and ends the transaction.
func (s *Store) begin() (*Tx, error) {
	if s.catalog == nil {
		return nil, errClosed
	}
	epoch := s.epochs.enter()
	for {
		now := s.state.Load()
		t, err := s.beginAt(now, epoch)
		if t == nil && err == nil {
			continue // a flush has put later entries below the layers of this moment: take the next one
		}
		if err != nil {
			epoch.leave()
		}
		return t, err
	}
}

// beginAt puts the layers of a moment over the files, and returns nil when those are of a
// later one.
func (s *Store) beginAt(now *state, epoch *epoch) (t *Tx, err error) {
	err = guarded(func() error {
		tx, err := s.catalog.begin()
		if err != nil {
			return err
		}
		defer func() {
			if t == nil { // also when a damaged page made applied panic
				tx.end()
			}
		}()
		at, err := tx.applied()
		if err == nil && at.Index <= now.at.Index {
			t = &Tx{store: s, at: now.at, entry: now.at.Index, layers: now.layers, catalog: tx, epoch: epoch}
		}
		return err
	})
	return t, err
}

// Update applies one log entry, or a run of them that ends at at: what fn writes and the
// position happen together. An error of fn changes nothing. An entry at or below the last
// applied is [lode.CodeConflict]: nothing is applied twice.
//
// The update is in memory on return, visible to every later view, and goes to the files with
// the next flush; until then it lives in the log, which must be kept from [Store.Flushed] on.
// When the disk fails so that nobody knows what it holds, this and every later update
// returns an error until the folder is opened again; the caller should stop the node.
func (s *Store) Update(at Applied, fn func(*Tx) error) error {
	if err := s.awaitRoom(); err != nil { // before swap, which the flusher needs to make room
		return err
	}
	s.swap.RLock()
	defer s.swap.RUnlock()
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.catalog == nil {
		return errClosed
	}
	if s.writing.failed != nil {
		return lode.Errorf(lode.CodeUnavailable, "the catalogue takes no writes after a failure: %w", s.writing.failed).
			WithHint("restart the node")
	}
	now := s.state.Load()
	if at.Index <= now.at.Index {
		return lode.Errorf(lode.CodeConflict, "log entry %d was applied already, the last is %d", at.Index, now.at.Index)
	}
	edit := now.layers[0].clone()
	layers := append([]*layer{edit}, now.layers[1:]...)
	pins, err := s.apply(at, edit, layers, fn)
	defer func() {
		for _, release := range pins {
			release()
		}
	}()
	if err != nil {
		var damaged *pageError
		if errors.As(err, &damaged) {
			s.failLocked(err)
		}
		return err
	}
	s.state.Store(&state{at: at, layers: layers})
	s.dirty(edit)
	return nil
}

// apply runs fn on a copy of the active layer. pins are to be let go when the copy is
// published, or given up.
func (s *Store) apply(at Applied, edit *layer, layers []*layer, fn func(*Tx) error) (pins []func(), err error) {
	err = guarded(func() error {
		catalog, err := s.catalog.begin()
		if err != nil {
			return err
		}
		t := &Tx{store: s, at: at, entry: at.Index, edit: edit, layers: layers, catalog: catalog, epoch: s.epochs.enter()}
		defer func() {
			pins = t.pins
			t.end()
		}()
		if err := fn(t); err != nil {
			return err
		}
		if err := t.partsErr(); err != nil {
			return err
		}
		return t.flushSegments()
	})
	return pins, err
}

// failLocked stops all writing; the caller holds writing.
func (s *Store) failLocked(err error) {
	if s.writing.failed != nil {
		return
	}
	s.writing.failed = err
	s.log.Error("storage failed", "error", err)
	if s.options.Failed != nil {
		go s.options.Failed(err)
	}
}

// IsClosed reports whether err says that the store was closed.
func IsClosed(err error) bool { return errors.Is(err, errClosed) }
