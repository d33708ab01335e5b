package distance

import (
	"math"
	"unsafe"

	"github.com/lodedb/lode"
)

// firstRow is the list of ids of a pair.
var firstRow = [1]uint32{}

// DotExact returns the inner product; the same bits on every CPU. The product of two
// float32 fits a float64 without rounding, so that a compiler that fuses the addition
// changes nothing.
func DotExact(x, y []float32) float64 {
	mustMatch(x, y)
	return exactPair(0, x, y)
}

// L2SquaredExact returns the squared Euclidean distance; the same bits on every CPU.
func L2SquaredExact(x, y []float32) float64 {
	mustMatch(x, y)
	return exactPair(1, x, y)
}

// exactShortest is from where on assembly is faster than a loop.
const exactShortest = 16

func exactPair(which int, x, y []float32) float64 {
	if f := active.Load().exact[which]; f != nil && len(x) >= exactShortest {
		var sum float64
		f(&sum, &x[0], len(x), (*byte)(unsafe.Pointer(&y[0])), 0, &firstRow[0], 1)
		return sum
	}
	return exactGo(which, x, y)
}

func exactGo(which int, x, y []float32) float64 {
	if which == 0 {
		return dotExactGo(x, y)
	}
	return l2ExactGo(x, y)
}

// ExactRows sets dst[i] to the exact inner product (under L2 to the exact squared distance)
// of the query and the row ids[i]: float32, little-endian, at byte ids[i]·stride of the rows.
// Each is what [DotExact] or [L2SquaredExact] gives, to the bit.
func ExactRows(dst []float64, metric lode.Metric, query []float32, rows []byte, stride int, ids []uint32) {
	mustMatchLen(len(dst), len(ids))
	which := 0
	if metric == lode.L2 {
		which = 1
	}
	limit := rowsIn(rows, stride, 4*len(query))
	for _, id := range ids {
		if int(id) >= limit {
			panic("distance: id beyond the rows")
		}
	}
	if len(ids) == 0 {
		return
	}
	if f := active.Load().exact[which]; f != nil && len(query) > 0 {
		f(&dst[0], &query[0], len(query), &rows[0], stride, &ids[0], len(ids))
		return
	}
	row := make([]float32, len(query))
	for i, id := range ids {
		for j := range row {
			row[j] = float32At(rows[int(id)*stride:], j)
		}
		dst[i] = exactGo(which, query, row)
	}
}

// Normalize writes v scaled to unit length to dst, as [lode.Vector.Normalize] does, to the
// bit, and returns the length that v had. Where that is 0 or not finite, dst is not written.
func Normalize(dst, v []float32) float64 {
	mustMatch(dst, v)
	var sum float64
	for _, x := range v {
		sum += float64(float64(x) * float64(x)) // in this order, and without fused multiply-add
	}
	norm := math.Sqrt(sum)
	if sum == 0 || !(norm <= math.MaxFloat64) {
		return norm
	}
	if math.Abs(sum-1) <= lode.UnitSlack {
		copy(dst, v)
		return norm
	}
	start := 0
	if f := active.Load().divide; f != nil && len(v) >= 4 {
		start = len(v) &^ 3
		f(&dst[0], &v[0], start, norm)
	}
	for i := start; i < len(v); i++ {
		dst[i] = float32(float64(v[i]) / norm)
	}
	return norm
}

func dotExactGo(x, y []float32) float64 {
	var a, b, c, d float64
	for len(x) >= 4 && len(y) >= 4 {
		a += float64(x[0]) * float64(y[0])
		b += float64(x[1]) * float64(y[1])
		c += float64(x[2]) * float64(y[2])
		d += float64(x[3]) * float64(y[3])
		x, y = x[4:], y[4:]
	}
	for i := range x {
		a += float64(x[i]) * float64(y[i])
	}
	return (a + b) + (c + d)
}

func l2ExactGo(x, y []float32) float64 {
	var a, b, c, d float64
	for len(x) >= 4 && len(y) >= 4 {
		a += squaredDifference(x[0], y[0])
		b += squaredDifference(x[1], y[1])
		c += squaredDifference(x[2], y[2])
		d += squaredDifference(x[3], y[3])
		x, y = x[4:], y[4:]
	}
	for i := range x {
		a += squaredDifference(x[i], y[i])
	}
	return (a + b) + (c + d)
}

// squaredDifference rounds the square before it is added: the conversion forbids a fused
// multiply-add, which would differ from CPU to CPU.
func squaredDifference(x, y float32) float64 {
	d := float64(x) - float64(y)
	return float64(d * d)
}
