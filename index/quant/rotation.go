package quant

import (
	"math"
	"math/rand/v2"

	"github.com/lodedb/lode/index/distance"
)

// rotation is a random orthogonal map that costs d·log d: rounds of random signs and a
// Hadamard transform. Transforms want powers of two; other dimensions are covered by two
// that overlap, from the front and from the end, so that nothing is padded.
type rotation struct {
	rounds []round
}

// round scales and flips the numbers from start, as many as there are signs, and mixes them.
type round struct {
	start int
	signs []float32 // plus or minus the scale that keeps lengths
}

func newRotation(dim int, seed uint64) *rotation {
	size := 1
	for 2*size <= dim {
		size *= 2
	}
	starts := []int{0, 0, 0}
	if size < dim {
		starts = []int{0, dim - size, 0, dim - size}
	}
	rng := rand.New(rand.NewPCG(seed, 0x5bd1e995))
	r := &rotation{}
	for _, start := range starts {
		signs := make([]float32, size)
		for i := range signs {
			signs[i] = float32(math.Copysign(1/math.Sqrt(float64(size)), float64(rng.IntN(2))-0.5))
		}
		r.rounds = append(r.rounds, round{start, signs})
	}
	return r
}

func (r *rotation) apply(v []float32) {
	for _, round := range r.rounds {
		distance.Hadamard(v[round.start:round.start+len(round.signs)], round.signs)
	}
}
