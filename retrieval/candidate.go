package retrieval

import (
	"cmp"
	"slices"
	"time"

	"github.com/lodedb/lode"
)

// place is a row of one of the collections that a query asks.
type place struct {
	at int // of the view among those of the query
	id lode.RowID
}

// candidate is a row on its way through the stages.
type candidate struct {
	place
	score float64 // what the order is by so far
	fused float64 // the score before recency and re-ranking
	// The scores of searches and re-ranker, nil where they did not propose or see the row.
	dense, lexical, rerank *float64
	denseRank, lexicalRank int // from 1; 0: not proposed
	// parts are what made the score: their sum, taken in order, is the score to the bit.
	parts  []lode.ScoreContribution
	read   *lode.Row // nil until it was read
	extent extent    // how much of it was
	age    time.Duration
	// words are its shingles, made when a stage compares texts.
	words      *shingles
	duplicates []lode.ChunkID
	order      int        // in which it was looked at when duplicates were dropped
	compared   *candidate // the one that it was compared with last
}

// add adds a summand to the score. The score is the sum of its summands by construction: there is
// no other way to change it but [candidate.replace].
func (c *candidate) add(name string, value float64) {
	c.score += value
	c.parts = append(c.parts, lode.ScoreContribution{Name: name, Value: value})
}

// replace gives the candidate another score.
func (c *candidate) replace(parts []lode.ScoreContribution) {
	c.score, c.parts = 0, nil
	for _, p := range parts {
		c.add(p.Name, p.Value)
	}
}

// best puts candidates in order: larger scores first, equal ones by collection and row.
func best(of []*candidate) {
	slices.SortFunc(of, func(a, b *candidate) int {
		if a.score != b.score {
			return cmp.Compare(b.score, a.score)
		}
		if a.at != b.at {
			return a.at - b.at
		}
		return cmp.Compare(a.id, b.id)
	})
}

// hit shows a candidate.
func (c *candidate) hit() lode.Hit {
	h := lode.Hit{
		Row: lode.Row{ID: c.id}, Score: c.score, Dense: c.dense, Lexical: c.lexical, Rerank: c.rerank, Duplicates: c.duplicates,
	}
	if c.read != nil {
		h.Row = *c.read
		h.Row.Vector, h.Row.Vectors, h.Row.Sparse = nil, nil, nil
	}
	return h
}
