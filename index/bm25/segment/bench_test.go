package segment

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/internal/text"
)

// benchmarkIndex is so many rows of 60 words of a skewed vocabulary.
func benchmarkIndex(b *testing.B, rng *rand.Rand, rows int) *Sealed {
	opts := Options{Fields: 2, Positions: true}
	builder, err := NewBuilder(opts, BuilderOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for range rows {
		row := make(Row, 2)
		for f, n := range []int{60, 5} {
			for i := range n {
				row[f] = append(row[f], text.Token{Term: skewed(rng), Position: uint32(i)})
			}
		}
		if err := builder.Add(row); err != nil {
			b.Fatal(err)
		}
	}
	var out growingBytes
	if err := builder.Finish(&out); err != nil {
		b.Fatal(err)
	}
	return mustOpen(b, out, opts)
}

type growingBytes []byte

func (g *growingBytes) Write(b []byte) (int, error) {
	*g = append(*g, b...)
	return len(b), nil
}

func skewed(rng *rand.Rand) string {
	u := rng.Float64()
	return word(int(50_000 * u * u * u * u))
}

func BenchmarkSealed(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 6))
	x := benchmarkIndex(b, rng, 200_000)
	views := []View{{Part: x}}
	o := SearchOptions{K: 10, Boosts: []float64{1, 2}}
	run := func(name string, views []View, o SearchOptions, query func() Query) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Search(b.Context(), query(), views, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for n := 1; n <= 16; n *= 4 {
		run(fmt.Sprintf("words=%d", n), views, o, func() Query { return randomWords(rng, n) })
	}
	var eight []View
	for range 8 {
		eight = append(eight, View{Part: benchmarkIndex(b, rng, 25_000)})
	}
	run("words=4/parts=8", eight, o, func() Query { return randomWords(rng, 4) })
	all := o
	all.K = x.Len()
	run("words=4/everything", views, all, func() Query { return randomWords(rng, 4) })
	run("phrase", views, o, func() Query {
		return Query{Clauses: []Clause{{Any: []Alternative{{Terms: []Place{{word(rng.IntN(50)), 0}, {word(rng.IntN(50)), 1}}}}}}}
	})
	run("prefix", views, o, func() Query {
		return Query{Clauses: []Clause{{Any: []Alternative{{Terms: []Place{{Term: word(10 + rng.IntN(90))}}, Prefix: true}}}}}
	})
	run("must", views, o, func() Query {
		q := randomWords(rng, 3)
		q.Clauses[0].Occur, q.Clauses[1].Occur = Must, Must
		return q
	})
	for _, share := range []float64{0.5, 0.01, 0.0001} {
		some := []View{{Part: x, Allow: index.NewBitset(x.Len())}}
		for i := range x.Len() {
			if rng.Float64() < share {
				some[0].Allow.Set(uint32(i))
			}
		}
		run(fmt.Sprintf("words=4/allowed=%g", share), some, o, func() Query { return randomWords(rng, 4) })
	}
	b.Run("suggest", func(b *testing.B) {
		for b.Loop() {
			if _, err := Suggest(b.Context(), word(10_000+rng.IntN(1000)), views, 5); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("remove", func(b *testing.B) {
		for b.Loop() {
			if err := x.Remove(uint32(rng.IntN(x.Len()))); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func randomWords(rng *rand.Rand, n int) Query {
	var terms []string
	for range n {
		terms = append(terms, skewed(rng))
	}
	return words(terms...)
}
