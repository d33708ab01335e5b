package rerank_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval/rerank"
)

// judge draws queries whose rows are as relevant as a hidden weighing says, give or take noise, and
// in the order of fused, which says less.
func judge(random *rand.Rand, queries int, hidden map[string]float64, noise float64) []rerank.Judged {
	names := rerank.FeatureNames()
	out := make([]rerank.Judged, queries)
	for q := range out {
		out[q].ID = fmt.Sprint("q", q)
		for range 20 {
			row := rerank.JudgedRow{Values: make([]float64, len(names))}
			score := noise * random.NormFloat64()
			for f, name := range names {
				row.Values[f] = random.Float64()
				score += hidden[name] * row.Values[f]
			}
			if score > 1.2 {
				row.Grade = 1
			}
			out[q].Rows = append(out[q].Rows, row)
		}
		fused := slices.Index(names, rerank.FeatureFused)
		slices.SortFunc(out[q].Rows, func(a, b rerank.JudgedRow) int {
			if a.Values[fused] > b.Values[fused] {
				return -1
			}
			return 1
		})
	}
	return out
}

var hidden = map[string]float64{rerank.FeatureFused: 0.5, rerank.FeatureCoverage: 1, rerank.FeatureLength: -0.4}

func train(tb testing.TB, queries []rerank.Judged, o rerank.TrainOptions) *rerank.Trained {
	tb.Helper()
	trained, err := rerank.Train(tb.Context(), queries, o)
	if err != nil {
		tb.Fatal(err)
	}
	return trained
}

// Training finds what judgements were made by, and knows that it did.
func TestTrainFinds(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	got := train(t, judge(random, 400, hidden, 0.1), rerank.TrainOptions{Seed: seed, Resamples: 500})
	ratio := got.Weights[rerank.FeatureCoverage] / got.Weights[rerank.FeatureFused]
	if math.Abs(ratio-2) > 0.5 || got.Weights[rerank.FeatureLength] >= 0 {
		t.Errorf("seed %d: weights %v", seed, got.Weights)
	}
	for name, w := range got.Weights {
		if hidden[name] == 0 && math.Abs(w) > 0.3*got.Weights[rerank.FeatureCoverage] {
			t.Errorf("seed %d: %s, which says nothing, weighs %v of %v", seed, name, w, got.Weights)
		}
	}
	if !got.Gain.Wins() || got.Gain.After < got.Gain.Before+0.1 || got.Gain.Queries != 400 {
		t.Errorf("seed %d: gain %+v", seed, got.Gain)
	}
}

// Where nothing but the order that there was tells anything, training stays with it and claims no gain.
func TestTrainStays(t *testing.T) {
	wins := 0
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		got := train(t, judge(random, 60, map[string]float64{rerank.FeatureFused: 1.6}, 0.2), rerank.TrainOptions{Seed: seed, Resamples: 200})
		for name, w := range got.Weights {
			if name != rerank.FeatureFused && math.Abs(w) > got.Weights[rerank.FeatureFused]/2 {
				t.Errorf("seed %d: %s weighs %v of %v", seed, name, w, got.Weights)
			}
		}
		if got.Gain.Wins() {
			wins++
		}
	}
	if wins > 3 { // of 20, each by chance one in 40
		t.Errorf("%d of 20 trainings on noise claim a gain", wins)
	}
}

// L2 decides how much it takes to leave the order that there was.
func TestL2(t *testing.T) {
	queries := judge(rand.New(rand.NewPCG(3, 0)), 100, hidden, 0.1)
	loose, tight := train(t, queries, rerank.TrainOptions{Resamples: 100}), train(t, queries, rerank.TrainOptions{Resamples: 100, L2: 1000})
	share := func(r *rerank.Trained) float64 {
		return r.Weights[rerank.FeatureCoverage] / r.Weights[rerank.FeatureFused]
	}
	if w := tight.Weights; math.Abs(w[rerank.FeatureCoverage]) > 0.01 {
		t.Errorf("held tightly, coverage weighs %v", w)
	}
	if share(loose) < 1 {
		t.Errorf("held loosely, weights are %v", loose.Weights)
	}
}

// The same judgements give the same bits, on this machine and on every other.
func TestTrainBits(t *testing.T) {
	queries := judge(rand.New(rand.NewPCG(5, 0)), 80, hidden, 0.1)
	digest := func() string {
		b, err := json.Marshal(train(t, queries, rerank.TrainOptions{Seed: 5}).Weights)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		return hex.EncodeToString(sum[:8])
	}
	const want = "40757bc33ea81e23"
	if got := digest(); got != want {
		t.Errorf("weights have the hash %s, not %s", got, want)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if got := digest(); got != want {
		t.Errorf("on one CPU weights have the hash %s, not %s", got, want)
	}
}

// As JSON a model has some hundred bytes and comes back to the bit.
func TestTrainedAsJSON(t *testing.T) {
	trained := train(t, judge(rand.New(rand.NewPCG(6, 0)), 60, hidden, 0.1), rerank.TrainOptions{Resamples: 100})
	b, err := json.Marshal(trained)
	if err != nil || len(b) > 1000 {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	var back rerank.Trained
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	for name, w := range trained.Weights {
		if back.Weights[name] != w {
			t.Errorf("%s is %v, not %v", name, back.Weights[name], w)
		}
	}
}

// Features that never vary have no weight, and grades below 0 are as 0.
func TestTrainDegenerate(t *testing.T) {
	queries := judge(rand.New(rand.NewPCG(7, 0)), 60, hidden, 0.1)
	age := slices.Index(rerank.FeatureNames(), rerank.FeatureAge)
	for q := range queries {
		for r := range queries[q].Rows {
			queries[q].Rows[r].Values[age] = 0.25
			if queries[q].Rows[r].Grade == 0 {
				queries[q].Rows[r].Grade = -r
			}
		}
	}
	got := train(t, queries, rerank.TrainOptions{Resamples: 100})
	if _, has := got.Weights[rerank.FeatureAge]; has {
		t.Errorf("a constant has a weight: %v", got.Weights)
	}
	if pairs := train(t, judge(rand.New(rand.NewPCG(7, 0)), 60, hidden, 0.1), rerank.TrainOptions{Resamples: 100}).Pairs; pairs != got.Pairs {
		t.Errorf("%d pairs with grades below 0, %d without", got.Pairs, pairs)
	}
}

// Documents that came within an hour have ages that differ by nothing: a weight of age that tells them
// apart would drown all else for those that come later.
func TestTrainHardlyVaries(t *testing.T) {
	queries := judge(rand.New(rand.NewPCG(10, 0)), 60, hidden, 0.1)
	age := slices.Index(rerank.FeatureNames(), rerank.FeatureAge)
	for q := range queries {
		for r := range queries[q].Rows {
			queries[q].Rows[r].Values[age] = 1e-6 * float64(queries[q].Rows[r].Grade)
		}
	}
	if w, has := train(t, queries, rerank.TrainOptions{Resamples: 100}).Weights[rerank.FeatureAge]; has {
		t.Errorf("age weighs %v", w)
	}
}

func TestTrainRefuses(t *testing.T) {
	good := judge(rand.New(rand.NewPCG(8, 0)), 80, hidden, 0.1)
	short := []rerank.Judged{{ID: "x", Rows: []rerank.JudgedRow{{Values: []float64{1}}}}}
	broken := judge(rand.New(rand.NewPCG(8, 0)), 80, hidden, 0.1)
	broken[3].Rows[1].Values[2] = math.NaN()
	for says, f := range map[string]func() (*rerank.Trained, error){
		"weights need":     func() (*rerank.Trained, error) { return rerank.Train(t.Context(), good[:10], rerank.TrainOptions{}) },
		"features instead": func() (*rerank.Trained, error) { return rerank.Train(t.Context(), short, rerank.TrainOptions{}) },
		"not finite":       func() (*rerank.Trained, error) { return rerank.Train(t.Context(), broken, rerank.TrainOptions{}) },
		"l2 must":          func() (*rerank.Trained, error) { return rerank.Train(t.Context(), good, rerank.TrainOptions{L2: -1}) },
		"folds must":       func() (*rerank.Trained, error) { return rerank.Train(t.Context(), good, rerank.TrainOptions{Folds: 1}) },
		"resamples must": func() (*rerank.Trained, error) {
			return rerank.Train(t.Context(), good, rerank.TrainOptions{Resamples: 3})
		},
	} {
		if got, err := f(); got != nil || !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, %v", says, got, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := rerank.Train(ctx, good, rerank.TrainOptions{}); got != nil || !lode.IsCode(err, lode.CodeCanceled) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestGain(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 0))
	before, noise, better := make([]float64, 200), make([]float64, 200), make([]float64, 200)
	for i := range before {
		before[i] = random.Float64()
		noise[i] = before[i] + 0.2*random.NormFloat64()*float64(1-2*(i%2))
		better[i] = before[i] + 0.05 + 0.1*random.NormFloat64()
	}
	if g := rerank.NewGain(before, before, 1000, 1); g.Low != 0 || g.High != 0 || g.Wins() || g.Before != g.After {
		t.Errorf("no change is %+v", g)
	}
	if g := rerank.NewGain(before, noise, 1000, 1); g.Wins() || g.High < 0 {
		t.Errorf("noise is %+v", g)
	}
	g := rerank.NewGain(before, better, 1000, 1)
	if !g.Wins() || g.Low > 0.05 || g.High < 0.05 || g.High-g.Low > 0.06 {
		t.Errorf("0.05 more is %+v", g)
	}
	if back := rerank.NewGain(better, before, 1000, 1); math.Abs(back.Low+g.High) > 0.01 || back.Wins() {
		t.Errorf("there %+v, back %+v", g, back)
	}
	if g := rerank.NewGain(nil, nil, 1000, 1); g != (rerank.Gain{}) {
		t.Errorf("no queries are %+v", g)
	}
}
