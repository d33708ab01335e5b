package rerank

import (
	"context"
	"maps"
	"math"
	"slices"

	"github.com/lodedb/lode"
)

// Linear scores a passage by the weighted sum of its features. A contribution, by the name
// "feature:" and that of the feature, is weight times value, and they are all there is: the score
// has no other part. Scores can be compared within one call alone.
type Linear struct {
	extractor *Extractor
	weights   []float64 // in the order of FeatureNames
}

var _ Ranker = (*Linear)(nil)

// NewLinear returns a ranker by weights that [Train] found. What has no weight has 0. A name that is
// no feature, a weight that is not finite, and one for [FeatureMaxSim] where x has none are
// [lode.CodeInvalid].
func NewLinear(weights map[string]float64, x *Extractor) (*Linear, error) {
	if len(weights) == 0 {
		return nil, lode.Invalid("rerank.name", NameFeatures, "the collection has no trained weights of features").
			WithHint("train them from judgements, and set them as the ranking of the collection")
	}
	names := FeatureNames()
	l := &Linear{extractor: x, weights: make([]float64, len(names))}
	for _, name := range slices.Sorted(maps.Keys(weights)) {
		i, w := slices.Index(names, name), weights[name]
		switch {
		case i < 0:
			return nil, lode.Invalid("ranking.features."+name, w, "this program knows no feature of the name %s", name)
		case math.IsNaN(w) || math.IsInf(w, 0):
			return nil, lode.Invalid("ranking.features."+name, w, "a weight must be finite")
		case name == FeatureMaxSim && w != 0 && x.maxsim == nil:
			return nil, lode.Invalid("ranking.features."+name, w, "the collection's embedder has no vectors of single words")
		}
		l.weights[i] = w
	}
	return l, nil
}

// Name implements [Ranker].
func (*Linear) Name() string { return NameFeatures }

// Rank implements [Ranker].
func (l *Linear) Rank(ctx context.Context, query string, ps []lode.RerankPassage) ([]lode.RerankScore, error) {
	values, err := l.extractor.Values(ctx, query, ps)
	if err != nil || len(ps) == 0 {
		return nil, err
	}
	names := FeatureNames()
	out := make([]lode.RerankScore, len(ps))
	for i, row := range values {
		var contributions []lode.ScoreContribution
		for f, v := range row {
			if l.weights[f] != 0 {
				contributions = append(contributions, lode.ScoreContribution{Name: "feature:" + names[f], Value: l.weights[f] * v})
			}
		}
		out[i] = summed(contributions)
	}
	return out, nil
}

// weighted is the score of a row of values, the same bits as that of Rank.
func weighted(weights, values []float64) float64 {
	sum := 0.0
	for f, v := range values {
		if weights[f] != 0 {
			sum += float64(weights[f] * v)
		}
	}
	return sum
}
