package retrieval_test

import (
	"context"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/tokens"
	"github.com/lodedb/lode/retrieval"
)

// BenchmarkContext retrieves ten passages of some 300 tokens from a view that costs nothing.
func BenchmarkContext(b *testing.B) {
	v := newView()
	for i := range 10 {
		r := row(lode.RowID(i+1), strings.Repeat("Bicycles travel free outside July and August, as the table of prices says. ", 20)+strings.Repeat("x", i))
		r.Chunk.Tokens = tokens.Count(r.Chunk.Text)
		v.rows[r.ID] = r
		v.dense = append(v.dense, lode.Candidate{Row: r.ID, Score: -float64(i)})
	}
	o := options(v, unit())
	o.Count, o.Tokenizer = tokens.Count, tokens.Name
	r := retrieval.New(o)
	for b.Loop() {
		if _, err := r.Retrieve(context.Background(), anyone, lode.Query{Collection: "docs", Text: "w", Mode: lode.ModeDense}); err != nil {
			b.Fatal(err)
		}
	}
}
