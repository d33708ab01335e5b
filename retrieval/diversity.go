package retrieval

import (
	"context"
	"math"

	"github.com/lodedb/lode"
)

// Bounds of the candidates that diversity picks from: some times as many as it shall pick.
const (
	leastPool = 50
	poolPerK  = 4
)

func diversityPool(k int) int {
	return max(k, min(max(leastPool, poolPerK*k), lode.MaxDiversity))
}

// diversify picks k of the candidates by maximal marginal relevance: one after the other that which
// has the most of (1-d) · relevance - d · similarity to the nearest that was picked. Relevance is the
// score between the worst and the best candidate's. Scores stay as they are.
func (a *answer) diversify(ctx context.Context, pool []*candidate) ([]*candidate, error) {
	if a.s.late() {
		a.partial("diversity was left out")
		return pool[:min(a.s.q.K, len(pool))], nil
	}
	if err := a.load(ctx, pool, vectorsOf); err != nil {
		return nil, err
	}
	g := a.begin(StepDiversity, len(pool))
	d := *a.s.q.Diversity
	m := newMarginal(pool, d)
	var picked []*candidate
	for len(picked) < min(a.s.q.K, len(pool)) {
		picked = append(picked, m.next())
	}
	m.left(a.s.watch)
	g.end(len(picked), "%.3g for difference", d)
	return picked, nil
}

// marginal are candidates that wait to be picked.
type marginal struct {
	weight float64 // of difference
	pool   []*candidate
	worth  []float64 // relevance
	near   []float64 // similarity to the nearest that was picked
	taken  []bool
	unit   []lode.Vector // of length 1; nil where a row has none
}

func newMarginal(pool []*candidate, weight float64) *marginal {
	n := len(pool)
	m := &marginal{weight: weight, pool: pool, worth: make([]float64, n), near: make([]float64, n), taken: make([]bool, n), unit: make([]lode.Vector, n)}
	worst, top := math.Inf(1), math.Inf(-1)
	for _, c := range pool {
		worst, top = min(worst, c.score), max(top, c.score)
	}
	for i, c := range pool {
		m.worth[i] = 1
		if top > worst {
			m.worth[i] = (c.score - worst) / (top - worst)
		}
		m.unit[i] = unit(c.read.Vector)
	}
	return m
}

func (m *marginal) value(i int) float64 { return (1-m.weight)*m.worth[i] - m.weight*m.near[i] }

// next picks one; of equal ones that which the ranking has first.
func (m *marginal) next() *candidate {
	top := -1
	for i := range m.pool {
		if !m.taken[i] && (top < 0 || m.value(i) > m.value(top)) {
			top = i
		}
	}
	m.taken[top] = true
	for i := range m.pool {
		if !m.taken[i] {
			m.near[i] = max(m.near[i], m.similarity(i, top))
		}
	}
	return m.pool[top]
}

// similarity is the cosine of stored vectors, 0 where that is negative, else that of the shingles.
func (m *marginal) similarity(i, j int) float64 {
	x, y := m.unit[i], m.unit[j]
	if x == nil || y == nil {
		return m.pool[i].shingles().similarity(m.pool[j].shingles())
	}
	dot := float32(0)
	for k := range x {
		dot += x[k] * y[k]
	}
	return max(0, float64(dot))
}

// left tells who was not picked.
func (m *marginal) left(w *watch) {
	for i, c := range m.pool {
		if !m.taken[i] {
			w.drop(c, drop{stage: StepDiversity, rank: i + 1, value: m.near[i]})
		}
	}
}

// unit scales a copy to length 1; nil for no vector and for one without direction.
func unit(v lode.Vector) lode.Vector {
	square := 0.0
	for _, x := range v {
		square += float64(x) * float64(x)
	}
	if square == 0 {
		return nil
	}
	out, scale := make(lode.Vector, len(v)), float32(1/math.Sqrt(square))
	for i, x := range v {
		out[i] = x * scale
	}
	return out
}
