package distance

import (
	"encoding/binary"
	"math"
	"math/bits"
	"unsafe"
)

// batchesGo are the batch kernels in Go alone. They serve CPUs without assembly and rows
// too short for it, and are what assembly is tested against.
var batchesGo = [formats][2]batch{
	Float32: {
		func(c *call) int { return eachFloat(c, 4, dotFloat32) },
		func(c *call) int { return eachFloat(c, 4, l2Float32) },
	},
	Float16: {
		func(c *call) int { return eachFloat(c, 2, dotFloat16) },
		func(c *call) int { return eachFloat(c, 2, l2Float16) },
	},
	Int8: {func(c *call) int { return eachCode(c, dotInt8) }},
	Int4: {func(c *call) int { return eachCode(c, dotInt4) }},
	Bit1: {func(c *call) int { return eachCode(c, dotBit1) }},
}

func eachFloat(c *call, size int, sum func(query []float32, row []byte) float32) int {
	if !c.idsInRange() {
		return -1
	}
	query := unsafe.Slice((*float32)(c.query), c.width)
	written := 0
	for i := range c.n {
		row := c.row(i, size*c.width)
		written = c.write(i, written, sum(query, row))
	}
	return written
}

func eachCode(c *call, sum func(c *call, row []byte) int32) int {
	if !c.idsInRange() {
		return -1
	}
	written := 0
	for i := range c.n {
		s := sum(c, c.row(i, c.width))
		if c.flags&flagSums != 0 {
			*(*int32)(unsafe.Add(c.scores, 4*i)) = s
			continue
		}
		written = c.write(i, written, float32(s))
	}
	return written
}

func (c *call) idsInRange() bool {
	if c.ids == nil {
		return true
	}
	for _, id := range unsafe.Slice(c.ids, c.n) {
		if uint64(id) >= uint64(c.limit) {
			return false
		}
	}
	return true
}

func (c *call) row(i, size int) []byte {
	return unsafe.Slice((*byte)(c.rowAt(i)), size)
}

func (c *call) rowOf(i int) int {
	if c.ids == nil {
		return i
	}
	return int(*(*uint32)(unsafe.Add(unsafe.Pointer(c.ids), 4*i)))
}

func (c *call) rowAt(i int) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(c.rows), c.rowOf(i)*c.stride)
}

// write turns the sum of row i into a score and writes it if it is wanted.
func (c *call) write(i, written int, sum float32) int {
	score := c.mul*sum + c.off
	if c.flags&flagCorrected != 0 {
		own := unsafe.Slice((*byte)(unsafe.Add(c.corrections, c.rowOf(i)*c.apart)), 8)
		addend := math.Float32frombits(binary.LittleEndian.Uint32(own))
		factor := math.Float32frombits(binary.LittleEndian.Uint32(own[4:]))
		score = score*factor + addend
	}
	score += c.add
	if c.flags&flagAll != 0 {
		*(*float32)(unsafe.Add(c.scores, 4*i)) = score
		return written
	}
	if !(score < c.threshold) {
		return written
	}
	*(*float32)(unsafe.Add(c.scores, 4*written)) = score
	*(*uint32)(unsafe.Add(unsafe.Pointer(c.positions), 4*written)) = uint32(i)
	return written + 1
}

func float32At(row []byte, i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(row[4*i:]))
}

func float16At(row []byte, i int) float32 {
	return fromHalf(binary.LittleEndian.Uint16(row[2*i:]))
}

// inPlace returns the row as numbers if it lies so that Go may read it as such.
func inPlace(row []byte) []float32 {
	start := unsafe.Pointer(unsafe.SliceData(row))
	if uintptr(start)%4 != 0 || binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return nil
	}
	return unsafe.Slice((*float32)(start), len(row)/4)
}

func dotFloat32(query []float32, row []byte) float32 {
	if numbers := inPlace(row); numbers != nil {
		return dotGo(query, numbers)
	}
	var a, b, c, d float32
	i := 0
	for ; i+4 <= len(query); i += 4 {
		a += query[i] * float32At(row, i)
		b += query[i+1] * float32At(row, i+1)
		c += query[i+2] * float32At(row, i+2)
		d += query[i+3] * float32At(row, i+3)
	}
	for ; i < len(query); i++ {
		a += query[i] * float32At(row, i)
	}
	return (a + b) + (c + d)
}

func l2Float32(query []float32, row []byte) float32 {
	if numbers := inPlace(row); numbers != nil {
		return l2SquaredGo(query, numbers)
	}
	var a, b, c, d float32
	i := 0
	for ; i+4 <= len(query); i += 4 {
		e, f := query[i]-float32At(row, i), query[i+1]-float32At(row, i+1)
		g, h := query[i+2]-float32At(row, i+2), query[i+3]-float32At(row, i+3)
		a += e * e
		b += f * f
		c += g * g
		d += h * h
	}
	for ; i < len(query); i++ {
		e := query[i] - float32At(row, i)
		a += e * e
	}
	return (a + b) + (c + d)
}

func dotFloat16(query []float32, row []byte) float32 {
	var even, odd float32
	for i, q := range query {
		even, odd = odd, even+q*float16At(row, i)
	}
	return even + odd
}

func l2Float16(query []float32, row []byte) float32 {
	var even, odd float32
	for i, q := range query {
		d := q - float16At(row, i)
		even, odd = odd, even+d*d
	}
	return even + odd
}

func dotInt8(c *call, row []byte) (sum int32) {
	query := unsafe.Slice((*int8)(c.query), len(row))
	for i, code := range row {
		sum += int32(query[i]) * int32(int8(code))
	}
	return sum
}

func dotInt4(c *call, row []byte) (sum int32) {
	even := unsafe.Slice((*int8)(c.query), len(row))
	odd := unsafe.Slice((*int8)(unsafe.Add(c.query, c.plane)), len(row))
	for i, code := range row {
		sum += int32(even[i])*int32(code&15) + int32(odd[i])*int32(code>>4)
	}
	return sum
}

// dotBit1 reads the query's planes as they are packed for words of 8 bytes.
func dotBit1(c *call, row []byte) (sum int32) {
	query := unsafe.Slice((*byte)(c.query), 4*len(row))
	for len(row) >= 8 && len(query) >= 32 {
		word := binary.LittleEndian.Uint64(row)
		sum += int32(bits.OnesCount64(word&binary.LittleEndian.Uint64(query))) +
			int32(bits.OnesCount64(word&binary.LittleEndian.Uint64(query[8:])))<<1 +
			int32(bits.OnesCount64(word&binary.LittleEndian.Uint64(query[16:])))<<2 -
			int32(bits.OnesCount64(word&binary.LittleEndian.Uint64(query[24:])))<<3
		row, query = row[8:], query[32:]
	}
	return sum
}
