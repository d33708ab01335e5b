package lode

import "time"

// RerankPassage is a candidate as re-rankers see it.
type RerankPassage struct {
	Row      RowID
	Title    string   // of the document
	Path     []string // headings above the passage, outermost first
	Text     string
	Features RerankFeatures
}

// RerankFeatures are what the stages before know of a candidate.
type RerankFeatures struct {
	Dense, Lexical       float64 // scores of the two searches; meant only where the next two say so
	HasDense, HasLexical bool    // which of them proposed the row
	DenseRank            int     // its place among their candidates, from 1; 0: not proposed
	LexicalRank          int
	Fused                float64       // the score that the order was by so far
	Tokens               int           // of the passage
	Age                  time.Duration // of the document, or by the field that recency counts from; 0: unknown
}

// RerankScore is what a re-ranker thinks of a passage. Larger is better; scores of one call can be
// compared with each other, and with those of others only where the re-ranker says so.
type RerankScore struct {
	Score float64
	// Contributions are what made the score: their sum, taken in this order, is Score to the bit. It
	// is one, of the name "rerank", where the re-ranker does not tell.
	Contributions []ScoreContribution
}
