package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
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
// segments and blobs that it refers to. Updates and sweeps go on beside it; nothing in it
// changes or goes away before Close.
type Export struct {
	store    *Store
	info     CatalogInfo
	path     string // of the copy of the catalogue
	file     *os.File
	bytes    int64
	segments []SegmentFile
	blobs    []BlobInfo
	once     sync.Once
	pins     []func()
	copies   []string
}

// SegmentFile is the file of a segment in an export, by the hash of what is in it.
type SegmentFile struct {
	SegmentRef
	Content lode.Hash
	Length  int64
	path    string
}

// BlobInfo is a blob by its hash and the length of its content.
type BlobInfo struct {
	Hash  lode.Hash
	Bytes int64
}

// Export takes everything as of this moment. The transaction that keeps the moment lasts
// while the catalogue is copied to a temporary file in the data folder; blobs and sealed
// segments are pinned, growing segments copied. A blob or segment that is missing is
// [lode.CodeCorrupt]. It must be closed.
func (s *Store) Export(ctx context.Context) (*Export, error) {
	if err := s.needFiles(); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		e, err := s.export(ctx)
		if err == nil {
			return e, nil
		}
		var gone *blobGoneError
		var behind *segmentBehindError
		if !errors.As(err, &gone) && !errors.As(err, &behind) || try == exportTries {
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
	if err := moment.use(func(t *Tx) error { return e.take(ctx, t) }); err != nil {
		return nil, err
	}
	yield, end := s.options.Pace(ctx)
	e.path, err = moment.copy(yield)
	end()
	if err != nil {
		return nil, err
	}
	if e.file, err = os.Open(e.path); err != nil {
		return nil, err
	}
	info, err := e.file.Stat()
	if err != nil {
		return nil, err
	}
	e.bytes = info.Size()
	e.info, err = readCatalogInfo(e.path, nil)
	if err == nil && e.info.At != moment.At() {
		err = lode.Errorf(lode.CodeCorrupt, "the copy of the catalogue is of log entry %d, not %d", e.info.At.Index, moment.At().Index)
	}
	return e, err
}

// take pins and copies what the catalogue of the moment refers to. Neither Close nor a restore
// begins meanwhile.
func (e *Export) take(ctx context.Context, t *Tx) error {
	blobs, err := t.referredBlobs()
	if err != nil {
		return err
	}
	if err := e.pin(ctx, blobs); err != nil {
		return err
	}
	segments, err := t.listSegments()
	if err != nil {
		return err
	}
	// What is in the files after this has every row of the moment.
	if err := e.store.flushAll(); err != nil {
		return err
	}
	return e.takeSegments(ctx, t.At(), segments)
}

// takeSegments pins the sealed segments and copies the growing ones. The moment keeps their
// files.
func (e *Export) takeSegments(ctx context.Context, at Applied, refs []SegmentRef) error {
	for _, ref := range refs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if ref.State == SegmentSealed {
			e.pins = append(e.pins, e.store.segments.pin(ref.Hash))
			path := e.store.segments.sealedPath(ref.Hash)
			info, err := e.store.fsys.Stat(path)
			if err != nil {
				return errSegmentFile(ref.key(), err)
			}
			e.segments = append(e.segments, SegmentFile{SegmentRef: ref, Content: ref.Hash, Length: info.Size(), path: path})
			continue
		}
		if err := e.takeGrowing(at, ref); err != nil {
			return err
		}
	}
	return nil
}

func (e *Export) takeGrowing(at Applied, ref SegmentRef) error {
	path, err := e.store.copyGrowing(ref.key())
	if errors.Is(err, os.ErrNotExist) && ref.Bytes == 0 {
		return nil
	}
	if errors.Is(err, os.ErrNotExist) { // the moment keeps a file that was there
		return &segmentBehindError{lode.Errorf(lode.CodeCorrupt, "growing segment %s has no file", ref.key())}
	}
	if err != nil {
		return errSegmentFile(ref.key(), err)
	}
	e.copies = append(e.copies, path)
	if err := cutGrowing(path, ref, at); err != nil {
		return errSegmentFile(ref.key(), err)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	e.segments = append(e.segments, SegmentFile{SegmentRef: ref, Content: lode.Hash(sum.Sum(nil)), Length: n, path: path})
	return nil
}

// segmentBehindError is a growing segment without all of its rows: it was sealed after the
// moment of the export, before they were flushed, and from then on needs them no more.
type segmentBehindError struct{ err *lode.Error }

func (e *segmentBehindError) Error() string { return e.err.Error() }
func (e *segmentBehindError) Unwrap() error { return e.err }

// use gives fn the transaction of the moment. Who waits for the moment to be let go waits.
func (sn *Snapshot) use(fn func(*Tx) error) error {
	sn.held.Lock()
	defer sn.held.Unlock()
	if sn.held.tx == nil {
		return lode.Errorf(lode.CodeUnavailable, "the snapshot was let go")
	}
	return guarded(func() error { return fn(sn.held.tx) })
}

// referredBlobs lists the blobs that the catalogue refers to, ascending.
func (t *Tx) referredBlobs() (refs []lode.Hash, err error) {
	err = t.top(blobsBucket).scanAll(nil, func(k, _ []byte) error {
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

// Segments lists the files of the segments of the export. Do not modify the slice.
func (e *Export) Segments() []SegmentFile { return e.segments }

// ReadSegment gives fn the file of a segment of the export. That it has its hash is for fn to
// see.
func (e *Export) ReadSegment(f SegmentFile, fn func(content io.Reader) error) (err error) {
	file, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return fn(file)
}

// Close lets go of blobs and segments and removes the copies. It may be called twice.
func (e *Export) Close() (err error) {
	e.once.Do(func() {
		for _, release := range e.pins {
			release()
		}
		if e.file != nil {
			err = e.file.Close()
		}
		for _, path := range append(e.copies, e.path) {
			if path != "" {
				err = errors.Join(err, os.Remove(path))
			}
		}
	})
	return err
}

// CatalogInfo describes a catalogue file.
type CatalogInfo struct {
	At       Applied
	Cluster  string       // empty before the log has named it
	Hash     lode.Hash    // as [Store.StateHash], without rows and silver
	Blobs    []lode.Hash  // those it refers to, ascending
	Segments []SegmentRef // by collection and number
}

// InspectCatalog reads a catalogue file that no store has open: every page and every record
// is checked, the first breach is [lode.CodeCorrupt].
func InspectCatalog(ctx context.Context, path string) (CatalogInfo, error) {
	info, err := readCatalogInfo(path, func(db *bolt.DB, t *Tx) error { return checkCatalogFile(ctx, db, t, path) })
	if err != nil {
		return info, fmt.Errorf("inspect catalogue: %w", err)
	}
	return info, nil
}

// checkCatalogFile walks the pages and the records of a catalogue file and returns the first
// breach.
func checkCatalogFile(ctx context.Context, db *bolt.DB, t *Tx, path string) error {
	var first error
	c := newChecker(ctx, t, nil, func(b Breach) {
		if first == nil {
			first = lode.Errorf(lode.CodeCorrupt, "%s: %s", b.Where, b.What)
		}
	})
	err := readBolt(db, func(tx *bolt.Tx) error {
		if c.structure(tx, path); first == nil {
			c.buckets(tx)
		}
		return nil
	})
	if err == nil && first == nil {
		c.records()
	}
	return errors.Join(err, ctx.Err(), first)
}

func readCatalogInfo(path string, check func(*bolt.DB, *Tx) error) (info CatalogInfo, err error) {
	err = inCatalogFile(path, func(db *bolt.DB, t *Tx) error {
		if check != nil {
			if err := check(db, t); err != nil {
				return err
			}
		}
		info.At = t.At()
		info.Cluster, _ = t.Cluster()
		if info.Hash, err = t.stateHash(false); err != nil {
			return err
		}
		if info.Segments, err = t.listSegments(); err != nil {
			return err
		}
		info.Blobs, err = t.referredBlobs()
		return err
	})
	return info, err
}

// SameBlobs reports whether a list of blobs holds exactly those that the catalogue refers to.
func (c *CatalogInfo) SameBlobs(blobs []BlobInfo) bool {
	return slices.EqualFunc(c.Blobs, blobs, func(h lode.Hash, b BlobInfo) bool { return bytes.Equal(h[:], b.Hash[:]) })
}
