package hnsw_test

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
	"github.com/lodedb/lode/index/hnsw"
)

// TestModel inserts, deletes and searches at random beside a plain map. Exact searches must
// agree with the map; others must answer with living rows and true scores, and find most.
func TestModel(t *testing.T) {
	operations := 8000
	if os.Getenv("LODE_LONG") != "" {
		operations = 100_000
	}
	traversed := 0
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			seed := rand.Uint64()
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("random seed %d", seed)
				}
			})
			m := &model{t: t, rng: rand.New(rand.NewPCG(seed, 0)), rows: map[uint32]lode.Vector{}}
			m.x = mustNew(t, hnsw.Options{Dim: 24, Metric: lode.L2, Kind: kind, M: 8, EfConstruction: 40, Seed: seed})
			for range operations / len(kinds) {
				m.step()
			}
			traversed += m.traversed
			if share := float64(m.found) / float64(max(1, m.right)); share < 0.9 {
				t.Errorf("searches found %.3f of the right rows", share)
			} else {
				t.Logf("%d rows, %d alive, searches found %.3f", m.x.Len(), len(m.rows), share)
			}
		})
	}
	if traversed == 0 {
		t.Error("no search went through a graph")
	}
}

type model struct {
	t            *testing.T
	rng          *rand.Rand
	x            *hnsw.Index
	rows         map[uint32]lode.Vector // alive
	next         uint32
	found, right int
	stats        hnsw.Stats
	traversed    int // searches that went through the graph
}

func (m *model) step() {
	switch n := m.rng.IntN(100); {
	case n < 40:
		m.add(1)
	case n < 43:
		m.add(1 + m.rng.IntN(30))
	case n < 60:
		m.remove()
	case n < 61 && m.rng.IntN(10) == 0:
		m.compact()
	default:
		m.search()
	}
}

// vector is sometimes one that is there already, and sometimes too long for codes.
func (m *model) vector() lode.Vector {
	if v, ok := m.rows[uint32(m.rng.IntN(int(m.next)+1))]; ok && m.rng.IntN(10) == 0 {
		return v
	}
	v := gaussian(m.rng, 24)
	if m.rng.IntN(300) == 0 {
		v[3] = 1e25
	}
	return v
}

func (m *model) add(n int) {
	vectors := many(n, m.vector)
	var first uint32
	var err error
	if n == 1 {
		first, err = m.x.Add(vectors[0])
	} else {
		first, err = m.x.AddBatch(m.t.Context(), vectors)
	}
	if err != nil || first != m.next {
		m.t.Fatalf("added as %d, error %v, want %d", first, err, m.next)
	}
	for i, v := range vectors {
		m.rows[first+uint32(i)] = v
	}
	m.next += uint32(n)
}

func (m *model) remove() {
	o := uint32(m.rng.IntN(int(m.next) + 3)) // some do not exist
	m.x.Delete(o, o)
	delete(m.rows, o)
	if m.x.Len() != int(m.next) || m.x.Deleted() != int(m.next)-len(m.rows) {
		m.t.Fatalf("%d rows, %d deleted, want %d and %d", m.x.Len(), m.x.Deleted(), m.next, int(m.next)-len(m.rows))
	}
}

func (m *model) compact() {
	keep := index.NewBitset(int(m.next))
	for o := range m.rows {
		keep.Set(o)
	}
	m.x = m.x.Compact(keep).(*hnsw.Index)
	fresh := map[uint32]lode.Vector{}
	m.next = 0
	keep.Each(func(o uint32) bool {
		fresh[m.next] = m.rows[o]
		m.next++
		return true
	})
	m.rows = fresh
}

func (m *model) search() {
	query := m.vector()
	var allow *index.Bitset
	if m.rng.IntN(2) == 0 {
		allow = index.NewBitset(int(m.next))
		share := m.rng.Float64()
		for o := range m.next {
			if m.rng.Float64() < share {
				allow.Set(o)
			}
		}
	}
	var all []index.Candidate
	for o, v := range m.rows {
		if allow == nil || allow.Has(o) {
			score := -distance.L2SquaredExact(query, v)
			all = append(all, index.Candidate{Ordinal: o, Score: float32(max(score, -1e38)) + 0})
		}
	}
	slices.SortFunc(all, func(a, b index.Candidate) int {
		if a.Better(b) {
			return -1
		}
		return 1
	})
	o := hnsw.SearchOptions{K: 1 + m.rng.IntN(8), Ef: 8 + int(m.next)/150, Allow: allow, Exact: m.rng.IntN(2) == 0, Stats: &m.stats}
	got, err := m.x.SearchWith(m.t.Context(), query, o)
	want := all[:min(o.K, len(all))]
	if err != nil || len(got) != len(want) {
		m.t.Fatalf("%d rows, want %d, error %v", len(got), len(want), err)
	}
	for i, c := range got {
		if v, ok := m.rows[c.Ordinal]; !ok || allow != nil && !allow.Has(c.Ordinal) || max(c.Score, -1e38) != float32(max(-distance.L2SquaredExact(query, v), -1e38))+0 {
			m.t.Fatalf("place %d of %d: %v, alive %v", i, len(got), c, ok)
		}
		if o.Exact && max(c.Score, -1e38) != want[i].Score {
			m.t.Fatalf("place %d of an exact search: %v, want %v", i, c, want[i])
		}
	}
	if !o.Exact && !m.stats.Scanned {
		m.traversed++
	}
	m.right += len(want)
	m.found += int(index.Recall(got, want)*float64(len(want)) + 0.5)
}

// Writers beside readers: batches, single rows and deletes while searches run, with the
// kernels in Go, whose memory accesses the race detector sees, and with the fastest.
func TestWritersBesideReaders(t *testing.T) {
	for _, kernel := range []string{"go", ""} {
		if err := distance.Force(kernel); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = distance.Force("") })
		d := clustered(t, 1200, 20, 12)
		x := mustNew(t, hnsw.Options{Dim: 20, M: 6, EfConstruction: 20, Threads: 3})
		var stop atomic.Bool
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() { readAlong(t, x, d, &stop, i) })
		}
		wg.Go(func() {
			for i := range 1500 {
				x.Delete(uint32(i * 3 % 1200))
			}
		})
		for i := 0; i < len(d.rows); i += 100 {
			if _, err := x.AddBatch(t.Context(), d.rows[i:i+90]); err != nil {
				t.Error(err)
			}
			for _, v := range d.rows[i+90 : i+100] {
				if _, err := x.Add(v); err != nil {
					t.Error(err)
				}
			}
		}
		stop.Store(true)
		wg.Wait()
		if x.Len() != len(d.rows) {
			t.Errorf("%d rows", x.Len())
		}
	}
}

func readAlong(t *testing.T, x *hnsw.Index, d *dataset, stop *atomic.Bool, i int) {
	for n := i; !stop.Load(); n++ {
		before := x.Len()
		got, err := x.SearchWith(context.Background(), d.queries[n%len(d.queries)], hnsw.SearchOptions{K: 10, Ef: 10})
		if err != nil {
			t.Error(err)
			return
		}
		for _, c := range got {
			if int(c.Ordinal) >= x.Len() || len(x.Vector(c.Ordinal)) != 20 {
				t.Errorf("answer %v of %d rows", c, x.Len())
				return
			}
		}
		if n%50 == 0 {
			if sealed, err := x.Freeze(); err != nil || sealed.Len() < before {
				t.Errorf("sealed beside a writer: error %v", err)
				return
			}
		}
	}
}
