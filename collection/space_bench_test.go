package collection_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/lodedb/lode"
)

// BenchmarkSpaces searches 20,000 points of 64 dimensions in the main space, in a named one in
// which every point has the same vector, in one in which every second point has it, and their
// sparse vectors, without a filter and with one that a tenth passes.
func BenchmarkSpaces(b *testing.B) {
	const rows, wide = 20_000, 64
	n := open(b)
	_, err := n.CreateCollection(ctx, root, lode.Collection{
		Name: "c", Embedder: lode.EmbedderConfig{Provider: lode.ProviderNone, Dim: wide},
		Vectors: []lode.VectorSpace{{Name: "same", Dim: wide}, {Name: "half", Dim: wide}, {Name: "words", Sparse: true}},
	})
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for at := 0; at < rows; at += 1000 {
		points := make([]lode.Point, 1000)
		for i := range points {
			v := make(lode.Vector, wide)
			for j := range v {
				v[j] = float32(rng.NormFloat64())
			}
			points[i] = lode.Point{ID: lode.DocID(fmt.Sprint(at + i)), Vector: v, Vectors: map[string]lode.Vector{"same": v}, Metadata: lode.Metadata{"tenth": lode.IntegerValue(int64(i % 10))}}
			points[i].Sparse = map[string]lode.SparseVector{"words": {Indices: []uint32{uint32(i % 100), 100 + uint32(i%30)}, Values: []float32{v[0] + 9, v[1] + 9}}}
			if i%2 == 0 {
				points[i].Vectors["half"] = v
			}
		}
		if _, err := n.PutPoints(ctx, root, "c", points); err != nil {
			b.Fatal(err)
		}
	}
	query := make(lode.Vector, wide)
	query[3] = 1
	words := lode.SparseVector{Indices: []uint32{7, 107, 120}, Values: []float32{1, 2, 3}}
	for name, f := range map[string]lode.Filter{"all": {}, "tenth": lode.WhereEq("tenth", lode.IntegerValue(4))} {
		for _, using := range []string{"", "same", "half"} {
			b.Run(fmt.Sprintf("%s/using=%s", name, using), func(b *testing.B) {
				for b.Loop() {
					if _, err := n.view(root, "c").DenseWith(ctx, query, lode.DenseSearch{K: 10, Using: using, Filter: f}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run(name+"/using=words", func(b *testing.B) {
			for b.Loop() {
				if _, err := n.view(root, "c").Sparse(ctx, "words", words, 10, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
