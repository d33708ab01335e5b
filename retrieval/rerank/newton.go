package rerank

import (
	"context"
	"math"
)

// Everything here is written so that it gives the same bits on every CPU: products are converted
// before they are added, which forbids fusing, and sums are taken in one order.

const (
	mostSteps  = 50
	mostHalves = 30
	converged  = 1e-10 // of the gradient
)

// minimize finds the weights with the least mean logistic loss of the pairs, plus l2/2 times the
// square of their distance from the order by one feature alone.
func minimize(ctx context.Context, sets []pairSet, spread []float64, l2 float64, anchor int) ([]float64, error) {
	from := make([]float64, len(spread))
	var err error
	if from[anchor], err = scaleAlone(ctx, sets, spread, l2, anchor); err != nil {
		return nil, err
	}
	p := &problem{sets: sets, features: allFeatures(), spread: spread, l2: l2, from: from}
	return p.minimum(ctx, from)
}

// minimum goes from weights to those with the least loss.
func (p *problem) minimum(ctx context.Context, weights []float64) ([]float64, error) {
	gradient, hessian := p.derivatives(weights)
	for range mostSteps {
		if err := ended(ctx); err != nil {
			return nil, err
		}
		size := length(gradient)
		if size < converged {
			break
		}
		next, g, h := p.descend(ctx, weights, solve(hessian, gradient), size)
		if next == nil {
			break
		}
		weights, gradient, hessian = next, g, h
	}
	return weights, ended(ctx)
}

// problem is what is minimized.
type problem struct {
	sets     []pairSet
	features []int // that have weights
	spread   []float64
	l2       float64
	from     []float64
}

// descend takes as much of a step as makes the gradient smaller; nil when nothing does, which is
// where rounding ends the descent.
func (p *problem) descend(ctx context.Context, weights, step []float64, size float64) (next, gradient []float64, hessian [][]float64) {
	for share := 1.0; share > 1.0/(1<<mostHalves) && ctx.Err() == nil; share /= 2 {
		next = make([]float64, len(p.from))
		for f := range next {
			next[f] = weights[f] - float64(share*step[f])
		}
		if gradient, hessian = p.derivatives(next); length(gradient) < size {
			return next, gradient, hessian
		}
	}
	return nil, nil, nil
}

// derivatives are the first and second ones of the loss. Each query counts the same.
func (p *problem) derivatives(weights []float64) (gradient []float64, hessian [][]float64) {
	gradient, hessian = make([]float64, len(p.from)), make([][]float64, len(p.from))
	for f := range hessian {
		hessian[f] = make([]float64, len(p.from))
	}
	for i := range p.sets {
		share := 1 / float64(p.sets[i].pairs) / float64(len(p.sets))
		p.sets[i].each(p.features, p.spread, func(pair []float64) {
			wrong := sigmoid(-dot(weights, pair))
			slope, bend := float64(share*wrong), float64(float64(share*wrong)*(1-wrong))
			for f, d := range pair {
				gradient[f] -= float64(slope * d)
				scaled := float64(bend * d)
				for g := range f + 1 {
					hessian[f][g] += float64(scaled * pair[g])
				}
			}
		})
	}
	for f := range gradient {
		gradient[f] += float64(p.l2 * (weights[f] - p.from[f]))
		hessian[f][f] += p.l2
	}
	return gradient, hessian
}

// scaleAlone is the weight of one feature if there were no other, held to 0 by l2; at least 0.
func scaleAlone(ctx context.Context, sets []pairSet, spread []float64, l2 float64, feature int) (float64, error) {
	p := &problem{sets: sets, features: []int{feature}, spread: spread, l2: l2, from: []float64{0}}
	weights, err := p.minimum(ctx, []float64{0})
	if err != nil {
		return 0, err
	}
	return max(weights[0], 0), nil
}

// solve returns x of H·x = g for a positive definite H, of which the lower half is given, by
// Cholesky's decomposition.
func solve(h [][]float64, g []float64) []float64 {
	n := len(g)
	l, x := make([][]float64, n), make([]float64, n)
	for i := range n {
		l[i] = make([]float64, i+1)
		for j := range i + 1 {
			sum := h[i][j]
			for k := range j {
				sum -= float64(l[i][k] * l[j][k])
			}
			if i == j {
				l[i][i] = math.Sqrt(max(sum, 1e-12))
			} else {
				l[i][j] = sum / l[j][j]
			}
		}
		sum := g[i]
		for k := range i {
			sum -= float64(l[i][k] * x[k])
		}
		x[i] = sum / l[i][i]
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			x[i] -= float64(l[k][i] * x[k])
		}
		x[i] /= l[i][i]
	}
	return x
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, x := range a {
		sum += float64(x * b[i])
	}
	return sum
}

func length(v []float64) float64 { return math.Sqrt(dot(v, v)) }

// sigmoid is 1/(1+e^-x).
func sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + expm(-x))
	}
	e := expm(x)
	return e / (1 + e)
}

// expm is e^x for x <= 0, by 2^n times a polynomial. The library's has assembly on some machines and
// so other bits.
func expm(x float64) float64 {
	if x < -700 {
		return 0
	}
	const log2e, high, low = 1.4426950408889634, 6.93147180369123816490e-01, 1.90821492927058770002e-10 // ln 2 in two parts
	n := math.Floor(float64(x*log2e) + 0.5)
	r := x - float64(n*high) - float64(n*low)
	p := 1.0
	for i := 14.0; i >= 1; i-- {
		p = 1 + float64(p*r)/i
	}
	return p * math.Float64frombits(uint64(int(n)+1023)<<52)
}
