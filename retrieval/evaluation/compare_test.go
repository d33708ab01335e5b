package evaluation_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval/evaluation"
)

// reportOf makes a report with these nDCGs.
func reportOf(values []float64) *evaluation.Report {
	r := &evaluation.Report{Format: evaluation.ReportFormat, Set: evaluation.SetInfo{Questions: len(values)}}
	for i, v := range values {
		r.Rows = append(r.Rows, evaluation.Row{ID: fmt.Sprint(i), Scores: evaluation.Scores{NDCG10: v}})
	}
	return r
}

func compared(t *testing.T, a, b *evaluation.Report, o evaluation.CompareOptions) *evaluation.Compared {
	t.Helper()
	c, err := evaluation.Compare(a, b, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// noisy draws how 300 questions fare in two runs of the same quality, of which the second is worse
// by drop in the mean. One question in four comes out differently, as when neighbours swap ranks.
func noisy(random *rand.Rand, drop float64) (a, b []float64) {
	for range 300 {
		v := random.Float64()
		w := v
		if random.IntN(4) == 0 {
			w += (random.Float64() - 0.5) * 0.4
		}
		a, b = append(a, v), append(b, min(1, max(0, w-drop)))
	}
	return a, b
}

// TestGate measures the gate: how often it fires where nothing changed, and how often where
// something did.
func TestGate(t *testing.T) {
	rounds := 50
	if os.Getenv("LODE_LONG") != "" {
		rounds = 400
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	fired := func(drop, least float64) (n int) {
		defer func() {
			t.Logf("seed %d: %d of %d fired at a drop of %g, least difference %g", seed, n, rounds, drop, least)
		}()
		for range rounds {
			a, b := noisy(random, drop)
			if compared(t, reportOf(a), reportOf(b), evaluation.CompareOptions{MinDelta: least, Seed: random.Uint64()}).Dropped() {
				n++
			}
		}
		return n
	}
	// A drop is one of the two tails, so 2.5 % of no-ops pass the interval; 7 standard deviations more
	// are chance.
	mean := 0.025 * float64(rounds)
	if n := fired(0, -1); float64(n) > mean+7*math.Sqrt(mean) {
		t.Errorf("seed %d: the interval alone calls %d of %d no-ops a drop", seed, n, rounds)
	}
	if n := fired(0, 0.01); n > rounds/25 {
		t.Errorf("seed %d: the gate calls %d of %d no-ops a drop", seed, n, rounds)
	}
	if n := fired(0.03, 0.01); n < rounds*95/100 {
		t.Errorf("seed %d: the gate sees a drop of 0.03 in %d of %d", seed, n, rounds)
	}
	if n := fired(0.003, 0.01); n > rounds/8 {
		t.Errorf("seed %d: the gate fires in %d of %d at a drop that is declared to be none", seed, n, rounds)
	}
}

func TestCompare(t *testing.T) {
	values := []float64{0, 0.5, 1, 0.25}
	same := compared(t, reportOf(values), reportOf(values), evaluation.CompareOptions{MinDelta: -1})
	if c := same.Comparisons[0]; c.Outcome != evaluation.Same || c.Delta != 0 || c.Interval != (evaluation.Interval{}) || same.Dropped() {
		t.Errorf("the same report twice: %+v", c)
	}
	worse := compared(t, reportOf([]float64{1, 1, 1, 1}), reportOf([]float64{0.5, 0.6, 0.7, 1}), evaluation.CompareOptions{})
	if c := worse.Comparisons[0]; c.Outcome != evaluation.Drop || c.Worse != 3 || c.Better != 0 || !worse.Dropped() {
		t.Errorf("worse: %+v", c)
	}
	better := compared(t, reportOf([]float64{0.5, 0.6, 0.7, 0.2}), reportOf([]float64{1, 1, 1, 1}), evaluation.CompareOptions{})
	if c := better.Comparisons[0]; c.Outcome != evaluation.Gain || better.Dropped() {
		t.Errorf("better: %+v", c)
	}
}

func TestCompareWaste(t *testing.T) {
	a, b := reportOf([]float64{1, 1, 1}), reportOf([]float64{1, 1, 1})
	for i := range a.Rows {
		low, high := 0.1, 0.4
		a.Rows[i].ContextWaste, b.Rows[i].ContextWaste = &low, &high
	}
	if c := compared(t, a, b, evaluation.CompareOptions{Metrics: []evaluation.Metric{evaluation.ContextWaste}}); !c.Dropped() {
		t.Errorf("more waste is no drop: %+v", c)
	}
	if _, err := evaluation.Compare(a, b, evaluation.CompareOptions{Metrics: []evaluation.Metric{evaluation.TokenIoU}}); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("a metric that was not measured: %v", err)
	}
}

func TestCompareRefuses(t *testing.T) {
	a := reportOf([]float64{1, 1})
	f := func(what string, change func(b *evaluation.Report), o evaluation.CompareOptions, code lode.Code) {
		t.Helper()
		b := reportOf([]float64{1, 1})
		change(b)
		if _, err := evaluation.Compare(a, b, o); lode.CodeOf(err) != code {
			t.Errorf("%s: got %v, want %q", what, err, code)
		}
	}
	f("nothing", func(*evaluation.Report) {}, evaluation.CompareOptions{}, "")
	f("set", func(b *evaluation.Report) { b.Set.Hash[0]++ }, evaluation.CompareOptions{}, lode.CodeConflict)
	f("corpus", func(b *evaluation.Report) { b.Corpus.Fingerprint[0]++ }, evaluation.CompareOptions{}, lode.CodeConflict)
	f("corpus, allowed", func(b *evaluation.Report) { b.Corpus.Fingerprint[0]++ }, evaluation.CompareOptions{OtherCorpus: true}, "")
	f("partial", func(b *evaluation.Report) { b.Partial = 1 }, evaluation.CompareOptions{}, lode.CodeConflict)
	f("rows", func(b *evaluation.Report) { b.Rows[1].ID = "x" }, evaluation.CompareOptions{}, lode.CodeConflict)
	f("metric", func(*evaluation.Report) {}, evaluation.CompareOptions{Metrics: []evaluation.Metric{"f1"}}, lode.CodeInvalid)
	f("least", func(*evaluation.Report) {}, evaluation.CompareOptions{MinDelta: 1}, lode.CodeInvalid)
}

func TestCompareSaysWhatDiffers(t *testing.T) {
	a, b := reportOf([]float64{1, 1}), reportOf([]float64{1, 1})
	w := 0.5
	a.About = evaluation.About{Code: "1", Index: map[string]string{"ef": "64"}, Query: json.RawMessage(`{"mode": "dense"}`)}
	b.About = evaluation.About{Code: "2", Index: map[string]string{"ef": "64", "m": "16"}, Ranking: &lode.Ranking{DenseWeight: &w}, Query: json.RawMessage(`{"mode":"dense"}`)}
	var got []string
	for _, d := range compared(t, a, b, evaluation.CompareOptions{}).Differences {
		got = append(got, d.What+": "+d.A+" → "+d.B)
	}
	if want := `[index m:  → 16 ranking:  → {"dense_weight":0.5} code: 1 → 2]`; fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
}

func TestBootstrap(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	holds, rounds := 0, 400
	for range rounds { // of differences with a mean of 0.1
		d := make([]float64, 100)
		for i := range d {
			d[i] = 0.1 + random.NormFloat64()*0.3
		}
		if i := evaluation.Bootstrap(d, random.Uint64()); i.Low <= 0.1 && 0.1 <= i.High {
			holds++
		}
	}
	if share := float64(holds) / float64(rounds); share < 0.90 || share > 0.99 {
		t.Errorf("seed %d: %.3f of the intervals hold the mean, want 0.95", seed, share)
	}
	d := []float64{0.1, -0.2, 0.3}
	if evaluation.Bootstrap(d, 7) != evaluation.Bootstrap(d, 7) {
		t.Error("the same seed gives another interval")
	}
}
