package distance

import (
	"math"

	"github.com/viterin/vek/vek32"
)

// kernel is a family of fast pair functions. Lengths are equal and not zero when they are called.
type kernel struct {
	name      string
	dot       func(x, y []float32) float32
	l2Squared func(x, y []float32) float32
}

// vekL2Squared undoes the square root that vek takes. That root is itself approximate, is 0
// below the smallest normal float32, and NaN for +Inf: [RelativeError] and [AbsoluteError]
// have room for the first two, the contract of the package allows the third.
func vekL2Squared(x, y []float32) float32 {
	d := vek32.Distance(x, y)
	return d * d
}

// Dot returns the inner product, about.
func Dot(x, y []float32) float32 {
	mustMatch(x, y)
	if len(x) == 0 {
		return 0
	}
	return active.Load().pair.dot(x, y)
}

// L2Squared returns the squared Euclidean distance, about.
func L2Squared(x, y []float32) float32 {
	mustMatch(x, y)
	if len(x) == 0 {
		return 0
	}
	return active.Load().pair.l2Squared(x, y)
}

// Cosine returns the cosine of the angle between two vectors, about; 0 where one of them has
// no direction. Who compares a vector often scales it to length 1 once and uses [Dot].
func Cosine(x, y []float32) float32 {
	scale := math.Sqrt(DotExact(x, x)) * math.Sqrt(DotExact(y, y))
	if scale == 0 {
		mustMatch(x, y)
		return 0
	}
	return float32(max(-1, min(DotExact(x, y)/scale, 1)))
}

// DotRows sets dst[i] to the inner product, about, of the query and row i of the
// contiguous rows, for every element of dst.
func DotRows(dst, query, rows []float32) {
	eachRow(active.Load().pair.dot, dst, query, rows)
}

// L2SquaredRows is [DotRows] for the squared Euclidean distance.
func L2SquaredRows(dst, query, rows []float32) {
	eachRow(active.Load().pair.l2Squared, dst, query, rows)
}

func eachRow(f func(x, y []float32) float32, dst, query, rows []float32) {
	dim := len(query)
	if len(rows) != dim*len(dst) {
		panic("distance: rows are not len(dst) times len(query)")
	}
	if dim == 0 {
		clear(dst)
		return
	}
	for i := range dst {
		dst[i] = f(query, rows[i*dim:(i+1)*dim])
	}
}

// RelativeError bounds the rounding error of the fast functions on finite vectors of dim
// dimensions: |[Dot] - true| is at most RelativeError times the product of the two norms,
// |[L2Squared] - true| at most RelativeError times the true value, both plus
// [AbsoluteError], and as long as no sum leaves the range of float32.
//
// A float32 sum of dim products in any order is off by dim·2^-24 of the sum of their
// magnitudes; twice that leaves room for the differences, the square root and the final
// rounding.
func RelativeError(dim int) float64 { return float64(dim+8) * 0x1p-23 }

// AbsoluteError bounds what is lost to numbers too small for float32, of which kernels may
// make 0; see [RelativeError].
func AbsoluteError(dim int) float64 { return float64(dim+8) * 0x1p-125 }

// Norm returns the Euclidean length; the same bits on every CPU.
func Norm(x []float32) float64 { return math.Sqrt(DotExact(x, x)) }

func mustMatch(x, y []float32) {
	if len(x) != len(y) {
		panic("distance: vectors differ in length")
	}
}
