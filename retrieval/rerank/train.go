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
	// Grades are those of all that is relevant to the query, also of what was not found: the default
	// score compares with the best possible order. The default is those of the rows.
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
	// Score says how good an order of the rows of a query is, both by their places in what is trained
	// on. The default is nDCG@10 of the grades, which are the gains.
	Score func(query int, order []int) float64
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
	// Weights are what a [Linear] is made of; features that hardly vary have none.
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

// pairSet is a query whose rows make pairs of a better and a worse one. Pairs are made when they are
// looked at: there are up to a quarter of the square of the rows.
type pairSet struct {
	rows  []JudgedRow
	pairs int
}

// each calls f with what the better row of each pair has more than the worse one, of some features and
// in units of their spread. A feature without spread has nothing. f keeps nothing of it.
func (s *pairSet) each(features []int, spread []float64, f func(more []float64)) {
	more := make([]float64, len(features))
	for i := range s.rows {
		a := &s.rows[i]
		if a.Grade <= 0 {
			continue // most are not relevant, and better than none
		}
		for j := range s.rows {
			b := &s.rows[j]
			if max(a.Grade, 0) <= max(b.Grade, 0) {
				continue
			}
			for at, feature := range features {
				if more[at] = 0; spread[feature] > 0 {
					more[at] = (a.Values[feature] - b.Values[feature]) / spread[feature]
				}
			}
			f(more)
		}
	}
}

// pairsOf returns the queries that have pairs, and the number of those.
func pairsOf(queries []Judged) (sets []pairSet, pairs int) {
	for i := range queries {
		set := pairSet{rows: queries[i].Rows}
		byGrade := map[int]int{}
		for _, row := range set.rows {
			byGrade[max(row.Grade, 0)]++
		}
		for grade, n := range byGrade {
			for other, m := range byGrade {
				if grade > other {
					set.pairs += n * m
				}
			}
		}
		if set.pairs > 0 {
			sets, pairs = append(sets, set), pairs+set.pairs
		}
	}
	return sets, pairs
}

// fit finds weights of the features themselves. Features are compared by how much they vary within
// queries, so that L2 holds all alike.
func fit(ctx context.Context, sets []pairSet, l2 float64) ([]float64, error) {
	spread := spreads(sets)
	weights, err := minimize(ctx, sets, spread, l2, slices.Index(FeatureNames(), FeatureFused))
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
	features := allFeatures()
	out, ones := make([]float64, len(features)), make([]float64, len(features))
	for f := range ones {
		ones[f] = 1
	}
	for i := range sets {
		sets[i].each(features, ones, func(more []float64) {
			for f, d := range more {
				out[f] += float64(d*d) / float64(sets[i].pairs)
			}
		})
	}
	for f, name := range FeatureNames() {
		if out[f] = math.Sqrt(out[f] / float64(len(sets))); out[f] < leastSpread(name) {
			out[f] = 0
		}
	}
	return out
}

// leastSpread is how much a feature must vary to say something. Documents that came within minutes have
// different ages too: a weight that makes something of that would leave nothing else a say when the next
// ones come, a month later. Scores of searches have no scale of their own.
func leastSpread(feature string) float64 {
	if feature == FeatureDense || feature == FeatureFused {
		return 1e-9
	}
	return 1e-3
}

// allFeatures are the places of all in a row of values.
func allFeatures() []int {
	all := make([]int, len(FeatureNames()))
	for f := range all {
		all[f] = f
	}
	return all
}

// order returns the rows of a query by score; ties stay as they were.
func (q *Judged) order(weights []float64) []int {
	scores := make([]float64, len(q.Rows))
	for i, row := range q.Rows {
		scores[i] = weighted(weights, row.Values)
	}
	order := q.asTheyWere()
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	return order
}

// asTheyWere is the order that the rows had.
func (q *Judged) asTheyWere() []int {
	order := make([]int, len(q.Rows))
	for i := range order {
		order[i] = i
	}
	return order
}
