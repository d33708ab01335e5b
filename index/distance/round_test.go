package distance

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestRounding(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(41, 1))
		for n := 1; n < 300; n++ {
			v := randomVector(rng, n, 3)
			var most float64
			for _, x := range v {
				most = max(most, math.Abs(float64(x)))
			}
			if got := Largest(v); float64(got) != most {
				t.Fatalf("largest of %d is %v, want %v", n, got, most)
			}
			step := float32(most / 127)
			codes := make([]int8, n+1)
			codes[n] = 77
			got := RoundInt8(codes[:n], v, step)
			var want Rounding
			for i, code := range codes[:n] {
				miss := float64(v[i]) - float64(step)*float64(code)
				if math.Abs(miss) > float64(step)*0.50001 {
					t.Fatalf("%v is %d steps of %v", v[i], code, step)
				}
				want.Sum += int32(code)
				want.Squares += int32(code) * int32(code)
				want.Missed += miss * miss
				want.Cross += miss * float64(code)
			}
			room := 1e-5 * math.Sqrt(want.Missed*float64(want.Squares))
			if got.Sum != want.Sum || got.Squares != want.Squares || math.Abs(got.Missed-want.Missed) > 1e-4*want.Missed || math.Abs(got.Cross-want.Cross) > room+1e-6*float64(want.Squares)*float64(step) {
				t.Fatalf("length %d: got %+v, want %+v", n, got, want)
			}
			if codes[n] != 77 {
				t.Fatalf("length %d wrote beyond the codes", n)
			}
		}
	})
	if Largest(nil) != 0 || RoundInt8(nil, nil, 1) != (Rounding{}) {
		t.Error("nothing must round to nothing")
	}
}
