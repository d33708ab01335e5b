package distance

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"unsafe"
)

// scorers serve the pair forms of codes, whose query must be padded first.
var scorers = sync.Pool{New: func() any { return new(Scorer) }}

// DotInt8 returns the inner product of two vectors of signed bytes, exactly.
func DotInt8(x, y []int8) int32 {
	mustMatchLen(len(x), len(y))
	if len(x) == 0 {
		return 0
	}
	s := scorers.Get().(*Scorer)
	defer scorers.Put(s)
	s.SetInt8(x)
	s.SetRows(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(y))), len(y)), len(y), -1)
	s.Sums(s.sum[:], 0)
	s.data, s.call.rows = nil, nil
	return s.sum[0]
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
