package rerank_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed/builtin"
	"github.com/lodedb/lode/retrieval/rerank"
)

// prose draws passages of the words that the built-in model knows, the frequent ones more often.
func prose(tb testing.TB, random *rand.Rand, words int) string {
	tb.Helper()
	table, err := builtin.Table()
	if err != nil {
		tb.Fatal(err)
	}
	var b strings.Builder
	for range words {
		share := random.Float64()
		b.WriteString(table.Word(int(share * share * share * float64(table.Words()))))
		b.WriteByte(' ')
	}
	return b.String()
}

func benchmarkRanker(b *testing.B, make func(m *rerank.MaxSim) (rerank.Ranker, error)) {
	e, err := builtin.New(builtin.Options{})
	if err != nil {
		b.Fatal(err)
	}
	m, err := rerank.NewMaxSim(e, rerank.MaxSimOptions{})
	if err != nil {
		b.Fatal(err)
	}
	r, err := make(m)
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 0))
	ps := passages()
	for range lode.DefaultRerank {
		ps = append(ps, lode.RerankPassage{Text: prose(b, random, 200), Features: lode.RerankFeatures{Fused: random.Float64(), Tokens: 260}})
	}
	query := prose(b, random, 12)
	for b.Loop() {
		if _, err := r.Rank(b.Context(), query, ps); err != nil {
			b.Fatal(err)
		}
	}
}

// 50 passages of 200 words.
func BenchmarkMaxSim(b *testing.B) {
	benchmarkRanker(b, func(m *rerank.MaxSim) (rerank.Ranker, error) { return m, nil })
}

func BenchmarkFeatures(b *testing.B) {
	benchmarkRanker(b, func(m *rerank.MaxSim) (rerank.Ranker, error) {
		x, err := rerank.NewExtractor("en", m)
		if err != nil {
			return nil, err
		}
		return rerank.NewLinear(map[string]float64{rerank.FeatureFused: 1, rerank.FeatureMaxSim: 1}, x)
	})
}
