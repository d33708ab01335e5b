package rerank

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/lodedb/lode"
)

// Judged is a query with the passages that a retrieval found for it.
type Judged struct {
	ID string
	// Rows are the passages in the order that they had.
	Rows []JudgedRow
	// Grades are those of all that is relevant to the query, also of what was not found: measures
	// compare with the best possible order. The default is those of the rows.
	Grades []int
}

// JudgedRow is a passage with its features, as [Extractor.Values] gives them, and how relevant it
// is; 0 is not, or not judged.
type JudgedRow struct {
	Values []float64
	Grade  int
}

// TrainOptions configure [Train].
type TrainOptions struct {
	Seed uint64
	// L2 is how strongly weights are held to the order that the rows had, which is by
	// [FeatureFused]: the larger, the more judgements it takes to leave it. The default is 0.0001.
	L2 float64
	// Folds are how many parts the queries are cut into to measure the gain: each is ordered with
	// weights of the others. The default is 5.
	Folds int
	// Resamples are those of the bootstrap. The default is 10,000.
	Resamples int
}

// LeastJudged is the fewest queries that weights can be trained on: those that have a row which is
// more relevant than another one.
const LeastJudged = 20

// EnsureDefaults fills what the caller left out.
func (o *TrainOptions) EnsureDefaults() {
	setDefault(&o.L2, 1e-4)
	setDefault(&o.Folds, 5)
	setDefault(&o.Resamples, 10_000)
}

// Validate checks the options after [TrainOptions.EnsureDefaults].
func (o *TrainOptions) Validate() error {
	switch {
	case !(o.L2 > 0) || math.IsInf(o.L2, 1):
		return lode.Invalid("l2", o.L2, "l2 must be positive")
	case o.Folds < 2 || o.Folds > LeastJudged:
		return lode.Invalid("folds", o.Folds, "folds must be 2 to %d", LeastJudged)
	case o.Resamples < 100 || o.Resamples > 1_000_000:
		return lode.Invalid("resamples", o.Resamples, "resamples must be 100 to 1,000,000")
	}
	return nil
}

// Trained is what [Train] found. As JSON it has some hundred bytes.
type Trained struct {
	// Weights are what a [Linear] is made of; features that never vary have none.
	Weights map[string]float64 `json:"weights"`
	// Gain is what they change for queries that they were not trained on, by cross-validation.
	Gain    Gain    `json:"gain"`
	Queries int     `json:"queries"` // that were trained on
	Pairs   int     `json:"pairs"`   // of a more with a less relevant row
	Seed    uint64  `json:"seed"`
	L2      float64 `json:"l2"`
}

// Train finds weights with which more relevant passages get larger scores than less relevant ones of
// the same query: logistic regression on pairs (RankNet of one layer), each query counting the same,
// held to the order that there was by L2. The loss is convex, and its one minimum is found by
// Newton's method from that order: the weights depend on judgements and options alone, to the bit.
func Train(ctx context.Context, queries []Judged, o TrainOptions) (*Trained, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := validateJudged(queries); err != nil {
		return nil, err
	}
	sets, pairs := pairsOf(queries)
	if len(sets) < LeastJudged {
		return nil, lode.Invalid("judgements", len(sets), "%d queries have a more and a less relevant passage among those found; weights need %d", len(sets), LeastJudged)
	}
	weights, err := fit(ctx, sets, o.L2)
	if err != nil {
		return nil, err
	}
	gain, err := crossValidate(ctx, queries, o)
	if err != nil {
		return nil, err
	}
	out := &Trained{Weights: map[string]float64{}, Gain: gain, Queries: len(sets), Pairs: pairs, Seed: o.Seed, L2: o.L2}
	for i, name := range FeatureNames() {
		if weights[i] != 0 {
			out.Weights[name] = weights[i]
		}
	}
	return out, nil
}

func validateJudged(queries []Judged) error {
	want := len(FeatureNames())
	for i := range queries {
		for _, row := range queries[i].Rows {
			if len(row.Values) != want {
				return lode.Invalid("judgements", len(row.Values), "a row of query %s has %d features instead of %d", lode.CutValue(queries[i].ID), len(row.Values), want)
			}
			for f, v := range row.Values {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return lode.Invalid("judgements", v, "feature %s of query %s is not finite", FeatureNames()[f], lode.CutValue(queries[i].ID))
				}
			}
		}
	}
	return nil
}

// pairSet is the pairs of a query: what the better row of each has more than the worse one.
type pairSet [][]float64

// pairsOf returns the pairs of each query that has some.
func pairsOf(queries []Judged) (sets []pairSet, pairs int) {
	for i := range queries {
		var set pairSet
		for _, a := range queries[i].Rows {
			for _, b := range queries[i].Rows {
				if max(a.Grade, 0) > max(b.Grade, 0) {
					set = append(set, difference(a.Values, b.Values))
				}
			}
		}
		if len(set) > 0 {
			sets, pairs = append(sets, set), pairs+len(set)
		}
	}
	return sets, pairs
}

func difference(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	return d
}

// fit finds weights of the features themselves. Features are compared by how much they vary within
// queries, so that L2 holds all alike.
func fit(ctx context.Context, sets []pairSet, l2 float64) ([]float64, error) {
	spread := spreads(sets)
	scaled := make([]pairSet, len(sets))
	for i, set := range sets {
		scaled[i] = make(pairSet, len(set))
		for j, pair := range set {
			scaled[i][j] = make([]float64, len(pair))
			for f, d := range pair {
				if spread[f] > 0 {
					scaled[i][j][f] = d / spread[f]
				}
			}
		}
	}
	fused := slices.Index(FeatureNames(), FeatureFused)
	weights, err := minimize(ctx, scaled, l2, fused)
	if err != nil {
		return nil, err
	}
	for f := range weights {
		if spread[f] > 0 {
			weights[f] /= spread[f]
		} else {
			weights[f] = 0
		}
	}
	return weights, nil
}

// spreads are the root mean squares of differences, each query counting the same.
func spreads(sets []pairSet) []float64 {
	out := make([]float64, len(FeatureNames()))
	for _, set := range sets {
		for _, pair := range set {
			for f, d := range pair {
				out[f] += float64(d*d) / float64(len(set))
			}
		}
	}
	for f := range out {
		if out[f] = math.Sqrt(out[f] / float64(len(sets))); out[f] < 1e-9 {
			out[f] = 0
		}
	}
	return out
}

// order returns the grades of a query's rows by score; ties stay as they were.
func (q *Judged) order(weights []float64) []int {
	type scored struct {
		score float64
		grade int
	}
	rows := make([]scored, len(q.Rows))
	for i, row := range q.Rows {
		rows[i] = scored{weighted(weights, row.Values), row.Grade}
	}
	slices.SortStableFunc(rows, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	grades := make([]int, len(rows))
	for i, row := range rows {
		grades[i] = row.grade
	}
	return grades
}
