package storage

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"time"

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
	EncodeRecord  = encodeRecord
	EncodePayload = encodePayload
	DecodeRecord  = decodeRecord
	OpenSnapshot  = openSnapshot
	FormatNode    = formatNode
	ParseNode     = parseNode
	CreateNode    = createNode
	ReadNode      = readNode
	VersionKey    = versionKey
	DocumentKey   = documentKey
	RowKey        = rowKey
	MemberKey     = memberKey
	JobKey        = jobKey
)

// PartHeadBytes and MakePart are partHeadBytes and makePart.
const PartHeadBytes = partHeadBytes

var MakePart = makePart

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

// CloneMemory returns what a crash leaves of m at this moment.
func CloneMemory(m *Memory) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMemory()
	c.catalog = m.catalog.clone()
	for k, b := range m.growing {
		c.growing[k] = b.clone()
	}
	return c
}

func (b *memoryBase) clone() *memoryBase {
	b.mu.Lock() // Copy changes both
	defer b.mu.Unlock()
	return &memoryBase{records: b.records.Copy(), at: b.at, bytes: b.bytes}
}

// BeforeCatalogWrite calls fn in every flush between the segments and the catalogue.
func (s *Store) BeforeCatalogWrite(fn func()) { s.catalog = &hookedBase{s.catalog, fn} }

type hookedBase struct {
	base
	before func()
}

func (b *hookedBase) write(at Applied, fn func(baseWriter) error) error {
	b.before()
	return b.base.write(at, fn)
}

// Sealed is an open sealed segment without a store.
type Sealed struct{ f *sealedFile }

// OpenSealed opens a sealed segment.
func OpenSealed(fsys vfs.FS, path string) (*Sealed, error) {
	f, err := openSealed(fsys, path)
	if err != nil {
		return nil, err
	}
	return &Sealed{f}, nil
}

// Close closes the file.
func (s *Sealed) Close() error { return s.f.close() }

// Read reads every row and the silver of every version.
func (s *Sealed) Read(row func(*lode.StagedChunk), silver func(lode.DocNo, []byte)) error {
	for i := range s.f.dir.versions() {
		e := unpackVersion(s.f.dir.Versions[i*packedVersion:])
		v := &lode.DocVersion{Doc: e.doc, Version: e.version, Epoch: e.epoch, Chunks: int(e.rows), FirstRow: e.firstRow}
		if err := s.f.chunks(v, func(c *lode.StagedChunk) error { row(c); return nil }); err != nil {
			return err
		}
		b, err := s.f.silver(v)
		if lode.IsCode(err, lode.CodeNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		silver(e.doc, b)
	}
	return nil
}

// WritePlan leaves a plan behind, as an interrupted process does. Steps are pairs of names.
func WritePlan(dir string, steps ...[2]string) error {
	p := plan{Version: planVersion, Why: "test"}
	for _, s := range steps {
		p.Steps = append(p.Steps, planStep{From: s[0], To: s[1]})
	}
	payload, err := encMode.Marshal(&p)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, planName), seal.Seal(kindPlan, payload), 0o600)
}

// OpenHandles is the number of files of segments that are open, and in use.
func (s *Store) OpenHandles() (open, used int) {
	for _, n := range []func() (int, int){s.segments.growing.count, s.segments.sealed.count} {
		o, u := n()
		open, used = open+o, used+u
	}
	return open, used
}

func (h *handles[K, V]) count() (open, used int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.all {
		open++
		if f.refs > 0 {
			used++
		}
	}
	return open, used
}

// RowsAt counts the rows of version 1 of a document at the moment of a snapshot.
func RowsAt(sn *Snapshot, c lode.CollectionID, doc lode.DocNo) (n int, err error) {
	err = sn.use(func(t *Tx) error {
		v, err := t.Version(c, doc, 1)
		if err != nil {
			return err
		}
		return t.Chunks(c, v, func(*lode.StagedChunk) error { n++; return nil })
	})
	return n, err
}

// PickMerge is MergeDue over segments that no store has.
func PickMerge(all []Segment, p MergePolicy) ([]lode.SegmentID, error) {
	p.ensureDefaults()
	if err := p.validate(); err != nil {
		return nil, err
	}
	return p.pick(append([]Segment(nil), all...)), nil
}

// ForgetSealed closes the sealed files that nobody uses, as many other files do in the long run.
func (s *Store) ForgetSealed() {
	if err := s.segments.sealed.closeAll(); err != nil {
		panic(err)
	}
}

// ScrubRest is how long the scrubber rests after it has read n bytes.
func ScrubRest(rate int64, n int, ready, now time.Time) time.Duration {
	return (&scrubPace{ctx: context.Background(), rate: rate, ready: ready}).take(n, now)
}

// PlainRecord is plainRecord, GeneralRecord what decides where it gives up.
var (
	PlainRecord   = plainRecord
	GeneralRecord = func(payload []byte, v any) error { return decMode.Unmarshal(payload, v) }
)

// Encode is what encodePayload seals.
func Encode(v any) (b []byte, err error) {
	err = encodePayload(v, func(payload []byte) error { b = append(b, payload...); return nil })
	return b, err
}

// FullApplied is an appliedRecord with every field.
func FullApplied() any { return &appliedRecord{Index: 1 << 40, Term: 7} }

// FullSealedRow is a row of a sealed segment with every field.
func FullSealedRow() any {
	return &sealedRow{
		Chunk: lode.Chunk{ID: lode.ChunkID{Doc: 1, Version: 2, Ordinal: 3}, Text: "text", Span: lode.Span{Start: 1, End: 5}, Path: []string{"a"}, Page: 2, Tokens: 1,
			Header: &lode.ChunkHeader{Span: lode.Span{Start: 1, End: 2}, Text: "h"},
			Flags:  []lode.TextFlag{{Kind: lode.FlagInstruction, Span: lode.Span{Start: 1, End: 2}, Rule: "override/en"}}},
		Vectors: map[string][]byte{"b": {1, 2, 3, 4}, "a": {}}, Sparse: map[string][]byte{"words": make([]byte, 300)},
	}
}

// ReadSingles reads every row by itself, with its vector.
func (s *Sealed) ReadSingles(fn func(*lode.StagedChunk, error)) {
	for n := range s.f.dir.Rows {
		fn(s.f.singleRow(uint32(n), true))
	}
}

// RowsEnd is where the blocks of rows end.
func (s *Sealed) RowsEnd() int64 {
	offset, length, _ := s.f.dir.block(s.f.dir.blocks() - 1)
	return int64(offset) + int64(length)
}

// CheckVectorSums puts the vectors of a file together from the pieces that have checksums.
func CheckVectorSums(dim, rows int) error {
	all := make([]byte, 4*dim*rows)
	for i := range all {
		all[i] = byte(i * i >> 3)
	}
	d := &directory{Dim: dim, Rows: rows}
	for at := 0; at < len(all); at += vectorBlockBytes {
		d.VectorSums = binary.LittleEndian.AppendUint32(d.VectorSums, crc32.Checksum(all[at:min(len(all), at+vectorBlockBytes)], castagnoli))
	}
	for block := range d.vectorBlocks() {
		start, end := d.vectorBlock(block)
		sums, ok := d.sumVectors(block, all[start:end])
		if !ok {
			return d.badVectors(block)
		}
		for i, sum := range sums {
			row := start/(4*dim) + i
			if piece := all[max(start, row*4*dim):min(end, (row+1)*4*dim)]; crc32.Checksum(piece, castagnoli) != sum {
				return fmt.Errorf("block %d: the checksum of row %d is another", block, row)
			}
		}
		if last := start/(4*dim) + len(sums); last*4*dim < end {
			return fmt.Errorf("block %d has no checksum from row %d on", block, last)
		}
	}
	return nil
}

// FindVersion looks for a version in the directory of a file that has these.
func FindVersion(all []lode.DocVersion, doc lode.DocNo, v lode.Version) (first lode.RowID, ok bool) {
	d := &directory{}
	for i := range all {
		d.Versions = (&versionEntry{doc: all[i].Doc, version: all[i].Version, firstRow: all[i].FirstRow}).pack(d.Versions)
	}
	e, ok := d.find(doc, v)
	return e.firstRow, ok
}

// OnlyKey returns the key of the only record in a bucket of collection 1.
func (s *Store) OnlyKey(bucket string) (key []byte, err error) {
	err = s.Raw(func(tx *bolt.Tx) error {
		key, _ = Shelf(tx, 1, bucket).Cursor().First()
		key = append([]byte(nil), key...)
		return nil
	})
	return key, err
}
