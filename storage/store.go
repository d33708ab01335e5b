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

	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// Names inside a data folder.
const (
	lockName    = "LOCK"
	nodeName    = "NODE"
	catalogName = "catalog.db"
	blobsName   = "blobs"
	raftName    = "raft"
)

// Applied is a position in the replicated log.
type Applied struct{ Index, Term uint64 }

// Store is the open data folder of one node. Its methods may be called at the same time;
// updates run one after another, views beside them and beside each other.
type Store struct {
	dir    string
	fsys   vfs.FS
	log    *slog.Logger
	max    int64
	nodeID string
	lock   io.Closer
	blobs  *Blobs

	applied   atomic.Pointer[Applied]
	restoring sync.Mutex // one RestoreSnapshot at a time; before swap
	// swap is held shared by every transaction, and alone by what exchanges or closes the
	// catalogue.
	swap sync.RWMutex
	db   *bolt.DB // nil when closed
	// snapshots are those that hold swap until they are written or released.
	snapshots struct {
		sync.Mutex
		open   map[*Snapshot]struct{}
		closed bool
	}
	// writing is held by one update at a time; after swap.
	writing struct {
		sync.Mutex
		failed error // what made the catalogue unsafe to write to
	}
}

// Open opens a data folder and creates it when it is missing. It takes the folder's lock:
// a folder that another process has open is [lode.CodeConflict]. Damage and unknown
// versions are [lode.CodeCorrupt]. What an interrupted process left half-made is removed.
func Open(dir string, o Options) (s *Store, err error) {
	o.ensureDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	s = &Store{dir: dir, fsys: o.FS, log: o.Logger, max: o.MaxBytes, blobs: newBlobs(o.FS, filepath.Join(dir, blobsName))}
	s.snapshots.open = map[*Snapshot]struct{}{}
	if err := s.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open data folder %s: %w", dir, err), s.Close())
	}
	s.log.Info("data folder opened", "dir", dir, "node", s.nodeID, "applied", s.Applied().Index)
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
	if err := s.openDB(); err != nil {
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
	lock, err := vfs.Lock(s.path(lockName))
	var locked *vfs.LockedError
	if errors.As(err, &locked) {
		return lode.Errorf(lode.CodeConflict, "the data folder is in use: %w", err)
	}
	s.lock = lock
	return err
}

func (s *Store) openDB() error {
	db, err := openCatalog(s.path(catalogName), s.max, false)
	if errors.Is(err, fs.ErrNotExist) {
		return lode.Errorf(lode.CodeCorrupt, "%s is missing from a folder that has been in use", catalogName).
			WithHint("restore the node from a snapshot, or remove the folder so that the node rejoins empty")
	}
	if err != nil {
		return err
	}
	s.db = db
	return s.loadApplied()
}

func (s *Store) loadApplied() error {
	return viewBolt(s.db, func(t *Tx) error {
		at := t.At()
		s.applied.Store(&at)
		return nil
	})
}

// Close waits for transactions, lets go of snapshots and closes the folder. It may be called
// twice.
func (s *Store) Close() error {
	s.releaseSnapshots(true)
	s.swap.Lock()
	defer s.swap.Unlock()
	var errs []error
	if s.db != nil {
		errs = append(errs, s.db.Close())
		s.db = nil
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

// Applied returns the log position of the last committed update.
func (s *Store) Applied() Applied {
	if at := s.applied.Load(); at != nil {
		return *at
	}
	return Applied{}
}

var errClosed = lode.Errorf(lode.CodeUnavailable, "the store is closed")

// View calls fn with a state of one moment. fn must not call View or Update: while a
// restore waits, the inner one would wait for ever.
func (s *Store) View(fn func(*Tx) error) error {
	s.swap.RLock()
	defer s.swap.RUnlock()
	if s.db == nil {
		return errClosed
	}
	return viewBolt(s.db, fn)
}

// Update applies one log entry, or a run of them that ends at at: what fn writes and the
// position become durable together. An error of fn or of the disk changes nothing. An entry
// at or below the last applied is [lode.CodeConflict]: nothing is applied twice.
//
// When the disk fails so that nobody knows what it holds, this and every later update
// returns an error until the folder is opened again; the caller should stop the node.
func (s *Store) Update(at Applied, fn func(*Tx) error) error {
	s.swap.RLock()
	defer s.swap.RUnlock()
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.db == nil {
		return errClosed
	}
	if s.writing.failed != nil {
		return lode.Errorf(lode.CodeUnavailable, "the catalogue takes no writes after a failure: %w", s.writing.failed).
			WithHint("restart the node")
	}
	if last := s.Applied(); at.Index <= last.Index {
		return lode.Errorf(lode.CodeConflict, "log entry %d was applied already, the last is %d", at.Index, last.Index)
	}
	end := vfs.Begin(s.fsys, vfs.Call{Op: "commit", Path: s.path(catalogName)})
	err := updateBolt(s.db, at, fn)
	end()
	if err != nil {
		var fatal *commitError
		if errors.As(err, &fatal) {
			s.writing.failed = fatal.err
			s.log.Error("catalogue failed", "index", at.Index, "error", fatal.err)
		}
		return err
	}
	s.applied.Store(&at)
	return nil
}

func appliedOf(tx *bolt.Tx) (Applied, error) {
	local := tx.Bucket(localBucket)
	if local == nil {
		return Applied{}, nil // checkFormat will say so
	}
	r, err := getRecord[appliedRecord](local, kindApplied, appliedKey)
	if err != nil || r == nil {
		return Applied{}, err
	}
	return Applied{Index: r.Index, Term: r.Term}, nil
}

func putApplied(tx *bolt.Tx, at Applied) error {
	return putRecord(tx.Bucket(localBucket), kindApplied, appliedKey, &appliedRecord{Index: at.Index, Term: at.Term})
}

// IsClosed reports whether err says that the store was closed.
func IsClosed(err error) bool { return errors.Is(err, errClosed) }
