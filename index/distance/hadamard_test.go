package distance

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// The definition: element i of the transform is the sum of all elements times signs, negated where i
// and their place share an odd number of bits.
func TestHadamard(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(31, 1))
		for n := 1; n <= 2048; n *= 2 {
			for offset := range 3 {
				memory := randomVector(rng, n+8, 1)
				v, before := memory[offset:offset+n], append([]float32(nil), memory...)
				signs := randomVector(rng, n, 1)
				Hadamard(v, signs)
				for i := 0; i < n; i += 1 + n/64 {
					var want float64
					for j := range n {
						x := float64(before[offset+j]) * float64(signs[j])
						if bits.OnesCount(uint(i&j))%2 == 1 {
							x = -x
						}
						want += x
					}
					if math.Abs(float64(v[i])-want) > 1e-5*float64(n) {
						t.Fatalf("%d of %d is %v, want %v", i, n, v[i], want)
					}
				}
				for i, x := range before {
					if (i < offset || i >= offset+n) && memory[i] != x {
						t.Fatalf("length %d wrote place %d", n, i-offset)
					}
				}
			}
		}
		defer func() {
			if recover() == nil {
				t.Error("a length of 12 was accepted")
			}
		}()
		Hadamard(make([]float32, 12), make([]float32, 12))
	})
}

func BenchmarkHadamard(b *testing.B) {
	v, signs := make([]float32, 512), make([]float32, 512)
	for _, name := range Sets() {
		b.Run(name+"/512", func(b *testing.B) {
			Force(name)
			defer Force("")
			for b.Loop() {
				Hadamard(v, signs)
			}
		})
	}
}
