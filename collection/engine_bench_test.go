package collection_test

import (
	"fmt"
	"testing"

	"github.com/lodedb/lode"
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
