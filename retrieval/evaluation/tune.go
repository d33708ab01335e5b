package evaluation

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/lodedb/lode"
)

// Trial runs a set with a ranking in place of the collection's, and returns a row for each question
// in the order of the set. A nil ranking is what queries take now.
type Trial func(ctx context.Context, r *lode.Ranking) ([]Row, error)

// TuneOptions say what is tried.
type TuneOptions struct {
	// Metric is what should grow. The default is [NDCG10].
	Metric Metric
	// Fusions are tried at every weight. The default is all.
	Fusions []lode.Fusion
	// Rerankers are tried, each, with the best of the rest. The default is none.
	Rerankers []lode.Rerank
	// Folds are how many parts the set is cut into: settings are chosen on all but one, and measured
	// on that one. The default is [DefaultFolds].
	Folds int
	// MinGain is the least gain that is worth a setting. The default is 0: the interval decides.
	MinGain float64
	// Drafted allows sets of which more than half was drafted, whose questions are made of the words of
	// the texts: they choose the search for words, whatever people ask.
	Drafted bool
	// Seed of folds and bootstrap.
	Seed uint64
	// Progress is told before each trial. The default tells nobody.
	Progress func(trial int, r *lode.Ranking)
}

// DefaultFolds is the usual number of parts.
const DefaultFolds = 5

// leastInFold is how many questions a part must have on average: of fewer, luck chooses.
const leastInFold = 4

// EnsureDefaults fills what the caller left out.
func (o *TuneOptions) EnsureDefaults() {
	if o.Metric == "" {
		o.Metric = NDCG10
	}
	if len(o.Fusions) == 0 {
		o.Fusions = []lode.Fusion{lode.FusionMinMax, lode.FusionRRF, lode.FusionDBSF}
	}
	if o.Folds == 0 {
		o.Folds = DefaultFolds
	}
	if o.Progress == nil {
		o.Progress = func(int, *lode.Ranking) {}
	}
}

// Validate checks the options, after their defaults, for a set.
func (o *TuneOptions) Validate(set *Set) error {
	if err := o.Metric.Validate(); err != nil {
		return err
	}
	if o.Folds < 2 || o.Folds > 20 {
		return lode.Invalid("folds", o.Folds, "folds must be 2 to 20")
	}
	if !(o.MinGain >= 0 && o.MinGain < 1) {
		return lode.Invalid("min_gain", o.MinGain, "min_gain must be 0 to 1")
	}
	if least := leastInFold * o.Folds; len(set.Questions) < least {
		return lode.Invalid("questions", len(set.Questions), "%d folds need at least %d questions", o.Folds, least).
			WithHint("add questions: chance decides between settings on so few")
	}
	if !o.Drafted {
		if err := set.EnsureAsked(); err != nil {
			return err
		}
	}
	for i := range o.Rerankers {
		for _, f := range o.Fusions {
			r := lode.Ranking{Fusion: f, Rerank: &o.Rerankers[i]}
			if err := r.Validate(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Tuned is what [Tune] found.
type Tuned struct {
	Metric    Metric `json:"metric"`
	Questions int    `json:"questions"`
	Folds     int    `json:"folds"`
	Seed      uint64 `json:"seed"`
	// Before is the mean of what queries take now; HeldOut that of questions under settings that were
	// chosen without them, and Gain how much better that is.
	Before   float64  `json:"before"`
	HeldOut  float64  `json:"held_out"`
	Gain     float64  `json:"gain"`
	Interval Interval `json:"interval"`
	// Ranking is better; nil: keep what queries take now.
	Ranking *lode.Ranking `json:"ranking,omitempty"`
	// Best is what all questions together would choose, whether the gain is shown or not; its mean
	// flatters it.
	Best   *lode.Ranking `json:"best,omitempty"`
	Trials []Tried       `json:"trials"`
}

// Tried is one setting and its mean over all questions.
type Tried struct {
	Ranking *lode.Ranking `json:"ranking"` // nil: what queries take now
	Mean    float64       `json:"mean"`
}

// Tune looks for the ranking with the largest mean: fusions at weights from 0 to 1 in tenths, then
// weights around the best, then re-rankers. The gain it reports is that of questions that did not take
// part in the choice (k-fold cross-validation, in which questions about one document stay together;
// the search around the best is repeated in each fold). A ranking is returned only if the interval of
// that gain is above 0, and the gain at least the least: else what queries take now is kept.
func Tune(ctx context.Context, name string, set *Set, trial Trial, o TuneOptions) (*Tuned, error) {
	o.EnsureDefaults()
	if err := o.Validate(set); err != nil {
		return nil, err
	}
	s := &tuning{o: &o, trial: trial, set: set, scores: map[string]*tried{}}
	now, err := s.try(ctx, nil)
	if err != nil {
		return nil, err
	}
	deltas, held, err := s.crossValidate(ctx, now)
	if err != nil {
		return nil, err
	}
	best, err := s.choose(ctx, allOf(len(set.Questions)))
	if err != nil {
		return nil, err
	}
	t := &Tuned{
		Metric: o.Metric, Questions: len(set.Questions), Folds: o.Folds, Seed: o.Seed, Before: s.sign() * mean(now.values), HeldOut: mean(held),
		Gain: mean(deltas), Interval: Bootstrap(deltas, o.Seed), Best: best.ranking, Trials: s.tried(),
	}
	if t.Interval.Low > 0 && t.Gain >= o.MinGain && best.ranking != nil {
		chosen := *best.ranking
		chosen.Reason = fmt.Sprintf("evaluation %s, %s %+.4f (%+.4f to %+.4f) on held-out questions", lode.CutValue(name), o.Metric, t.Gain, t.Interval.Low, t.Interval.High)
		t.Ranking = &chosen
	}
	return t, nil
}

// tuning is a search under way. Each setting is tried once.
type tuning struct {
	o      *TuneOptions
	trial  Trial
	set    *Set
	scores map[string]*tried
	order  []*tried
}

type tried struct {
	ranking *lode.Ranking
	values  []float64 // by question; larger is better
}

func (s *tuning) try(ctx context.Context, r *lode.Ranking) (*tried, error) {
	key := asJSON(r)
	if known := s.scores[key]; known != nil {
		return known, nil
	}
	s.o.Progress(len(s.order)+1, r)
	rows, err := s.trial(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("try ranking %s: %w", key, err)
	}
	if len(rows) != len(s.set.Questions) {
		return nil, lode.Errorf(lode.CodeInternal, "a trial has %d rows of %d questions", len(rows), len(s.set.Questions))
	}
	t := &tried{ranking: r, values: make([]float64, len(rows))}
	for i := range rows {
		value, measured := rows[i].Of(s.o.Metric)
		if !measured {
			return nil, lode.Invalid("metric", s.o.Metric, "the trials have no %s", s.o.Metric)
		}
		t.values[i] = s.sign() * value
	}
	s.scores[key] = t
	s.order = append(s.order, t)
	return t, nil
}

// sign makes larger values the better ones, and gives them back.
func (s *tuning) sign() float64 {
	if s.o.Metric.LessIsBetter() {
		return -1
	}
	return 1
}

func (s *tuning) tried() []Tried {
	all := make([]Tried, len(s.order))
	for i, t := range s.order {
		all[i] = Tried{Ranking: t.ranking, Mean: s.sign() * mean(t.values)}
	}
	return all
}

// choose finds the best ranking for some of the questions. Of equal ones it takes the first, and what
// queries take now before all others.
func (s *tuning) choose(ctx context.Context, questions []int) (*tried, error) {
	best, err := s.try(ctx, nil)
	if err != nil {
		return nil, err
	}
	consider := func(all []lode.Ranking) error {
		for i := range all {
			t, err := s.try(ctx, &all[i])
			if err != nil {
				return err
			}
			if over(t.values, questions) > over(best.values, questions) {
				best = t
			}
		}
		return nil
	}
	for _, step := range []func(*lode.Ranking) []lode.Ranking{s.coarse, finer, s.reranked} {
		if err := consider(step(best.ranking)); err != nil {
			return nil, err
		}
	}
	return best, nil
}

func (s *tuning) coarse(*lode.Ranking) []lode.Ranking {
	var all []lode.Ranking
	for _, f := range s.o.Fusions {
		for tenth := range 11 {
			all = append(all, ranking(f, float64(tenth)/10))
		}
	}
	return all
}

// finer are weights around the best.
func finer(best *lode.Ranking) []lode.Ranking {
	var all []lode.Ranking
	if best == nil {
		return nil
	}
	for _, step := range []float64{-0.05, -0.025, 0.025, 0.05} {
		if w := *best.DenseWeight + step; w > 0 && w < 1 {
			all = append(all, ranking(best.Fusion, math.Round(w*1000)/1000))
		}
	}
	return all
}

func (s *tuning) reranked(best *lode.Ranking) []lode.Ranking {
	all := make([]lode.Ranking, len(s.o.Rerankers))
	for i := range all {
		if best != nil {
			all[i] = *best
		}
		all[i].Rerank = &s.o.Rerankers[i]
	}
	return all
}

func ranking(f lode.Fusion, weight float64) lode.Ranking {
	return lode.Ranking{Fusion: f, DenseWeight: &weight}
}

// crossValidate returns, for every question, the gain and the value under the ranking that the other
// folds chose.
func (s *tuning) crossValidate(ctx context.Context, now *tried) (deltas, held []float64, err error) {
	folds := foldsOf(s.set, s.o.Folds, s.o.Seed)
	deltas, held = make([]float64, len(now.values)), make([]float64, len(now.values))
	for i, fold := range folds {
		training := slices.Concat(slices.Concat(folds[:i]...), slices.Concat(folds[i+1:]...))
		chosen, err := s.choose(ctx, training)
		if err != nil {
			return nil, nil, err
		}
		for _, q := range fold {
			deltas[q], held[q] = chosen.values[q]-now.values[q], s.sign()*chosen.values[q]
		}
	}
	return deltas, held, nil
}

// over is the mean over some of the values.
func over(values []float64, some []int) float64 {
	sum := 0.0
	for _, i := range some {
		sum += values[i]
	}
	return sum / float64(max(1, len(some)))
}
