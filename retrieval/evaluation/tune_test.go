package evaluation_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval/evaluation"
)

func manyQuestions(n, documents int) *evaluation.Set {
	set := &evaluation.Set{}
	for i := range n {
		set.Questions = append(set.Questions, evaluation.Question{ID: fmt.Sprint(i), Query: "q", Spans: []evaluation.Span{{Document: lode.DocID(fmt.Sprint(i % documents)), Grade: 1}}})
	}
	return set
}

// rowsOf gives each question 0.5, what the setting is worth, and noise of its own.
func rowsOf(n int, setting string, worth, noise float64, seed uint64) []evaluation.Row {
	rows := make([]evaluation.Row, n)
	for i := range rows {
		h := fnv.New64a()
		fmt.Fprintf(h, "%s %d %d", setting, i, seed)
		random := rand.New(rand.NewPCG(h.Sum64(), 0))
		rows[i] = evaluation.Row{ID: fmt.Sprint(i), Scores: evaluation.Scores{NDCG10: min(1, max(0, 0.5+worth+noise*(random.Float64()-0.5)))}}
	}
	return rows
}

func settingOf(r *lode.Ranking) string {
	if r == nil {
		return "now"
	}
	return fmt.Sprint(r.Fusion, *r.DenseWeight, r.Rerank)
}

// TestTuneFinds plants a best weight between two tenths, and a re-ranker that helps.
func TestTuneFinds(t *testing.T) {
	trials := 0
	trial := func(_ context.Context, r *lode.Ranking) ([]evaluation.Row, error) {
		trials++
		worth := 0.0
		if r != nil {
			worth = 0.15 - math.Abs(*r.DenseWeight-0.65)/2
			if r.Fusion != lode.FusionRRF {
				worth -= 0.05
			}
			if r.Rerank != nil && r.Rerank.Name == "good" {
				worth += 0.1
			}
		}
		return rowsOf(100, settingOf(r), worth, 0.02, 1), nil
	}
	got, err := evaluation.Tune(t.Context(), "planted", manyQuestions(100, 30), trial, evaluation.TuneOptions{Rerankers: []lode.Rerank{{Name: "bad"}, {Name: "good"}}})
	if err != nil {
		t.Fatal(err)
	}
	r := got.Ranking
	if r == nil || r.Fusion != lode.FusionRRF || *r.DenseWeight != 0.65 || r.Rerank == nil || r.Rerank.Name != "good" {
		t.Fatalf("chose %+v of %d trials", r, trials)
	}
	if got.Gain < 0.2 || got.Interval.Low <= 0 || math.Abs(got.HeldOut-got.Before-got.Gain) > 1e-9 || r.Reason == "" || r.Validate() != nil {
		t.Errorf("%+v", got)
	}
	if trials != len(got.Trials) || trials > 34+3*4+2*5 {
		t.Errorf("%d trials, %d reported: each is run once", trials, len(got.Trials))
	}
}

// TestTuneKeeps holds the promise that settings which only look better are not chosen: all are as
// good as what is there, and with 34 of them the best of them looks better by chance.
func TestTuneKeeps(t *testing.T) {
	seed := rand.Uint64()
	changed, flattered := 0, 0
	const rounds = 200
	for round := range rounds {
		trial := func(_ context.Context, r *lode.Ranking) ([]evaluation.Row, error) {
			return rowsOf(60, settingOf(r), 0, 0.8, seed+uint64(round)), nil
		}
		got, err := evaluation.Tune(t.Context(), "null", manyQuestions(60, 60), trial, evaluation.TuneOptions{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		if got.Ranking != nil {
			changed++
		}
		if got.Best != nil {
			flattered++
		}
	}
	if changed > rounds*15/100 { // of 1,000 it were 57: more than 2.5 %, because the folds share questions
		t.Errorf("seed %d: %d of %d tunings chose a setting that is no better", seed, changed, rounds)
	}
	if flattered < rounds/2 {
		t.Errorf("seed %d: only %d of %d look better by chance: the control is too weak", seed, flattered, rounds)
	}
}

func TestTuneRefuses(t *testing.T) {
	trial := func(context.Context, *lode.Ranking) ([]evaluation.Row, error) { return nil, nil }
	f := func(n int, o evaluation.TuneOptions, field string) {
		t.Helper()
		_, err := evaluation.Tune(t.Context(), "", manyQuestions(n, n), trial, o)
		if e, ok := err.(*lode.Error); !ok || e.Code != lode.CodeInvalid || e.Field != field {
			t.Errorf("got %v, want an error of %s", err, field)
		}
	}
	f(19, evaluation.TuneOptions{}, "questions")
	f(40, evaluation.TuneOptions{Folds: 1}, "folds")
	f(40, evaluation.TuneOptions{Metric: "x"}, "metric")
	f(40, evaluation.TuneOptions{MinGain: 2}, "min_gain")
	drafted := manyQuestions(40, 40)
	for i := range 21 {
		drafted.Questions[i].Drafted = evaluation.TemplateCloze
	}
	if _, err := evaluation.Tune(t.Context(), "", drafted, trial, evaluation.TuneOptions{}); !lode.IsCode(err, lode.CodePrecondition) {
		t.Errorf("a drafted set: %v", err)
	}
	f(40, evaluation.TuneOptions{Fusions: []lode.Fusion{"sum"}, Rerankers: []lode.Rerank{{Name: "x"}}}, "fusion")
}
