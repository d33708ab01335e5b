package storage

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
	"github.com/lodedb/lode/internal/vfs"
)

// sealedVersion is the format version of a sealed segment; its history is in
// docs/format/segment.md.
const sealedVersion = 2

// Sizes of a sealed segment.
const (
	sealedHeadBytes   = 64
	sealedFootBytes   = 32
	packedVersion     = 48       // bytes of a version in the directory
	packedBlock       = 16       // bytes of a row block in the directory
	vectorBlockBytes  = 64 << 10 // has one checksum
	maxDirectoryBytes = 1 << 30
	maxRowBlockBytes  = MaxRecordBytes + 64<<10
)

const (
	sealedMagic = "lodesegm"
	footMagic   = "lodesend"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// directory says where things are in a sealed segment.
type directory struct {
	Version    int               `cbor:"1,keyasint"`
	Collection lode.CollectionID `cbor:"2,keyasint"`
	Segment    lode.SegmentID    `cbor:"3,keyasint"`
	Dim        int               `cbor:"4,keyasint"`
	Rows       int               `cbor:"5,keyasint"`
	// VectorSums are the CRC32C of the vectors, of each 64 KiB, u32 LE.
	VectorSums []byte `cbor:"6,keyasint"`
	// Blocks hold the rows: offset u64, length u32, first row u32, LE.
	Blocks []byte `cbor:"7,keyasint"`
	// Versions by document and version; see packVersion.
	Versions []byte `cbor:"8,keyasint"`
}

// versionEntry is a version in a sealed segment.
type versionEntry struct {
	doc          lode.DocNo
	version      lode.Version
	epoch        uint32
	first, rows  uint32 // in the segment
	firstRow     lode.RowID
	silverOffset uint64
	silverBytes  uint32 // 0: none
}

func (e *versionEntry) pack(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(e.doc))
	b = binary.LittleEndian.AppendUint32(b, uint32(e.version))
	b = binary.LittleEndian.AppendUint32(b, e.epoch)
	b = binary.LittleEndian.AppendUint32(b, e.first)
	b = binary.LittleEndian.AppendUint32(b, e.rows)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.firstRow))
	b = binary.LittleEndian.AppendUint64(b, e.silverOffset)
	b = binary.LittleEndian.AppendUint32(b, e.silverBytes)
	return append(b, 0, 0, 0, 0)
}

// asVersion is as much of the version as reading its parts from a segment takes.
func (e *versionEntry) asVersion(segment lode.SegmentID) *lode.DocVersion {
	return &lode.DocVersion{Doc: e.doc, Version: e.version, Epoch: e.epoch, FirstRow: e.firstRow, Chunks: int(e.rows), Segment: segment}
}

func unpackVersion(b []byte) versionEntry {
	return versionEntry{
		doc: lode.DocNo(binary.LittleEndian.Uint64(b)), version: lode.Version(binary.LittleEndian.Uint32(b[8:])),
		epoch: binary.LittleEndian.Uint32(b[12:]), first: binary.LittleEndian.Uint32(b[16:]), rows: binary.LittleEndian.Uint32(b[20:]),
		firstRow: lode.RowID(binary.LittleEndian.Uint64(b[24:])), silverOffset: binary.LittleEndian.Uint64(b[32:]),
		silverBytes: binary.LittleEndian.Uint32(b[40:]),
	}
}

// sealedFile is an open sealed segment. Its methods may be called at the same time.
type sealedFile struct {
	file   vfs.File
	bytes  int64
	dir    directory
	health *health // what others know of the file; nil: nothing
	last   atomic.Pointer[rowBlock]
	single singleRows
}

// rowBlock is a block of rows that was read and checked.
type rowBlock struct {
	number int
	first  uint32
	rows   [][]byte // encoded
}

// openSealed opens a sealed segment and checks its head, foot and directory.
func openSealed(fsys vfs.FS, path string) (f *sealedFile, err error) {
	file, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	return readSealed(file)
}

// readSealed is openSealed for a file that is open; it is closed if there is an error.
func readSealed(file vfs.File) (f *sealedFile, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	f = &sealedFile{file: file, bytes: info.Size()}
	if err := f.readDirectory(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *sealedFile) close() error { return f.file.Close() }

// readAt reads all of b; a file that ends before is damaged.
func (f *sealedFile) readAt(b []byte, offset int64) error {
	_, err := f.file.ReadAt(b, offset)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return f.damaged(lode.Errorf(lode.CodeCorrupt, "the file is cut short"))
	}
	return err
}

func (f *sealedFile) readDirectory() error {
	if f.bytes < sealedHeadBytes+sealedFootBytes {
		return lode.Errorf(lode.CodeCorrupt, "the file has %d bytes, no sealed segment is that short", f.bytes)
	}
	var head [16]byte
	if err := f.readAt(head[:], 0); err != nil {
		return err
	}
	if string(head[:8]) != sealedMagic {
		return lode.Errorf(lode.CodeCorrupt, "the file is no sealed segment")
	}
	if v := binary.LittleEndian.Uint32(head[8:]); v != sealedVersion {
		return lode.Errorf(lode.CodeCorrupt, "the sealed segment has format version %d, this program knows %d", v, sealedVersion).
			WithHint("data written by a newer lode needs a newer lode")
	}
	var foot [sealedFootBytes]byte
	if err := f.readAt(foot[:], f.bytes-sealedFootBytes); err != nil {
		return err
	}
	offset, length, err := parseFoot(foot[:])
	if err != nil {
		return err
	}
	if offset < sealedHeadBytes || offset > uint64(f.bytes) || length > maxDirectoryBytes || offset+length != uint64(f.bytes-sealedFootBytes) {
		return lode.Errorf(lode.CodeCorrupt, "the directory of the sealed segment is not where its foot says")
	}
	buf := directoryBuffers.Get().(*[]byte)
	defer directoryBuffers.Put(buf)
	*buf = slices.Grow((*buf)[:0], int(length))[:length]
	if err := f.readAt(*buf, int64(offset)); err != nil {
		return err
	}
	payload, err := seal.Open(kindDirectory, *buf)
	if err != nil {
		return err
	}
	if err := decodePayload(payload, &f.dir); err != nil {
		return err
	}
	return f.dir.validate(offset)
}

// directoryBuffers are what directories are decoded from. They are large, and a start opens one
// file after the other: memory that nobody has touched yet takes longer than what is in it.
var directoryBuffers = sync.Pool{New: func() any { return new([]byte) }}

func parseFoot(foot []byte) (offset, length uint64, err error) {
	if string(foot[16:24]) != footMagic || crc32.Checksum(foot[:24], castagnoli) != binary.LittleEndian.Uint32(foot[24:]) {
		return 0, 0, lode.Errorf(lode.CodeCorrupt, "the foot of the sealed segment is damaged")
	}
	return binary.LittleEndian.Uint64(foot), binary.LittleEndian.Uint64(foot[8:]), nil
}

// validate checks that nothing in the directory leads out of the file, so that reads need
// not.
func (d *directory) validate(end uint64) error {
	wrong := func(what string) error {
		return lode.Errorf(lode.CodeCorrupt, "the directory of the sealed segment is wrong: %s", what)
	}
	vectors := uint64(d.Rows) * uint64(4*d.Dim)
	switch {
	case d.Version != sealedVersion || d.Dim < 1 || d.Dim > 1<<20 || d.Rows < 0 || d.Rows > 1<<31:
		return wrong("format, dimension or rows")
	case sealedHeadBytes+vectors > end, uint64(len(d.VectorSums)) != 4*((vectors+vectorBlockBytes-1)/vectorBlockBytes):
		return wrong("vectors")
	case len(d.Blocks)%packedBlock != 0, len(d.Versions)%packedVersion != 0, (d.Rows > 0) != (len(d.Blocks) > 0):
		return wrong("its tables")
	}
	next := uint32(0)
	for i := range d.blocks() {
		offset, length, first := d.block(i)
		if offset < sealedHeadBytes+vectors || offset > end || uint64(length) > end-offset || length > maxRowBlockBytes || first < next || i == 0 && first != 0 || int(first) >= d.Rows {
			return wrong("a block of rows")
		}
		next = first + 1
	}
	return d.validateVersions(end, wrong)
}

func (d *directory) validateVersions(end uint64, wrong func(string) error) error {
	var last versionEntry // numbers of documents begin with 1
	for i := range d.versions() {
		e := unpackVersion(d.Versions[i*packedVersion:])
		switch {
		case e.doc < last.doc || e.doc == last.doc && e.version <= last.version:
			return wrong("order of the versions")
		case uint64(e.first)+uint64(e.rows) > uint64(d.Rows):
			return wrong("rows of a version")
		case e.silverBytes > 0 && (e.silverOffset < sealedHeadBytes || e.silverOffset > end || uint64(e.silverBytes) > end-e.silverOffset):
			return wrong("silver of a version")
		}
		last = e
	}
	return nil
}

func (d *directory) vectorBlocks() int { return len(d.VectorSums) / 4 }

// vectorBlock is where a block of vectors lies among the vectors.
func (d *directory) vectorBlock(i int) (start, end int) {
	return i * vectorBlockBytes, min((i+1)*vectorBlockBytes, 4*d.Dim*d.Rows)
}

func (d *directory) isVectorBlock(i int, b []byte) bool {
	return crc32.Checksum(b, castagnoli) == binary.LittleEndian.Uint32(d.VectorSums[4*i:])
}

func (d *directory) badVectors(block int) error {
	return lode.Errorf(lode.CodeCorrupt, "block %d of the vectors is damaged", block)
}

func (d *directory) blocks() int   { return len(d.Blocks) / packedBlock }
func (d *directory) versions() int { return len(d.Versions) / packedVersion }

func (d *directory) block(i int) (offset uint64, length, first uint32) {
	b := d.Blocks[i*packedBlock:]
	return binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])
}

// blockOf returns the number of the block that has a row.
func (d *directory) blockOf(n uint32) int {
	return sort.Search(d.blocks(), func(i int) bool { _, _, first := d.block(i); return first > n }) - 1
}

// find returns the entry of a version.
func (d *directory) find(doc lode.DocNo, v lode.Version) (e versionEntry, ok bool) {
	from, to := d.near(doc)
	i := from + sort.Search(to-from, func(i int) bool {
		b := d.Versions[(from+i)*packedVersion:]
		at := lode.DocNo(binary.LittleEndian.Uint64(b))
		return at > doc || at == doc && lode.Version(binary.LittleEndian.Uint32(b[8:])) >= v
	})
	if i == d.versions() {
		return e, false
	}
	e = unpackVersion(d.Versions[i*packedVersion:])
	return e, e.doc == doc && e.version == v
}

// near returns between which entries those of a document are, or would be. Numbers of documents
// are mostly dense, so it begins where the number says and widens from there: halving a large
// table instead misses the processor's cache at nearly every step.
func (d *directory) near(doc lode.DocNo) (from, to int) {
	n := d.versions()
	at := func(i int) lode.DocNo { return lode.DocNo(binary.LittleEndian.Uint64(d.Versions[i*packedVersion:])) }
	if n == 0 || doc <= at(0) || doc >= at(n-1) {
		return 0, n
	}
	from = int(float64(doc-at(0)) / float64(at(n-1)-at(0)) * float64(n-1))
	to = from
	for step := 1; from > 0 && at(from) >= doc; step *= 2 {
		from = max(0, from-step)
	}
	for step := 1; to < n && at(to) <= doc; step *= 2 {
		to = min(n, to+step)
	}
	return from, to
}

// entry finds a version that the catalogue says is here.
func (f *sealedFile) entry(v *lode.DocVersion) (versionEntry, error) {
	e, ok := f.dir.find(v.Doc, v.Version)
	if !ok {
		return e, lode.Errorf(lode.CodeCorrupt, "sealed segment %d-%d lacks version %s", f.dir.Collection, f.dir.Segment, versionName(v.Doc, v.Version))
	}
	if e.epoch != v.Epoch || int(e.rows) != v.Chunks || e.rows > 0 && e.firstRow != v.FirstRow {
		return e, lode.Errorf(lode.CodeCorrupt, "sealed segment %d-%d holds other rows of version %s than the catalogue says", f.dir.Collection, f.dir.Segment, versionName(v.Doc, v.Version))
	}
	return e, nil
}

// chunk returns one row, with its vector if that is wanted.
func (f *sealedFile) chunk(v *lode.DocVersion, ordinal uint32, withVector bool) (*lode.StagedChunk, error) {
	e, err := f.entry(v)
	if err != nil {
		return nil, err
	}
	if ordinal >= e.rows {
		return nil, lode.NotFound("chunk", lode.ChunkID{Doc: v.Doc, Version: v.Version, Ordinal: ordinal})
	}
	return f.singleRow(e.first+ordinal, withVector)
}

// chunks calls fn for the rows of a version in order.
func (f *sealedFile) chunks(v *lode.DocVersion, fn func(*lode.StagedChunk) error) error {
	last := vectorBlocks.Get().(*vectorBlock)
	defer vectorBlocks.Put(last)
	return f.eachRow(v, func(n uint32) (*lode.StagedChunk, error) { return f.row(n, last) }, fn)
}

func (f *sealedFile) eachRow(v *lode.DocVersion, read func(n uint32) (*lode.StagedChunk, error), fn func(*lode.StagedChunk) error) error {
	e, err := f.entry(v)
	if err != nil {
		return err
	}
	for i := range e.rows {
		s, err := read(e.first + i)
		if err != nil {
			return err
		}
		if err := fn(s); err != nil {
			return err
		}
	}
	return nil
}

// row reads a row by its number in the segment; last is as for vector.
func (f *sealedFile) row(n uint32, last *vectorBlock) (*lode.StagedChunk, error) {
	s, err := f.textRow(n)
	if err != nil {
		return nil, err
	}
	s.Vector, err = f.vector(n, last)
	return s, err
}

// textRow reads everything of a row but its vector.
func (f *sealedFile) textRow(n uint32) (*lode.StagedChunk, error) {
	block, err := f.blockOf(n)
	if err != nil {
		return nil, err
	}
	i := int(n - block.first)
	if i >= len(block.rows) {
		return nil, lode.Errorf(lode.CodeCorrupt, "sealed segment %d-%d lacks row %d", f.dir.Collection, f.dir.Segment, n)
	}
	return parseSealedRow(block.rows[i])
}

// blockOf returns the block of a row. The one that was read last is kept: who reads many rows
// reads them in order.
func (f *sealedFile) blockOf(n uint32) (*rowBlock, error) {
	i := f.dir.blockOf(n)
	if b := f.last.Load(); b != nil && b.number == i {
		return b, nil
	}
	offset, length, first := f.dir.block(i)
	sealed := make([]byte, length)
	if err := f.readAt(sealed, int64(offset)); err != nil {
		return nil, err
	}
	payload, err := seal.Open(kindRowBlock, sealed)
	if err != nil {
		return nil, f.damaged(err)
	}
	b := &rowBlock{number: i, first: first}
	if b.rows, err = splitRows(payload); err != nil {
		return nil, f.damaged(err)
	}
	f.last.Store(b)
	return b, nil
}

// joinRows makes the payload of a block: count, ends, bytes.
func joinRows(rows [][]byte) []byte {
	size := 4 + 4*len(rows)
	for _, r := range rows {
		size += len(r)
	}
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, size), uint32(len(rows)))
	end := uint32(0)
	for _, r := range rows {
		end += uint32(len(r))
		b = binary.LittleEndian.AppendUint32(b, end)
	}
	for _, r := range rows {
		b = append(b, r...)
	}
	return b
}

// splitRows is the inverse of joinRows.
func splitRows(b []byte) ([][]byte, error) {
	rows := make([][]byte, countRows(b))
	for i := range rows {
		var ok bool
		if rows[i], ok = rowOf(b, i); !ok {
			return nil, errRowBlock
		}
	}
	if len(rows) == 0 {
		return nil, errRowBlock // none is ever written
	}
	return rows, nil
}

// vectorBlock is a block of vectors that was read and has its checksum.
type vectorBlock struct {
	file   *sealedFile // nil: none
	number int
	data   []byte
}

// vectorBlocks keep what was read last: rows are mostly read in order.
var vectorBlocks = sync.Pool{New: func() any { return &vectorBlock{data: make([]byte, 0, vectorBlockBytes)} }}

// vector reads a vector out of the blocks that it lies in: what is returned is what was
// checked. last is the block that was read before.
func (f *sealedFile) vector(n uint32, last *vectorBlock) ([]byte, error) {
	stride := 4 * f.dir.Dim
	b := make([]byte, 0, stride)
	for len(b) < stride {
		at := int(n)*stride + len(b)
		if err := f.readVectors(at/vectorBlockBytes, last); err != nil {
			return nil, err
		}
		from := last.data[at%vectorBlockBytes:]
		b = append(b, from[:min(len(from), stride-len(b))]...)
	}
	return b, nil
}

// readVectors reads a block of vectors and compares it with its checksum, each time. One that
// somebody has found damaged is refused.
func (f *sealedFile) readVectors(block int, into *vectorBlock) error {
	if f.health.isBad(block) {
		return f.damaged(f.dir.badVectors(block))
	}
	if into.file == f && into.number == block {
		return nil
	}
	start, end := f.dir.vectorBlock(block)
	into.file, into.data = nil, slices.Grow(into.data[:0], end-start)[:end-start]
	if err := f.readAt(into.data, sealedHeadBytes+int64(start)); err != nil {
		return err
	}
	if !f.dir.isVectorBlock(block, into.data) {
		f.health.condemn(block)
		return f.damaged(f.dir.badVectors(block))
	}
	into.file, into.number = f, block
	return nil
}

// silver returns the encoded silver of a version.
func (f *sealedFile) silver(v *lode.DocVersion) ([]byte, error) {
	e, err := f.entry(v)
	if err != nil {
		return nil, err
	}
	if e.silverBytes == 0 {
		return nil, lode.NotFound("silver", versionName(v.Doc, v.Version))
	}
	sealed := make([]byte, e.silverBytes)
	if err := f.readAt(sealed, int64(e.silverOffset)); err != nil {
		return nil, err
	}
	data, err := seal.Open(kindSilver, sealed)
	if err != nil {
		return nil, f.damaged(err)
	}
	return data, nil
}

// verifyFile reads a whole file and compares it with the hash that it is named by.
func verifyFile(ctx context.Context, fsys vfs.FS, path string, hash lode.Hash) (err error) {
	file, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	if _, err := io.Copy(sum, &stoppedReader{ctx, file}); err != nil {
		return err
	}
	if got := lode.Hash(sum.Sum(nil)); got != hash {
		return lode.Errorf(lode.CodeCorrupt, "the file has hash %s", got)
	}
	return nil
}

// stoppedReader is a reader that ends with a context.
type stoppedReader struct {
	ctx context.Context
	r   io.Reader
}

func (s *stoppedReader) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(b)
}

// damaged says where damage was found, and what helps.
func (f *sealedFile) damaged(err error) error {
	f.health.note(err)
	return lode.Errorf(lode.CodeCorrupt, "%s, file %s: %w", f, filepath.Base(f.file.Name()), err).
		WithHint("stop the node and run lode repair --from REPOSITORY, which fetches the file from a backup")
}

// String names the segment of the file.
func (f *sealedFile) String() string {
	return fmt.Sprintf("sealed segment %d-%d", f.dir.Collection, f.dir.Segment)
}
