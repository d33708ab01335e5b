package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

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

// WriteSnapshot writes the catalogue as of one moment and returns the log position of that
// moment. Updates go on meanwhile: the state is copied to a temporary file first, so that a
// slow reader of w holds up nothing. Blobs are not in it.
func (s *Store) WriteSnapshot(w io.Writer) (at Applied, err error) {
	f, err := os.CreateTemp(s.dir, "snapshot.*.tmp")
	if err != nil {
		return Applied{}, fmt.Errorf("write snapshot: %w", err)
	}
	defer func() {
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}()
	var size int64
	err = s.View(func(t *Tx) error {
		at = t.At()
		size, err = t.bolt.WriteTo(f)
		return err
	})
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = sendSnapshot(w, at, f, size)
	}
	if err != nil {
		return Applied{}, fmt.Errorf("write snapshot: %w", err)
	}
	return at, nil
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
