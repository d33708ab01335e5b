package distance

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Pair forms must say what the batch's definition says, at every length from 0.
func TestPairsOfCodes(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(41, 42))
		for dim := 0; dim <= 2048; dim += 1 + dim/30 {
			for _, sh := range shapes {
				s := newSample(rng, sh, dim, 1)
				row := s.rows[0]
				var want float64
				for i := range dim {
					switch sh.format {
					case Float32, Float16:
						a, b := float64(s.floatQuery[i]), s.element(row, i)
						if sh.metric == "l2" {
							want += (a - b) * (a - b)
						} else {
							want += a * b
						}
					default:
						want += float64(s.codeQuery[i]) * s.element(row, i)
					}
				}
				got := pairOf(s, row)
				tolerance := 0.0
				if sh.format == Float16 || sh.format == Float32 {
					tolerance = 1e-4 * (1 + float64(dim))
				}
				if math.Abs(got-want) > tolerance {
					t.Fatalf("%v of dim %d: %v, want %v", sh, dim, got, want)
				}
			}
		}
	})
}

func pairOf(s *sample, row []byte) float64 {
	l2 := s.metric == "l2"
	switch {
	case s.format == Float32:
		y := make([]float32, s.dim)
		for i := range y {
			y[i] = float32At(row, i)
		}
		if l2 {
			return float64(L2Squared(s.floatQuery, y))
		}
		return float64(Dot(s.floatQuery, y))
	case s.format == Float16 && l2:
		return float64(L2SquaredFloat16(s.floatQuery, row))
	case s.format == Float16:
		return float64(DotFloat16(s.floatQuery, row))
	case s.format == Int8:
		y := make([]int8, len(row))
		for i, b := range row {
			y[i] = int8(b)
		}
		return float64(DotInt8(s.codeQuery, y))
	case s.format == Int4:
		return float64(DotInt4(s.codeQuery, row))
	}
	return float64(DotBit1(s.codeQuery, row))
}

func TestCosine(t *testing.T) {
	f := func(x, y []float32, want float32) {
		t.Helper()
		if got := Cosine(x, y); math.Abs(float64(got-want)) > 1e-6 {
			t.Errorf("cosine of %v and %v is %v, want %v", x, y, got, want)
		}
	}
	f(nil, nil, 0)
	f([]float32{0, 0}, []float32{1, 2}, 0)
	f([]float32{3, 0}, []float32{7, 0}, 1)
	f([]float32{3, 0}, []float32{-1, 0}, -1)
	f([]float32{1, 0}, []float32{1, 1}, float32(math.Sqrt(0.5)))
	f([]float32{1e30, 1e30}, []float32{1e30, 0}, float32(math.Sqrt(0.5)))
}
