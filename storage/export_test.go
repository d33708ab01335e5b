package storage

import (
	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
	"github.com/lodedb/lode/internal/vfs"
)

// Raw flushes and gives tests the file of the catalogue, to damage it.
func (s *Store) Raw(fn func(*bolt.Tx) error) error {
	if err := s.Flush(); err != nil {
		return err
	}
	return s.catalog.(*boltBase).db.Update(fn)
}

// RawSegment is Raw for the file of a growing segment.
func (s *Store) RawSegment(c lode.CollectionID, id lode.SegmentID, fn func(*bolt.Tx) error) error {
	if err := s.Flush(); err != nil {
		return err
	}
	h, err := s.segments.growing.get(segmentKey{c, id})
	if err != nil {
		return err
	}
	defer h.release()
	return h.value.(*boltBase).db.Update(fn)
}

// SkipSync makes flushes fast and unsafe from power cuts, for tests of many of them.
func (s *Store) SkipSync() { s.catalog.(*boltBase).db.NoSync = true }

// Break makes the store believe that its disk has failed.
func (s *Store) Break(err error) { s.writing.failed = err }

// NewBlobs opens blobs without a store.
func NewBlobs(fsys vfs.FS, dir string) (*Blobs, error) {
	b := newBlobs(fsys, dir)
	if err := vfs.MkdirDurable(fsys, b.tempDir()); err != nil {
		return nil, err
	}
	_, err := vfs.RemoveTemps(fsys, b.tempDir())
	return b, err
}

// Pinned exports pinned.
var Pinned = (*Blobs).pinned

// Record, key and bucket internals that tests damage.
var (
	EncodeRecord = encodeRecord
	DecodeRecord = decodeRecord
	OpenSnapshot = openSnapshot
	FormatNode   = formatNode
	ParseNode    = parseNode
	CreateNode   = createNode
	ReadNode     = readNode
	VersionKey   = versionKey
	DocumentKey  = documentKey
	RowKey       = rowKey
	MemberKey    = memberKey
	JobKey       = jobKey
)

// IndexBytes is indexBytes.
const IndexBytes = indexBytes

// Form is recordForm.
type Form = recordForm

// Forms lists every kind of record.
func Forms() map[seal.Kind]Form {
	all := map[seal.Kind]Form{}
	for _, f := range forms {
		for _, single := range f.keys {
			all[single.kind] = single
		}
		if f.keys == nil {
			all[f.kind] = f
		}
	}
	return all
}

// Value returns a new record of the form, nil when its payload is not a record.
func (f recordForm) Value() any {
	if f.value == nil {
		return nil
	}
	return f.value()
}

// Shelf returns a bucket of a collection.
func Shelf(tx *bolt.Tx, collection uint64, name string) *bolt.Bucket {
	return tx.Bucket(dataBucket).Bucket(collectionKey(lode.CollectionID(collection))).Bucket([]byte(name))
}

// CatalogHash is the hash of an export of this moment.
func (s *Store) CatalogHash() (h lode.Hash, err error) {
	err = s.View(func(t *Tx) error {
		h, err = t.stateHash(false)
		return err
	})
	return h, err
}
