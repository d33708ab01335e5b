package distance

import "math"

// Largest returns the largest magnitude in v; v holds no NaN.
func Largest(v []float32) float32 {
	var m float32
	if f := active.Load().largest; f != nil && len(v) >= 8 {
		whole := len(v) &^ 7
		m = f(&v[0], whole)
		v = v[whole:]
	}
	for _, x := range v {
		if x < 0 {
			x = -x
		}
		if x > m {
			m = x
		}
	}
	return m
}

// Rounding is what is left of numbers that were rounded to bytes.
type Rounding struct {
	Sum     int32   // of the codes
	Squares int32   // of the codes, summed
	Missed  float64 // sum of the squares of v - step·code
	Cross   float64 // sum of the products (v - step·code)·code
}

// RoundInt8 sets codes to the numbers of v divided by step, rounded to the nearest, ties to
// even. No number is larger than 127 steps.
func RoundInt8(codes []int8, v []float32, step float32) Rounding {
	mustMatchLen(len(codes), len(v))
	var r Rounding
	steps := 1 / step
	start := 0
	if f := active.Load().round; f != nil && len(v) >= 8 {
		start = len(v) &^ 7
		var sums [32]uint32
		f(&codes[0], &v[0], start, steps, step, &sums)
		for i := range 8 {
			r.Sum += int32(sums[i])
			r.Squares += int32(sums[8+i])
			r.Missed += float64(math.Float32frombits(sums[16+i]))
			r.Cross += float64(math.Float32frombits(sums[24+i]))
		}
	}
	for i, x := range v[start:] {
		code := int32(math.RoundToEven(float64(x * steps)))
		codes[start+i] = int8(code)
		missed := float64(x) - float64(step)*float64(code)
		r.Sum += code
		r.Squares += code * code
		r.Missed += missed * missed
		r.Cross += missed * float64(code)
	}
	return r
}
