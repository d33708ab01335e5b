package storage

import (
	"cmp"
	"encoding/binary"
	"hash/crc32"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
	"github.com/lodedb/lode/internal/vfs"
)

// A search reads the few rows that it has found, out of as many blocks. Checking a block of 32
// or 64 KiB for one row of it would cost more than the search. So a block is read and compared
// with its checksum once, at the first touch. Each row in it gets a checksum of its own then, in
// memory. Every read copies the row from memory that is mapped to the file, and compares what
// it has copied with that: what goes bad under the mapping later is found all the same.

// singleRows read single rows of a sealed file. The mapping is made at the first read.
type singleRows struct {
	mu sync.Mutex // held while the mapping is made
	in atomic.Pointer[mappedBlocks]
}

// mappedBlocks are the blocks of a sealed file in mapped memory.
type mappedBlocks struct {
	mapping       *vfs.Mapping
	rows, vectors pieceSums
}

// pieceSums are, by block, the CRC32C of every piece of it that is read by itself: of every
// row, or of what of every vector lies in the block. nil: the block was not touched yet.
type pieceSums []atomic.Pointer[[]uint32]

// mapped returns the mapping of the file.
func (f *sealedFile) mapped() (*mappedBlocks, error) {
	if m := f.single.in.Load(); m != nil {
		return m, nil
	}
	f.single.mu.Lock()
	defer f.single.mu.Unlock()
	if m := f.single.in.Load(); m != nil {
		return m, nil
	}
	mapping, err := vfs.MapOpen(f.file)
	if err != nil {
		return nil, err
	}
	if int64(len(mapping.Bytes())) != f.bytes {
		return nil, f.damaged(lode.Errorf(lode.CodeCorrupt, "the file has %d bytes, and had %d when it was opened", len(mapping.Bytes()), f.bytes))
	}
	_ = mapping.Keep(vfs.Cold) // a row here and a row there: what would be read ahead is of no use
	m := &mappedBlocks{mapping, make(pieceSums, f.dir.blocks()), make(pieceSums, f.dir.vectorBlocks())}
	f.single.in.Store(m)
	return m, nil
}

// singleRow reads a row by its number in the segment.
func (f *sealedFile) singleRow(n uint32, withVector bool) (*lode.StagedChunk, error) {
	m, err := f.mapped()
	if err != nil {
		return nil, err
	}
	s, err := f.singleText(m, n)
	if err != nil {
		return nil, err
	}
	if withVector {
		s.Vector, err = f.singleVector(m, n)
	}
	return s, err
}

// singleText decodes everything of a row but its own vector.
func (f *sealedFile) singleText(m *mappedBlocks, n uint32) (*lode.StagedChunk, error) {
	block := f.dir.blockOf(n)
	offset, length, first := f.dir.block(block)
	sealed, i := m.mapping.Bytes()[offset:][:length], int(n-first)
	sums, err := f.sums(m.rows, block, int64(offset), int(length), sumRows)
	if err != nil {
		return nil, err
	}
	if i >= len(sums) {
		return nil, lode.Errorf(lode.CodeCorrupt, "%s lacks row %d", f, n)
	}
	buf := copies.Get().(*[]byte)
	defer keepCopy(buf)
	fault := faultless(func() {
		row, _ := rowOf(sealed[seal.HeaderBytes:], i)
		*buf = append((*buf)[:0], row...)
	})
	runtime.KeepAlive(m) // a mapping that nothing refers to is given back
	if fault != nil || crc32.Checksum(*buf, castagnoli) != sums[i] {
		return nil, f.damaged(cmp.Or(fault, error(errRowBlock)))
	}
	return parseSealedRow(*buf)
}

// singleVector reads the vector of a row, out of the blocks that it lies in.
func (f *sealedFile) singleVector(m *mappedBlocks, n uint32) (b []byte, err error) {
	stride := 4 * f.dir.Dim
	for b = make([]byte, 0, stride); len(b) < stride; {
		block := (int(n)*stride + len(b)) / vectorBlockBytes
		if b, err = f.appendVector(b, m, n, block); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// appendVector appends what of a vector lies in a block; b is what lies before it. A block that
// somebody has found damaged is refused.
func (f *sealedFile) appendVector(b []byte, m *mappedBlocks, n uint32, block int) ([]byte, error) {
	if f.health.isBad(block) {
		return nil, f.damaged(f.dir.badVectors(block))
	}
	bad := func(err error) error {
		f.health.condemn(block)
		return cmp.Or(err, f.dir.badVectors(block))
	}
	stride, had := 4*f.dir.Dim, len(b)
	start, end := f.dir.vectorBlock(block)
	sums, err := f.sums(m.vectors, block, sealedHeadBytes+int64(start), end-start, func(whole []byte) ([]uint32, error) {
		sums, ok := f.dir.sumVectors(block, whole)
		if !ok {
			return nil, bad(nil)
		}
		return sums, nil
	})
	if err != nil {
		return nil, err
	}
	from := m.mapping.Bytes()[sealedHeadBytes:][int(n)*stride+had : end]
	fault := faultless(func() { b = append(b, from[:min(len(from), stride-had)]...) })
	runtime.KeepAlive(m)
	if fault != nil || crc32.Checksum(b[had:], castagnoli) != sums[int(n)-start/stride] {
		return nil, f.damaged(bad(fault))
	}
	return b, nil
}

// copies hold what is being checked: mapped memory may be read from the disk again between two
// looks at it. Large ones are left to the collector.
var copies = sync.Pool{New: func() any { return new([]byte) }}

func keepCopy(b *[]byte) {
	if cap(*b) <= maxKeptBuffer {
		copies.Put(b)
	}
}

// sums returns the checksums of the pieces of a block. At the first touch it reads the block;
// sum checks it, and makes them.
func (f *sealedFile) sums(known pieceSums, block int, offset int64, length int, sum func([]byte) ([]uint32, error)) ([]uint32, error) {
	if sums := known[block].Load(); sums != nil {
		return *sums, nil
	}
	buf := copies.Get().(*[]byte)
	defer keepCopy(buf)
	*buf = slices.Grow((*buf)[:0], length)[:length]
	if err := f.readAt(*buf, offset); err != nil {
		return nil, err
	}
	sums, err := sum(*buf)
	if err != nil {
		return nil, f.damaged(err)
	}
	known[block].Store(&sums)
	return sums, nil
}

// sumRows compares a block of rows with its checksum and returns those of its rows.
func sumRows(sealed []byte) ([]uint32, error) {
	payload, err := seal.Open(kindRowBlock, sealed)
	if err != nil {
		return nil, err
	}
	sums := make([]uint32, countRows(payload))
	for i := range sums {
		row, ok := rowOf(payload, i)
		if !ok {
			return nil, errRowBlock
		}
		sums[i] = crc32.Checksum(row, castagnoli)
	}
	if len(sums) == 0 {
		return nil, errRowBlock
	}
	return sums, nil
}

// sumVectors returns the checksums of what of each vector lies in a block; ok is false when the
// block does not have its own.
func (d *directory) sumVectors(block int, b []byte) (sums []uint32, ok bool) {
	if !d.isVectorBlock(block, b) {
		return nil, false
	}
	stride, start := 4*d.Dim, block*vectorBlockBytes
	sums = make([]uint32, 0, len(b)/stride+2)
	for at := 0; at < len(b); {
		end := min(len(b), at+stride-(start+at)%stride)
		sums = append(sums, crc32.Checksum(b[at:end], castagnoli))
		at = end
	}
	return sums, true
}

var errRowBlock = lode.Errorf(lode.CodeCorrupt, "a block of rows is not what its checksum says")

// countRows is the number of rows in the payload of a block, 0 when it makes no sense.
func countRows(b []byte) int {
	if len(b) < 4 {
		return 0
	}
	if n := int64(binary.LittleEndian.Uint32(b)); n <= int64(len(b)-4)/4 {
		return int(n)
	}
	return 0
}

// rowOf is one row out of the payload of a block. It leads nowhere outside of it, whatever is
// in it.
func rowOf(b []byte, i int) (row []byte, ok bool) {
	n := countRows(b)
	if i >= n {
		return nil, false
	}
	ends, data := b[4:4+4*n], b[4+4*n:]
	start := uint32(0)
	if i > 0 {
		start = binary.LittleEndian.Uint32(ends[4*(i-1):])
	}
	end := binary.LittleEndian.Uint32(ends[4*i:])
	if start > end || int64(end) > int64(len(data)) {
		return nil, false
	}
	return data[start:end], true
}
