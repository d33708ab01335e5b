package hnsw_test

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/flat"
	"github.com/lodedb/lode/index/hnsw"
	"github.com/lodedb/lode/internal/testdata"
)

// dataset is vectors with queries and the right answers.
type dataset struct {
	name    string
	metric  lode.Metric
	rows    []lode.Vector
	queries []lode.Vector
	truth   [][]index.Candidate
}

const truthDepth = 10

func newDataset(t testing.TB, name string, metric lode.Metric, rows, queries []lode.Vector) *dataset {
	t.Helper()
	d := &dataset{name: name, metric: metric, rows: rows, queries: queries}
	x := flat.New(len(rows[0]), metric)
	for _, v := range rows {
		if _, err := x.Add(v); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range queries {
		best, err := x.Search(t.Context(), q, truthDepth, nil)
		if err != nil {
			t.Fatal(err)
		}
		d.truth = append(d.truth, best)
	}
	return d
}

// clustered are vectors around centers, the queries too: graphs fall apart on such sets first.
func clustered(t testing.TB, n, dim, clusters int) *dataset {
	rng := rand.New(rand.NewPCG(42, 7))
	centers := make([]lode.Vector, clusters)
	for i := range centers {
		centers[i] = gaussian(rng, dim)
	}
	next := func() lode.Vector {
		v, center := gaussian(rng, dim), centers[rng.IntN(clusters)]
		for i := range v {
			v[i] = center[i] + 0.5*v[i]
		}
		return v
	}
	return newDataset(t, "clustered", lode.Cosine, many(n, next), many(100, next))
}

func many(n int, next func() lode.Vector) []lode.Vector {
	out := make([]lode.Vector, n)
	for i := range out {
		out[i] = next()
	}
	return out
}

func gaussian(rng *rand.Rand, dim int) lode.Vector {
	v := make(lode.Vector, dim)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

// realData are the first rows of the image descriptors or the word vectors.
func realData(t testing.TB, name string, n, queries int) *dataset {
	t.Helper()
	dir := filepath.Join(testdata.Dir(t), "vectors", name)
	if name == "sift128" {
		return newDataset(t, name, lode.L2, readU8(t, filepath.Join(dir, "base.u8bin"), n), readU8(t, filepath.Join(dir, "query.u8bin"), queries))
	}
	return newDataset(t, name, lode.Cosine, readF16(t, filepath.Join(dir, "base.f16bin"), n), readF16(t, filepath.Join(dir, "query.f16bin"), queries))
}

func readU8(t testing.TB, path string, n int) []lode.Vector {
	return read(t, path, n, 1, func(b []byte) float32 { return float32(b[0]) })
}

func readF16(t testing.TB, path string, n int) []lode.Vector {
	return read(t, path, n, 2, func(b []byte) float32 {
		h := binary.LittleEndian.Uint16(b)
		magnitude := math.Float32frombits(uint32(h&0x7fff)<<13) * 0x1p112
		return float32(math.Copysign(float64(magnitude), -float64(h>>15)+0.5))
	})
}

func read(t testing.TB, path string, n, size int, number func([]byte) float32) []lode.Vector {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n = min(n, int(binary.LittleEndian.Uint32(b)))
	dim := int(binary.LittleEndian.Uint32(b[4:]))
	b = b[8:]
	return many(n, func() lode.Vector {
		v := make(lode.Vector, dim)
		for i := range v {
			v[i] = number(b[size*i:])
		}
		b = b[size*dim:]
		return v
	})
}

// build returns an index of the data set's rows.
func build(t testing.TB, d *dataset, o hnsw.Options) *hnsw.Index {
	t.Helper()
	o.Dim, o.Metric = len(d.rows[0]), d.metric
	x := mustNew(t, o)
	if _, err := x.AddBatch(t.Context(), d.rows); err != nil {
		t.Fatal(err)
	}
	return x
}

func mustNew(t testing.TB, o hnsw.Options) *hnsw.Index {
	t.Helper()
	x, err := hnsw.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// searcher is an Index or a Sealed.
type searcher interface {
	SearchWith(ctx context.Context, query lode.Vector, o hnsw.SearchOptions) ([]index.Candidate, error)
}

// recall is the mean over the queries.
func (d *dataset) recall(t testing.TB, x searcher, o hnsw.SearchOptions) float64 {
	t.Helper()
	o.K = truthDepth
	var sum float64
	for i, q := range d.queries {
		got, err := x.SearchWith(t.Context(), q, o)
		if err != nil {
			t.Fatal(err)
		}
		sum += index.Recall(got, d.truth[i])
	}
	return sum / float64(len(d.queries))
}
