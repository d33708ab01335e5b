package train

import (
	"context"
	"fmt"
	"slices"

	"github.com/lodedb/lode/index/bm25/segment"
	"github.com/lodedb/lode/internal/beir"
	"github.com/lodedb/lode/internal/text"
)

// depth is how many candidates each ranking has, and the product's hybrid search fuses.
const depth = 100

// scored is a passage by its number, with its score. Rankings are best first, equals by number.
type scored struct {
	passage int
	score   float64
}

func byScore(a, b scored) int {
	switch {
	case a.score > b.score:
		return -1
	case a.score < b.score:
		return 1
	}
	return a.passage - b.passage
}

// embedder writes the vector of a text.
type embedder func(text string) []float32

// denseRanking ranks passages by cosine.
type denseRanking struct {
	embed   embedder
	dim     int // of the vectors that are compared: the first so many numbers
	vectors []float32
}

// newDenseRanking embeds passages. dim cuts vectors; 0 takes them whole.
func newDenseRanking(embed embedder, passages []string, dim int) *denseRanking {
	d := &denseRanking{embed: embed, dim: dim}
	for _, p := range passages {
		d.vectors = append(d.vectors, d.vector(p)...)
	}
	return d
}

func (d *denseRanking) vector(text string) []float32 {
	v := d.embed(text)
	if d.dim == 0 {
		d.dim = len(v)
	}
	v = v[:d.dim]
	normalize(v)
	return v
}

func (d *denseRanking) rank(query string) []scored {
	q := d.vector(query)
	all := make([]scored, len(d.vectors)/d.dim)
	for i := range all {
		all[i] = scored{passage: i, score: float64(dot(q, d.vectors[i*d.dim:(i+1)*d.dim]))}
	}
	slices.SortFunc(all, byScore)
	return all[:min(depth, len(all))]
}

// lexicalRanking ranks passages by BM25 over all words of a query, with the parameters that the
// reports of the table have had from the start.
type lexicalRanking struct {
	analyzer text.Analyzer
	index    *segment.Growing
}

func newLexicalRanking(passages []string) (*lexicalRanking, error) {
	x, err := segment.NewGrowing(segment.Options{})
	if err != nil {
		return nil, err
	}
	l := &lexicalRanking{index: x}
	for _, p := range passages {
		if _, err := x.Add(segment.Row{l.analyzer.Tokens(nil, p)}); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// query asks for every term, as often as it is there.
func (l *lexicalRanking) query(text string) (q segment.Query) {
	at := map[string]int{}
	for _, term := range l.analyzer.Terms(nil, text) {
		if i, again := at[term]; again {
			q.Clauses[i].Weight++
			continue
		}
		at[term] = len(q.Clauses)
		q.Clauses = append(q.Clauses, segment.Clause{Any: []segment.Alternative{segment.Term(term)}, Weight: 1})
	}
	return q
}

// rank also returns a score that no passage can exceed.
func (l *lexicalRanking) rank(query string) (ranked []scored, bound float64, err error) {
	q := l.query(query)
	found, err := segment.Search(context.Background(), q, []segment.View{{Part: l.index}}, segment.SearchOptions{K: depth})
	if err == nil {
		bound, err = segment.UpperBound(q, []segment.Part{l.index}, segment.SearchOptions{})
	}
	if err != nil {
		return nil, 0, fmt.Errorf("search for words: %w", err)
	}
	ranked = make([]scored, len(found))
	for i, h := range found {
		ranked[i] = scored{passage: int(h.Row), score: float64(h.Score)}
	}
	return ranked, bound, nil
}

// fullConfidence is where the lexical ranking counts in full, as in package retrieval.
const fullConfidence = .5

// confident raises the weight of the dense ranking where even the best lexical hit holds little of the
// query: the rule of package retrieval for weights that the query does not give.
func confident(weight float64, lexical []scored, bound float64) float64 {
	if len(lexical) == 0 {
		return 1
	}
	c := min(1, lexical[0].score/bound/fullConfidence)
	return weight / (weight + (1-weight)*c)
}

// fuse ranks by the weighted sum of scores that are normalised within each ranking, as the product does.
func fuse(dense, lexical []scored, weight float64) []scored {
	sums := map[int]float64{}
	for _, leg := range []struct {
		ranked []scored
		weight float64
	}{{dense, weight}, {lexical, 1 - weight}} {
		for i, score := range normalized(leg.ranked) {
			sums[leg.ranked[i].passage] += leg.weight * score
		}
	}
	fused := make([]scored, 0, len(sums))
	for passage, score := range sums {
		fused = append(fused, scored{passage: passage, score: score})
	}
	slices.SortFunc(fused, byScore)
	return fused[:min(depth, len(fused))]
}

func normalized(ranked []scored) []float64 {
	out := make([]float64, len(ranked))
	for i, s := range ranked {
		out[i] = 1
		if worst, best := ranked[len(ranked)-1].score, ranked[0].score; best > worst {
			out[i] = (s.score - worst) / (best - worst)
		}
	}
	return out
}

// judged is a question with the grades of the passages that answer it, by id.
type judged struct {
	text   string
	grades map[string]int
}

// ndcg is the nDCG@10 of a ranking.
func ndcg(ranked []scored, ids []string, grades map[string]int) float64 {
	return beir.NDCG(idsOf(ranked, ids), grades, 10)
}

// recall is the share of the answers among the first k.
func recall(ranked []scored, ids []string, grades map[string]int, k int) float64 {
	return beir.Recall(idsOf(ranked, ids), grades, k)
}

func idsOf(ranked []scored, ids []string) []string {
	out := make([]string, len(ranked))
	for i, s := range ranked {
		out[i] = ids[s.passage]
	}
	return out
}
