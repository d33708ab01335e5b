package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// Buckets that no transaction sees: the node's own, and that of the collections' buckets.
var (
	localBucket = []byte("local")
	dataBucket  = []byte("data")
)

// boltBase is a catalogue or a growing segment in a bbolt file.
type boltBase struct {
	db   *bolt.DB
	path string
}

func (b *boltBase) close() error { return b.db.Close() }

func (b *boltBase) size() int64 {
	info, err := os.Stat(b.path)
	if err != nil {
		return 0
	}
	return info.Size()
}

func (b *boltBase) begin() (baseTx, error) {
	tx, err := b.db.Begin(false)
	if err != nil {
		return nil, err
	}
	return newBoltTx(tx), nil
}

func (b *boltBase) write(at Applied, fn func(baseWriter) error) (err error) {
	defer func() {
		if damaged, ok := err.(*pageError); ok {
			err = &commitError{damaged} // bbolt's own view of free pages may be wrong by now
		}
	}()
	return guarded(func() error {
		tx, err := b.db.Begin(true)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // after a commit it does nothing
		if err := fn(&boltWriter{newBoltTx(tx)}); err != nil {
			return err
		}
		if err := putApplied(tx, at); err != nil {
			return err
		}
		if err := commitFailure(tx.Commit()); err != nil {
			return fmt.Errorf("write %s up to log entry %d: %w", filepath.Base(b.path), at.Index, err)
		}
		return nil
	})
}

// boltTx reads a bbolt file. Buckets are looked up once, collections too.
type boltTx struct {
	tx      *bolt.Tx
	buckets map[space]*bolt.Bucket // nil: does not exist
	shelves map[lode.CollectionID]*bolt.Bucket
}

func newBoltTx(tx *bolt.Tx) *boltTx {
	return &boltTx{tx: tx, buckets: map[space]*bolt.Bucket{}, shelves: map[lode.CollectionID]*bolt.Bucket{}}
}

func (t *boltTx) end() { _ = t.tx.Rollback() }

func (t *boltTx) applied() (Applied, error) { return appliedOf(t.tx) }

func (t *boltTx) bucket(s space) *bolt.Bucket {
	b, known := t.buckets[s]
	if !known {
		b = t.find(s)
		t.buckets[s] = b
	}
	return b
}

// find returns the bucket of a space, nil when there is none.
func (t *boltTx) find(s space) *bolt.Bucket {
	if s.bucket.ofSegment() || !s.bucket.ofCollection() {
		return t.tx.Bucket([]byte(s.bucket.String()))
	}
	shelf, known := t.shelves[s.collection]
	if !known {
		shelf = t.tx.Bucket(dataBucket).Bucket(collectionKey(s.collection))
		t.shelves[s.collection] = shelf
	}
	if shelf == nil {
		return nil
	}
	return shelf.Bucket([]byte(s.bucket.String()))
}

func (t *boltTx) get(s space, key []byte) []byte {
	b := t.bucket(s)
	if b == nil {
		return nil
	}
	return b.Get(key)
}

func (t *boltTx) cursor(s space) baseCursor {
	b := t.bucket(s)
	if b == nil {
		return emptyCursor{}
	}
	return &boltCursor{b.Cursor()}
}

type boltCursor struct{ c *bolt.Cursor }

func (c *boltCursor) seek(key []byte) (k, v []byte) { return c.c.Seek(key) }
func (c *boltCursor) next() (k, v []byte)           { return c.c.Next() }

func (c *boltCursor) before(key []byte) []byte {
	k, _ := c.c.Seek(key)
	if k == nil {
		k, _ = c.c.Last()
	} else {
		k, _ = c.c.Prev()
	}
	return k
}

type emptyCursor struct{}

func (emptyCursor) seek([]byte) (k, v []byte) { return nil, nil }
func (emptyCursor) next() (k, v []byte)       { return nil, nil }
func (emptyCursor) before([]byte) []byte      { return nil }

// boltWriter writes a bbolt file.
type boltWriter struct{ *boltTx }

// make returns the bucket of a space and creates it when it is missing.
func (w *boltWriter) make(s space) (*bolt.Bucket, error) {
	if b := w.bucket(s); b != nil {
		return b, nil
	}
	var parent interface {
		CreateBucketIfNotExists([]byte) (*bolt.Bucket, error)
	} = w.tx
	if s.bucket.ofCollection() && !s.bucket.ofSegment() {
		shelf, err := w.tx.Bucket(dataBucket).CreateBucketIfNotExists(collectionKey(s.collection))
		if err != nil {
			return nil, err
		}
		w.shelves[s.collection], parent = shelf, shelf
	}
	b, err := parent.CreateBucketIfNotExists([]byte(s.bucket.String()))
	if err != nil {
		return nil, err
	}
	b.FillPercent = 0.9 // keys ascend nearly always
	w.buckets[s] = b
	return b, nil
}

func (w *boltWriter) put(s space, key, value []byte) error {
	b, err := w.make(s)
	if err != nil {
		return err
	}
	if s.bucket == collectionsBucket {
		if err := w.makeShelf(key); err != nil {
			return err
		}
	}
	return b.Put(key, value)
}

// makeShelf makes all buckets of a collection, so that one that lacks a bucket is damage.
func (w *boltWriter) makeShelf(key []byte) error {
	k := segmentKey{collection: lode.CollectionID(parseDocumentKey(key))}
	for _, bucket := range shelfBuckets {
		if _, err := w.make(space{bucket, k}); err != nil {
			return err
		}
	}
	return nil
}

func (w *boltWriter) delete(s space, key []byte) error {
	b := w.bucket(s)
	if b == nil {
		return nil
	}
	return b.Delete(key)
}

func (w *boltWriter) drop(c lode.CollectionID) error {
	data := w.tx.Bucket(dataBucket)
	if data.Bucket(collectionKey(c)) == nil {
		return nil
	}
	for s := range w.buckets {
		if s.collection == c {
			delete(w.buckets, s)
		}
	}
	delete(w.shelves, c)
	return data.DeleteBucket(collectionKey(c))
}

func appliedOf(tx *bolt.Tx) (Applied, error) {
	local := tx.Bucket(localBucket)
	if local == nil {
		return Applied{}, nil // checkFormat will say so
	}
	raw := local.Get(appliedKey)
	if raw == nil {
		return Applied{}, nil
	}
	var r appliedRecord
	if err := decodeRecord(kindApplied, raw, &r); err != nil {
		return Applied{}, recordError(kindApplied, appliedKey, err)
	}
	return Applied(r), nil
}

func putApplied(tx *bolt.Tx, at Applied) error {
	raw, err := encodeRecord(kindApplied, &appliedRecord{Index: at.Index, Term: at.Term})
	if err != nil {
		return err
	}
	return tx.Bucket(localBucket).Put(appliedKey, raw)
}

// boltFiles are the bbolt files of a data folder.
type boltFiles struct {
	fsys     vfs.FS
	catalog  string
	segments string // the folder
	max      int64
	readOnly bool
}

var _ baseFiles = (*boltFiles)(nil)

func (f *boltFiles) createCatalog() error { return createCatalog(f.fsys, f.catalog) }

func (f *boltFiles) hasCatalog() (bool, error) {
	_, err := f.fsys.Stat(f.catalog)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (f *boltFiles) openCatalog() (base, error) {
	db, err := openCatalog(f.catalog, f.max, f.readOnly)
	if err != nil {
		return nil, err
	}
	return &boltBase{db, f.catalog}, nil
}

const growingSuffix = ".growing"

func (f *boltFiles) growingPath(k segmentKey) string {
	return filepath.Join(f.segments, k.String()+growingSuffix)
}

func (f *boltFiles) openGrowing(k segmentKey) (base, error) {
	path := f.growingPath(k)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() < minCatalogBytes {
		return nil, lode.Errorf(lode.CodeCorrupt, "%s has %d bytes, no growing segment is that short", filepath.Base(path), info.Size())
	}
	db, err := openBolt(path, &bolt.Options{
		Timeout: time.Second, FreelistType: bolt.FreelistMapType, PreLoadFreelist: true, InitialMmapSize: initialGrowingMmapBytes, NoStatistics: true, ReadOnly: f.readOnly,
	})
	if err != nil {
		return nil, err
	}
	if err := checkGrowing(db, k); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", filepath.Base(path), err), db.Close())
	}
	return &boltBase{db, path}, nil
}

// checkGrowing refuses a file of another version or segment, and one that lacks a bucket.
func checkGrowing(db *bolt.DB, k segmentKey) error {
	return readBolt(db, func(tx *bolt.Tx) error { return checkGrowingFile(tx, k) })
}

func checkGrowingFile(tx *bolt.Tx, k segmentKey) error {
	local := tx.Bucket(localBucket)
	if local == nil {
		return lode.Errorf(lode.CodeCorrupt, "the file is no growing segment of lode")
	}
	var r growingRecord
	if err := decodeRecord(kindGrowing, local.Get(formatKey), &r); err != nil {
		return recordError(kindGrowing, formatKey, err)
	}
	switch {
	case r.Version != growingVersion:
		return lode.Errorf(lode.CodeCorrupt, "the growing segment has format version %d, this program knows %d", r.Version, growingVersion).
			WithHint("data written by a newer lode needs a newer lode")
	case r.Collection != k.collection || r.Segment != k.segment:
		return lode.Errorf(lode.CodeCorrupt, "the file is segment %s", segmentKey{r.Collection, r.Segment})
	}
	for _, name := range partBuckets {
		if tx.Bucket([]byte(name.String())) == nil {
			return lode.Errorf(lode.CodeCorrupt, "the growing segment has no bucket %s", name)
		}
	}
	return nil
}

func (f *boltFiles) createGrowing(k segmentKey) error {
	path := f.growingPath(k)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := createBolt(f.fsys, path, func(tx *bolt.Tx) error {
		raw, err := encodeRecord(kindGrowing, &growingRecord{Version: growingVersion, Collection: k.collection, Segment: k.segment})
		if err != nil {
			return err
		}
		for _, name := range partBuckets {
			if _, err := tx.CreateBucket([]byte(name.String())); err != nil {
				return err
			}
		}
		local, err := tx.CreateBucket(localBucket)
		if err != nil {
			return err
		}
		return local.Put(formatKey, raw)
	})
	if _, statErr := os.Stat(path); err != nil && statErr == nil {
		// It has its name, and nobody knows whether that survives a power cut.
		err = &commitError{err}
	}
	return err
}

func (f *boltFiles) removeGrowing(k segmentKey) error {
	// The removal needs no sync: a file that a power cut brings back is removed again.
	err := f.fsys.Remove(f.growingPath(k))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (f *boltFiles) listGrowing() ([]segmentKey, error) {
	entries, err := f.fsys.ReadDir(f.segments)
	if err != nil {
		return nil, err
	}
	var all []segmentKey
	for _, e := range entries {
		name, is := bytes.CutSuffix([]byte(e.Name()), []byte(growingSuffix))
		if !is {
			continue
		}
		if k, ok := parseSegmentKey(string(name)); ok {
			all = append(all, k)
		}
	}
	slices.SortFunc(all, compareSegments)
	return all, nil
}
