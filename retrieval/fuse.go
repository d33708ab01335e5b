package retrieval

import (
	"math"

	"github.com/lodedb/lode"
)

// Names of the summands of scores.
const (
	partDense   = "dense"
	partLexical = "lexical"
	partRecency = "recency"
	partRerank  = "rerank"
)

// proposed is a row that a search proposes.
type proposed struct {
	place
	score float64 // comparable over all collections of the query
	own   float64 // the search's own
}

// fusion makes one ranking of what the searches proposed: the weighted sum of their normalised
// scores, 0 where a search did not propose a row. With one search the score is its own.
type fusion struct {
	how   lode.Fusion
	dense float64 // weight
	mode  lode.Mode
	// found are the candidates in the order in which they were met, and at their places.
	found []*candidate
	at    map[place]*candidate
	slab  []candidate
	parts []lode.ScoreContribution
}

// partsEach is the room for summands: of two searches and of recency.
const partsEach = 3

func (f *fusion) fuse(dense, lexical []proposed) []*candidate {
	n := len(dense) + len(lexical)
	f.found, f.at = make([]*candidate, 0, n), make(map[place]*candidate, n)
	f.slab, f.parts = make([]candidate, n), make([]lode.ScoreContribution, partsEach*n)
	shares := f.shares(dense)
	for i := range dense {
		c := f.candidate(dense[i].place)
		c.dense, c.denseRank = &dense[i].own, i+1
		c.add(partDense, f.weighted(f.dense, shares, dense, i))
	}
	shares = f.shares(lexical)
	for i := range lexical {
		c := f.candidate(lexical[i].place)
		c.lexical, c.lexicalRank = &lexical[i].own, i+1
		c.add(partLexical, f.weighted(1-f.dense, shares, lexical, i))
	}
	for _, c := range f.found {
		c.fused = c.score
	}
	best(f.found)
	return f.found
}

func (f *fusion) candidate(at place) *candidate {
	if c := f.at[at]; c != nil {
		return c
	}
	i := len(f.found)
	c := &f.slab[i]
	c.place, c.parts = at, f.parts[i*partsEach:i*partsEach:(i+1)*partsEach]
	f.found, f.at[at] = append(f.found, c), c
	return c
}

func (f *fusion) weighted(weight float64, shares []float64, of []proposed, i int) float64 {
	if f.mode != lode.ModeHybrid {
		return of[i].score
	}
	return weight * shares[i]
}

// shares are the normalised scores of a search, 0 to 1.
func (f *fusion) shares(of []proposed) []float64 {
	if f.mode != lode.ModeHybrid || len(of) == 0 {
		return nil
	}
	switch f.how {
	case lode.FusionRRF:
		return byRank(of)
	case lode.FusionDBSF:
		return byDeviation(of)
	}
	return byRange(of)
}

// byRange maps the worst candidate to 0 and the best to 1. Equal scores are all 1.
func byRange(of []proposed) []float64 {
	worst, top := of[0].score, of[0].score
	for i := range of {
		worst, top = min(worst, of[i].score), max(top, of[i].score)
	}
	out := make([]float64, len(of))
	for i := range of {
		out[i] = 1
		if top > worst {
			out[i] = (of[i].score - worst) / (top - worst)
		}
	}
	return out
}

// rankConstant is k of reciprocal rank fusion, as in the paper that introduced it.
const rankConstant = 60

// byRank is (k+1)/(k+rank), so that the first has 1. Equal scores have the same rank.
func byRank(of []proposed) []float64 {
	out := make([]float64, len(of))
	rank := 1
	for i := range of {
		if i > 0 && of[i].score != of[i-1].score {
			rank = i + 1
		}
		out[i] = (rankConstant + 1) / float64(rankConstant+rank)
	}
	return out
}

// byDeviation maps three standard deviations below the mean to 0 and three above it to 1, and what
// lies outside to the nearer end. Equal scores lie at the mean: they have 0.5.
func byDeviation(of []proposed) []float64 {
	mean, square := 0.0, 0.0
	for i := range of {
		mean += of[i].score
	}
	mean /= float64(len(of))
	for i := range of {
		square += (of[i].score - mean) * (of[i].score - mean)
	}
	out := make([]float64, len(of))
	spread := 6 * math.Sqrt(square/float64(len(of)))
	for i := range of {
		out[i] = 0.5
		if spread > 0 {
			out[i] = min(max((of[i].score-mean)/spread+0.5, 0), 1)
		}
	}
	return out
}
