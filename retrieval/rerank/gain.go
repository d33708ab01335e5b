package rerank

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
)

// Gain compares two orders of the passages of the same queries by a score, mostly nDCG@10: the mean before and
// after, and between what their difference lies with 95 %, by a paired bootstrap over queries.
type Gain struct {
	Before  float64 `json:"before"`
	After   float64 `json:"after"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	Queries int     `json:"queries"`
}

// Wins says that the second order is better, beyond chance.
func (g Gain) Wins() bool { return g.Low > 0 }

// NewGain compares what each query scores before and after. Resamples are of the bootstrap.
func NewGain(before, after []float64, resamples int, seed uint64) Gain {
	n := len(before)
	g := Gain{Queries: n}
	if n == 0 {
		return g
	}
	for i := range before {
		g.Before += before[i]
		g.After += after[i]
	}
	g.Before, g.After = g.Before/float64(n), g.After/float64(n)
	random, means := rand.New(rand.NewPCG(seed, 7)), make([]float64, resamples)
	for i := range means {
		for range n {
			q := random.IntN(n)
			means[i] += after[q] - before[q]
		}
		means[i] /= float64(n)
	}
	slices.Sort(means)
	g.Low, g.High = means[resamples*25/1000], means[min(resamples*975/1000, resamples-1)]
	return g
}

// crossValidate orders each part of the queries with weights of the others.
func crossValidate(ctx context.Context, queries []Judged, o TrainOptions) (Gain, error) {
	score := o.Score
	if score == nil {
		score = func(query int, order []int) float64 { return queries[query].ndcg(order) }
	}
	parts := rand.New(rand.NewPCG(o.Seed, 6)).Perm(len(queries))
	before, after := make([]float64, len(queries)), make([]float64, len(queries))
	for fold := range o.Folds {
		var others []Judged
		for i := range queries {
			if parts[i]%o.Folds != fold {
				others = append(others, queries[i])
			}
		}
		sets, _ := pairsOf(others)
		if len(sets) == 0 {
			continue // only with very few, all of which this part has
		}
		weights, err := fit(ctx, sets, o.L2)
		if err != nil {
			return Gain{}, err
		}
		for i := range queries {
			if q := &queries[i]; parts[i]%o.Folds == fold {
				before[i], after[i] = score(i, q.asTheyWere()), score(i, q.order(weights))
			}
		}
	}
	return NewGain(before, after, o.Resamples, o.Seed), nil
}

// ndcg is nDCG@10 of an order of the rows, gains being the grades themselves.
func (q *Judged) ndcg(order []int) float64 {
	grades := make([]int, len(order))
	for i, row := range order {
		grades[i] = q.Rows[row].Grade
	}
	ideal := slices.Clone(q.Grades)
	if ideal == nil {
		ideal = slices.Clone(grades)
	}
	slices.SortFunc(ideal, func(a, b int) int { return b - a })
	best := discounted(ideal)
	if best == 0 {
		return 0
	}
	return discounted(grades) / best
}

func discounted(grades []int) float64 {
	sum := 0.0
	for i, grade := range grades[:min(10, len(grades))] {
		sum += float64(max(grade, 0)) / math.Log2(float64(i+2))
	}
	return sum
}
