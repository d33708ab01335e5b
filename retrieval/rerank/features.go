package rerank

import (
	"context"
	"math"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/text"
)

// The features of a passage for a query. All are 0 to 1 but the first three, and larger for what
// speaks for it, but for length and age, which only say.
const (
	FeatureDense       = "dense"        // score of the dense search, 0 where it did not propose the row
	FeatureLexical     = "lexical"      // that of the lexical one, as s/(s+10)
	FeatureFused       = "fused"        // what the order was by
	FeatureDenseNorm   = "dense_norm"   // between the worst and the best of the passages
	FeatureLexicalNorm = "lexical_norm" // likewise
	FeatureDenseRank   = "dense_rank"   // 1/rank
	FeatureLexicalRank = "lexical_rank" // likewise
	FeatureCoverage    = "coverage"     // share of the query's terms that passage, title or headings hold
	FeatureRare        = "rare"         // the same, rare ones among the passages counting more
	FeatureTitle       = "title"        // share that title and headings hold
	FeaturePhrase      = "phrase"       // longest run of the query that stands in the passage as it does there
	FeatureProximity   = "proximity"    // how close the terms stand together, times their share
	FeatureLength      = "length"       // tokens/(tokens+200)
	FeatureAge         = "age"          // years/(years+1); 0: unknown
	FeatureMaxSim      = "maxsim"       // the score of [MaxSim]; 0 where there is none
)

// FeatureNames are all features, in the order of values and contributions.
func FeatureNames() []string {
	return []string{
		FeatureDense, FeatureLexical, FeatureFused, FeatureDenseNorm, FeatureLexicalNorm, FeatureDenseRank, FeatureLexicalRank,
		FeatureCoverage, FeatureRare, FeatureTitle, FeaturePhrase, FeatureProximity, FeatureLength, FeatureAge, FeatureMaxSim,
	}
}

// Extractor computes features. It may be used by many goroutines at once.
type Extractor struct {
	analyzer *text.Analyzer
	maxsim   *MaxSim
}

// NewExtractor returns an extractor for a language. Without a MaxSim that feature is 0.
func NewExtractor(l text.Language, m *MaxSim) (*Extractor, error) {
	analyzer, err := text.For(l)
	if err != nil {
		return nil, err
	}
	return &Extractor{analyzer: analyzer, maxsim: m}, nil
}

// Values returns the features of each passage, in the order of [FeatureNames]. Some compare the
// passages with each other: the same passage has other features in other company.
func (x *Extractor) Values(ctx context.Context, query string, ps []lode.RerankPassage) ([][]float64, error) {
	similar := make([]float64, len(ps))
	if x.maxsim != nil {
		var err error
		if similar, err = x.maxsim.scores(ctx, query, ps); err != nil {
			return nil, err
		}
	}
	terms := x.newTerms(query)
	found := make([]termsFound, len(ps))
	for i := range ps {
		if err := ended(ctx); err != nil {
			return nil, err
		}
		found[i] = terms.find(&ps[i])
	}
	worth := terms.worth(found)
	dense, lexical := scaleOf(ps, denseOf), scaleOf(ps, lexicalOf)
	out := make([][]float64, len(ps))
	for i := range ps {
		f, t := &ps[i].Features, &found[i]
		d, hasDense := denseOf(f)
		l, hasLexical := lexicalOf(f)
		out[i] = []float64{
			d, saturated(l, 10), f.Fused, dense.place(d, hasDense), lexical.place(l, hasLexical), reciprocal(f.DenseRank), reciprocal(f.LexicalRank),
			t.coverage(), t.worth(worth), t.title, t.phrase, t.proximity, saturated(float64(f.Tokens), 200), saturated(years(f.Age), 1), similar[i],
		}
	}
	return out, nil
}

func denseOf(f *lode.RerankFeatures) (float64, bool)   { return given(f.Dense, f.HasDense) }
func lexicalOf(f *lode.RerankFeatures) (float64, bool) { return given(f.Lexical, f.HasLexical) }

// given is a score that there is, or 0.
func given(score float64, has bool) (float64, bool) {
	if !has || math.IsNaN(score) || math.IsInf(score, 0) {
		return 0, false
	}
	return score, true
}

// scale is the range of a score.
type scale struct{ worst, best float64 }

func scaleOf(ps []lode.RerankPassage, score func(*lode.RerankFeatures) (float64, bool)) scale {
	s := scale{math.Inf(1), math.Inf(-1)}
	for i := range ps {
		if v, ok := score(&ps[i].Features); ok {
			s.worst, s.best = min(s.worst, v), max(s.best, v)
		}
	}
	return s
}

// place is where a score lies between the worst and the best; of equal ones all are best.
func (s scale) place(v float64, has bool) float64 {
	switch {
	case !has:
		return 0
	case s.best > s.worst:
		return (v - s.worst) / (s.best - s.worst)
	}
	return 1
}

// saturated grows from 0 towards 1 and is a half at half. It is one division, and so has the same
// bits everywhere, which a logarithm has not.
func saturated(v, half float64) float64 {
	if !(v > 0) {
		return 0
	}
	if math.IsInf(v, 1) {
		return 1
	}
	return v / (v + half)
}

func reciprocal(rank int) float64 {
	if rank < 1 {
		return 0
	}
	return 1 / float64(rank)
}

func years(age time.Duration) float64 { return age.Hours() / (24 * 365) }
