package sparse_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/sparse"
)

// weighted is a vector as SPLADE makes them: entries of a vocabulary with a skewed use and
// weights that are small for common words and seldom large.
func weighted(rng *rand.Rand, zipf *rand.Zipf, n int) (v lode.SparseVector) {
	have := map[uint32]bool{}
	for len(have) < n {
		have[uint32(zipf.Uint64())] = true
	}
	for i := range have {
		v.Indices = append(v.Indices, i)
	}
	slices.Sort(v.Indices)
	for _, i := range v.Indices {
		rarity := math.Log1p(float64(i)+10) / math.Log1p(30_000)
		v.Values = append(v.Values, float32(rarity*math.Log1p(rng.ExpFloat64()))+0.01)
	}
	return v
}

const benchmarkRows = 100_000

func benchmarkIndex() (x *sparse.Index, queries []lode.SparseVector) {
	rng := rand.New(rand.NewPCG(7, 8))
	zipf := rand.NewZipf(rng, 1.1, 20, 29_999)
	x = sparse.New()
	for range benchmarkRows {
		if _, err := x.Add(weighted(rng, zipf, 120)); err != nil {
			panic(err)
		}
	}
	for range 64 {
		queries = append(queries, weighted(rng, zipf, 30))
	}
	return x, queries
}

func BenchmarkSearch(b *testing.B) {
	x, queries := benchmarkIndex()
	b.Logf("%d bytes for each row", x.Bytes()/benchmarkRows)
	rng := rand.New(rand.NewPCG(9, 10))
	for _, k := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("k=%d", k), func(b *testing.B) { searchLoop(b, x, queries, k, nil) })
	}
	for _, share := range []float64{0.5, 0.1, 0.01, 0.0001} {
		allow := index.NewBitset(benchmarkRows)
		for i := range uint32(benchmarkRows) {
			if rng.Float64() < share {
				allow.Set(i)
			}
		}
		b.Run(fmt.Sprintf("k=10,share=%g", share), func(b *testing.B) { searchLoop(b, x, queries, 10, allow) })
	}
	b.Run("k=all", func(b *testing.B) { searchLoop(b, x, queries, benchmarkRows, nil) })
}

func searchLoop(b *testing.B, x *sparse.Index, queries []lode.SparseVector, k int, allow *index.Bitset) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := x.Search(b.Context(), queries[i%len(queries)], k, allow); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	rng := rand.New(rand.NewPCG(7, 8))
	zipf := rand.NewZipf(rng, 1.1, 20, 29_999)
	rows := make([]lode.SparseVector, 2000)
	for i := range rows {
		rows[i] = weighted(rng, zipf, 120)
	}
	b.ReportAllocs()
	x := sparse.New()
	for i := 0; b.Loop(); i++ {
		if _, err := x.Add(rows[i%len(rows)]); err != nil {
			b.Fatal(err)
		}
	}
}
