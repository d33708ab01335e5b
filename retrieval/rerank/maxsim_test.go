package rerank_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/index/distance"
	"github.com/lodedb/lode/retrieval/rerank"
)

// wordy is an embedder with a vector for each word: that of its letters.
type wordy struct{}

func (wordy) Fingerprint() string { return "wordy" }
func (wordy) Dim() int            { return 26 }
func (wordy) Static() bool        { return true }
func (wordy) Embed(context.Context, embed.Kind, []string) ([]lode.Vector, error) {
	panic("a re-ranker does not embed")
}

func (wordy) Tokens(text string, yield func([]byte)) {
	for _, word := range strings.Fields(strings.ToLower(text)) {
		yield([]byte(word))
	}
}

// TokenVector is twice as long for words of z: they are worth more.
func (wordy) TokenVector(token []byte, dst []float32) {
	clear(dst)
	for _, c := range token {
		if c >= 'a' && c <= 'z' {
			dst[c-'a']++
		}
	}
	if strings.Contains(string(token), "z") {
		for i := range dst {
			dst[i] *= 2
		}
	}
}

// plain is an embedder without words.
type plain struct{ embed.Embedder }

func (plain) Fingerprint() string { return "plain/1" }

func passages(texts ...string) []lode.RerankPassage {
	out := make([]lode.RerankPassage, len(texts))
	for i, text := range texts {
		out[i] = lode.RerankPassage{Row: lode.RowID(i + 1), Text: text}
	}
	return out
}

func maxSim(tb testing.TB, o rerank.MaxSimOptions) *rerank.MaxSim {
	tb.Helper()
	m, err := rerank.NewMaxSim(wordy{}, o)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// check holds what every ranker promises.
func check(tb testing.TB, r rerank.Ranker, query string, ps []lode.RerankPassage) []lode.RerankScore {
	tb.Helper()
	scores, err := r.Rank(tb.Context(), query, ps)
	if err != nil || len(scores) != len(ps) {
		tb.Fatalf("%d scores for %d passages, %v", len(scores), len(ps), err)
	}
	if fault := unexplained(scores); fault != "" {
		tb.Fatal(fault)
	}
	return scores
}

// unexplained names a score that is not the sum of its contributions.
func unexplained(scores []lode.RerankScore) string {
	for i, s := range scores {
		sum := 0.0
		for _, c := range s.Contributions {
			sum += c.Value
		}
		if len(s.Contributions) == 0 || math.Float64bits(sum) != math.Float64bits(s.Score) || math.IsNaN(sum) || math.IsInf(sum, 0) {
			return fmt.Sprintf("score %d is %v, its contributions %v", i, s.Score, s.Contributions)
		}
	}
	return ""
}

func TestUnexplainedCatches(t *testing.T) {
	for _, s := range []lode.RerankScore{
		{Score: 1}, {Score: 1, Contributions: []lode.ScoreContribution{{Name: "a", Value: 0.1}, {Name: "b", Value: 0.8999999999999999}}},
		{Score: math.NaN(), Contributions: []lode.ScoreContribution{{Name: "a", Value: math.NaN()}}},
	} {
		if unexplained([]lode.RerankScore{s}) == "" {
			t.Errorf("%v passes", s)
		}
	}
}

func TestMaxSim(t *testing.T) {
	m := maxSim(t, rerank.MaxSimOptions{})
	scores := check(t, m, "gold zinc gold", passages("zinc beside GOLD", "gold alone", "zinc alone", "", "1234"))
	if math.Abs(scores[0].Score-1) > 1e-12 {
		t.Errorf("every word is there, and the score is %v", scores[0].Score)
	}
	if !(scores[0].Score > scores[2].Score && scores[2].Score > scores[1].Score) {
		t.Errorf("zinc is worth more than gold, but scores are %v and %v of %v", scores[2].Score, scores[1].Score, scores[0].Score)
	}
	if scores[3].Score != 0 || scores[4].Score != 0 {
		t.Errorf("nothing has the scores %v and %v", scores[3].Score, scores[4].Score)
	}
	if c := scores[1].Contributions; len(c) != 2 || c[0].Name != "token:gold" || c[1].Name != "token:zinc" {
		t.Errorf("contributions %v", c)
	}
	if s := check(t, m, "!!! 77", passages("gold")); s[0].Score != 0 || s[0].Contributions[0].Name != "rerank" {
		t.Errorf("a query without words gives %v", s)
	}
	if s, err := m.Rank(t.Context(), "gold", nil); s != nil || err != nil {
		t.Errorf("no passages give %v, %v", s, err)
	}
}

// Titles and headings are a part of the passage.
func TestMaxSimReadsHeadings(t *testing.T) {
	ps := []lode.RerankPassage{{Text: "ore"}, {Text: "ore", Title: "zinc"}, {Text: "ore", Path: []string{"mines", "zinc"}}}
	scores := check(t, maxSim(t, rerank.MaxSimOptions{}), "zinc", ps)
	if scores[1].Score != 1 || scores[2].Score != 1 || scores[0].Score >= 1 {
		t.Errorf("scores %v", scores)
	}
}

// What is beyond the bounds does not count.
func TestMaxSimBounds(t *testing.T) {
	m := maxSim(t, rerank.MaxSimOptions{QueryTokens: 2, PassageTokens: 3})
	if s := check(t, m, "gold zinc tin", passages("gold gold zinc"))[0]; len(s.Contributions) != 2 || s.Score != 1 {
		t.Errorf("three words asked with room for two: %v", s)
	}
	if s := check(t, m, "zinc", passages("gold gold gold zinc"))[0]; s.Score >= 1 {
		t.Errorf("the fourth word counts: %v", s)
	}
	for _, o := range []rerank.MaxSimOptions{{QueryTokens: -1}, {PassageTokens: -1}, {PassageTokens: 1 << 20}} {
		if _, err := rerank.NewMaxSim(wordy{}, o); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestMaxSimNeedsWords(t *testing.T) {
	_, err := rerank.NewMaxSim(plain{}, rerank.MaxSimOptions{})
	if !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(err.Error(), "plain/1") {
		t.Errorf("%v", err)
	}
}

func TestEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := maxSim(t, rerank.MaxSimOptions{}).Rank(ctx, "gold", passages("gold")); s != nil || !lode.IsCode(err, lode.CodeCanceled) {
		t.Errorf("%v, %v", s, err)
	}
}

// randomPassages draws words of few letters, so that many are near each other.
func randomPassages(random *rand.Rand, n int) []lode.RerankPassage {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = randomText(random, random.IntN(30))
	}
	return passages(texts...)
}

func randomText(random *rand.Rand, words int) string {
	var all []string
	for range words {
		word := make([]byte, 1+random.IntN(4))
		for i := range word {
			word[i] = "abcxyz"[random.IntN(6)]
		}
		all = append(all, string(word))
	}
	return strings.Join(all, " ")
}

// byDefinition is MaxSim in floats, pair by pair.
func byDefinition(query, passage string) float64 {
	score, total := 0.0, 0.0
	var seen []string
	a, b := make([]float32, 26), make([]float32, 26)
	for _, word := range strings.Fields(query) {
		if slices.Contains(seen, word) {
			continue
		}
		seen = append(seen, word)
		wordy{}.TokenVector([]byte(word), a)
		best, length := math.Inf(-1), math.Sqrt(distance.DotExact(a, a))
		for _, other := range strings.Fields(passage) {
			wordy{}.TokenVector([]byte(other), b)
			best = max(best, distance.DotExact(a, b)/length/math.Sqrt(distance.DotExact(b, b)))
		}
		total += length * length
		score += length * length * max(best, 0)
	}
	return score / total
}

// Scores are near those by the definition, and the same bits in any company.
func TestMaxSimIsRight(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	m := maxSim(t, rerank.MaxSimOptions{})
	for range 50 {
		query, ps := randomText(random, 1+random.IntN(6)), randomPassages(random, 20)
		scores := check(t, m, query, ps)
		for i, p := range ps {
			if want := byDefinition(query, p.Text); math.Abs(scores[i].Score-want) > 0.02 {
				t.Fatalf("seed %d: %q in %q is %v, not %v", seed, query, p.Text, scores[i].Score, want)
			}
			if alone := check(t, m, query, ps[i:i+1])[0].Score; alone != scores[i].Score {
				t.Fatalf("seed %d: %q in %q is %v alone and %v among others", seed, query, p.Text, alone, scores[i].Score)
			}
		}
	}
}
