package contrast

import "math"

// The loops below are written so that they give the same bits everywhere: products are converted
// to float32 before they are added, which forbids fusing, and sums are taken in a fixed order.

// dots writes the products of two rows with four others; the others stand one after another.
func dots(a0, a1, b []float32, dim int, out0, out1 []float32) {
	b0, b1, b2, b3 := b[:dim], b[dim:2*dim], b[2*dim:3*dim], b[3*dim:4*dim]
	a0, a1 = a0[:dim], a1[:dim]
	var s00, s01, s02, s03, s10, s11, s12, s13 float32
	for k := range a0 {
		x, y := a0[k], a1[k]
		c0, c1, c2, c3 := b0[k], b1[k], b2[k], b3[k]
		s00 += float32(x * c0)
		s01 += float32(x * c1)
		s02 += float32(x * c2)
		s03 += float32(x * c3)
		s10 += float32(y * c0)
		s11 += float32(y * c1)
		s12 += float32(y * c2)
		s13 += float32(y * c3)
	}
	out0[0], out0[1], out0[2], out0[3] = s00, s01, s02, s03
	out1[0], out1[1], out1[2], out1[3] = s10, s11, s12, s13
}

// AddScaled adds b, times a factor, to a.
func AddScaled(a, b []float32, factor float32) {
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		x[0] += float32(y[0] * factor)
		x[1] += float32(y[1] * factor)
		x[2] += float32(y[2] * factor)
		x[3] += float32(y[3] * factor)
	}
	for ; i < len(a); i++ {
		a[i] += float32(b[i] * factor)
	}
}

func Dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += float32(a[i] * b[i])
		s1 += float32(a[i+1] * b[i+1])
		s2 += float32(a[i+2] * b[i+2])
		s3 += float32(a[i+3] * b[i+3])
	}
	for ; i < len(a); i++ {
		s0 += float32(a[i] * b[i])
	}
	return (s0 + s1) + (s2 + s3)
}

func Scale(a []float32, factor float32) {
	for i := range a {
		a[i] *= factor
	}
}

// Normalize scales a row to length one, and returns the length it had. Zero stays zero.
func Normalize(a []float32) float32 {
	length := Length(a)
	if length > 0 {
		Scale(a, 1/length)
	}
	return length
}

// expm is e^x for x <= 0, to float32's precision, by 2^n · p(r). The library's has assembly on some
// machines and so other bits.
func expm(x float32) float32 {
	if x < -80 {
		return 0
	}
	const log2e, ln2 = 1.4426950408889634, 0.6931471805599453
	v := float64(x)
	n := math.Floor(float64(v*log2e) + 0.5)
	r := v - float64(n*ln2)
	p := 1.0
	for i := 7.0; i >= 1; i-- {
		p = 1 + float64(p*r)/i
	}
	return float32(p * math.Float64frombits(uint64(int(n)+1023)<<52))
}

// Length is that of a row.
func Length(a []float32) float32 { return float32(math.Sqrt(float64(Dot(a, a)))) }
