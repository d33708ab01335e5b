package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"

	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

// exportTries bounds how often an export begins anew because a blob was swept between its
// moment and the pin.
const exportTries = 5

// Export is everything that a node stores as of one log entry: the catalogue file, and the
// blobs that it refers to. Updates and sweeps go on beside it; nothing in it changes or goes
// away before Close.
type Export struct {
	store *Store
	info  CatalogInfo
	file  *os.File
	bytes int64
	blobs []BlobInfo
	once  sync.Once
	pins  []func()
}

// BlobInfo is a blob by its hash and the length of its content.
type BlobInfo struct {
	Hash  lode.Hash
	Bytes int64
}

// Export takes everything as of this moment. The transaction that keeps the moment lasts
// while the catalogue is copied to a temporary file in the data folder; blobs are pinned, not
// copied. A blob that is missing is [lode.CodeCorrupt]. It must be closed.
func (s *Store) Export(ctx context.Context) (*Export, error) {
	for try := 1; ; try++ {
		e, err := s.export(ctx)
		if err == nil {
			return e, nil
		}
		var gone *blobGoneError
		if !errors.As(err, &gone) || try == exportTries {
			return nil, fmt.Errorf("export the store: %w", err)
		}
	}
}

// blobGoneError is a referred blob without a file. It may have been swept after the moment
// of the export, when the entry that dropped its last reference was applied.
type blobGoneError struct{ err *lode.Error }

func (e *blobGoneError) Error() string { return e.err.Error() }
func (e *blobGoneError) Unwrap() error { return e.err }

func (s *Store) export(ctx context.Context) (_ *Export, err error) {
	e := &Export{store: s}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Close())
		}
	}()
	moment, err := s.Snapshot()
	if err != nil {
		return nil, err
	}
	defer moment.Release()
	refs, err := moment.blobRefs()
	if err != nil {
		return nil, err
	}
	if err := e.pin(ctx, refs); err != nil {
		return nil, err
	}
	if e.file, err = os.CreateTemp(s.dir, "export.*.tmp"); err != nil {
		return nil, err
	}
	if e.bytes, err = moment.copyTo(e.file); err != nil {
		return nil, err
	}
	e.info, err = readCatalogInfo(e.file.Name(), nil)
	if err == nil && e.info.At != moment.At() {
		err = lode.Errorf(lode.CodeCorrupt, "the copy of the catalogue is of log entry %d, not %d", e.info.At.Index, moment.At().Index)
	}
	return e, err
}

// blobRefs lists the blobs that the catalogue of the moment refers to, ascending.
func (sn *Snapshot) blobRefs() (refs []lode.Hash, err error) {
	sn.held.Lock()
	defer sn.held.Unlock()
	if sn.held.tx == nil {
		return nil, lode.Errorf(lode.CodeUnavailable, "the snapshot was let go")
	}
	defer guard(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	return referredBlobs(sn.held.tx)
}

func referredBlobs(tx *bolt.Tx) (refs []lode.Hash, err error) {
	err = tx.Bucket(blobsBucket).ForEach(func(k, _ []byte) error {
		if len(k) != len(lode.Hash{}) {
			return lode.Errorf(lode.CodeCorrupt, "a reference to a blob has a key of %d bytes", len(k))
		}
		refs = append(refs, lode.Hash(k))
		return nil
	})
	return refs, err
}

// pin keeps the blobs from the sweeper and notes their sizes. The file is looked at under
// the lock of its shard: a sweeper that did not see the pin is done by then, and the next
// one sees it.
func (e *Export) pin(ctx context.Context, refs []lode.Hash) error {
	e.blobs = make([]BlobInfo, len(refs))
	e.pins = make([]func(), 0, len(refs))
	for i, h := range refs {
		if err := ctx.Err(); err != nil {
			return err
		}
		e.pins = append(e.pins, e.store.blobs.pin(h))
		size, err := e.store.blobs.size(h)
		if err != nil {
			return err
		}
		e.blobs[i] = BlobInfo{Hash: h, Bytes: size}
	}
	return nil
}

// size returns the length of a blob's content as the size of its file tells it.
func (b *Blobs) size(h lode.Hash) (int64, error) {
	shard := &b.shards[h[0]]
	shard.Lock()
	defer shard.Unlock()
	info, err := b.fsys.Stat(b.path(h))
	if errors.Is(err, os.ErrNotExist) {
		return 0, &blobGoneError{lode.Errorf(lode.CodeCorrupt, "blob %s is missing, a version refers to it", h)}
	}
	if err != nil {
		return 0, err
	}
	const chunk = seal.ChunkBytes + 4 // with its checksum
	payload := info.Size() - seal.StreamHeaderBytes
	payload -= (payload + chunk - 1) / chunk * 4
	if payload < 0 || payload > MaxBlobBytes || seal.StreamBytes(payload) != info.Size() {
		return 0, lode.Errorf(lode.CodeCorrupt, "the file of blob %s has %d bytes, no blob has that size", h, info.Size())
	}
	return payload, nil
}

// Info describes the catalogue of the export.
func (e *Export) Info() CatalogInfo { return e.info }

// Blobs lists the blobs of the export by ascending hash. Do not modify the slice.
func (e *Export) Blobs() []BlobInfo { return e.blobs }

// Catalog returns the catalogue file. It may be read until Close.
func (e *Export) Catalog() *io.SectionReader { return io.NewSectionReader(e.file, 0, e.bytes) }

// ReadBlob gives fn the content of a blob of the export. Its checksums are verified while it
// is read; that it has its hash is for fn to see.
func (e *Export) ReadBlob(h lode.Hash, fn func(content io.Reader) error) error {
	return e.store.blobs.read(h, func(r *seal.Reader) error { return fn(r) })
}

// Close lets go of the blobs and removes the copy of the catalogue. It may be called twice.
func (e *Export) Close() (err error) {
	e.once.Do(func() {
		for _, release := range e.pins {
			release()
		}
		if e.file != nil {
			err = errors.Join(e.file.Close(), os.Remove(e.file.Name()))
		}
	})
	return err
}

// CatalogInfo describes a catalogue file.
type CatalogInfo struct {
	At        Applied
	Cluster   string // empty before the log has named it
	StateHash lode.Hash
	Blobs     []lode.Hash // those it refers to, ascending
}

// InspectCatalog reads a catalogue file that no store has open: every page and every record
// is checked, the first breach is [lode.CodeCorrupt].
func InspectCatalog(ctx context.Context, path string) (CatalogInfo, error) {
	info, err := readCatalogInfo(path, func(t *Tx) error {
		var first error
		c := newChecker(ctx, t, nil, func(b Breach) {
			if first == nil {
				first = lode.Errorf(lode.CodeCorrupt, "%s: %s", b.Where, b.What)
			}
		})
		if c.structure(t.bolt, path); first == nil {
			c.records()
		}
		return errors.Join(ctx.Err(), first)
	})
	if err != nil {
		return info, fmt.Errorf("inspect catalogue: %w", err)
	}
	return info, nil
}

func readCatalogInfo(path string, check func(*Tx) error) (info CatalogInfo, err error) {
	db, err := openCatalog(path, 0, true)
	if err != nil {
		return info, err
	}
	err = viewBolt(db, func(t *Tx) error {
		if check != nil {
			if err := check(t); err != nil {
				return err
			}
		}
		info.At = t.At()
		info.Cluster, _ = t.Cluster()
		if info.StateHash, err = stateHash(t.bolt); err != nil {
			return err
		}
		info.Blobs, err = referredBlobs(t.bolt)
		return err
	})
	return info, errors.Join(err, db.Close())
}

// RestoreCatalog is [Store.RestoreSnapshot] for a bare catalogue file: it is written beside
// the present one, checked completely, and swapped in by a rename, all or nothing. at is the
// log position that it must have.
func (s *Store) RestoreCatalog(r io.Reader, at Applied) error {
	s.restoring.Lock()
	defer s.restoring.Unlock()
	temp := s.path(catalogName) + ".restore.tmp"
	defer os.Remove(temp) // not there any more when all went well
	err := copyToFile(temp, r)
	if err == nil {
		err = checkReceived(temp, snapshotHeader{Version: snapshotVersion, Index: at.Index, Term: at.Term})
	}
	if err == nil {
		err = s.exchange(temp)
	}
	if err != nil {
		return fmt.Errorf("restore catalogue: %w", err)
	}
	s.log.Info("catalogue restored", "applied", s.Applied().Index)
	return nil
}

func copyToFile(path string, r io.Reader) error {
	f, err := os.Create(filepath.Clean(path))
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Sync(), f.Close())
}

// SameBlobs reports whether a list of blobs holds exactly those that the catalogue refers to.
func (c *CatalogInfo) SameBlobs(blobs []BlobInfo) bool {
	return slices.EqualFunc(c.Blobs, blobs, func(h lode.Hash, b BlobInfo) bool { return bytes.Equal(h[:], b.Hash[:]) })
}
