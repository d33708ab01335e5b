package collection

import (
	"context"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	lexical "github.com/lodedb/lode/index/bm25/segment"
	"github.com/lodedb/lode/index/flat"
	"github.com/lodedb/lode/index/sparse"
	"github.com/lodedb/lode/storage"
)

// TestCheckCatches is the negative control of the checks that end every other test: each
// damage to the in-memory state is reported.
func TestCheckCatches(t *testing.T) {
	ctx, p := context.Background(), lode.AllSeeing("test")
	for want, damage := range map[string]func(*collection){
		"is not searched":            func(c *collection) { c.segment.hide(2) },
		"searchable but not in":      func(c *collection) { _ = c.segment.show(stranger()) },
		"with other metadata":        func(c *collection) { describe(c, func(d *lode.Document) { d.Readers = []string{"x"} }) },
		"is searched as version":     func(c *collection) { describe(c, func(d *lode.Document) { d.Current++ }) },
		"the numbers are":            func(c *collection) { c.segment.stats.Vectors++ },
		"rows are searchable":        func(c *collection) { e := *c.segment.docs.find(1); e.rows++; c.segment.docs.replace(&e) },
		"has another vector":         func(c *collection) { c.segment.parts[0].vectors = otherVectors() },
		"index of its vectors has 0": func(c *collection) { c.segment.parts[0].vectors = flat.New(2, lode.Dot) },
		"and 1 by their vectors":     func(c *collection) { c.segment.parts[0].hide(0, 1) },
		"is found by other metadata": func(c *collection) {
			c.segment.parts[0].columns = columns{}
			c.segment.parts[0].columns.add(&entry{doc: &lode.Document{}, rows: 2}, 0)
		},
		"is not where its document":       func(c *collection) { c.segment.rows[0].id = 99 },
		`another vector in space "title"`: func(c *collection) { c.segment.parts[0].spaces[0].flat = otherVectors() },
		`other vector in space "title"`:   func(c *collection) { c.segment.parts[0].spaces[0] = nil },
		`another vector in space "words"`: func(c *collection) { c.segment.sparse = otherSparse() },
		`index of space "words" has 0`:    func(c *collection) { c.segment.sparse = []index.Sparse{nil, sparse.New()} },
		"is in storage but not in mem":    nil,
	} {
		t.Run(want, func(t *testing.T) {
			store, err := storage.Open(t.TempDir(), storage.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			e, err := New(store, Options{
				NewDense:    func(dim int, m lode.Metric) index.Dense { return flat.New(dim, m) },
				NewSparse:   func() index.Sparse { return sparse.New() },
				Fingerprint: func(lode.Collection) (string, error) { return "f", nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			entries := uint64(0)
			e.SetProposer(func(_ context.Context, data []byte) (any, error) {
				entries++
				return e.Apply([]Entry{{Index: entries, Term: 1, Data: data}})[0], nil
			})
			if err := e.Init(ctx, "c", make([]byte, 16)); err != nil {
				t.Fatal(err)
			}
			settings := lode.Collection{Name: "c", Metric: lode.Dot, Embedder: lode.EmbedderConfig{Provider: lode.ProviderNone, Dim: 2},
				Vectors: []lode.VectorSpace{{Name: "title", Dim: 2}, {Name: "words", Sparse: true}}}
			if _, err := e.CreateCollection(ctx, p, lode.Write{}, settings); err != nil {
				t.Fatal(err)
			}
			points := []lode.Point{{ID: "a", Vector: lode.Vector{1, 2}, Vectors: map[string]lode.Vector{"title": {5, 6}},
				Sparse: map[string]lode.SparseVector{"words": {Indices: []uint32{1}, Values: []float32{2}}}}, {ID: "b", Vector: lode.Vector{3, 4}}}
			if _, _, err := e.PutPoints(ctx, p, lode.Write{}, "c", points); err != nil {
				t.Fatal(err)
			}
			var reports []string
			report := func(where, what string) { reports = append(reports, where+" "+what) }
			if err := e.Check(ctx, report); err != nil || len(reports) != 0 {
				t.Fatalf("before the damage: %v, %q", err, reports)
			}
			if damage == nil {
				e.catalog.Store(newCatalog())
			} else {
				c := e.catalog.Load().byName["c"]
				damage(c)
				if err := c.publish(); err != nil {
					t.Fatal(err)
				}
			}
			if err := e.Check(ctx, report); err != nil || !strings.Contains(strings.Join(reports, "\n"), want) {
				t.Errorf("reported: %v, %q", err, reports)
			}
		})
	}
}

func stranger() *version {
	return &version{doc: &lode.Document{No: 9}, first: 9, rows: 1, words: []lexical.Row{nil}, vectors: []lode.Vector{{1, 1}}}
}

func describe(c *collection, change func(*lode.Document)) {
	doc := *c.segment.docs.find(1).doc
	change(&doc)
	c.segment.describe(&doc, nil)
}

func otherSparse() []index.Sparse {
	x := sparse.New()
	for range 2 {
		_, _ = x.Add(lode.SparseVector{Indices: []uint32{1}, Values: []float32{3}})
	}
	return []index.Sparse{nil, x}
}

func otherVectors() index.Dense {
	x := flat.New(2, lode.Dot)
	for range 2 {
		_, _ = x.Add(lode.Vector{7, 7})
	}
	return x
}
