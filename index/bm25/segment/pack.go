package segment

import (
	"encoding/binary"
	"math/bits"
)

// packSlack is how many bytes unpack may read behind the packed values.
const packSlack = 8

// widthOf is the number of bits that the largest of values needs.
func widthOf(values []uint32) int {
	var all uint32
	for _, v := range values {
		all |= v
	}
	return bits.Len32(all)
}

// packedBytes is what pack appends for n values.
func packedBytes(n, width int) int { return (n*width + 7) / 8 }

// pack appends the lowest width bits of each value, the first one lowest.
func pack(dst []byte, values []uint32, width int) []byte {
	var word uint64
	held := 0
	for _, v := range values {
		word |= uint64(v) << held
		for held += width; held >= 8; held -= 8 {
			dst = append(dst, byte(word))
			word >>= 8
		}
	}
	if held > 0 {
		dst = append(dst, byte(word))
	}
	return dst
}

// unpack fills dst with values of a width of 32 at most. src holds packSlack bytes more than
// they take. Eight values of one width take as many bytes as the width has bits, so that the
// loop over groups of eight has the same shifts every time.
func unpack(dst []uint32, src []byte, width int) {
	if width == 0 {
		clear(dst)
		return
	}
	mask := uint64(1)<<width - 1
	i, at := 0, 0
	for ; i+8 <= len(dst); i, at = i+8, at+width {
		g := src[at : at+width+packSlack]
		d := (*[8]uint32)(dst[i:])
		d[0] = uint32(binary.LittleEndian.Uint64(g) & mask)
		d[1] = uint32(binary.LittleEndian.Uint64(g[width>>3:]) >> (width & 7) & mask)
		d[2] = uint32(binary.LittleEndian.Uint64(g[2*width>>3:]) >> (2 * width & 7) & mask)
		d[3] = uint32(binary.LittleEndian.Uint64(g[3*width>>3:]) >> (3 * width & 7) & mask)
		d[4] = uint32(binary.LittleEndian.Uint64(g[4*width>>3:]) >> (4 * width & 7) & mask)
		d[5] = uint32(binary.LittleEndian.Uint64(g[5*width>>3:]) >> (5 * width & 7) & mask)
		d[6] = uint32(binary.LittleEndian.Uint64(g[6*width>>3:]) >> (6 * width & 7) & mask)
		d[7] = uint32(binary.LittleEndian.Uint64(g[7*width>>3:]) >> (7 * width & 7) & mask)
	}
	for j := 0; i < len(dst); i, j = i+1, j+1 {
		bit := j * width
		dst[i] = uint32(binary.LittleEndian.Uint64(src[at+bit>>3:]) >> (bit & 7) & mask)
	}
}
