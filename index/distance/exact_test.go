package distance

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lodedb/lode"
)

// Exact sums must be the same bits whatever the set, the length and the number of rows.
func TestExactIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	eachSet(t, func(t *testing.T) {
		for dim := 1; dim <= 2048; dim += 1 + dim/20 {
			x := randomVector(rng, dim, 1)
			if rng.IntN(5) == 0 {
				x[rng.IntN(dim)] = []float32{float32(math.NaN()), float32(math.Inf(1)), 1e-45, math.MaxFloat32}[rng.IntN(4)]
			}
			const rows = 11
			stride := 4*dim + 4*rng.IntN(3)
			data := make([]byte, rows*stride)
			vectors := make([][]float32, rows)
			for i := range vectors {
				vectors[i] = randomVector(rng, dim, 1)
				PutFloat32(data[i*stride:], vectors[i])
			}
			for n := range rows {
				ids, dst := make([]uint32, n), make([]float64, n)
				for i := range ids {
					ids[i] = uint32(rng.IntN(rows))
				}
				for which, metric := range []lode.Metric{lode.Dot, lode.L2} {
					ExactRows(dst, metric, x, data, stride, ids)
					for i, id := range ids {
						want := exactGo(which, x, vectors[id])
						if !sameBits(dst[i], want) || !sameBits(exactPair(which, x, vectors[id]), want) {
							t.Fatalf("dim %d, %s, row %d of %d: got %v, want %v", dim, metric, i, n, dst[i], want)
						}
					}
				}
			}
			got := make([]float32, dim)
			if norm := Normalize(got, x); norm > 0 && norm <= math.MaxFloat64 {
				for i, want := range lode.Vector(x).Normalize() {
					if got[i] != want {
						t.Fatalf("dim %d: normalized[%d] is %v, want %v", dim, i, got[i], want)
					}
				}
			}
		}
	})
}

// sameBits takes all NaN for one.
func sameBits(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
}
