package hnsw_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/hnsw"
	"github.com/lodedb/lode/index/quant"
)

var allPlans = append([]hnsw.Plan{hnsw.Auto}, hnsw.Plans()...)

// planned is a graph in both forms, with a model of costs that makes walks attractive, so
// that a few thousand rows exercise them.
func planned(t *testing.T, d *dataset, o hnsw.Options) map[string]planning {
	t.Helper()
	x := build(t, d, o)
	sealed, err := x.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string]planning{"growing": x, "sealed": sealed}
	for _, f := range forms {
		f.Planner().SetModel(cheapWalks())
		f.Planner().SetLearning(false)
	}
	return forms
}

type planning interface {
	searcher
	Planner() *hnsw.Planner
	Calibrate() (hnsw.CostModel, error)
}

func cheapWalks() *hnsw.CostModel {
	m := hnsw.DefaultCosts(64)
	m.Row = hnsw.Density{All: 300, Eighth: 300, Few: 300}
	m.List = 20
	return &m
}

// bitmaps are filters of all sorts: none, one, all, random, ranges, and what is near to or far
// from a query.
func bitmaps(d *dataset, rng *rand.Rand, query lode.Vector) map[string]*index.Bitset {
	n := len(d.rows)
	order := make([]uint32, n)
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int {
		return int(math.Copysign(1, cosine(d.rows[b], query)-cosine(d.rows[a], query)))
	})
	of := func(ordinals []uint32) *index.Bitset {
		b := index.NewBitset(n)
		for _, o := range ordinals {
			b.Set(o)
		}
		return b
	}
	all := map[string]*index.Bitset{
		"none": of(nil), "one": of(order[n/2 : n/2+1]), "all": of(order), "nearest": of(order[:n/4]),
		"farthest": of(order[n-n/3:]), "all but the nearest": of(order[n/10:]), "short": index.NewBitset(3),
	}
	all["short"].SetAll()
	for _, share := range []float64{0.003, 0.05, 0.3, 0.7} {
		b := index.NewBitset(n + 100) // longer than the index, too
		for o := range uint32(n + 100) {
			if rng.Float64() < share {
				b.Set(o)
			}
		}
		all[fmt.Sprintf("random %g", share)] = b
	}
	return all
}

func cosine(a, b lode.Vector) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab, aa, bb = ab+float64(a[i]*b[i]), aa+float64(a[i]*a[i]), bb+float64(b[i]*b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

// Every plan answers with allowed rows only, their exact scores, and k of them whenever k
// match, and tells consistently what it did.
func TestPlans(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	t.Logf("random seed %d", seed)
	d := clustered(t, 2000, 24, 12)
	for _, kind := range []quant.Kind{quant.None, quant.Int8, quant.Int4} {
		for form, x := range planned(t, d, hnsw.Options{Kind: kind, M: 8, EfConstruction: 60, Ef: 40}) {
			for q := range 2 {
				query := d.queries[q]
				for name, allow := range bitmaps(d, rng, query) {
					exact := scores(t, x, query, allow, len(d.rows))
					for _, plan := range allPlans {
						for _, k := range []int{1, 10, 60} {
							var stats hnsw.Stats
							got, err := x.SearchWith(t.Context(), query, hnsw.SearchOptions{K: k, Allow: allow, Plan: plan, Stats: &stats})
							if err != nil || len(got) != min(k, len(exact)) {
								t.Fatalf("%s, %s, %s, plan %q, k %d: %d of %d rows, error %v", kind, form, name, plan, k, len(got), len(exact), err)
							}
							checkOrder(t, got, allow.Has)
							for _, c := range got {
								if exact[c.Ordinal] != c.Score {
									t.Fatalf("%s, %s, plan %q: row %d has score %v, not %v", kind, name, plan, c.Ordinal, c.Score, exact[c.Ordinal])
								}
							}
							checkStats(t, stats, plan, len(exact))
						}
					}
				}
			}
		}
	}
}

// scores are the exact ones of all allowed rows.
func scores(t *testing.T, x searcher, query lode.Vector, allow *index.Bitset, n int) map[uint32]float32 {
	t.Helper()
	all, err := x.SearchWith(t.Context(), query, hnsw.SearchOptions{K: n, Exact: true, Allow: allow})
	if err != nil {
		t.Fatal(err)
	}
	m := map[uint32]float32{}
	for _, c := range all {
		m[c.Ordinal] = c.Score
	}
	return m
}

func checkStats(t *testing.T, s hnsw.Stats, asked hnsw.Plan, matching int) {
	t.Helper()
	if matching == 0 {
		if s != (hnsw.Stats{}) {
			t.Fatalf("nothing matches: %+v", s)
		}
		return
	}
	p := s.Predicted
	switch {
	case s.Allowed != matching || s.Plan == "" || s.Nanos <= 0 || s.Expected <= 0:
	case !(p.Scan > 0) || !(p.Traverse > 0) || !(p.TwoHop > 0):
	case s.Scanned != (s.Plan == hnsw.PlanScan) && !s.Switched:
	case s.Switched && (!s.Scanned || s.Hops == 0):
	case asked != hnsw.Auto && s.Plan != asked && !s.Switched:
	case s.Plan == hnsw.PlanScan && !s.Switched && (s.Compared != matching || s.Hops != 0):
	case s.Near < 0 || s.Near > 1 || s.Plan != hnsw.PlanScan && s.Near == 0:
	default:
		return
	}
	t.Fatalf("plan %q, %d rows match: %+v", asked, matching, s)
}

// Every plan finds most of the right rows where half of all pass at random, and the planner
// does under every filter.
func TestPlansRecall(t *testing.T) {
	d := clustered(t, 4000, 32, 12)
	rng := rand.New(rand.NewPCG(8, 9))
	for form, x := range planned(t, d, hnsw.Options{EfConstruction: 80, Ef: 64}) {
		found := map[string]float64{}
		const queries = 25
		for _, query := range d.queries[:queries] {
			for name, allow := range bitmaps(d, rng, query) {
				want, err := x.SearchWith(t.Context(), query, hnsw.SearchOptions{K: 10, Exact: true, Allow: allow})
				if err != nil {
					t.Fatal(err)
				}
				for _, plan := range allPlans {
					got, err := x.SearchWith(t.Context(), query, hnsw.SearchOptions{K: 10, Allow: allow, Plan: plan})
					if err != nil {
						t.Fatal(err)
					}
					found[name+" by "+string(plan)] += index.Recall(got, want) / queries
				}
			}
		}
		for what, recall := range found {
			planner, easy := strings.HasSuffix(what, " by "), strings.HasPrefix(what, "random 0.3") || strings.HasPrefix(what, "random 0.7")
			if (planner || easy) && recall < 0.96 {
				t.Errorf("%s: recall of %s is %.3f", form, what, recall)
			}
		}
	}
}

// A walk that starves is given up for a scan, soon: what it cost is a small share of what the
// scan did. Told to go on, it does, which is the control.
func TestSwitch(t *testing.T) {
	d := clustered(t, 6000, 32, 4)
	for form, x := range planned(t, d, hnsw.Options{EfConstruction: 60, Ef: 64}) {
		m := cheapWalks()
		m.Row = hnsw.Density{All: 30, Eighth: 30, Few: 30}
		x.Planner().SetModel(m)
		switched := 0
		for _, query := range d.queries[:20] {
			far := bitmaps(d, rand.New(rand.NewPCG(1, 2)), query)["farthest"]
			var stats hnsw.Stats
			if _, err := x.SearchWith(t.Context(), query, hnsw.SearchOptions{K: 10, Allow: far, Stats: &stats}); err != nil {
				t.Fatal(err)
			}
			if stats.Switched {
				switched++
				if waste := stats.Compared - far.Count(); waste > far.Count() {
					t.Errorf("%s: %d rows were compared before a scan of %d", form, waste, far.Count())
				}
			}
			if _, err := x.SearchWith(t.Context(), query, hnsw.SearchOptions{K: 10, Allow: far, Plan: hnsw.PlanTraverse, Stats: &stats}); err != nil {
				t.Fatal(err)
			}
			if stats.Plan != hnsw.PlanTraverse && !stats.Switched {
				t.Errorf("%s: a walk that was asked for did not go on: %+v", form, stats)
			}
		}
		if switched == 0 {
			t.Errorf("%s: no walk was given up", form)
		}
	}
}

func TestBadPlan(t *testing.T) {
	x := mustNew(t, hnsw.Options{Dim: 3})
	if _, err := x.SearchWith(t.Context(), lode.Vector{1, 2, 3}, hnsw.SearchOptions{K: 1, Plan: "guess"}); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("a plan that there is not: %v", err)
	}
}
