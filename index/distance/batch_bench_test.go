package distance

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

var benchDims = []int{100, 128, 384, 768, 1536}

// benchmark measures ns per vector: 32 rows by ids, in the L1 cache as far as they fit.
func benchmark(b *testing.B, format Format, squared bool) {
	const n = 32
	for _, name := range Sets() {
		for _, dim := range benchDims {
			b.Run(fmt.Sprintf("%s/%d", name, dim), func(b *testing.B) {
				if err := Force(name); err != nil {
					b.Fatal(err)
				}
				defer Force("")
				rng := rand.New(rand.NewPCG(1, 1))
				sh := shapes[0]
				for _, candidate := range shapes {
					if candidate.format == format && (candidate.metric == "l2") == squared {
						sh = candidate
					}
				}
				s := newSample(rng, sh, dim, n)
				stride := (format.Bytes(dim) + 8 + 63) / 64 * 64
				corrections := -1
				if format >= Int8 {
					corrections = stride - 8
				}
				var sc Scorer
				s.set(&sc)
				sc.SetRows(s.region(0, stride), stride, corrections)
				ids, positions, scores := make([]uint32, n), make([]uint32, n), make([]float32, n)
				for i := range ids {
					ids[i] = uint32(i * 7 % n)
				}
				for b.Loop() {
					sc.Batch(positions, scores, ids, 0)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/vector")
			})
		}
	}
}

func BenchmarkFloat32Dot(b *testing.B) { benchmark(b, Float32, false) }
func BenchmarkFloat32L2(b *testing.B)  { benchmark(b, Float32, true) }
func BenchmarkFloat16Dot(b *testing.B) { benchmark(b, Float16, false) }
func BenchmarkFloat16L2(b *testing.B)  { benchmark(b, Float16, true) }
func BenchmarkInt8(b *testing.B)       { benchmark(b, Int8, false) }
func BenchmarkInt4(b *testing.B)       { benchmark(b, Int4, false) }
func BenchmarkBit1(b *testing.B)       { benchmark(b, Bit1, false) }

// BenchmarkMemory scores 16 random rows of 256 MiB a call: what a search pays when nothing
// is in a cache. With none, the rows' lines are not asked for in advance.
func BenchmarkMemory(b *testing.B) {
	region := make([]byte, 256<<20)
	for i := range region {
		region[i] = byte(i * 7 >> 3)
	}
	for _, sh := range []shape{shapes[1], shapes[4], shapes[5], shapes[6]} {
		for _, dim := range []int{100, 768} {
			for _, lines := range []string{"none", "chosen"} {
				b.Run(fmt.Sprintf("%v/%d/%s", sh, dim, lines), func(b *testing.B) {
					rng := rand.New(rand.NewPCG(2, 2))
					stride := (sh.format.Bytes(dim) + 8 + 63) / 64 * 64
					var sc Scorer
					newSample(rng, sh, dim, 0).set(&sc)
					sc.SetRows(region, stride, stride-8)
					if lines == "none" {
						sc.call.lines = 0
					}
					ids, positions, scores := make([]uint32, 16<<12), make([]uint32, 16), make([]float32, 16)
					for i := range ids {
						ids[i] = uint32(rng.IntN(sc.Len()))
					}
					at := 0
					for b.Loop() {
						sc.Batch(positions, scores, ids[at:at+16], 0)
						at = (at + 16) % len(ids)
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/16, "ns/vector")
				})
			}
		}
	}
}

// BenchmarkPairs is one call of the pair form a vector, vek where the CPU can run it.
func BenchmarkPairs(b *testing.B) {
	for _, dim := range benchDims {
		rng := rand.New(rand.NewPCG(1, 1))
		x, y := randomVector(rng, dim, 1), randomVector(rng, dim, 1)
		b.Run(fmt.Sprintf("dot/%d", dim), func(b *testing.B) {
			for b.Loop() {
				Dot(x, y)
			}
		})
	}
}
