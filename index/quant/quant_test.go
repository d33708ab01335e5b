package quant_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/quant"
)

// size is less under the race detector.
func size(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

func datasets(t *testing.T) []dataset {
	n, queries := size(5000), 20
	return []dataset{
		gaussian(1, 100, n, queries, lode.Cosine), gaussian(2, 384, n, queries, lode.L2),
		gaussian(3, 768, n, queries, lode.Dot), gaussian(4, 33, n, queries, lode.L2), structured(96, n, queries),
		real(t, "sift128", n, queries), real(t, "words100", n, queries),
	}
}

// At least 99.9 of 100 true scores lie within the bound, and the bound is no empty promise:
// it stays within a small multiple of the errors.
func TestBoundsHold(t *testing.T) {
	for _, d := range datasets(t) {
		for _, kind := range kinds {
			c := encode(t, d, kind, 1)
			q := c.z.Query()
			var beyond, all int
			var error2, bound2 float64
			for _, query := range d.queries {
				for i, estimate := range c.estimates(t, q, query) {
					miss := float64(estimate) - float64(exact(d.metric, query, d.base[i]))
					bound := float64(q.Bound(uint32(i), estimate))
					if all++; math.Abs(miss) > bound {
						beyond++
					}
					error2, bound2 = error2+miss*miss, bound2+bound*bound
				}
			}
			share := 100 * float64(beyond) / float64(all)
			ratio := math.Sqrt(bound2 / error2)
			t.Logf("%-8s %4d %-4s: %.4f %% of %d beyond the bound, which is %.1f deviations", d.name, len(d.base[0]), kind, share, all, ratio)
			if share > 0.1 {
				t.Errorf("%s %s: %.4f %% beyond the bound", d.name, kind, share)
			}
			if kind != quant.None && ratio > 6 {
				t.Errorf("%s %s: the bound is %.1f deviations", d.name, kind, ratio)
			}
		}
	}
}

// Over many rotations the errors of one pair cancel.
func TestEstimatesAreUnbiased(t *testing.T) {
	seeds := size(1500)
	d := gaussian(5, 64, 3, 1, lode.L2)
	for _, kind := range kinds[1:] {
		for i, v := range d.base {
			var sum, square float64
			for seed := range uint64(seeds) {
				c := encode(t, dataset{"", lode.L2, [][]float32{v}, d.queries}, kind, seed)
				// The center is the vector itself here, and nothing would be left of it.
				z, err := quant.New(quant.Options{Kind: kind, Dim: 64, Metric: lode.L2, Seed: seed})
				if err != nil {
					t.Fatal(err)
				}
				c.z = z
				if err := z.Encoder().Encode(c.data, v); err != nil {
					t.Fatal(err)
				}
				miss := float64(c.estimates(t, z.Query(), d.queries[0])[0]) - float64(exact(lode.L2, d.queries[0], v))
				sum, square = sum+miss, square+miss*miss
			}
			mean, deviation := sum/float64(seeds), math.Sqrt(square/float64(seeds))
			t.Logf("%s, vector %d: mean error %.4f, deviation %.4f", kind, i, mean, deviation)
			if math.Abs(mean) > 4*deviation/math.Sqrt(float64(seeds)) {
				t.Errorf("%s, vector %d: mean error %.3f with a deviation of %.3f", kind, i, mean, deviation)
			}
		}
	}
}

// The bound decides how many rows are looked at, and what comes out is what exact search
// finds.
func TestRecall(t *testing.T) {
	const k = 10
	for _, d := range []dataset{real(t, "sift128", size(20000), 40), real(t, "words100", size(20000), 40), gaussian(6, 768, size(5000), 20, lode.Cosine)} {
		t.Logf("%s, %d × %d: kind, bytes a row, recall@10 of codes alone, with exact re-ranking, rows re-ranked (mean, largest)", d.name, len(d.base), len(d.base[0]))
		truth := make([][]uint32, len(d.queries))
		for i, query := range d.queries {
			truth[i] = d.truth(query, k)
		}
		for _, kind := range kinds {
			c := encode(t, d, kind, 1)
			q := c.z.Query()
			var alone, reranked float64
			var touched, most int
			for i, query := range d.queries {
				all := c.candidates(q, c.estimates(t, q, query))
				alone += overlap(truth[i], nearest(all, k)) / float64(len(d.queries))
				best, looked := quant.Rerank(k, all, func(id uint32) float32 { return exact(d.metric, query, d.base[id]) })
				ids := make([]uint32, len(best))
				for j, b := range best {
					ids[j] = b.ID
				}
				reranked += overlap(truth[i], ids) / float64(len(d.queries))
				touched, most = touched+looked, max(most, looked)
			}
			t.Logf("  %-4s %5d  %.4f  %.4f  %6.1f %5d", kind, c.z.Size(), alone, reranked, float64(touched)/float64(len(d.queries)), most)
			if reranked < 0.995 {
				t.Errorf("%s %s: recall@10 is %.4f after re-ranking", d.name, kind, reranked)
			}
			if kind == quant.None && touched > 11*len(d.queries)+5 {
				t.Errorf("%s: %d rows re-ranked though scores are exact", d.name, touched)
			}
		}
	}
}

func overlap(want, got []uint32) float64 {
	found := map[uint32]bool{}
	for _, id := range got {
		found[id] = true
	}
	n := 0
	for _, id := range want {
		if found[id] {
			n++
		}
	}
	return float64(n) / float64(len(want))
}

func TestOddVectors(t *testing.T) {
	for _, kind := range kinds {
		for _, metric := range []lode.Metric{lode.L2, lode.Dot} {
			for _, dim := range []int{1, 2, 3, 15, 63, 64, 65, 200} {
				rng := rand.New(rand.NewPCG(uint64(dim), 2))
				d := gaussian(9, dim, 2, 1, metric)
				for _, scale := range []float32{0, 1e-44, 1e-30, 1e-10, 1, 1e10, 1e15} {
					constant, spike := make([]float32, dim), make([]float32, dim)
					for i := range constant {
						constant[i] = scale
					}
					spike[rng.IntN(dim)] = -scale
					d.base = append(d.base, constant, spike)
				}
				for _, query := range append(d.base, d.queries...) {
					c := encode(t, d, kind, 3)
					q := c.z.Query()
					for i, estimate := range c.estimates(t, q, query) {
						want := exact(metric, query, d.base[i])
						miss := math.Abs(float64(estimate) - float64(want))
						// Single pairs may be beyond; by far is another thing.
						if bound := float64(q.Bound(uint32(i), estimate)); !(miss <= 2*bound) {
							t.Fatalf("%s %s of dim %d, row %d: %v for %v, bound %v", kind, metric, dim, i, estimate, want, bound)
						}
					}
				}
			}
		}
	}
}

func TestRerank(t *testing.T) {
	exactly := func(scores ...float32) func(uint32) float32 {
		return func(id uint32) float32 { return scores[id] }
	}
	all := func() []quant.Candidate {
		return []quant.Candidate{{0, 5, 1}, {1, 1, 1}, {2, 3, 3}, {3, 9, 0.5}, {4, 2, 0.5}}
	}
	best, touched := quant.Rerank(2, all(), exactly(5, 1.5, 0.5, 9, 2))
	if len(best) != 2 || best[0].ID != 2 || best[1].ID != 1 || best[1].Score != 1.5 || best[1].Bound != 0 {
		t.Errorf("got %v", best)
	}
	if touched != 3 && touched != 2 {
		t.Errorf("looked at %d rows", touched)
	}
	if best, touched := quant.Rerank(9, all(), exactly(5, 1, 3, 9, 2)); len(best) != 5 || touched != 5 || best[4].ID != 3 {
		t.Errorf("fewer than k: %v, %d", best, touched)
	}
	if best, touched := quant.Rerank(0, all(), nil); len(best) != 0 || touched != 0 {
		t.Errorf("k 0: %v", best)
	}
	// Equal scores come by id.
	if best, _ := quant.Rerank(1, []quant.Candidate{{7, 1, 0}, {3, 1, 0}}, func(uint32) float32 { return 1 }); best[0].ID != 3 {
		t.Errorf("equal scores: %v", best)
	}
}
