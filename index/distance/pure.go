package distance

// pure is the fast family in Go alone. It serves CPUs without AVX2 and is what assembly is
// tested against.
var pure = kernel{name: "go", dot: dotGo, l2Squared: l2SquaredGo}

// dotGo adds up in four independent sums, so that the CPU need not wait for one addition
// before it starts the next.
func dotGo(x, y []float32) float32 {
	y = y[:len(x)]
	var a, b, c, d float32
	for len(x) >= 4 && len(y) >= 4 {
		a += x[0] * y[0]
		b += x[1] * y[1]
		c += x[2] * y[2]
		d += x[3] * y[3]
		x, y = x[4:], y[4:]
	}
	for i := range x {
		a += x[i] * y[i]
	}
	return (a + b) + (c + d)
}

func l2SquaredGo(x, y []float32) float32 {
	y = y[:len(x)]
	var a, b, c, d float32
	for len(x) >= 4 && len(y) >= 4 {
		e, f, g, h := x[0]-y[0], x[1]-y[1], x[2]-y[2], x[3]-y[3]
		a += e * e
		b += f * f
		c += g * g
		d += h * h
		x, y = x[4:], y[4:]
	}
	for i := range x {
		e := x[i] - y[i]
		a += e * e
	}
	return (a + b) + (c + d)
}
