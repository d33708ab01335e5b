package retrieval_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

// BenchmarkRetrieve is all of a query but the searches and the reading of rows: 100 candidates of
// each search, half of them the same, 10 hits of 60 words.
func BenchmarkRetrieve(b *testing.B) {
	v, random := newView(), rand.New(rand.NewPCG(1, 2))
	leg := func(from int) (out []lode.Candidate) {
		for i := range 100 {
			id := lode.RowID(from + random.IntN(2)*100 + i)
			v.add(id, strings.Repeat("some words ", 30))
			out = append(out, lode.Candidate{Row: id, Score: 1 - float64(i)/200})
		}
		return out
	}
	v.dense, v.lexical, v.bound = leg(1), leg(51), 10
	r := retriever(v, unit())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Retrieve(b.Context(), anyone, ask("words")); err != nil {
			b.Fatal(err)
		}
	}
}
