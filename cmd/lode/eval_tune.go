package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/retrieval/evaluation"
)

type evalTune struct {
	target
	asked
	Set     string            `arg:"" help:"An evaluation set, as for run."`
	Metric  evaluation.Metric `help:"What should grow." default:"ndcg@10" placeholder:"NAME" env:"-"`
	Fusions []lode.Fusion     `help:"Fusions to try, separated by commas." default:"minmax,rrf,dbsf" placeholder:"NAME" env:"-"`
	Rerank  []string          `help:"Re-rankers to try on top of the best fusion, separated by commas." placeholder:"NAME" env:"-"`
	Folds   int               `help:"Parts of the set; each is measured with settings that the others chose." default:"${eval_folds}" placeholder:"N" env:"-"`
	MinGain float64           `help:"The least gain that is worth a setting." placeholder:"D" env:"-"`
	Seed    uint64            `help:"Of folds and bootstrap." default:"1" placeholder:"N" env:"-"`
	Drafted bool              `help:"Take a set also when most of its questions were drafted of the texts." env:"-"`
	Apply   bool              `help:"Give the collection the ranking that was found, if one was." env:"-"`
}

// tunedResult is the outcome as JSON.
type tunedResult struct {
	*evaluation.Tuned
	Applied bool `json:"applied"`
}

// Run tries settings and keeps what is there unless held-out questions gain.
func (c *evalTune) Run(ctx context.Context, std streams) error {
	if c.DenseWeight != nil || c.Fusion != "" {
		return usageError{lode.Invalid("dense-weight", "", "tune chooses weight and fusion itself")}
	}
	if err := c.Metric.Validate(); err != nil {
		return usageError{err}
	}
	request, err := c.request(min(c.Metric.Depth(), evaluation.FullDepth))
	if err != nil {
		return err
	}
	node, err := c.open()
	if err != nil {
		return err
	}
	set, err := readSet(ctx, node, c.Collection, c.Set)
	if err != nil {
		return err
	}
	e, err := evaluate(ctx, node, c.Collection, std)
	if err != nil {
		return err
	}
	tuned, err := evaluation.Tune(ctx, setName(c.Set), set, c.trial(e, set, request, std), c.options(std))
	if err != nil {
		return err
	}
	result := tunedResult{Tuned: tuned}
	if c.Apply && tuned.Ranking != nil {
		if _, err := node.UpdateCollection(ctx, c.Collection, v1.UpdateCollection{Ranking: e.ranking(tuned.Ranking)}); err != nil {
			return err
		}
		result.Applied = true
	}
	if std.json {
		return writeJSON(std.out, result)
	}
	return writeTuned(std.out, result, c.Collection)
}

func (c *evalTune) options(std streams) evaluation.TuneOptions {
	o := evaluation.TuneOptions{Metric: c.Metric, Fusions: c.Fusions, Folds: c.Folds, MinGain: c.MinGain, Drafted: c.Drafted, Seed: c.Seed}
	for _, name := range c.Rerank {
		o.Rerankers = append(o.Rerankers, lode.Rerank{Name: name})
	}
	if !std.json {
		o.Progress = func(trial int, r *lode.Ranking) { fmt.Fprintf(std.err, "trial %d: %s\n", trial, rankingText(r)) }
	}
	return o
}

// trial asks the whole set with a ranking. Each trial is a run of its own through the node: what is
// measured is what users would get.
func (c *evalTune) trial(e *evaluator, set *evaluation.Set, request v1.Retrieve, std streams) evaluation.Trial {
	contexts := []evaluation.Metric{evaluation.TokenPrecision, evaluation.TokenRecall, evaluation.TokenIoU, evaluation.ContextWaste}
	tokens := slices.Contains(contexts, c.Metric)
	return func(ctx context.Context, r *lode.Ranking) ([]evaluation.Row, error) {
		asked := e.ranked(request, r)
		report, err := e.run(ctx, c.Set, set, asked, runOptions{parallel: c.Parallel, tokens: tokens, progress: newTally(std, "questions")})
		if err != nil {
			return nil, err
		}
		if report.Partial > 0 {
			return nil, lode.FieldError(lode.CodeTimeout, "partial", report.Partial, "%d answers were not complete", report.Partial).
				WithHint("give queries a longer timeout: settings cannot be compared by what a deadline left")
		}
		return report.Rows, nil
	}
}

// ranked says a ranking in a request: all of it, so that nothing of the collection's own remains but
// its recency. A nil ranking leaves everything to the collection.
func (e *evaluator) ranked(request v1.Retrieve, r *lode.Ranking) v1.Retrieve {
	if r == nil {
		return request
	}
	if r.DenseWeight != nil {
		request.DenseWeight = r.DenseWeight
	}
	if r.Fusion != "" {
		request.Fusion = r.Fusion
	}
	switch own := e.collection.Ranking; {
	case r.Rerank != nil:
		request.Rerank = (*v1.Rerank)(r.Rerank)
	case own != nil && own.Rerank != nil:
		request.Rerank = &v1.Rerank{Name: lode.RerankNone}
	}
	return request
}

// ranking is what the collection is given: recency and weights of features are not tuned, and stay. So does what a ranking
// leaves open because only a re-ranker was better.
func (e *evaluator) ranking(r *lode.Ranking) *v1.Ranking {
	out := &v1.Ranking{DenseWeight: r.DenseWeight, Fusion: r.Fusion, Rerank: (*v1.Rerank)(r.Rerank), Reason: r.Reason}
	if own := e.collection.Ranking; own != nil {
		out.Recency, out.Features = own.Recency, own.Features
		if out.DenseWeight == nil && out.Fusion == "" {
			out.DenseWeight, out.Fusion = own.DenseWeight, own.Fusion
		}
	}
	return out
}

func rankingText(r *lode.Ranking) string {
	if r == nil {
		return "what queries take now"
	}
	s := "as now"
	if r.Fusion != "" && r.DenseWeight != nil {
		s = fmt.Sprintf("%s, dense weight %g", r.Fusion, *r.DenseWeight)
	}
	if r.Rerank != nil {
		s += ", re-ranked by " + r.Rerank.Name
	}
	return s
}

// shownTrials is how many settings are listed; the JSON has all.
const shownTrials = 10

func writeTuned(w io.Writer, r tunedResult, collection string) error {
	trials := slices.Clone(r.Trials)
	slices.SortStableFunc(trials, func(a, b evaluation.Tried) int {
		switch better := a.Mean > b.Mean != r.Metric.LessIsBetter(); {
		case a.Mean == b.Mean:
			return 0
		case better:
			return -1
		}
		return 1
	})
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "SETTING\t%s OVER ALL %d QUESTIONS\n", r.Metric, r.Questions)
	for _, one := range trials[:min(shownTrials, len(trials))] {
		fmt.Fprintf(t, "%s\t%.4f\n", rankingText(one.Ranking), one.Mean)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d settings tried; on held-out questions %s %.4f instead of %.4f: %+.4f (%+.4f to %+.4f)\n",
		len(r.Trials), r.Metric, r.HeldOut, r.Before, r.Gain, r.Interval.Low, r.Interval.High)
	var err error
	switch {
	case r.Ranking == nil:
		_, err = fmt.Fprintln(w, "keep what queries take now: no gain was shown")
	case r.Applied:
		_, err = fmt.Fprintf(w, "collection %s: %s\n", collection, rankingText(r.Ranking))
	default:
		_, err = fmt.Fprintf(w, "better: %s; repeat with --apply to give it to the collection\n", rankingText(r.Ranking))
	}
	return err
}
