package retrieval

import (
	"fmt"
	"math"

	"github.com/lodedb/lode"
)

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
	given  bool // by the query or the collection: taken as it is
}

// weight chooses the weight before anything was searched: the query's, the collections', else that
// of the embedder's class.
func (s *search) weight(ranking *lode.Ranking, c *lode.Collection) weight {
	if s.q.DenseWeight != nil {
		return weight{dense: *s.q.DenseWeight, reason: "given in the query", given: true}
	}
	if ranking.DenseWeight != nil {
		w := weight{dense: *ranking.DenseWeight, reason: "set for the collection", given: true}
		if ranking.Reason != "" {
			w.reason += ": " + ranking.Reason
		}
		return w
	}
	if c.Embedder.Provider == lode.ProviderNone {
		return weight{dense: ModelDenseWeight, reason: "default for a given vector"}
	}
	if e, err := s.r.o.EmbedderFor(*c); err == nil && e.Static() {
		return weight{dense: StaticDenseWeight, reason: "default for a static embedder"}
	}
	return weight{dense: ModelDenseWeight, reason: "default for a model embedder"}
}

// adjust fits the weight to what was found: a search that found nothing leaves all weight
// to the other, and a default weight shrinks the lexical share by how little of the query
// its best row holds. Normalisation alone would hide that: the best of any list is 1.
func (w weight) adjust(dense, lexical *leg, bound func() float64) weight {
	switch {
	case len(lexical.found) == 0:
		w.dense, w.reason = 1, w.reason+"; the lexical search "+lexical.outcome()
		return w
	case len(dense.found) == 0:
		w.dense, w.reason = 0, w.reason+"; the dense search "+dense.outcome()
		return w
	case w.given:
		return w
	}
	most := bound()
	if most <= 0 || math.IsInf(most, 1) {
		return w
	}
	reached := lexical.found[0].score / most
	if confidence := reached / fullConfidence; confidence < 1 {
		confidence = max(confidence, 0)
		w.reason += fmt.Sprintf(" (%.2f), raised because the best lexical score is %.0f%% of what the query could reach", w.dense, 100*reached)
		w.dense = w.dense / (w.dense + (1-w.dense)*confidence)
	}
	return w
}
