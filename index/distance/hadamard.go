package distance

// Hadamard multiplies v, whose length is a power of two, element by element with signs, as
// many numbers, and replaces it by its Walsh-Hadamard transform in natural order, which is
// not scaled: applied twice, with signs of 1, it multiplies by the length. With random signs
// of 1/√n either way it is a cheap random rotation.
func Hadamard(v, signs []float32) {
	mustMatch(v, signs)
	n := len(v)
	if n&(n-1) != 0 {
		panic("distance: a Hadamard transform of a length that is no power of two")
	}
	if transform := active.Load().hadamard; transform != nil && n >= hadamardShortest {
		transform(&v[0], &signs[0], n)
		return
	}
	hadamardGo(v, signs)
}

// hadamardShortest is what the assembly needs: two whole registers.
const hadamardShortest = 16

func hadamardGo(v, signs []float32) {
	for i, sign := range signs {
		v[i] *= sign
	}
	for h := 1; h < len(v); h *= 2 {
		for start := 0; start < len(v); start += 2 * h {
			low, high := v[start:start+h], v[start+h:start+2*h]
			for i, x := range low {
				y := high[i]
				low[i], high[i] = x+y, x-y
			}
		}
	}
}
