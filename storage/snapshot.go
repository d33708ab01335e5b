package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"sync"

	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
	"github.com/lodedb/lode/internal/vfs"
)

// snapshotVersion is the format version of a snapshot; its history is in
// docs/format/snapshot.md.
const snapshotVersion = 1

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
type Snapshot struct {
	store *Store
	at    Applied
	held  struct {
		sync.Mutex
		tx *bolt.Tx // nil once copied or released
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
func (s *Store) hold(sn *Snapshot) (err error) {
	if s.db == nil {
		return errClosed
	}
	s.snapshots.Lock()
	defer s.snapshots.Unlock()
	if s.snapshots.closed {
		return errClosed
	}
	defer guard(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	tx, err := s.db.Begin(false)
	if err != nil {
		return err
	}
	if sn.at, err = appliedOf(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	sn.held.tx = tx
	s.snapshots.open[sn] = struct{}{}
	return nil
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
	_ = sn.held.tx.Rollback()
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
// moment let go, so that a slow reader of w holds up nothing. Blobs are not in it.
func (sn *Snapshot) Write(w io.Writer) (err error) {
	f, err := os.CreateTemp(sn.store.dir, "snapshot.*.tmp")
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	defer func() {
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}()
	size, err := sn.copyTo(f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = sendSnapshot(w, sn.at, f, size)
	}
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

func (sn *Snapshot) copyTo(f *os.File) (size int64, err error) {
	sn.held.Lock()
	defer sn.held.Unlock()
	if sn.held.tx == nil {
		return 0, lode.Errorf(lode.CodeUnavailable, "the snapshot was written or let go")
	}
	defer sn.letGo()
	defer guard(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	return sn.held.tx.WriteTo(f)
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

func sendSnapshot(w io.Writer, at Applied, catalog io.Reader, size int64) error {
	head, err := encodeRecord(kindSnapshot, &snapshotHeader{Version: snapshotVersion, Index: at.Index, Term: at.Term, Bytes: size})
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	sealed, err := seal.NewWriter(w, kindCatalogue, size)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(sealed, catalog, size); err != nil {
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

// RestoreSnapshot replaces the catalogue by the one in a snapshot, all or nothing: it is
// written beside the old one, checked completely, and swapped in by a rename. Transactions
// wait during the swap. On error the store is as before, unless the error says that it
// failed in the middle of the swap; then it takes no more writes until it is opened again.
func (s *Store) RestoreSnapshot(r io.Reader) error {
	s.restoring.Lock()
	defer s.restoring.Unlock()
	temp := s.path(catalogName) + ".restore.tmp"
	defer os.Remove(temp) // not there any more when all went well
	if err := s.receive(r, temp); err != nil {
		return fmt.Errorf("restore snapshot: %w", err)
	}
	if err := s.exchange(temp); err != nil {
		return fmt.Errorf("restore snapshot: %w", err)
	}
	s.log.Info("snapshot restored", "applied", s.Applied().Index)
	return nil
}

// receive writes the catalogue of a snapshot to temp and checks all of it.
func (s *Store) receive(r io.Reader, temp string) error {
	head, catalog, err := openSnapshot(r)
	if err != nil {
		return err
	}
	if s.max > 0 && head.Bytes > s.max {
		return lode.Errorf(lode.CodeTooLarge, "the catalogue of the snapshot has %d bytes, the limit here is %d", head.Bytes, s.max)
	}
	f, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, vfs.FilePerm)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, catalog)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return checkReceived(temp, head)
}

// checkReceived opens a received catalogue and walks every page and every record.
func checkReceived(path string, head snapshotHeader) error {
	db, err := openCatalog(path, 0, true)
	if err != nil {
		return err
	}
	err = viewBolt(db, func(t *Tx) error {
		if want := (Applied{Index: head.Index, Term: head.Term}); t.At() != want {
			return lode.Errorf(lode.CodeCorrupt, "the snapshot announces log entry %d and holds %d", want.Index, t.At().Index)
		}
		var first error
		c := newChecker(context.Background(), t, nil, func(b Breach) {
			if first == nil {
				first = lode.Errorf(lode.CodeCorrupt, "%s: %s", b.Where, b.What)
			}
		})
		if c.structure(t.bolt, path); first == nil {
			c.records()
		}
		return first
	})
	return errors.Join(err, db.Close())
}

// exchange swaps the catalogue for the checked file.
func (s *Store) exchange(temp string) error {
	s.releaseSnapshots(false)
	s.swap.Lock()
	defer s.swap.Unlock()
	if s.db == nil {
		return errClosed
	}
	err := s.db.Close()
	s.db = nil
	renamed := false
	if err == nil {
		renamed, err = install(s.fsys, temp, s.path(catalogName))
	}
	openErr := s.openDB() // whichever file has the name is the catalogue
	switch {
	case openErr != nil:
		s.writing.failed = openErr
	case renamed:
		s.writing.failed = err // a name that is not durable may be gone after a power cut
	}
	return errors.Join(err, openErr)
}
