package server

import (
	"context"
	"fmt"
	"reflect"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/retrieval"
	"github.com/lodedb/lode/retrieval/evaluation"
	"github.com/lodedb/lode/retrieval/rerank"
)

// mostTrainedRows bounds what a training holds in memory: the features of so many rows take 70 MB.
const mostTrainedRows = 500_000

// TrainRanking trains the re-ranker features on a set, or on what people judged where none is named.
func (e evaluations) TrainRanking(ctx context.Context, p lode.Principal, name, set string, o api.Training) (v1.TrainedRanking, error) {
	t, err := e.training(ctx, p, name, set, o)
	if err != nil {
		return v1.TrainedRanking{}, err // before anybody is told what the node is doing
	}
	if !e.running.TryLock() {
		return v1.TrainedRanking{}, errRunning()
	}
	defer e.running.Unlock()
	if err := t.collect(ctx); err != nil {
		return v1.TrainedRanking{}, err
	}
	trained, err := rerank.Train(ctx, t.judged, rerank.TrainOptions{Seed: uint64(o.Seed), Score: t.score})
	if err != nil {
		return v1.TrainedRanking{}, err
	}
	g := trained.Gain
	out := v1.TrainedRanking{
		Evaluation: set, Questions: len(t.set.Questions), Trained: trained.Queries, Pairs: trained.Pairs, Depth: t.depth, Seed: o.Seed,
		Before: g.Before, HeldOut: g.After, Gain: g.After - g.Before, Interval: v1.Interval{Low: g.Low, High: g.High}, Features: trained.Weights,
	}
	if !g.Wins() {
		return out, nil
	}
	ranking := t.ranking(trained)
	out.Ranking = (&v1.Ranking{
		DenseWeight: ranking.DenseWeight, Fusion: ranking.Fusion, Rerank: (*v1.Rerank)(ranking.Rerank), Recency: (*v1.Recency)(ranking.Recency),
		Reason: ranking.Reason, Features: ranking.Features,
	})
	if o.Apply {
		out.Applied, err = true, t.apply(ctx, ranking)
	}
	return out, err
}

// training is under way: questions with what a re-ranker would see of each.
type training struct {
	e         evaluations
	p         lode.Principal
	of        lode.Collection
	name      string // of the set
	set       *evaluation.Set
	depth     int
	extractor *rerank.Extractor
	// now is the re-ranker that queries take; nil: none. nowDepth is what it sees.
	now      retrieval.Reranker
	nowDepth int
	// By question: what was found in the order that queries have now, and the same as training takes it.
	found  [][]evaluation.Passage
	judged []rerank.Judged
}

func (e evaluations) training(ctx context.Context, p lode.Principal, name, set string, o api.Training) (*training, error) {
	t := &training{e: e, p: p, name: set, depth: o.Depth}
	var err error
	if set == "" {
		t.name = "feedback"
		t.set, err = e.Feedback(ctx, p, name)
	} else {
		t.set, err = e.kept(ctx, p, name, set)
	}
	if err != nil {
		return nil, err
	}
	if !o.Drafted {
		if err := t.set.EnsureAsked(); err != nil {
			return nil, err
		}
	}
	if t.of, _, err = e.Engine.Collection(ctx, p, name); err != nil {
		return nil, err
	}
	if err := t.settle(); err != nil {
		return nil, err
	}
	if n := len(t.set.Questions); n*t.depth > mostTrainedRows {
		return nil, lode.FieldError(lode.CodeTooLarge, "depth", t.depth, "%d questions with %d rows each are more than %d rows", n, t.depth, mostTrainedRows).
			WithHint("train with a smaller depth or fewer questions")
	}
	t.found, t.judged = make([][]evaluation.Passage, len(t.set.Questions)), make([]rerank.Judged, len(t.set.Questions))
	t.extractor, err = e.rerankers.extractor(t.of)
	return t, err
}

// settle finds out how queries are re-ranked now, and how deep they will be.
func (t *training) settle() (err error) {
	own := &lode.Rerank{Name: lode.RerankNone}
	if r := t.of.Tuning.Ranking; r != nil && r.Rerank != nil {
		own = r.Rerank
	}
	t.nowDepth = own.Depth
	setDefault(&t.nowDepth, lode.DefaultRerank)
	if t.depth == 0 {
		t.depth = lode.DefaultRerank
		if own.Name == rerank.NameFeatures {
			t.depth = t.nowDepth
		}
	}
	if own.Name != lode.RerankNone {
		t.now, err = t.e.rerankers.forCollection(t.of, own.Name)
	}
	return err
}

// collect asks every question, as runs do.
func (t *training) collect(ctx context.Context) error {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(evaluation.DefaultParallel)
	for i := range t.set.Questions {
		if within.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := t.ask(within, i); err != nil {
				return fmt.Errorf("question %s: %w", lode.CutValue(t.set.Questions[i].ID), err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// ask asks one question of a retriever of its own, whose re-ranker takes down what it sees. Candidates
// are those of a question for ten hits.
func (t *training) ask(ctx context.Context, i int) error {
	question, seen := &t.set.Questions[i], &witness{training: t}
	o := t.e.options
	o.RerankerFor = func(lode.Collection, string) (retrieval.Reranker, error) { return seen, nil }
	result, err := retrieval.New(o).Retrieve(ctx, t.p, lode.Query{
		Collection: t.of.Name, Text: question.Query, K: t.depth, BudgetTokens: 1, Stages: lode.Stages{
			Depth: max(t.depth, evaluation.FullDepth), Rerank: &lode.Rerank{Name: rerank.NameFeatures, Depth: t.depth},
		},
	})
	if err != nil {
		return err
	}
	t.judged[i] = rerank.Judged{ID: question.ID}
	for h := range result.Hits {
		row := &result.Hits[h].Row
		values := seen.values[row.ID]
		if values == nil {
			return lode.Errorf(lode.CodeInternal, "a row was found that no re-ranker saw")
		}
		passage := passageOf(row)
		t.found[i] = append(t.found[i], passage)
		t.judged[i].Rows = append(t.judged[i].Rows, rerank.JudgedRow{Values: values, Grade: question.Grade(&passage)})
	}
	return nil
}

// score is that of runs.
func (t *training) score(question int, order []int) float64 {
	hits := make([]evaluation.Passage, len(order))
	for i, row := range order {
		hits[i] = t.found[question][row]
	}
	return t.set.Questions[question].ScoreNDCG(hits)
}

// ranking is what the collection would be given: the rest of it stays.
func (t *training) ranking(trained *rerank.Trained) *lode.Ranking {
	var r lode.Ranking
	if own := t.of.Tuning.Ranking; own != nil {
		r = *own
	}
	r.Rerank = &lode.Rerank{Name: rerank.NameFeatures}
	if t.depth != lode.DefaultRerank {
		r.Rerank.Depth = t.depth
	}
	r.Features = trained.Weights
	g := &trained.Gain
	r.Reason = fmt.Sprintf("features trained on %s, ndcg@10 %+.4f (%+.4f to %+.4f) on held-out questions", t.name, g.After-g.Before, g.Low, g.High)
	return &r
}

// apply gives the collection the ranking, unless it got another one meanwhile: then the gain is over
// something that is gone.
func (t *training) apply(ctx context.Context, ranking *lode.Ranking) error {
	c, _, err := t.e.Engine.Collection(ctx, t.p, t.of.Name)
	if err != nil {
		return err
	}
	if c.ID != t.of.ID || !reflect.DeepEqual(c.Tuning.Ranking, t.of.Tuning.Ranking) {
		return lode.FieldError(lode.CodeConflict, "ranking", "", "the ranking of collection %s changed during the training", t.of.Name).WithHint("train again")
	}
	_, err = t.e.Tune(ctx, t.p, lode.Write{}, t.of.Name, lode.TuningChange{Ranking: ranking})
	return err
}

// witness is a re-ranker that keeps the features of what it sees, and leaves the order as queries
// have it now.
type witness struct {
	*training
	values map[lode.RowID][]float64
}

// Rank implements [retrieval.Reranker].
func (w *witness) Rank(ctx context.Context, query string, ps []lode.RerankPassage) ([]lode.RerankScore, error) {
	values, err := w.extractor.Values(ctx, query, ps)
	if err != nil {
		return nil, err
	}
	w.values = make(map[lode.RowID][]float64, len(ps))
	scores := make([]lode.RerankScore, len(ps))
	for i := range ps {
		w.values[ps[i].Row] = values[i]
		scores[i].Score = ps[i].Features.Fused
	}
	if w.now == nil {
		return scores, nil
	}
	ranked, err := w.now.Rank(ctx, query, ps[:min(w.nowDepth, len(ps))])
	if err != nil {
		return nil, err
	}
	least := 0.0
	for i := range ranked {
		scores[i] = ranked[i]
		least = min(least, ranked[i].Score)
	}
	for i := len(ranked); i < len(ps); i++ { // behind those that it sees, as they were
		least--
		scores[i].Score = least
	}
	return scores, nil
}
