package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/beir"
	"github.com/lodedb/lode/internal/tokens"
	"github.com/lodedb/lode/retrieval/rerank"
)

// rankedSet is the queries of a set with the passages that one mode found for them, best first.
type rankedSet struct {
	queries  []beir.Text
	grades   []map[string]int
	passages [][]lode.RerankPassage
	docs     [][]string // of the passages
	took     []time.Duration
}

// candidates are the best of each query in hybrid and in dense mode, as rankers get them.
func (b *rerankRun) candidates(ctx context.Context, c *client.Client, set *beir.Set) (hybrid, dense *rankedSet, err error) {
	hybrid, dense = &rankedSet{}, &rankedSet{}
	queries := set.Queries
	if b.o.Limit > 0 {
		queries = queries[:min(b.o.Limit, len(queries))]
	}
	for _, q := range queries {
		ranks := map[lode.Mode]map[lode.ChunkID]int{}
		for _, mode := range []lode.Mode{lode.ModeDense, lode.ModeLexical} {
			hits, took, err := ask(ctx, c, q, mode, 10*rerankDepth)
			if err != nil {
				return nil, nil, err
			}
			ranks[mode] = map[lode.ChunkID]int{}
			for rank, hit := range hits {
				ranks[mode][hit.ChunkID] = rank + 1
			}
			if mode == lode.ModeDense {
				dense.add(q, set.Qrels[q.ID], hits[:min(rerankDepth, len(hits))], ranks, took)
			}
		}
		hits, took, err := ask(ctx, c, q, lode.ModeHybrid, rerankDepth)
		if err != nil {
			return nil, nil, err
		}
		hybrid.add(q, set.Qrels[q.ID], hits, ranks, took)
	}
	return hybrid, dense, nil
}

func ask(ctx context.Context, c *client.Client, q beir.Text, mode lode.Mode, k int) ([]v1.Hit, time.Duration, error) {
	weight := qualityWeight
	request := v1.Retrieve{Text: q.Text, K: &k, Mode: mode}
	if mode == lode.ModeHybrid {
		request.DenseWeight = &weight
	}
	start := time.Now()
	answer, err := c.Retrieve(ctx, qualityCollection, request)
	if err != nil {
		return nil, 0, fmt.Errorf("query %s: %w", q.ID, err)
	}
	return answer.Hits, time.Since(start), nil
}

func (r *rankedSet) add(q beir.Text, grades map[string]int, hits []v1.Hit, ranks map[lode.Mode]map[lode.ChunkID]int, took time.Duration) {
	var passages []lode.RerankPassage
	var docs []string
	for i, hit := range hits {
		f := lode.RerankFeatures{Fused: hit.Score, Tokens: tokens.Count(hit.Text)}
		if hit.DenseScore != nil {
			f.Dense, f.HasDense, f.DenseRank = *hit.DenseScore, true, ranks[lode.ModeDense][hit.ChunkID]
		}
		if hit.LexicalScore != nil {
			f.Lexical, f.HasLexical, f.LexicalRank = *hit.LexicalScore, true, ranks[lode.ModeLexical][hit.ChunkID]
		}
		passages = append(passages, lode.RerankPassage{Row: lode.RowID(i), Title: hit.Title, Path: hit.Path, Text: hit.Text, Features: f})
		docs = append(docs, string(hit.DocumentID))
	}
	r.queries, r.grades, r.took = append(r.queries, q), append(r.grades, grades), append(r.took, took)
	r.passages, r.docs = append(r.passages, passages), append(r.docs, docs)
}

// judged are the queries as training takes them.
func (r *rankedSet) judged(ctx context.Context, x *rerank.Extractor) ([]rerank.Judged, error) {
	out := make([]rerank.Judged, len(r.queries))
	for i, q := range r.queries {
		values, err := x.Values(ctx, q.Text, r.passages[i])
		if err != nil {
			return nil, err
		}
		out[i].ID = q.ID
		for _, grade := range r.grades[i] {
			out[i].Grades = append(out[i].Grades, grade)
		}
		for j, doc := range r.docs[i] {
			out[i].Rows = append(out[i].Rows, rerank.JudgedRow{Values: values[j], Grade: r.grades[i][doc]})
		}
	}
	return out, nil
}

// rank is the order of the passages of each query by a ranker, and how long it took. Ties stay as
// they were.
func (r *rankedSet) rank(ctx context.Context, ranker rerank.Ranker) (orders [][]int, took []time.Duration, err error) {
	for i, q := range r.queries {
		start := time.Now()
		scores, err := ranker.Rank(ctx, q.Text, r.passages[i])
		if err != nil {
			return nil, nil, err
		}
		took = append(took, time.Since(start))
		order := make([]int, len(scores))
		for j := range order {
			order[j] = j
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b].Score, scores[a].Score) })
		orders = append(orders, order)
	}
	return orders, took, nil
}

// scores are the nDCG@10 of the queries in an order; nil is the one that they had.
func (r *rankedSet) scores(orders [][]int) []float64 {
	out := make([]float64, len(r.queries))
	for i, docs := range r.docs {
		if orders != nil {
			docs = make([]string, len(docs))
			for place, at := range orders[i] {
				docs[place] = r.docs[i][at]
			}
		}
		out[i] = beir.NDCG(docs, r.grades[i], 10)
	}
	return out
}

func (b *rerankRun) addTimes(label string, took []time.Duration) {
	took = slices.Sorted(slices.Values(took))
	b.r.Add(label+", p50", took[len(took)/2].Seconds()*1e3, "ms")
	b.r.Add(label+", p99", took[len(took)*99/100].Seconds()*1e3, "ms")
}
