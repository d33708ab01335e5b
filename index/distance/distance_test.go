package distance

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

const longest = 2048

func randomVector(rng *rand.Rand, n int, scale float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64() * scale)
	}
	return v
}

// kernels are all pair families that this CPU can run.
func kernels() []kernel {
	if best := available[len(available)-1].pair; best.name != pure.name {
		return []kernel{pure, best}
	}
	return []kernel{pure}
}

func TestKernelsStayWithinTheirErrorBound(t *testing.T) {
	for _, k := range kernels() {
		t.Run(k.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			for n := 1; n <= longest; n++ {
				scale := math.Pow(10, float64(rng.IntN(13)-6))
				x, y := randomVector(rng, n, scale), randomVector(rng, n, 1)
				rel, abs := RelativeError(n), AbsoluteError(n)

				dot := DotExact(x, y)
				if diff := math.Abs(float64(k.dot(x, y)) - dot); diff > rel*Norm(x)*Norm(y)+abs {
					t.Fatalf("dot of length %d is off by %g", n, diff)
				}
				l2 := L2SquaredExact(x, y)
				if diff := math.Abs(float64(k.l2Squared(x, y)) - l2); diff > rel*l2+abs {
					t.Fatalf("squared l2 of length %d is off by %g of %g", n, diff, l2)
				}
			}
		})
	}
}

// A vector that is compared with itself, or with one that differs in a single place, has a
// result that is known without arithmetic; a kernel that forgets a lane or a tail fails.
func TestEveryPositionCounts(t *testing.T) {
	for _, k := range kernels() {
		for n := 1; n <= 300; n++ {
			x, y := make([]float32, n), make([]float32, n)
			for i := range n {
				x[i], y[i] = 3, 5
				if got := k.dot(x, y); got != 15 {
					t.Fatalf("%s: dot of length %d with only place %d set is %v, want 15", k.name, n, i, got)
				}
				if got := k.l2Squared(x, y); math.Abs(float64(got)-4) > 4*RelativeError(1) {
					t.Fatalf("%s: squared l2 of length %d with only place %d set is %v, want 4", k.name, n, i, got)
				}
				x[i], y[i] = 0, 0
			}
			if got := k.l2Squared(x, x); got != 0 {
				t.Fatalf("%s: squared l2 of a vector to itself is %v", k.name, got)
			}
		}
	}
}

func TestNotFiniteNumbersAreNotLost(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, k := range kernels() {
		for n := 1; n <= 200; n++ {
			for i := range n {
				x, y := make([]float32, n), make([]float32, n)
				for j := range y {
					x[j], y[j] = 1, 2
				}
				x[i] = nan
				if got := k.dot(x, y); got == got {
					t.Fatalf("%s: dot of length %d with NaN at %d is %v", k.name, n, i, got)
				}
				if got := k.l2Squared(x, y); got == got {
					t.Fatalf("%s: squared l2 of length %d with NaN at %d is %v", k.name, n, i, got)
				}
				x[i] = inf
				if got := k.dot(x, y); got != inf {
					t.Fatalf("%s: dot of length %d with +Inf at %d is %v", k.name, n, i, got)
				}
				if got := k.l2Squared(x, y); got == got && got != inf {
					t.Fatalf("%s: squared l2 of length %d with +Inf at %d is %v", k.name, n, i, got)
				}
			}
		}
	}
}

// Sums beyond the range of float32 must not come out as finite numbers, and sums below it
// must stay within the absolute error.
func TestTheEndsOfTheRange(t *testing.T) {
	for _, k := range kernels() {
		for n := 1; n <= 100; n++ {
			huge, tiny := make([]float32, n), make([]float32, n)
			zero, minus := make([]float32, n), make([]float32, n)
			for i := range huge {
				huge[i], minus[i], tiny[i] = 3e38, -3e38, 1e-20
			}
			for name, got := range map[string]float32{"dot": k.dot(huge, huge), "l2": k.l2Squared(huge, minus)} {
				if got == got && got < math.MaxFloat32 {
					t.Fatalf("%s: %s of huge numbers of length %d is %v", k.name, name, n, got)
				}
			}
			for name, got := range map[string]float32{"dot": k.dot(tiny, tiny), "l2": k.l2Squared(tiny, zero)} {
				if diff := math.Abs(float64(got) - DotExact(tiny, tiny)); !(diff <= AbsoluteError(n)) {
					t.Fatalf("%s: %s of tiny numbers of length %d is off by %g", k.name, name, n, diff)
				}
			}
		}
	}
}

func TestExactAgainstBigFloat(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for n := 0; n <= 70; n++ {
		x, y := randomVector(rng, n, 1000), randomVector(rng, n, 0.001)
		dot, l2 := new(big.Float).SetPrec(400), new(big.Float).SetPrec(400)
		for i := range x {
			a := new(big.Float).SetPrec(400).SetFloat64(float64(x[i]))
			b := new(big.Float).SetPrec(400).SetFloat64(float64(y[i]))
			d := new(big.Float).SetPrec(400).Sub(a, b)
			l2.Add(l2, d.Mul(d, d))
			dot.Add(dot, a.Mul(a, b))
		}
		wantDot, _ := dot.Float64()
		if got := DotExact(x, y); math.Abs(got-wantDot) > 1e-14*Norm(x)*Norm(y) {
			t.Errorf("DotExact of length %d: got %v, want %v", n, got, wantDot)
		}
		wantL2, _ := l2.Float64()
		if got := L2SquaredExact(x, y); math.Abs(got-wantL2) > 1e-14*wantL2 {
			t.Errorf("L2SquaredExact of length %d: got %v, want %v", n, got, wantL2)
		}
	}
	if got := Norm([]float32{3, 4}); got != 5 {
		t.Errorf("Norm(3, 4) = %v", got)
	}
}

func TestRowsAgreeWithPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, dim := range []int{1, 3, 8, 31, 100, 384} {
		for _, n := range []int{0, 1, 2, 7, 64} {
			query, rows := randomVector(rng, dim, 1), randomVector(rng, dim*n, 1)
			dots, l2s := make([]float32, n), make([]float32, n)
			DotRows(dots, query, rows)
			L2SquaredRows(l2s, query, rows)
			for i := range n {
				row := rows[i*dim : (i+1)*dim]
				if dots[i] != Dot(query, row) || l2s[i] != L2Squared(query, row) {
					t.Fatalf("dim %d: row %d of %d differs from the pair", dim, i, n)
				}
			}
		}
	}
}

func TestEmptyVectors(t *testing.T) {
	dst := []float32{7, 7}
	DotRows(dst, nil, nil)
	if Dot(nil, nil) != 0 || L2Squared(nil, nil) != 0 || Norm(nil) != 0 || dst[0] != 0 || dst[1] != 0 {
		t.Error("vectors without dimensions must compare as 0")
	}
}

func TestMismatchPanics(t *testing.T) {
	x, y := make([]float32, 3), make([]float32, 4)
	for name, f := range map[string]func(){
		"Dot":            func() { Dot(x, y) },
		"L2Squared":      func() { L2Squared(x, y) },
		"DotExact":       func() { DotExact(x, y) },
		"L2SquaredExact": func() { L2SquaredExact(y, x) },
		"DotRows":        func() { DotRows(make([]float32, 2), x, y) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s accepted vectors of different lengths", name)
				}
			}()
			f()
		}()
	}
}

func BenchmarkKernels(b *testing.B) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, dim := range []int{128, 768} {
		x, y := randomVector(rng, dim, 1), randomVector(rng, dim, 1)
		b.Run(fmt.Sprintf("dot-%d", dim), func(b *testing.B) {
			for b.Loop() {
				Dot(x, y)
			}
		})
		b.Run(fmt.Sprintf("dot-go-%d", dim), func(b *testing.B) {
			for b.Loop() {
				dotGo(x, y)
			}
		})
		b.Run(fmt.Sprintf("dot-exact-%d", dim), func(b *testing.B) {
			for b.Loop() {
				DotExact(x, y)
			}
		})
		b.Run(fmt.Sprintf("l2-%d", dim), func(b *testing.B) {
			for b.Loop() {
				L2Squared(x, y)
			}
		})
		b.Run(fmt.Sprintf("l2-exact-%d", dim), func(b *testing.B) {
			for b.Loop() {
				L2SquaredExact(x, y)
			}
		})
	}
}
