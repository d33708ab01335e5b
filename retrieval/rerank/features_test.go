package rerank_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval/rerank"
)

func extractor(tb testing.TB, m *rerank.MaxSim) *rerank.Extractor {
	tb.Helper()
	x, err := rerank.NewExtractor("en", m)
	if err != nil {
		tb.Fatal(err)
	}
	return x
}

// named are the values of each passage by name.
func named(tb testing.TB, x *rerank.Extractor, query string, ps []lode.RerankPassage) []map[string]float64 {
	tb.Helper()
	rows, err := x.Values(tb.Context(), query, ps)
	if err != nil {
		tb.Fatal(err)
	}
	out := make([]map[string]float64, len(rows))
	for i, row := range rows {
		out[i] = map[string]float64{}
		for f, name := range rerank.FeatureNames() {
			out[i][name] = row[f]
		}
	}
	return out
}

// Each feature is what can be computed by hand.
func TestFeatures(t *testing.T) {
	ps := []lode.RerankPassage{
		{Text: "the washing of iron ore in water", Features: lode.RerankFeatures{
			Dense: 0.5, HasDense: true, DenseRank: 2, Lexical: 10, HasLexical: true, LexicalRank: 1, Fused: 0.9, Tokens: 200, Age: 365 * 24 * time.Hour}},
		{Text: "Water. Some of it runs over the ore.", Title: "Washed", Features: lode.RerankFeatures{Dense: 0.1, HasDense: true, DenseRank: 4, Fused: 0.4}},
		{Text: "nothing", Features: lode.RerankFeatures{Dense: 7, Lexical: 7, Fused: 0.1}}, // scores without a sign that they are there
		{Text: "ore", Path: []string{"Iron", "ore"}, Features: lode.RerankFeatures{Dense: 0.3, HasDense: true, DenseRank: 3, Lexical: 30, HasLexical: true, LexicalRank: 2}},
	}
	got := named(t, extractor(t, nil), "washing iron ore water", ps)
	for _, test := range []struct {
		feature string
		want    [4]float64
	}{
		{rerank.FeatureDense, [4]float64{0.5, 0.1, 0, 0.3}},
		{rerank.FeatureLexical, [4]float64{0.5, 0, 0, 0.75}},
		{rerank.FeatureFused, [4]float64{0.9, 0.4, 0.1, 0}},
		{rerank.FeatureDenseNorm, [4]float64{1, 0, 0, 0.5}},
		{rerank.FeatureLexicalNorm, [4]float64{0, 0, 0, 1}},
		{rerank.FeatureDenseRank, [4]float64{0.5, 0.25, 0, 1. / 3}},
		{rerank.FeatureLexicalRank, [4]float64{1, 0, 0, 0.5}},
		{rerank.FeatureCoverage, [4]float64{1, 0.75, 0, 0.5}},
		{rerank.FeatureTitle, [4]float64{0, 0.25, 0, 0.5}},
		{rerank.FeaturePhrase, [4]float64{1. / 3, 0, 0, 0}},           // "iron ore" alone stands as in the query
		{rerank.FeatureProximity, [4]float64{4. / 6, 0.125, 0, 0.25}}, // 4 in 6 words; 2 of 4 in 8; 1 of 4
		{rerank.FeatureLength, [4]float64{0.5, 0, 0, 0}},
		{rerank.FeatureAge, [4]float64{0.5, 0, 0, 0}},
		{rerank.FeatureMaxSim, [4]float64{}},
	} {
		for i, want := range test.want {
			if v := got[i][test.feature]; math.Abs(v-want) > 1e-12 {
				t.Errorf("%s of passage %d is %v, not %v", test.feature, i, v, want)
			}
		}
	}
	// "iron" stands in two of four passages and "washing" in two, "water" in two, "ore" in three.
	half, third := math.Sqrt(5/2.5), math.Sqrt(5/3.5)
	if got, want := got[3][rerank.FeatureRare], (half+third)/(3*half+third); math.Abs(got-want) > 1e-12 {
		t.Errorf("rare is %v, not %v", got, want)
	}
	if m := named(t, extractor(t, maxSim(t, rerank.MaxSimOptions{})), "ore", ps); m[3][rerank.FeatureMaxSim] != 1 {
		t.Errorf("maxsim is %v where the word stands", m[3][rerank.FeatureMaxSim])
	}
}

// Any text and any scores give finite values within their bounds.
func TestFeaturesAreBounded(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	x := extractor(t, maxSim(t, rerank.MaxSimOptions{}))
	free := []string{rerank.FeatureDense, rerank.FeatureFused, rerank.FeatureMaxSim}
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), -3, 0, 1e300}
	for range 200 {
		ps := randomPassages(random, random.IntN(6))
		for i := range ps {
			ps[i].Features = lode.RerankFeatures{
				Dense: odd[random.IntN(len(odd))], HasDense: random.IntN(2) == 0, Lexical: odd[random.IntN(len(odd))], HasLexical: random.IntN(2) == 0,
				Fused: random.Float64(), DenseRank: random.IntN(3) - 1, LexicalRank: random.IntN(3), Tokens: random.IntN(5) - 1, Age: time.Duration(random.Int64() - 1<<62),
			}
		}
		for i, row := range named(t, x, randomText(random, random.IntN(5)), ps) {
			for name, v := range row {
				if math.IsNaN(v) || math.IsInf(v, 0) || !slices.Contains(free, name) && (v < 0 || v > 1) {
					t.Fatalf("seed %d: %s of %+v is %v", seed, name, ps[i], v)
				}
			}
		}
	}
}

// A query and a passage of any length take bounded work: what is beyond the bounds is not looked at.
func TestFeaturesStop(t *testing.T) {
	long := strings.Repeat("slag ", rerank.MostWords) + "gold"
	terms := strings.Repeat("tin ", rerank.MostTerms) + "gold"
	x := extractor(t, nil)
	if got := named(t, x, "gold", passages(long)); got[0][rerank.FeatureCoverage] != 0 {
		t.Error("a word beyond the last that counts is found")
	}
	if got := named(t, x, terms, passages("tin")); got[0][rerank.FeatureCoverage] != 1 {
		t.Error("a word of the query beyond the last that counts is looked for")
	}
}

func TestLinear(t *testing.T) {
	weights := map[string]float64{rerank.FeatureFused: 0.7, rerank.FeatureCoverage: 1.3, rerank.FeatureLength: -0.1, rerank.FeatureTitle: 0}
	l, err := rerank.NewLinear(weights, extractor(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	ps := passages("gold and tin", "tin", "")
	ps[2].Features.Fused = 1
	scores := check(t, l, "gold tin", ps)
	if c := scores[0].Contributions; len(c) != 3 || c[0].Name != "feature:fused" || c[1] != (lode.ScoreContribution{Name: "feature:coverage", Value: 1.3}) {
		t.Errorf("contributions %v", c)
	}
	if !(scores[0].Score > scores[2].Score && scores[2].Score > scores[1].Score) {
		t.Errorf("scores %v", scores)
	}
	if s, err := l.Rank(t.Context(), "gold", nil); s != nil || err != nil {
		t.Errorf("no passages give %v, %v", s, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	if s, err := l.Rank(ctx, "gold", ps); s != nil || !lode.IsCode(err, lode.CodeTimeout) {
		t.Errorf("%v, %v", s, err)
	}
}

func TestLinearRefuses(t *testing.T) {
	for says, weights := range map[string]map[string]float64{
		"no trained weights":      nil,
		"no feature of the name":  {"luck": 1},
		"must be finite":          {rerank.FeatureFused: math.NaN()},
		"vectors of single words": {rerank.FeatureMaxSim: 1},
	} {
		if _, err := rerank.NewLinear(weights, extractor(t, nil)); !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v", weights, err)
		}
	}
	if _, err := rerank.NewExtractor("xx", nil); err == nil {
		t.Error("there is an analyzer for xx")
	}
}
