package ann

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/flat"
	"github.com/lodedb/lode/index/hnsw"
	"github.com/lodedb/lode/internal/report"
)

// FilterOptions shape a run of [Filters].
type FilterOptions struct {
	Command, Commit string
	Seed            uint64 // of filters, clusters and the graph
	Data            DataOptions
	K, Ef           int       // the defaults are 10 and 128, the product's
	Queries, Rounds int       // the defaults are 200 and 5
	Plan            hnsw.Plan // in place of the planner's choice: a control of the report's targets
	Log             *Log
}

// EnsureDefaults returns the options with zero fields set.
func (o FilterOptions) EnsureDefaults() FilterOptions {
	o.K, o.Ef = cmp.Or(o.K, 10), cmp.Or(o.Ef, 128)
	o.Queries, o.Rounds = cmp.Or(o.Queries, 200), cmp.Or(o.Rounds, 5)
	o.Data.MaxQueries = o.Queries
	return o
}

// filterRun is a run of [Filters] on its way.
type filterRun struct {
	o     FilterOptions
	d     *Dataset
	graph *hnsw.Sealed
	scan  *flat.Index
	cases []*filterCase
}

// filterCase is a kind of filter with one for every query, and what was measured.
type filterCase struct {
	name    string
	readers bool
	allow   []*index.Bitset
	truth   [][]index.Candidate
	micros  map[string][][]float64 // by variant, query and round
	recall  map[string]float64
	full    int // answers of the planner with all rows that match
	answers int
	plans   map[hnsw.Plan]int
	begun   int // searches that began in the graph and were scanned
	errors  []float64
}

// The variants of a search that are measured beside the plans.
const (
	chosen       = "planner"
	unrestricted = "unrestricted"
)

func variants() []string {
	all := []string{chosen, unrestricted}
	for _, p := range hnsw.Plans() {
		all = append(all, string(p))
	}
	return all
}

// Filters measures searches under filters: every plan and the planner's choice, each query
// after the other, for filters at random and such that go with the place of rows. Every
// answer is held against an exact scan of full vectors.
func Filters(ctx context.Context, o FilterOptions) (*FilterReport, error) {
	o = o.EnsureDefaults()
	r := &filterRun{o: o}
	var err error
	if r.d, err = Load(ctx, o.Data, o.Log); err != nil {
		return nil, err
	}
	if err := r.d.removeFiles(); err != nil { // no engine reads them
		return nil, err
	}
	if err := r.build(ctx); err != nil {
		return nil, err
	}
	r.draw()
	for _, c := range r.cases {
		if err := r.answer(ctx, c); err != nil {
			return nil, err
		}
	}
	for round := range o.Rounds + 1 {
		o.Log.Line("round %d of %d", round, o.Rounds)
		if err := r.round(ctx, round); err != nil {
			return nil, err
		}
	}
	return r.report(), nil
}

// build links the rows as the product does, and keeps them for exact scans.
func (r *filterRun) build(ctx context.Context) error {
	base := r.d.Base
	x, err := hnsw.New(hnsw.Options{Dim: base.Dim, Metric: r.d.Metric, Ef: r.o.Ef, Seed: r.o.Seed, Capacity: base.Rows})
	if err != nil {
		return err
	}
	if _, err := x.AddBatch(ctx, slices.Collect(base.each)); err != nil {
		return err
	}
	if r.graph, err = x.Freeze(); err != nil {
		return err
	}
	r.scan = flat.New(base.Dim, r.d.Metric)
	for row := range base.each {
		if _, err := r.scan.Add(row); err != nil {
			return err
		}
	}
	return x.Close()
}

// answer finds the right rows of every query of a case.
func (r *filterRun) answer(ctx context.Context, c *filterCase) error {
	r.o.Log.Sometimes("exact neighbours: %s", c.name)
	for q, allow := range c.allow {
		best, err := r.scan.Search(ctx, r.d.Queries.Row(q), r.o.K, allow)
		if err != nil {
			return err
		}
		c.truth = append(c.truth, best)
	}
	return nil
}

// chunk is how many queries of a variant follow each other, so that each finds the caches as
// another query has left them, as in a node.
const chunk = 20

// round searches the queries of every case, some at a time, by every variant, in an order
// drawn anew. The first round warms up and counts for nothing but what was learnt.
func (r *filterRun) round(ctx context.Context, round int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	rng := rand.New(rand.NewPCG(r.o.Seed, uint64(100+round)))
	for _, i := range rng.Perm(len(r.cases)) {
		for first := 0; first < len(r.cases[i].allow); first += chunk {
			if err := r.chunk(ctx, r.cases[i], first, rng, round); err != nil {
				return err
			}
		}
	}
	return nil
}

// chunk searches some queries of a case, from the first on.
func (r *filterRun) chunk(ctx context.Context, c *filterCase, first int, rng *rand.Rand, round int) error {
	all := variants()
	for _, v := range rng.Perm(len(all)) {
		for q := first; q < min(first+chunk, len(c.allow)); q++ {
			if err := r.measure(ctx, c, q, all[v], round); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure runs one search and keeps its CPU time and how good the answer is.
func (r *filterRun) measure(ctx context.Context, c *filterCase, q int, variant string, round int) error {
	var stats hnsw.Stats
	o := hnsw.SearchOptions{K: r.o.K, Ef: r.o.Ef, Allow: c.allow[q], Stats: &stats}
	switch variant {
	case unrestricted:
		o.Allow = nil
	case chosen:
		o.Plan = r.o.Plan
	default:
		o.Plan = hnsw.Plan(variant)
	}
	query := r.d.Queries.Row(q)
	before, err := threadTime()
	if err != nil {
		return err
	}
	got, err := r.graph.SearchWith(ctx, query, o)
	if err != nil {
		return err
	}
	after, err := threadTime()
	if err != nil || round == 0 {
		return err
	}
	if c.micros[variant] == nil {
		c.micros[variant] = make([][]float64, len(c.allow))
	}
	c.micros[variant][q] = append(c.micros[variant][q], float64(after-before)/1e3)
	want := c.truth[q]
	if variant == unrestricted {
		want = r.nearestOf(q)
	}
	c.recall[variant] += index.Recall(got, want) / float64(len(c.allow)*r.o.Rounds)
	if variant == chosen {
		c.note(got, c.truth[q], stats)
	}
	return nil
}

// nearestOf are the right answers to a query without filter.
func (r *filterRun) nearestOf(q int) []index.Candidate {
	want := make([]index.Candidate, r.o.K)
	for i, id := range r.d.Truth.Row(q)[:r.o.K] {
		want[i].Ordinal = id
	}
	return want
}

// note keeps what the planner did.
func (c *filterCase) note(got, want []index.Candidate, stats hnsw.Stats) {
	c.answers++
	if len(got) == len(want) {
		c.full++
	}
	c.plans[stats.Plan]++
	if stats.Switched {
		c.begun++
	}
	if stats.Expected > 0 && !stats.Switched {
		c.errors = append(c.errors, float64(stats.Nanos)/stats.Expected)
	}
}

// draw makes the filters of all cases.
func (r *filterRun) draw() {
	rng := rand.New(rand.NewPCG(r.o.Seed, 11))
	for _, percent := range []float64{50, 10, 1, 0.1, 0.01} {
		r.add(fmt.Sprintf("random %g %%", percent), false, func(int) *index.Bitset { return r.random(rng, percent) })
		k := int(100/percent + 0.5)
		clusters := cluster(r.d.Base, k, rng)
		of := func(pick func(q, own int) int) func(int) *index.Bitset {
			return func(q int) *index.Bitset { return clusters.bitset(pick(q, clusters.of[r.d.Truth.Row(q)[0]])) }
		}
		n := len(clusters.rows)
		r.add(fmt.Sprintf("own cluster of %d", k), false, of(func(_, own int) int { return own }))
		r.add(fmt.Sprintf("another cluster of %d", k), false, of(func(_, own int) int { return (own + 1 + rng.IntN(max(n-1, 1))) % n }))
		r.add(fmt.Sprintf("farthest cluster of %d", k), false, of(func(q, _ int) int { return clusters.farthest(r.d.Queries.Row(q)) }))
	}
	for _, percent := range []float64{1, 30, 70} {
		readers := r.random(rng, percent)
		r.add(fmt.Sprintf("readers %g %%", percent), true, func(int) *index.Bitset { return readers })
	}
}

func (r *filterRun) add(name string, readers bool, allow func(q int) *index.Bitset) {
	c := &filterCase{name: name, readers: readers, micros: map[string][][]float64{}, recall: map[string]float64{}, plans: map[hnsw.Plan]int{}}
	for q := range r.d.Queries.Rows {
		c.allow = append(c.allow, allow(q))
	}
	r.cases = append(r.cases, c)
}

// random lets exactly so many rows pass.
func (r *filterRun) random(rng *rand.Rand, percent float64) *index.Bitset {
	rows := r.d.Base.Rows
	b, n := index.NewBitset(rows), max(1, int(float64(rows)*percent/100+0.5))
	for left, o := n, 0; left > 0; o++ { // each row with the share of those that are left
		if rng.IntN(rows-o) < left {
			b.Set(uint32(o))
			left--
		}
	}
	return b
}

func (c *clustering) bitset(i int) *index.Bitset {
	b := index.NewBitset(len(c.of))
	for _, row := range c.rows[i] {
		b.Set(uint32(row))
	}
	return b
}

// head starts the report.
func (r *filterRun) head() report.Head {
	title := "Search under filters: " + r.d.Name
	return report.Head{
		Name: "filters", Title: title, Command: r.o.Command, Commit: r.o.Commit, Seed: r.o.Seed,
		Date: time.Now().UTC().Truncate(time.Second), Machine: report.ThisMachine(), Data: r.d.About.String(),
	}
}
