package distance

import (
	"unsafe"

	"github.com/lodedb/lode"
)

// Scorer compares one query with many rows of one flat region. Set the query with
// [Scorer.SetFloats], [Scorer.SetInt8], [Scorer.SetInt4] or [Scorer.SetBit1], then the
// region with [Scorer.SetRows]; both may be repeated, which allocates nothing once the
// buffers have grown. The zero value is ready. It is for one goroutine at a time.
//
// A score is better the smaller it is. With sum for the kernel's sum over a row's
// dimensions (of products, or of squared differences), it is
//
//	(sum·mul + off)·factor + addend + add
//
// where mul, off and add belong to the query ([Scorer.SetScale]) and factor and addend to
// the row, if rows have them ([Scorer.SetRows]); else they are 1 and 0.
type Scorer struct {
	call   call
	kernel batch
	walk   batch // nil: in Go
	format Format
	size   int // bytes of a row
	ends   int // bytes of a row with its corrections
	flags  int // that every call has
	data   []byte
	// Where corrections lie: from start in own, apart bytes from one to the next.
	own    []byte
	start  int
	floats []float32
	codes  []byte
	sum    [1]int32 // here, because a kernel's results must not lie on the stack
	score  [1]float32
}

// SetFloats sets the query for [Float32] or [Float16] rows. The sum is that of squared
// differences for L2 and the inner product else; scores start as the squared distance and
// as the negated product. Under cosine both sides must be of length 1 already.
func (s *Scorer) SetFloats(f Format, metric lode.Metric, query []float32) {
	if f != Float32 && f != Float16 {
		panic("distance: SetFloats with rows of " + f.String())
	}
	s.floats = append(aligned(s.floats, len(query)+16), query...)
	clear(s.floats[len(query):cap(s.floats)])
	s.set(f, metric, len(query), unsafe.Pointer(unsafe.SliceData(s.floats)))
	s.call.mul = -1
	if metric == lode.L2 {
		s.call.mul = 1
	}
}

// SetInt8 sets the query for [Int8] rows; the sum is the inner product, and the score at
// first the sum. The same holds for [Scorer.SetInt4] and [Scorer.SetBit1].
func (s *Scorer) SetInt8(query []int8) {
	s.growCodes(len(query) + 64)
	copy(s.codes, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(query))), len(query)))
	s.set(Int8, lode.Dot, len(query), unsafe.Pointer(unsafe.SliceData(s.codes)))
}

// ReplaceInt8 sets another query for [Int8] rows of the same region: codes as the bytes of
// a row, as many as the query before had. It costs a copy. The scale stays as it is.
func (s *Scorer) ReplaceInt8(codes []byte) {
	if s.format != Int8 || len(codes) != s.size {
		panic("distance: ReplaceInt8 without a query of the same size")
	}
	copy(s.codes, codes)
}

// SetInt4 sets the query for [Int4] rows, whose codes count as 0 to 15.
func (s *Scorer) SetInt4(query []int8) {
	s.call.plane = (Int4.Bytes(len(query)) + 63) / 64 * 64
	s.growCodes(2*s.call.plane + 64)
	for i, q := range query {
		s.codes[i/2+i%2*s.call.plane] = byte(q)
	}
	s.set(Int4, lode.Dot, len(query), unsafe.Pointer(unsafe.SliceData(s.codes)))
}

// SetBit1 sets the query for [Bit1] rows, whose codes count as 0 and 1. Its elements are
// from -8 to 7.
func (s *Scorer) SetBit1(query []int8) {
	size := Bit1.Bytes(len(query))
	s.growCodes(4 * ((size + 63) / 64 * 64))
	_, block := active.Load().choose(Bit1, lode.Dot, size)
	for i := 0; i < len(query); i += 8 {
		var word uint64 // eight elements
		for j, q := range query[i:min(i+8, len(query))] {
			word |= uint64(uint8(q)) << (8 * j)
		}
		// Eight added to every byte, without carries from one to the next, is below 16.
		if (word&^(0x80*ones)+8*ones^word&(0x80*ones))&(0xf0*ones) != 0 {
			panic("distance: a query for bits has elements from -8 to 7")
		}
		at := i / 8
		at += at / block * 3 * block
		for p := range 4 { // the product moves the low bit of byte k to bit 56+k
			s.codes[at+p*block] = byte(word >> p & ones * 0x0102040810204080 >> 56)
		}
	}
	s.set(Bit1, lode.Dot, len(query), unsafe.Pointer(unsafe.SliceData(s.codes)))
}

// ones has the lowest bit of every byte.
const ones = 0x0101010101010101

func (s *Scorer) set(f Format, metric lode.Metric, dim int, query unsafe.Pointer) {
	if dim > MaxDim {
		panic("distance: a query of more than MaxDim dimensions")
	}
	s.format, s.size = f, f.Bytes(dim)
	chosen := active.Load()
	s.kernel, _ = chosen.choose(f, metric, s.size)
	s.walk = chosen.chooseWalk(f, metric, s.size)
	s.call.query, s.call.width = query, f.width(dim)
	s.data, s.own, s.call.limit = nil, nil, 0
	s.SetScale(1, 0, 0)
}

// SetScale sets the query's part of the scores.
func (s *Scorer) SetScale(mul, off, add float32) {
	s.call.mul, s.call.off, s.call.add = mul, off, add
}

// SetRows sets the region. Row i begins at byte i·stride, at any address. If rows have an
// addend and a factor of their own, two float32, corrections is where they lie in the row;
// else it is negative. The region may be a mapped file; see [Guard].
func (s *Scorer) SetRows(data []byte, stride, corrections int) {
	s.ends, s.flags = s.size, 0
	s.own, s.start, s.call.apart = data, 0, stride
	if corrections >= 0 {
		s.ends, s.flags, s.start = max(s.size, corrections+8), flagCorrected, corrections
	}
	if stride < s.ends {
		panic("distance: rows overlap")
	}
	s.data, s.call.stride, s.call.limit = data, stride, rowsIn(data, stride, s.ends)
	s.call.lines = linesAhead((s.ends + 63) / 64)
}

// SetCorrections sets the addends and factors of rows that do not hold them: those of row i
// begin at byte i·stride of data. It follows [Scorer.SetRows].
func (s *Scorer) SetCorrections(data []byte, stride int) {
	if stride < 8 {
		panic("distance: rows overlap")
	}
	s.own, s.start, s.call.apart, s.flags = data, 0, stride, flagCorrected
	s.call.limit = min(s.call.limit, rowsIn(data, stride, 8))
}

// rowsIn is how many rows of the given size lie in the region.
func rowsIn(data []byte, stride, size int) int {
	if stride <= 0 || len(data) < size {
		return 0
	}
	return (len(data)-size)/stride + 1
}

// linesAhead is how many of a row's cache lines to ask for before the first sum: short rows
// are wanted whole and at once; of longer ones the first, the rest is the business of the
// hardware, which too many requests would hold up. DESIGN.md has the measurement.
func linesAhead(lines int) int {
	if lines <= 16 {
		return lines
	}
	return 1
}

// Len is the number of rows in the region.
func (s *Scorer) Len() int { return s.call.limit }

// Batch scores the rows of the given ids and writes the scores below the threshold and
// their positions in ids to the front of scores and positions, in the order of ids. It
// returns how many there are. Both slices must be as long as ids; all of them may be
// overwritten. A score that is no number is below nothing.
func (s *Scorer) Batch(positions []uint32, scores []float32, ids []uint32, threshold float32) int {
	if len(ids) == 0 {
		return 0
	}
	s.call.ids = unsafe.SliceData(ids)
	return s.below(0, len(ids), positions, scores, threshold)
}

// Scan is [Scorer.Batch] for the n rows that begin with the row first; positions count from it.
func (s *Scorer) Scan(positions []uint32, scores []float32, first, n int, threshold float32) int {
	if n == 0 {
		return 0
	}
	s.call.ids = nil
	return s.below(first, n, positions, scores, threshold)
}

func (s *Scorer) below(first, n int, positions []uint32, scores []float32, threshold float32) int {
	if len(scores) < n || len(positions) < n {
		panic("distance: no room for the scores")
	}
	s.call.positions, s.call.threshold = unsafe.SliceData(positions), threshold
	return s.run(first, n, unsafe.Pointer(unsafe.SliceData(scores)), 0)
}

// Scores sets dst[i] to the score of the row ids[i].
func (s *Scorer) Scores(dst []float32, ids []uint32) {
	if len(dst) != len(ids) {
		panic("distance: scores and ids differ in length")
	}
	if len(ids) == 0 {
		return
	}
	s.call.ids = unsafe.SliceData(ids)
	s.run(0, len(ids), unsafe.Pointer(unsafe.SliceData(dst)), flagAll)
}

// ScanScores sets dst[i] to the score of the row first+i.
func (s *Scorer) ScanScores(dst []float32, first int) {
	s.call.ids = nil
	if len(dst) > 0 {
		s.run(first, len(dst), unsafe.Pointer(unsafe.SliceData(dst)), flagAll)
	}
}

// Sums sets dst[i] to the sum of the row first+i, exactly; for codes only.
func (s *Scorer) Sums(dst []int32, first int) {
	if s.format == Float32 || s.format == Float16 {
		panic("distance: exact sums of floats")
	}
	s.call.ids = nil
	if len(dst) > 0 {
		s.run(first, len(dst), unsafe.Pointer(unsafe.SliceData(dst)), flagSums)
	}
}

// run calls the kernel on n rows: those of the ids, or those that begin with first.
func (s *Scorer) run(first, n int, scores unsafe.Pointer, flags int) int {
	c := &s.call
	if s.call.ids == nil && (first < 0 || n < 0 || n > c.limit || first > c.limit-n) {
		panic("distance: rows beyond the region")
	}
	if c.limit == 0 {
		panic("distance: rows beyond the region")
	}
	c.rows, c.n, c.scores, c.flags = &s.data[first*c.stride], n, scores, s.flags|flags
	c.corrections = unsafe.Pointer(&s.own[s.start+first*c.apart])
	written := s.kernel(c)
	c.ids, c.positions, c.scores = nil, nil, nil
	if written < 0 {
		panic("distance: id beyond the rows")
	}
	return written
}

func (s *Scorer) growCodes(n int) {
	if cap(s.codes) < n {
		s.codes = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(aligned(nil, (n+3)/4)))), n)
	}
	s.codes = s.codes[:n]
	clear(s.codes)
}

// aligned returns old, or a new buffer at a whole cache line, empty and with room for n.
func aligned(old []float32, n int) []float32 {
	if cap(old) >= n {
		return old[:0]
	}
	b := make([]float32, n+16)
	skip := (64 - int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))%64)) % 64 / 4
	return b[skip : skip : skip+n]
}
