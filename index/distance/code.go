package distance

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"unsafe"

	"github.com/lodedb/lode"
)

// scorers serve the pair forms of codes, whose query must be padded first.
var scorers = sync.Pool{New: func() any { return new(Scorer) }}

// onePair lends f a scorer of one row, whose query set sets.
func onePair(row []byte, set, f func(s *Scorer)) {
	s := scorers.Get().(*Scorer)
	defer scorers.Put(s)
	set(s)
	s.SetRows(row, len(row), -1)
	f(s)
	s.data, s.own, s.call.rows, s.call.corrections = nil, nil, nil, nil
}

// pairSum returns the exact sum of a query and one row of codes.
func pairSum(row []byte, set func(s *Scorer)) (sum int32) {
	if len(row) > 0 {
		onePair(row, set, func(s *Scorer) {
			s.Sums(s.sum[:], 0)
			sum = s.sum[0]
		})
	}
	return sum
}

// pairOfHalves returns the score of a query and one row of [Float16].
func pairOfHalves(metric lode.Metric, query []float32, row []byte) (score float32) {
	mustMatchLen(Float16.Bytes(len(query)), len(row))
	if len(row) > 0 {
		onePair(row, func(s *Scorer) { s.SetFloats(Float16, metric, query) }, func(s *Scorer) {
			s.ScanScores(s.score[:], 0)
			score = s.score[0]
		})
	}
	return score
}

// DotFloat16 returns the inner product, about, of a vector and a row of [Float16].
func DotFloat16(query []float32, row []byte) float32 {
	return 0 - pairOfHalves(lode.Dot, query, row)
}

// L2SquaredFloat16 returns the squared Euclidean distance, about, of a vector and a row of
// [Float16].
func L2SquaredFloat16(query []float32, row []byte) float32 {
	return pairOfHalves(lode.L2, query, row)
}

// DotInt8 returns the inner product of two vectors of signed bytes, exactly.
func DotInt8(x, y []int8) int32 {
	mustMatchLen(len(x), len(y))
	row := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(y))), len(y))
	return pairSum(row, func(s *Scorer) { s.SetInt8(x) })
}

// DotInt4 returns the inner product of a query and a row of [Int4], whose codes count as 0
// to 15, exactly.
func DotInt4(query []int8, row []byte) int32 {
	mustMatchLen(Int4.Bytes(len(query)), len(row))
	return pairSum(row, func(s *Scorer) { s.SetInt4(query) })
}

// DotBit1 returns the inner product of a query, whose elements are from -8 to 7, and a row
// of [Bit1], whose codes count as 0 and 1, exactly.
func DotBit1(query []int8, row []byte) int32 {
	mustMatchLen(Bit1.Bytes(len(query)), len(row))
	return pairSum(row, func(s *Scorer) { s.SetBit1(query) })
}

// L2SquaredInt8 returns the squared Euclidean distance of two vectors of signed bytes,
// exactly: |x|² + |y|² - 2xy, in integers.
func L2SquaredInt8(x, y []int8) int64 {
	return int64(DotInt8(x, x)) + int64(DotInt8(y, y)) - 2*int64(DotInt8(x, y))
}

// Hamming returns in how many bits two rows of [Bit1] differ. The compiler makes the
// counting one instruction a word.
func Hamming(x, y []byte) int {
	mustMatchLen(len(x), len(y))
	n := 0
	for len(x) >= 8 && len(y) >= 8 {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(x) ^ binary.LittleEndian.Uint64(y))
		x, y = x[8:], y[8:]
	}
	for i := range x {
		n += bits.OnesCount8(x[i] ^ y[i])
	}
	return n
}

func mustMatchLen(x, y int) {
	if x != y {
		panic("distance: vectors differ in length")
	}
}
