package distance

import (
	"encoding/binary"
	"math"
)

// Format says how the bytes of a row hold a vector; numbers are little-endian.
type Format uint8

// The formats, from exact to coarse.
const (
	Float32 Format = iota // 4 bytes a dimension
	Float16               // 2 bytes, IEEE half precision
	Int8                  // 1 byte, signed
	Int4                  // 2 dimensions a byte, codes 0 to 15, the even one in the low half
	Bit1                  // 1 bit, dimension i is bit i%8 of byte i/8; whole words of 8 bytes, spare bits 0
	formats
)

// MaxDim is the largest dimension that rows may have: integer sums fit 32 bits up to it.
const MaxDim = 1 << 16

var formatNames = [formats]string{"float32", "float16", "int8", "int4", "bit1"}

func (f Format) String() string {
	if f < formats {
		return formatNames[f]
	}
	return "unknown"
}

// Bytes is the size of a row of dim dimensions.
func (f Format) Bytes(dim int) int {
	switch f {
	case Float32:
		return 4 * dim
	case Float16:
		return 2 * dim
	case Int8:
		return dim
	case Int4:
		return (dim + 1) / 2
	case Bit1:
		return (dim + 63) / 64 * 8
	}
	panic("distance: unknown format")
}

// width is what kernels count in: elements of floats, bytes of codes.
func (f Format) width(dim int) int {
	if f == Float32 || f == Float16 {
		return dim
	}
	return f.Bytes(dim)
}

// PutFloat32 writes v as a [Float32] row to dst, which is at least as long.
func PutFloat32(dst []byte, v []float32) {
	for i, x := range v {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
	}
}

// PutFloat16 writes v as a [Float16] row to dst, which is at least as long. Numbers are
// rounded to the nearest, ties to even; those beyond 65504 become infinite.
func PutFloat16(dst []byte, v []float32) {
	for i, x := range v {
		binary.LittleEndian.PutUint16(dst[2*i:], toHalf(x))
	}
}

func toHalf(x float32) uint16 {
	bits := math.Float32bits(x)
	sign := uint16(bits >> 16 & 0x8000)
	bits &= 0x7fffffff
	switch {
	case bits > 0x7f800000:
		return sign | 0x7e00
	case bits >= 0x477ff000: // 65520 and more round to infinity
		return sign | 0x7c00
	case bits < 0x38800000: // below 2^-14: a multiple of 2^-24, rounded by the addition
		return sign | uint16(math.Float32bits(math.Float32frombits(bits)+0.5)-0x3f000000)
	}
	bits += 0xfff + bits>>13&1
	return sign | uint16((bits-0x38000000)>>13)
}

// fromHalf moves the bits to where float32 has them and corrects the exponent by a
// multiplication, which makes subnormal numbers right too.
func fromHalf(h uint16) float32 {
	sign, bits := uint32(h&0x8000)<<16, uint32(h&0x7fff)<<13
	if h&0x7c00 == 0x7c00 { // infinite, or no number
		return math.Float32frombits(sign | 0x7f800000 | bits)
	}
	return math.Float32frombits(sign | math.Float32bits(math.Float32frombits(bits)*0x1p112))
}
