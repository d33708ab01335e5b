package distance

// DotExact returns the inner product; the same bits on every CPU. The product of two
// float32 fits a float64 without rounding, so that a compiler that fuses the addition
// changes nothing.
func DotExact(x, y []float32) float64 {
	mustMatch(x, y)
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

// L2SquaredExact returns the squared Euclidean distance; the same bits on every CPU.
func L2SquaredExact(x, y []float32) float64 {
	mustMatch(x, y)
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
