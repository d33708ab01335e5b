package collection_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

// BenchmarkPutPoints stores 1,000 vectors of 512 dimensions at a time.
func BenchmarkPutPoints(b *testing.B) {
	n := open(b)
	wide(b, n)
	points := make([]lode.Point, 1000)
	for round := 0; b.Loop(); round++ {
		for i := range points {
			points[i] = widePoint(round*len(points) + i)
		}
		if _, err := n.PutPoints(ctx, root, "wide", points); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(points))/b.Elapsed().Seconds(), "points/s")
}

// BenchmarkWrite writes one point at a time, without and with a key, into a store where as many
// writes as possible are kept; ten of them share a transaction, as under load. The difference
// is what a key costs.
func BenchmarkWrite(b *testing.B) {
	for name, keys := range map[string]bool{"plain": false, "key": true} {
		b.Run(name, func(b *testing.B) {
			n := open(b)
			wide(b, n)
			var waiting [][]byte
			n.SetProposer(func(_ context.Context, data []byte) (any, error) {
				waiting = append(waiting, bytes.Clone(data))
				return nil, errors.New("caught")
			})
			write := func(i int) {
				var w lode.Write
				if keys {
					w = key(fmt.Sprint("bench-", i), "put")
				}
				_, _, _ = n.Engine.PutPoints(ctx, root, w, "wide", []lode.Point{widePoint(i)})
				if len(waiting) == 10 {
					n.log.commit(waiting)
					waiting = nil
				}
			}
			i := 0
			for ; i < collection.KeptOperations; i++ {
				write(i)
			}
			for b.Loop() {
				write(i)
				i++
			}
		})
	}
}

// BenchmarkFilteredView takes a view of 10,000 vectors and searches one in a hundred.
func BenchmarkFilteredView(b *testing.B) {
	n := open(b)
	wide(b, n)
	points := make([]lode.Point, 10_000)
	for i := range points {
		points[i] = widePoint(i)
	}
	if _, err := n.PutPoints(ctx, root, "wide", points); err != nil {
		b.Fatal(err)
	}
	query, filter := widePoint(7).Vector, lode.WhereEq("hundredth", lode.IntegerValue(7))
	for b.Loop() {
		v := n.view(root, "wide")
		found, err := v.Dense(ctx, query, 10, filter)
		if err != nil || len(found) != 10 {
			b.Fatal(found, err)
		}
		if _, err := v.Rows(ctx, rowIDs(found), false); err != nil {
			b.Fatal(err)
		}
	}
}

func wide(b *testing.B, n *node) {
	_, err := n.CreateCollection(ctx, root, lode.Collection{Name: "wide", Embedder: lode.EmbedderConfig{Provider: lode.ProviderNone, Dim: 512}})
	if err != nil {
		b.Fatal(err)
	}
}

func widePoint(i int) lode.Point {
	v := make(lode.Vector, 512)
	for j := range v {
		v[j] = float32((i*31+j*17)%101) - 50
	}
	return lode.Point{ID: lode.DocID(fmt.Sprint(i)), Vector: v, Metadata: lode.Metadata{"hundredth": lode.IntegerValue(int64(i % 100))}}
}
