package quant

import (
	"encoding/binary"
	"math"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/distance"
)

// Extent bounds the lengths that the error bounds of a set of rows depend on, so that one
// bound can be stated for all of them; see [Query.MaxBound]. The zero value is that of no
// rows.
type Extent struct {
	Missed float32 // length of the coding error
	Coded  float32 // length of the coded vector
	Norm   float32 // length of the vector; of rows of [None] only
}

// Extent returns the extent of row i of a region.
func (z *Quantizer) Extent(r Rows, i uint32) Extent {
	code, tail := z.Split(r, i)
	if tail == nil {
		return Extent{Norm: up(rowNorm(code))}
	}
	return Extent{
		Missed: float32(fromBfloat(binary.LittleEndian.Uint16(tail[8:]))),
		Coded:  float32(fromBfloat(binary.LittleEndian.Uint16(tail[10:]))),
	}
}

// Union returns the extent of the rows of both.
func (e Extent) Union(other Extent) Extent {
	return Extent{max(e.Missed, other.Missed), max(e.Coded, other.Coded), max(e.Norm, other.Norm)}
}

// MaxBound returns a bound that holds for every row within e, as [Query.Bound] holds for
// one, as long as the row's score is no larger in magnitude than the given one.
func (q *Query) MaxBound(e Extent, score float32) float32 {
	if q.z.options.Kind == None {
		return q.roundingWithin(float64(e.Norm), score)
	}
	addend := math.Abs(float64(score)) + math.Abs(q.add) + q.z.factor*float64(e.Coded)*q.norm
	return q.bound(float64(e.Missed), float64(e.Coded), addend)
}

// bound is the error bound of a row whose coding error and coded vector have the given
// lengths; addend is the magnitude of the row's addend.
func (q *Query) bound(missed, coded, addend float64) float32 {
	z := q.z
	a, b := missed*q.norm, coded*q.errorLen
	spread := math.Sqrt(a*a+b*b) * z.perDim
	if z.dim < smallDim || q.certain { // too few errors to make a normal one: the worst case
		spread = (a + b) / Confidence
	}
	// Float32 arithmetic on the way: a few roundings of each part, or all of what is too
	// small for it.
	rounding := 0x1p-20*(addend+math.Abs(q.add)+z.factor*coded*q.norm) + 0x1p-120*(1+q.norm)
	return up(Confidence*z.factor*spread + rounding)
}

// roundingWithin bounds the error of float32 sums over a row of [None] with the given norm.
func (q *Query) roundingWithin(norm float64, score float32) float32 {
	scale := math.Abs(float64(score))
	if q.z.options.Metric != lode.L2 {
		scale = norm * q.norm
	}
	return up(distance.RelativeError(q.z.dim)*scale*1.01 + distance.AbsoluteError(q.z.dim))
}

// rowNorm is the length of a row of float32.
func rowNorm(row []byte) float64 {
	var sum float64
	for ; len(row) >= 4; row = row[4:] {
		x := float64(math.Float32frombits(binary.LittleEndian.Uint32(row)))
		sum += x * x
	}
	return math.Sqrt(sum)
}
