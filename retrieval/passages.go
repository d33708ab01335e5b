package retrieval

import "github.com/lodedb/lode"

// block is what a hit brings to the context: its chunk, and neighbours that are shown with it.
type block struct {
	hit    *lode.Hit
	chunks []lode.Row // of one document version, by ascending ordinal, the hit's among them
}

// plainBlocks are the hits without neighbours.
func plainBlocks(hits []lode.Hit) []block {
	blocks := make([]block, len(hits))
	rows := make([]lode.Row, len(hits))
	for i := range hits {
		rows[i] = hits[i].Row
		blocks[i] = block{hit: &hits[i], chunks: rows[i : i+1 : i+1]}
	}
	return blocks
}
