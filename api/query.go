package api

import (
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// queryFrom checks what does not depend on the collection. A zero that was written down is
// an error, one that was left out the default.
func queryFrom(collection string, req *v1.Retrieve) (lode.Query, error) {
	q := lode.Query{
		Collection: collection, Collections: req.Collections, Text: req.Text, Syntax: req.Syntax, Vector: req.Vector, Exact: req.Exact,
		Mode: req.Mode, DenseWeight: req.DenseWeight, Tokenizer: req.Tokenizer, Form: req.Form, Explain: req.Explain,
		Stages: lode.Stages{
			Fusion: req.Fusion, Recency: (*lode.Recency)(req.Recency), Rerank: (*lode.Rerank)(req.Rerank), Collapse: req.Collapse,
			Diversity: req.Diversity, Expand: (*lode.Expand)(req.Expand),
		},
	}
	if req.K != nil {
		q.K = *req.K
		if err := lode.ValidateK(q.K); err != nil {
			return q, err
		}
	}
	if err := numbersFrom(&q, req); err != nil {
		return q, err
	}
	if req.Timeout != nil {
		if q.Timeout = time.Duration(*req.Timeout); q.Timeout == 0 {
			return q, lode.Invalid("timeout", req.Timeout, "timeout must be %s to %s", lode.LeastQueryTimeout, lode.MaxQueryTimeout)
		}
	}
	if req.Filter != nil {
		q.Filter = *req.Filter
	}
	if req.MinScore != nil {
		q.MinScores = map[lode.Component]float64{}
		for name, least := range req.MinScore {
			q.MinScores[lode.Component(name)] = least
		}
	}
	q.EnsureDefaults()
	return q, q.Validate()
}

// numbersFrom takes the numbers that have a default other than zero, or none.
func numbersFrom(q *lode.Query, req *v1.Retrieve) error {
	for _, n := range []struct {
		field string
		said  *int
		into  *int
		most  int
	}{
		{"budget_tokens", req.BudgetTokens, &q.BudgetTokens, lode.MaxBudgetTokens},
		{"ef", req.Ef, &q.Ef, lode.MaxEf},
		{"depth", req.Depth, &q.Depth, lode.MaxDepth},
		{"per_document", req.PerDocument, &q.PerDocument, lode.MaxK},
		{"per_source", req.PerSource, &q.PerSource, lode.MaxK},
	} {
		if n.said == nil {
			continue
		}
		if *n.said < 1 {
			return lode.Invalid(n.field, *n.said, "%s must be 1 to %d", n.field, n.most)
		}
		*n.into = *n.said
	}
	return nil
}

func toRetrieved(result *lode.Result) v1.Retrieved {
	out := v1.Retrieved{
		Mode: result.Mode, Partial: result.Partial, PartialReason: result.PartialReason,
		Hits: toHits(result.Hits), Context: toContext(&result.Context),
	}
	if result.Mode == lode.ModeHybrid {
		weight := result.DenseWeight
		out.DenseWeight, out.WeightReason = &weight, result.WeightReason
	}
	for _, s := range result.Suggestions {
		out.Suggestions = append(out.Suggestions, v1.Suggestion(s))
	}
	if x := result.Explanation; x != nil {
		out.Explanation = &v1.QueryExplanation{Stages: make([]v1.StageExplanation, len(x.Stages))}
		for i, s := range x.Stages {
			out.Explanation.Stages[i] = v1.StageExplanation(s)
		}
	}
	return out
}

func toHitExplanation(x *lode.HitExplanation) *v1.HitExplanation {
	out := &v1.HitExplanation{
		Contributions: make([]v1.ScoreContribution, len(x.Contributions)),
		DenseRank:     x.DenseRank, LexicalRank: x.LexicalRank, Highlights: toSpans(x.Highlights),
	}
	for i, c := range x.Contributions {
		out.Contributions[i] = v1.ScoreContribution(c)
	}
	for _, t := range x.Terms {
		out.Terms = append(out.Terms, v1.TermContribution(t))
	}
	return out
}
