package rerank

import (
	"math"
	"math/rand/v2"
	"testing"
)

// lossOf is what is minimized, by its definition.
func lossOf(p *problem, weights []float64) float64 {
	loss := 0.0
	for i := range p.sets {
		p.sets[i].each(p.features, p.spread, func(pair []float64) {
			loss += math.Log1p(math.Exp(-dot(weights, pair))) / float64(p.sets[i].pairs) / float64(len(p.sets))
		})
	}
	for f, w := range weights {
		loss += p.l2 / 2 * (w - p.from[f]) * (w - p.from[f])
	}
	return loss
}

func randomProblem(random *rand.Rand) *problem {
	p := &problem{l2: 0.01, features: []int{0, 1, 2, 3}, spread: []float64{1, 2, 0.5, 1}, from: []float64{0.3, 0, 0, 0}}
	var queries []Judged
	for range 10 {
		q := Judged{Rows: []JudgedRow{{Values: make([]float64, 4)}}}
		for range 1 + random.IntN(5) {
			row := JudgedRow{Values: make([]float64, 4), Grade: 1 + random.IntN(2)}
			for f := range row.Values {
				row.Values[f] = random.NormFloat64() + 0.3
			}
			q.Rows = append(q.Rows, row)
		}
		queries = append(queries, q)
	}
	p.sets, _ = pairsOf(queries)
	return p
}

// wrongSlope compares derivatives with differences of the loss.
func wrongSlope(p *problem, weights, gradient []float64, hessian [][]float64) bool {
	const h = 1e-5
	for f := range weights {
		up, down := append([]float64(nil), weights...), append([]float64(nil), weights...)
		up[f], down[f] = up[f]+h, down[f]-h
		if slope := (lossOf(p, up) - lossOf(p, down)) / (2 * h); math.Abs(slope-gradient[f]) > 1e-6 {
			return true
		}
		above, _ := p.derivatives(up)
		below, _ := p.derivatives(down)
		for g := range f + 1 {
			if bend := (above[g] - below[g]) / (2 * h); math.Abs(bend-hessian[f][g]) > 1e-6 {
				return true
			}
		}
	}
	return false
}

func TestDerivatives(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for range 20 {
		p := randomProblem(random)
		weights := []float64{random.NormFloat64(), random.NormFloat64(), random.NormFloat64(), random.NormFloat64()}
		gradient, hessian := p.derivatives(weights)
		if wrongSlope(p, weights, gradient, hessian) {
			t.Fatalf("seed %d: derivatives differ from differences", seed)
		}
		gradient[2] += 1e-4
		if !wrongSlope(p, weights, gradient, hessian) {
			t.Fatalf("seed %d: a wrong derivative passes", seed)
		}
	}
}

// What is found is a minimum: no step from it makes the loss smaller.
func TestMinimum(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for range 20 {
		p := randomProblem(random)
		weights, err := p.minimum(t.Context(), append([]float64(nil), p.from...))
		if err != nil {
			t.Fatal(err)
		}
		least := lossOf(p, weights)
		for range 50 {
			other := append([]float64(nil), weights...)
			for f := range other {
				other[f] += 0.01 * random.NormFloat64()
			}
			if loss := lossOf(p, other); loss < least {
				t.Fatalf("seed %d: %v has the loss %v, %v has %v", seed, weights, least, other, loss)
			}
		}
	}
}

func TestSigmoid(t *testing.T) {
	for x := -750.0; x < 750; x += 0.37 {
		if got, want := sigmoid(x), 1/(1+math.Exp(-x)); math.Abs(got-want) > 4e-16*max(1, want) || got < 0 || got > 1 {
			t.Fatalf("sigmoid(%v) = %v, want %v", x, got, want)
		}
	}
}
