package retrieval

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/lodedb/lode"
)

// How deep each search goes in hybrid mode, so that a row which one of them ranks low can
// be lifted by the other.
const (
	leastDepth = 100
	depthPerK  = 10
	mostDepth  = 1000
)

// candidateDepth is the number of candidates of each search for k hits.
func candidateDepth(k int) int {
	return min(max(leastDepth, depthPerK*k), max(mostDepth, k))
}

// Default weights of the dense search. Static embedders, which look words up, rank worse
// than BM25 on every public collection; transformers about as well.
const (
	StaticDenseWeight = 0.2
	ModelDenseWeight  = 0.5
)

// fullConfidence is the share of the lexical bound at which the lexical search counts in
// full: what a passage of average length reaches that holds every word of the query once
// (1/(k1+1) of the bound, with k1 about 1).
const fullConfidence = 0.5

// weight is the share of the dense search in a fused score, and where it came from.
type weight struct {
	dense  float64
	reason string
	given  bool // by the query: taken as it is
}

// weight chooses the weight before anything was searched.
func (s *search) weight(c lode.Collection) weight {
	if s.q.DenseWeight != nil {
		return weight{dense: *s.q.DenseWeight, reason: "given in the query", given: true}
	}
	if c.Embedder.Provider == lode.ProviderNone {
		return weight{dense: ModelDenseWeight, reason: "default for a given vector"}
	}
	if e, err := s.r.o.EmbedderFor(c); err == nil && e.Static() {
		return weight{dense: StaticDenseWeight, reason: "default for a static embedder"}
	}
	return weight{dense: ModelDenseWeight, reason: "default for a model embedder"}
}

// adjust fits the weight to what was found: a search that found nothing leaves all weight
// to the other, and a default weight shrinks the lexical share by how little of the query
// its best row holds. Normalisation alone would hide that: the best of any list is 1.
func (w weight) adjust(l legs, bound func() float64) weight {
	switch {
	case len(l.lexical) == 0:
		w.dense, w.reason = 1, w.reason+"; the lexical search found nothing"
		return w
	case len(l.dense) == 0:
		w.dense, w.reason = 0, w.reason+"; the dense search found nothing"
		return w
	case w.given:
		return w
	}
	most := bound()
	if most <= 0 || math.IsInf(most, 1) {
		return w
	}
	reached := l.lexical[0].Score / most
	if confidence := reached / fullConfidence; confidence < 1 {
		confidence = max(confidence, 0)
		w.reason += fmt.Sprintf(" (%.2f), raised because the best lexical score is %.0f%% of what the query could reach", w.dense, 100*reached)
		w.dense = w.dense / (w.dense + (1-w.dense)*confidence)
	}
	return w
}

// normalized maps scores to 0..1, the worst candidate to 0 and the best to 1. Equal
// scores are all 1.
func normalized(candidates []lode.Candidate) []float64 {
	if len(candidates) == 0 {
		return nil
	}
	worst, best := candidates[0].Score, candidates[0].Score
	for _, c := range candidates {
		worst, best = min(worst, c.Score), max(best, c.Score)
	}
	out := make([]float64, len(candidates))
	for i, c := range candidates {
		out[i] = 1
		if best > worst {
			out[i] = (c.Score - worst) / (best - worst)
		}
	}
	return out
}

// fuse ranks the rows that at least one search found by the weighted sum of their
// normalised scores, 0 where a search did not find them; ties go to the smaller row.
func fuse(l legs, denseWeight float64, k int) []lode.Hit {
	byRow := make(map[lode.RowID]*lode.Hit, len(l.dense)+len(l.lexical))
	hit := func(row lode.RowID) *lode.Hit {
		h := byRow[row]
		if h == nil {
			h = &lode.Hit{Row: lode.Row{ID: row}}
			byRow[row] = h
		}
		return h
	}
	for i, score := range normalized(l.dense) {
		h := hit(l.dense[i].Row)
		h.Score += denseWeight * score
		h.Dense = &l.dense[i].Score
	}
	for i, score := range normalized(l.lexical) {
		h := hit(l.lexical[i].Row)
		h.Score += (1 - denseWeight) * score
		h.Lexical = &l.lexical[i].Score
	}
	hits := make([]lode.Hit, 0, len(byRow))
	for _, h := range byRow {
		hits = append(hits, *h)
	}
	slices.SortFunc(hits, func(a, b lode.Hit) int {
		if (lode.Candidate{Row: a.Row.ID, Score: a.Score}).Better(lode.Candidate{Row: b.Row.ID, Score: b.Score}) {
			return -1
		}
		return 1
	})
	return slices.Clip(hits[:min(k, len(hits))])
}

// single makes hits of one search's candidates.
func single(candidates []lode.Candidate, note func(h *lode.Hit, score *float64)) []lode.Hit {
	hits := make([]lode.Hit, len(candidates))
	for i := range candidates {
		hits[i] = lode.Hit{Row: lode.Row{ID: candidates[i].Row}, Score: candidates[i].Score}
		note(&hits[i], &candidates[i].Score)
	}
	return hits
}

func (r *Retriever) stepDone(step Step, d time.Duration, err error) {
	if r.o.Events.StepDone != nil {
		r.o.Events.StepDone(step, d, err)
	}
}
