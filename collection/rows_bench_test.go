package collection_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

// BenchmarkRows reads ten random rows of a view, as a search does with what it found: raw
// vectors without text, and chunks of about 1,500 bytes, ten to a document, both sealed.
func BenchmarkRows(b *testing.B) {
	b.Run("vectors", func(b *testing.B) {
		n := open(b)
		wide(b, n)
		points := make([]lode.Point, 1000)
		for round := range 20 {
			for i := range points {
				points[i] = widePoint(round*len(points) + i)
			}
			if _, err := n.PutPoints(ctx, root, "wide", points); err != nil {
				b.Fatal(err)
			}
		}
		benchmarkRows(b, n, "wide", 20_000)
	})
	b.Run("texts", func(b *testing.B) {
		n := open(b)
		n.create("c")
		text := strings.Repeat("a text of words ", 94)
		text = strings.TrimSuffix(strings.Repeat(text+"\n", 10), "\n")
		for i := range 500 {
			n.ingest("c", lode.DocID(fmt.Sprint("doc", i)), text)
		}
		benchmarkRows(b, n, "c", 5_000)
	})
}

func benchmarkRows(b *testing.B, n *node, coll string, rows int) {
	if n.seal(coll) == 0 {
		b.Fatal("nothing was sealed")
	}
	n.flush()
	for _, vectors := range []bool{false, true} {
		b.Run(fmt.Sprintf("vectors=%t", vectors), func(b *testing.B) {
			rnd := rand.New(rand.NewPCG(5, 6))
			v, ids := n.view(root, coll), make([]lode.RowID, 10)
			b.ReportAllocs()
			for b.Loop() {
				for i := range ids {
					ids[i] = lode.RowID(1 + rnd.IntN(rows))
				}
				if _, err := v.Rows(ctx, ids, vectors); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
