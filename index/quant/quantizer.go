package quant

import (
	"math"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/distance"
)

// Kind says how rows hold vectors.
type Kind string

// The kinds, from exact to coarse. The names are settings and written to disk.
const (
	None Kind = "none" // float32, as they are
	Int8 Kind = "int8" // a byte a dimension, rotated
	Int4 Kind = "int4" // two dimensions a byte, rotated
	Bit1 Kind = "bit1" // eight dimensions a byte, rotated
)

// Default is the kind for a dimension when nobody chose one. Four bits pay where a row fits
// one cache line with its corrections, or where vectors are so long that bytes are what a
// search waits for; between, bytes need fewer rows to be looked at.
func Default(dim int) Kind {
	if dim <= 104 || dim >= 1024 {
		return Int4
	}
	return Int8
}

// Options shape a [Quantizer]. All of it must be kept with the rows: rows of other options
// are noise.
type Options struct {
	Kind   Kind
	Dim    int
	Metric lode.Metric // under cosine, vectors and queries must be of length 1
	Seed   uint64      // of the rotation
	// Center is subtracted from vectors before they are coded; the nearer it is to their
	// mean, the smaller the errors. The default is zero; see [Mean].
	Center []float32
}

// Validate reports the first option that cannot be used.
func (o Options) Validate() error {
	if _, ok := formats[o.Kind]; !ok {
		return lode.Invalid("quantization", o.Kind, "quantization must be none, int8, int4 or bit1")
	}
	if o.Dim < 1 || o.Dim > distance.MaxDim-63 { // bits are filled up to whole words
		return lode.Invalid("dim", o.Dim, "dimension must be from 1 to %d", distance.MaxDim-63)
	}
	if o.Center != nil && len(o.Center) != o.Dim {
		return lode.Invalid("center", len(o.Center), "center has %d dimensions, vectors have %d", len(o.Center), o.Dim)
	}
	if n := distance.Norm(o.Center); !(n <= largestNorm) {
		return lode.Invalid("center", n, "center is too long or not a number")
	}
	return o.Metric.Validate()
}

// largestNorm bounds vectors, so that no correction leaves the range of float32.
const largestNorm = 0x1p60

// largestCentered bounds what is left of a vector without the center, which may be longer than
// either of the two.
const largestCentered = 2 * largestNorm

var formats = map[Kind]distance.Format{
	None: distance.Float32, Int8: distance.Int8, Int4: distance.Int4, Bit1: distance.Bit1,
}

// Quantizer turns vectors into rows and queries into scorers of rows. It does not change
// and may be used by many goroutines; [Encoder] and [Query] are for one each.
type Quantizer struct {
	options  Options
	format   distance.Format
	rotation *rotation // nil with None
	dim      int       // dimensions coded
	code     int       // bytes of a code; corrections follow
	size     int
	factor   float64 // of the inner product in a score: 2 for L2, else 1
	norm2    float64 // of the center
	perDim   float64 // 1/√(dim-1): the part of a random direction's length in one other
}

// New returns a quantizer.
func New(o Options) (*Quantizer, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	z := &Quantizer{options: o, format: formats[o.Kind], dim: o.Dim, factor: 1}
	if o.Metric == lode.L2 {
		z.factor = 2
	}
	if o.Kind == Bit1 {
		z.dim = (o.Dim + 63) / 64 * 64 // the spare bits carry information too
	}
	if o.Kind != None {
		z.rotation = newRotation(z.dim, o.Seed)
	}
	z.perDim = 1 / math.Sqrt(float64(max(1, z.dim-1)))
	z.code = z.format.Bytes(z.dim)
	z.size = z.code
	if o.Kind != None {
		z.size += correctionBytes
	}
	if o.Center != nil {
		z.options.Center = append([]float32(nil), o.Center...)
		z.norm2 = distance.DotExact(o.Center, o.Center)
	}
	return z, nil
}

// Options returns what the quantizer was made with.
func (z *Quantizer) Options() Options { return z.options }

// Size is the number of bytes of a row.
func (z *Quantizer) Size() int { return z.size }

// Stride is the recommended distance of rows in memory: rows never lie across one cache
// line more than they must, if the first begins at one.
func (z *Quantizer) Stride() int { return padded(z.size) }

// Mean returns the mean of the vectors, a good [Options.Center]; some hundreds suffice.
func Mean(vectors ...[]float32) []float32 {
	if len(vectors) == 0 {
		return nil
	}
	sums := make([]float64, len(vectors[0]))
	for _, v := range vectors {
		for i, x := range v {
			sums[i] += float64(x)
		}
	}
	mean := make([]float32, len(sums))
	for i, sum := range sums {
		mean[i] = float32(sum / float64(len(vectors)))
	}
	return mean
}

// prepare writes the vector, without the center and rotated, to into. It returns the square
// of its length and its inner product with the center.
func (z *Quantizer) prepare(what string, into, v []float32) (norm2, centered float64, err error) {
	if len(v) != z.options.Dim {
		return 0, 0, lode.Invalid(what, len(v), "%s has %d dimensions, not %d", what, len(v), z.options.Dim)
	}
	clear(into[copy(into, v):])
	if z.options.Center != nil {
		for i, c := range z.options.Center {
			into[i] -= c
		}
		centered = distance.DotExact(into[:len(v)], z.options.Center)
	}
	norm2 = distance.DotExact(into[:len(v)], into[:len(v)])
	if !(norm2 <= largestCentered*largestCentered) || math.IsInf(norm2, 0) {
		return 0, 0, lode.Invalid(what, math.Sqrt(norm2), "%s is too long or not a number", what)
	}
	if z.rotation != nil {
		z.rotation.apply(into)
	}
	return norm2, centered, nil
}
