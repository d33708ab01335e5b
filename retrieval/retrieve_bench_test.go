package retrieval_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval"
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

// BenchmarkContext is what follows the ranking: 10 passages of about 300 tokens, as many as fit in 2,000,
// counted as a node does.
func BenchmarkContext(b *testing.B) {
	v, random := newView(), rand.New(rand.NewPCG(1, 2))
	for i := range 10 {
		var text strings.Builder
		for text.Len() < 1500 {
			n := 2 + random.IntN(8)
			for range n {
				text.WriteByte(byte('a' + random.IntN(26)))
			}
			text.WriteString([]string{" ", " ", " ", " the ", ", ", ".\n"}[random.IntN(6)])
		}
		v.add(lode.RowID(i+1), text.String())
		v.lexical = append(v.lexical, lode.Candidate{Row: lode.RowID(i + 1), Score: float64(10 - i)})
	}
	o := options(v, unit())
	o.Count, o.Tokenizer = nil, ""
	r := retrieval.New(o)
	q := ask("words")
	q.Mode = lode.ModeLexical
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Retrieve(b.Context(), anyone, q); err != nil {
			b.Fatal(err)
		}
	}
}
