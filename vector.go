package lode

import "math"

// Vector is a dense embedding. Holders must not change a vector that they did not make.
type Vector []float32

// MaxDim is the largest number of dimensions of a vector.
const MaxDim = 8192

// Metric says how two vectors are compared. Scores are always "larger is nearer".
type Metric string

// The metrics and their scores.
const (
	Cosine Metric = "cosine" // dot product of the normalised vectors, -1 to 1
	Dot    Metric = "dot"    // inner product
	L2     Metric = "l2"     // negative squared Euclidean distance
)

// Validate reports whether the metric is known.
func (m Metric) Validate() error {
	switch m {
	case Cosine, Dot, L2:
		return nil
	}
	return Invalid("metric", m, "metric must be cosine, dot or l2")
}

// ValidateFor checks that v fits an index: dim dimensions, finite numbers, not all zero
// under [Cosine]. The error names the offending position.
func (v Vector) ValidateFor(dim int, metric Metric) error {
	if len(v) != dim {
		return Invalid("vector", len(v), "vector has %d dimensions, the collection has %d", len(v), dim)
	}
	var norm float64
	for i, x := range v {
		f := float64(x)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return Invalid("vector", x, "vector[%d] is not a finite number", i)
		}
		norm += f * f
	}
	if metric == Cosine && norm == 0 {
		return Invalid("vector", "0", "a zero vector has no direction and cannot be compared by cosine")
	}
	return nil
}

// UnitSlack is how far the squared length of a vector may be from 1 for it to count as one of
// unit length. Rounding to float32 moves it by a quarter of that at most.
const UnitSlack = 0x1p-21

// Normalize returns v scaled to unit length. One that has it already, within [UnitSlack], is
// returned as it is, and so is a zero vector: scaling twice is scaling once, to the bit. The
// result does not depend on the CPU: sum and quotient are taken in float64 without fused
// multiply-add.
func (v Vector) Normalize() Vector {
	var sum float64
	for _, x := range v {
		sum += float64(float64(x) * float64(x)) // the conversion forbids a fused multiply-add
	}
	if sum == 0 || math.Abs(sum-1) <= UnitSlack {
		return v
	}
	out := make(Vector, len(v))
	norm := math.Sqrt(sum)
	for i, x := range v {
		out[i] = float32(float64(x) / norm)
	}
	return out
}
