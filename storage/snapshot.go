package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

// snapshotVersion is the format version of a snapshot; its history is in
// docs/format/snapshot.md.
const snapshotVersion = 2

const maxSnapshotHeaderBytes = 4 << 10

// snapshotHeader comes before the catalogue in a snapshot.
type snapshotHeader struct {
	Version int    `cbor:"1,keyasint"`
	Index   uint64 `cbor:"2,keyasint"`
	Term    uint64 `cbor:"3,keyasint"`
	Bytes   int64  `cbor:"4,keyasint"` // of the catalogue
}

// Snapshot is the catalogue as of one moment. Updates go on beside it, but what they free is
// not used again before it is written or released. A restore and Close let go of snapshots
// that are not written yet; writing them is [lode.CodeUnavailable] then.
//
// Segments are not in a snapshot, as blobs are not: it names them, and who restores it
// fetches those that it lacks. A growing segment may have grown on until then, which does no
// harm.
type Snapshot struct {
	store *Store
	at    Applied
	held  struct {
		sync.Mutex
		tx *Tx // nil once copied or released
	}
}

// Snapshot takes a snapshot of this moment, in microseconds. It must be released.
func (s *Store) Snapshot() (*Snapshot, error) {
	s.swap.RLock()
	sn := &Snapshot{store: s}
	if err := s.hold(sn); err != nil {
		s.swap.RUnlock()
		return nil, fmt.Errorf("take snapshot: %w", err)
	}
	return sn, nil
}

// hold begins the transaction that keeps the moment, and notes it for Close.
func (s *Store) hold(sn *Snapshot) error {
	s.snapshots.Lock()
	defer s.snapshots.Unlock()
	if s.snapshots.closed {
		return errClosed
	}
	return guarded(func() error {
		tx, err := s.begin()
		if err != nil {
			return err
		}
		sn.at, sn.held.tx = tx.at, tx
		s.snapshots.open[sn] = struct{}{}
		return nil
	})
}

// At returns the log position of the snapshot.
func (sn *Snapshot) At() Applied { return sn.at }

// Release frees what the snapshot holds. It may be called twice.
func (sn *Snapshot) Release() {
	sn.held.Lock()
	defer sn.held.Unlock()
	sn.letGo()
}

// letGo ends the transaction; the caller has the lock.
func (sn *Snapshot) letGo() {
	if sn.held.tx == nil {
		return
	}
	sn.held.tx.end()
	sn.held.tx = nil
	s := sn.store
	s.snapshots.Lock()
	delete(s.snapshots.open, sn)
	s.snapshots.Unlock()
	s.swap.RUnlock()
}

// releaseSnapshots lets go of all snapshots, so that what waits for swap need not wait for
// those who hold one: they may wait for it in turn. A copy that is being made is awaited.
func (s *Store) releaseSnapshots(closing bool) {
	s.snapshots.Lock()
	s.snapshots.closed = s.snapshots.closed || closing
	left := slices.Collect(maps.Keys(s.snapshots.open))
	s.snapshots.Unlock()
	for _, sn := range left {
		sn.Release()
	}
}

// Write writes the snapshot, once. The catalogue is copied to a temporary file first and the
// moment let go, so that a slow reader of w holds up nothing. On return the files of the
// store itself hold everything that is in the snapshot, so that the log before it can go.
func (sn *Snapshot) Write(w io.Writer) (err error) {
	yield, end := sn.store.options.Pace(context.Background())
	defer end()
	path, err := sn.copy(yield)
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(path)) }()
	if err := sendSnapshot(pacedWriter{w, yield}, sn.at, path); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	if err := sn.store.Flush(); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

// copy writes the catalogue of the moment to a temporary file, lets the moment go, and
// returns the name of the file.
func (sn *Snapshot) copy(yield func()) (path string, err error) {
	f, err := os.CreateTemp(sn.store.tempDir(), "snapshot.*.tmp")
	if err != nil {
		return "", err
	}
	path = f.Name()
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	layers, copied, err := sn.copyFiles(f, yield)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	return path, finishCopy(path, copied, sn.at, layers)
}

// copyFiles copies what lies in the files, and returns the layers that are missing.
func (sn *Snapshot) copyFiles(f *os.File, yield func()) (layers []*layer, copied bool, err error) {
	sn.held.Lock()
	defer sn.held.Unlock()
	if sn.held.tx == nil {
		return nil, false, lode.Errorf(lode.CodeUnavailable, "the snapshot was written or let go")
	}
	defer sn.letGo()
	tx := sn.held.tx
	err = guarded(func() error {
		if in, is := tx.catalog.(*boltTx); is {
			_, err := in.tx.WriteTo(pacedWriter{f, yield})
			copied = true
			return err
		}
		all := newLayer()
		in := tx.catalog.(*memoryTx)
		in.records.Scan(func(k string, v []byte) bool {
			all.set(k, v)
			return true
		})
		tx.layers = append(tx.layers[:len(tx.layers):len(tx.layers)], all)
		return nil
	})
	return tx.layers, copied, err
}

// pacedWriter yields before every write.
type pacedWriter struct {
	to    io.Writer
	yield func()
}

func (w pacedWriter) Write(p []byte) (int, error) {
	w.yield()
	return w.to.Write(p)
}

// finishCopy writes to a copy of the catalogue's file what was not in it yet. The free list
// is an array, which gives out pages in order, where a map does so at random: two copies of
// one state are the same bytes, so that a backup need not store both.
func finishCopy(path string, copied bool, at Applied, layers []*layer) error {
	if !copied {
		if err := errors.Join(os.Remove(path), fillBolt(path, makeCatalog)); err != nil {
			return err
		}
	}
	db, err := openBolt(path, &bolt.Options{Timeout: time.Second, FreelistType: bolt.FreelistArrayType, PreLoadFreelist: true, NoSync: true, NoGrowSync: true})
	if err != nil {
		return err
	}
	err = (&boltBase{db: db, path: path}).write(at, func(w baseWriter) error {
		for _, l := range slices.Backward(layers) {
			if err := l.writeCatalog(w); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, db.Close())
}

// tempDir is where large temporary files go.
func (s *Store) tempDir() string {
	if s.options.Memory != nil {
		return os.TempDir()
	}
	return s.dir
}

// WriteSnapshot writes a snapshot of this moment and returns its log position.
func (s *Store) WriteSnapshot(w io.Writer) (Applied, error) {
	sn, err := s.Snapshot()
	if err != nil {
		return Applied{}, err
	}
	defer sn.Release()
	if err := sn.Write(w); err != nil {
		return Applied{}, err
	}
	return sn.At(), nil
}

func sendSnapshot(w io.Writer, at Applied, path string) (err error) {
	catalog, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, catalog.Close()) }()
	info, err := catalog.Stat()
	if err != nil {
		return err
	}
	head, err := encodeRecord(kindSnapshot, &snapshotHeader{Version: snapshotVersion, Index: at.Index, Term: at.Term, Bytes: info.Size()})
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	sealed, err := seal.NewWriter(w, kindCatalogue, info.Size())
	if err != nil {
		return err
	}
	if _, err := io.CopyN(sealed, catalog, info.Size()); err != nil {
		return err
	}
	return sealed.Close()
}

// openSnapshot reads the header of a snapshot; catalog yields the checked bytes of the
// catalogue file.
func openSnapshot(r io.Reader) (head snapshotHeader, catalog *seal.Reader, err error) {
	payload, err := seal.ReadBlock(r, kindSnapshot, maxSnapshotHeaderBytes)
	if err != nil {
		return head, nil, err
	}
	if err := decodePayload(payload, &head); err != nil {
		return head, nil, err
	}
	if head.Version != snapshotVersion {
		return head, nil, lode.Errorf(lode.CodeCorrupt, "the snapshot has format version %d, this program knows %d", head.Version, snapshotVersion).
			WithHint("a snapshot written by a newer lode needs a newer lode")
	}
	catalog, err = seal.NewReader(r, kindCatalogue)
	if err == nil && catalog.Len() != head.Bytes {
		err = lode.Errorf(lode.CodeCorrupt, "the snapshot announces a catalogue of %d bytes and holds %d", head.Bytes, catalog.Len())
	}
	return head, catalog, err
}
