package hnsw

import (
	"context"
	"runtime"
	"slices"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
)

// Planner chooses the plans of searches with a filter.
func (x *Index) Planner() *Planner { return &x.plans }

// Planner is as [Index.Planner].
func (x *Sealed) Planner() *Planner { return &x.plans }

// Calibrate measures the costs of searches in this index, in a few milliseconds, whatever the
// planner goes by. Searches with a filter do it by themselves, once for every form of index:
// kind, dimension, size, sealed or growing. An index of fewer than 4096 rows is not worth it
// and has the [DefaultCosts].
func (x *Index) Calibrate() (CostModel, error) { return calibrate(x) }

// Calibrate is as [Index.Calibrate].
func (x *Sealed) Calibrate() (m CostModel, err error) {
	defer runtime.KeepAlive(x.memory)
	if fault := distance.Guard(func() { m, err = calibrate(x) }); fault != nil {
		return m, lode.Errorf(lode.CodeCorrupt, "calibrate sealed hnsw index: %w", fault)
	}
	return m, err
}

// How much is measured: the median of a few rounds, each of so many rows of a scan and of a
// walk as broad as usual.
const (
	calibrateRounds = 5
	calibrateRows   = 2048
	calibrateEf     = 128
	calibrateK      = 10
	calibrateShare  = 8 // one row of so many passes for two-hop expansion
)

// calibrate runs the steps of a search on rows of the index as queries.
func calibrate(g graph) (CostModel, error) {
	at := g.snapshot(nil)
	defer runtime.KeepAlive(at.state)
	rows := int(at.rows)
	usual := DefaultCosts(at.view.codes.Stride)
	if rows < measuredRows || at.entry == 0 {
		return usual, nil
	}
	s := g.borrow()
	c := calibration{s: s, f: at.filter, entry: at.entry, thin: index.NewBitset(rows)}
	c.f.deleted = nil
	for i := 0; i < rows; i += calibrateShare {
		c.thin.Set(uint32(i))
	}
	for round := range calibrateRounds {
		s.begin(at.view)
		if err := c.round(round * (rows / calibrateRounds)); err != nil {
			return usual, err // the searcher is dropped, as after every fault
		}
	}
	g.giveBack(s)
	return median(c.seen).clamped(usual), nil
}

// calibration is what the rounds have measured so far.
type calibration struct {
	s     *searcher
	f     filter
	entry uint64
	thin  *index.Bitset
	seen  []CostModel
}

// round measures once, with the row of an ordinal as query.
func (c *calibration) round(ordinal int) error {
	s, v := c.s, c.s.v
	s.target = append(s.target[:0], v.vector(uint32(ordinal))...)
	s.targetNorm = distance.Norm(s.target)
	if !(s.targetNorm <= longest) {
		clear(s.target)
	}
	if err := s.setQuery(v.z, s.target, v.codes); err != nil {
		return err
	}
	var m CostModel
	words := (int(c.f.rows) + 63) / 64
	m.Word = timed(func() { _ = s.eachOf(context.Background(), c.only(nil), 0, min(words, calibrateRows), func(int) {}) }) / float64(min(words, calibrateRows))
	m.Row.All = c.scanned(ordinal, 1, m.Word)
	m.Row.Eighth = c.scanned(ordinal, 8, m.Word)
	m.Row.Few = c.scanned(ordinal, 64, m.Word)
	if err := c.walked(&m); err != nil {
		return err
	}
	m.Rerank = c.reranked(ordinal)
	c.seen = append(c.seen, m)
	return nil
}

// only is the filter that lets the given rows pass, nil for none.
func (c *calibration) only(allow *index.Bitset) filter {
	f := c.f
	if f.allow = allow; allow == nil {
		f.allow = new(index.Bitset)
	}
	return f
}

// scanned times a row of a scan of one row in so many, from an ordinal on.
func (c *calibration) scanned(ordinal, every int, word float64) float64 {
	first := ordinal / 64
	end := min(first+calibrateRows*every/64, int(c.f.rows)/64)
	allow, n := index.NewBitset(64*end), 0
	for o := 64 * first; o < 64*end; o += every {
		allow.Set(uint32(o))
		n++
	}
	s, f, most := c.s, c.only(allow), index.NewTopK(calibrateK)
	s.estimates = s.estimates[:0]
	// A scan is long: most of its rows meet a threshold that others have set.
	_ = s.eachOf(context.Background(), c.only(c.thin), 0, min(first, calibrateRows), func(n int) { s.estimateRows(n, most, f) })
	_ = s.eachOf(context.Background(), c.only(c.thin), end, min(end+calibrateRows, int(c.f.rows)/64), func(n int) { s.estimateRows(n, most, f) })
	took := timed(func() {
		_ = s.eachOf(context.Background(), f, first, end, func(n int) { s.estimateRows(n, most, f) })
	})
	return (took - float64(end-first)*word) / float64(max(n, 1))
}

// walked times the descent, a walk over all rows, and two-hop expansion.
func (c *calibration) walked(m *CostModel) (err error) {
	s := c.s
	level, place := entryOf(c.entry)
	var at uint32
	var score float32
	m.Descend = timed(func() { at, score, err = s.descend(context.Background(), place, level, 0) })
	if err != nil {
		return err
	}
	s.Hops, s.Compared, s.Lists = 0, 0, 0
	m.Hop = timed(func() { err = s.traverse(context.Background(), 0, at, score, calibrateEf, 0) }) / float64(max(s.Hops, 1))
	if err != nil {
		return err
	}
	m.Met = float64(s.Compared) / float64(max(s.Hops, 1))
	q := filtered{task: task{k: calibrateK, ef: calibrateEf, matching: int(c.f.rows) / calibrateShare, rows: int(c.f.rows)}, filter: c.only(c.thin)}
	q.o.Plan = PlanTwoHop
	m.Test = timed(func() { s.nearShare(&q, calibrateEf, true) }) / float64(max(s.walk.Pool.Held(), 1))
	s.Compared = 0
	took := timed(func() { _, err = s.twoHop(context.Background(), &q) })
	m.List = (took - float64(s.Compared)*m.Hop/max(m.Met, 1)) / float64(max(s.Lists, 1))
	return err
}

// reranked times the comparison with a full vector, of rows far from each other.
func (c *calibration) reranked(ordinal int) float64 {
	s, best := c.s, index.NewTopK(calibrateK)
	const calls = 4
	took := timed(func() {
		for call := range calls {
			for i := range rerankBatch {
				s.ids[i] = uint32((ordinal + (call*rerankBatch+i)*7919) % int(c.f.rows))
			}
			s.offer(best, rerankBatch)
		}
	})
	return took / (calls * rerankBatch)
}

func timed(f func()) float64 {
	begun := time.Now()
	f()
	return float64(time.Since(begun).Nanoseconds())
}

// median takes the middle of every cost by itself.
func median(seen []CostModel) (m CostModel) {
	of := func(cost func(*CostModel) *float64) {
		values := make([]float64, len(seen))
		for i := range seen {
			values[i] = *cost(&seen[i])
		}
		slices.Sort(values)
		*cost(&m) = values[len(values)/2]
	}
	for _, cost := range costFields {
		of(cost)
	}
	return m
}
