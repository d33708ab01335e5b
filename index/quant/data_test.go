package quant_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/distance"
	"github.com/lodedb/lode/index/quant"
	"github.com/lodedb/lode/internal/testdata"
)

var kinds = []quant.Kind{quant.None, quant.Int8, quant.Int4, quant.Bit1}

// dataset is vectors and queries that are compared by a metric.
type dataset struct {
	name          string
	metric        lode.Metric
	base, queries [][]float32
}

func gaussian(seed uint64, dim, n, queries int, metric lode.Metric) dataset {
	rng := rand.New(rand.NewPCG(seed, 7))
	draw := func() []float32 {
		v := make([]float32, dim)
		for i := range v {
			v[i] = float32(rng.NormFloat64() + 0.3)
		}
		if metric == lode.Cosine {
			normalise(v)
		}
		return v
	}
	d := dataset{name: "gaussian", metric: metric}
	for range n {
		d.base = append(d.base, draw())
	}
	for range queries {
		d.queries = append(d.queries, draw())
	}
	return d
}

// structured vectors are what roundings like least: few distinct values, most places alike,
// some places fifty times the others.
func structured(dim, n, queries int) dataset {
	rng := rand.New(rand.NewPCG(10, 7))
	d := dataset{name: "odd", metric: lode.L2}
	for i := range n + queries {
		v := make([]float32, dim)
		for j := range v {
			if v[j] = 1; rng.IntN(10) == 0 {
				v[j] = 3
			}
		}
		v[3], v[i%dim] = 50, 80
		if i < n {
			d.base = append(d.base, v)
		} else {
			d.queries = append(d.queries, v)
		}
	}
	return d
}

func normalise(v []float32) {
	n := distance.Norm(v)
	for i := range v {
		v[i] = float32(float64(v[i]) / n)
	}
}

// real reads the first rows of the test data's vectors.
func real(t *testing.T, name string, n, queries int) dataset {
	t.Helper()
	dir := filepath.Join(testdata.Dir(t), "vectors", name)
	if name == "sift128" {
		return dataset{name, lode.L2, read(t, filepath.Join(dir, "base.u8bin"), 1, n), read(t, filepath.Join(dir, "query.u8bin"), 1, queries)}
	}
	d := dataset{name, lode.Cosine, read(t, filepath.Join(dir, "base.f16bin"), 2, n), read(t, filepath.Join(dir, "query.f16bin"), 2, queries)}
	for _, v := range slices.Concat(d.base, d.queries) {
		normalise(v)
	}
	return d
}

func read(t *testing.T, path string, size, n int) [][]float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, columns := int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
	b = b[8:]
	if rows < n || len(b) != rows*columns*size {
		t.Fatalf("%s: %d bytes for %d × %d", path, len(b), rows, columns)
	}
	out := make([][]float32, n)
	for i := range out {
		out[i] = make([]float32, columns)
		for j := range columns {
			at := b[(i*columns+j)*size:]
			if size == 1 {
				out[i][j] = float32(at[0])
			} else {
				out[i][j] = half(binary.LittleEndian.Uint16(at))
			}
		}
	}
	return out
}

func half(h uint16) float32 {
	v := math.Ldexp(float64(h&0x3ff|0x400), int(h>>10&31)-25)
	if h>>10&31 == 0 {
		v = math.Ldexp(float64(h&0x3ff), -24)
	}
	if h&0x8000 != 0 {
		v = -v
	}
	return float32(v)
}

func exact(metric lode.Metric, x, y []float32) float32 {
	if metric == lode.L2 {
		return float32(distance.L2SquaredExact(x, y))
	}
	return float32(-distance.DotExact(x, y))
}

// coded is a dataset in rows.
type coded struct {
	dataset
	z    *quant.Quantizer
	data []byte
}

func encode(t *testing.T, d dataset, kind quant.Kind, seed uint64) coded {
	t.Helper()
	z, err := quant.New(quant.Options{
		Kind: kind, Dim: len(d.base[0]), Metric: d.metric, Seed: seed, Center: quant.Mean(d.base[:min(500, len(d.base))]...),
	})
	if err != nil {
		t.Fatal(err)
	}
	c := coded{d, z, make([]byte, z.Stride()*len(d.base))}
	e := z.Encoder()
	for i, v := range d.base {
		if err := e.Encode(c.data[i*z.Stride():], v); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// estimates scores all rows against a query.
func (c coded) estimates(t *testing.T, q *quant.Query, query []float32) []float32 {
	t.Helper()
	if err := q.Set(query); err != nil {
		t.Fatal(err)
	}
	q.SetRows(c.data, c.z.Stride())
	scores := make([]float32, len(c.base))
	q.Scorer().ScanScores(scores, 0)
	return scores
}

func (c coded) candidates(q *quant.Query, scores []float32) []quant.Candidate {
	out := make([]quant.Candidate, len(scores))
	for i, s := range scores {
		out[i] = quant.Candidate{ID: uint32(i), Score: s, Bound: q.Bound(uint32(i), s)}
	}
	return out
}

// truth is the ids of the k nearest rows.
func (d dataset) truth(query []float32, k int) []uint32 {
	all := make([]quant.Candidate, len(d.base))
	for i, v := range d.base {
		all[i] = quant.Candidate{ID: uint32(i), Score: exact(d.metric, query, v)}
	}
	return nearest(all, k)
}

func nearest(all []quant.Candidate, k int) []uint32 {
	best, _ := quant.Rerank(k, slices.Clone(all), func(id uint32) float32 { return all[id].Score })
	ids := make([]uint32, len(best))
	for i, c := range best {
		ids[i] = c.ID
	}
	return ids
}
