package ann

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/lodedb/lode/internal/report"
)

// engine is one configuration of an engine in a run, with its process while it has one.
type engine struct {
	command Command
	config  Config
	result  *Result
	peer    *Peer
	failed  bool
	sweep   []*sample
	threads map[int]*sample // of concurrent searches
	batches map[int]*sample // of all queries in one call
}

// sample collects what is measured of one ef.
type sample struct {
	ef, repeat int
	batch      int // 1: all queries in one call
	recall     float64
	qps, wall  []float64 // of each round, of CPU time and of the clock on the wall
	nanos      []int64
}

func (e *engine) close() {
	if e.peer != nil {
		e.peer.Close()
		e.peer = nil
	}
}

// build builds the index for the searches, with the first number of threads where it is
// compared and as fast as can be elsewhere. A default of Lode is built with the other
// numbers too, to see how builds scale.
func (r *run) build(e *engine) error {
	threads := r.Builds[0]
	if !slices.Contains(r.BuildAlone, e.result.Engine) {
		threads = len(r.cpus)
	}
	if !e.config.BuildThreads {
		threads = 1
	}
	var err error
	if e.peer, err = r.buildOne(e, threads); err != nil {
		return err
	}
	if e.result.Engine == lodeEngine && e.result.Default {
		for _, threads := range r.Builds[1:] {
			other, err := r.buildOne(e, threads)
			if err != nil {
				return err
			}
			other.Close()
		}
	}
	return pin(e.peer.pid(), r.pinned(1))
}

func (r *run) buildOne(e *engine, threads int) (*Peer, error) {
	peer, err := StartPeer(r.ctx, e.command, r.pinned(threads))
	if err != nil {
		return nil, err
	}
	r.Log.Line("building %s with %d threads", e.result.Name(), threads)
	b, err := r.index(peer, e, threads)
	if err != nil {
		peer.Close()
		return nil, err
	}
	e.result.Builds = append(e.result.Builds, b)
	r.Log.Line("built %s in %.1f s, %.1f s of CPU, %.0f MB resident", e.result.Name(), b.WallSeconds, b.CPUSeconds, b.ResidentMB)
	return peer, nil
}

// index has an engine load the data and build its index.
func (r *run) index(peer *Peer, e *engine, threads int) (b Build, err error) {
	var loaded Loaded
	if err := peer.call(loadTimeout, &loaded, "load", "base", r.data.baseFile, "queries", r.data.queryFile, "metric", r.data.Metric); err != nil {
		return b, err
	}
	if want := (Loaded{r.data.Base.Rows, r.data.Base.Dim, r.data.Queries.Rows}); loaded != want {
		return b, fmt.Errorf("load: it read %+v, the data is %+v", loaded, want)
	}
	var built Built
	spent, err := r.timed(peer, &b, func() error {
		return peer.call(buildTimeout, &built, "build", "config", e.config.Name, "m", r.M,
			"ef_construction", r.EFConstruction, "threads", threads, "seed", max(r.Seed, 1))
	})
	if err != nil {
		return b, err
	}
	if built.Rows != r.data.Base.Rows {
		return b, fmt.Errorf("build: its index has %d rows, the data %d", built.Rows, r.data.Base.Rows)
	}
	e.result.Default = built.Default
	b.Threads, b.CPUSeconds = threads, spent.Seconds()
	b.IndexMB, b.TraversalBytes, b.About = float64(built.IndexBytes)/1e6, built.TraversalBytes, built.About
	b.BindingMicros = float64(built.BindingNanos) / 1000
	return b, nil
}

// timed runs a command and fills the time it took and the memory afterwards.
func (r *run) timed(peer *Peer, b *Build, f func() error) (cpu time.Duration, err error) {
	before, err := cpuTime(peer.pid())
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	if err := f(); err != nil {
		return 0, err
	}
	b.WallSeconds = time.Since(begun).Seconds()
	after, err := cpuTime(peer.pid())
	if err != nil {
		return 0, err
	}
	resident, peak, err := memory(peer.pid())
	b.ResidentMB, b.PeakMB = float64(resident)/1e6, float64(peak)/1e6
	return after - before, err
}

// calibrate finds the sweep of an engine: every ef up to the first whose recall passes the
// largest asked for, or after which it rises no more. It sets how often a search is
// repeated to be long enough to measure.
func (r *run) calibrate(e *engine) error {
	best := 0.0
	for _, ef := range r.EF {
		if ef < r.K {
			continue // an engine could not hold k candidates
		}
		s := &sample{ef: ef, repeat: 1}
		spent, _, err := r.search(e, s, 1)
		if err != nil {
			return err
		}
		if _, err := r.collect(e, s); err != nil {
			return err
		}
		s.nanos = nil
		s.repeat = max(int(r.MinRound/max(spent, time.Microsecond)), 1)
		e.sweep = append(e.sweep, s)
		best = max(best, s.recall)
		if e.config.Exact || best >= r.Recalls[len(r.Recalls)-1]+0.001 || e.stalled() {
			break
		}
	}
	if len(e.sweep) == 0 {
		return fmt.Errorf("no ef of the sweep is as large as k")
	}
	r.Log.Line("%s: recall %.4f at ef %d, %.4f at ef %d", e.result.Name(),
		e.sweep[0].recall, e.sweep[0].ef, e.sweep[len(e.sweep)-1].recall, e.sweep[len(e.sweep)-1].ef)
	return nil
}

// stalled says that the recall of the sweep has stopped rising: twice the ef found less
// than one more in a thousand.
func (e *engine) stalled() bool {
	last := e.sweep[len(e.sweep)-1]
	for _, s := range e.sweep {
		if 2*s.ef <= last.ef && last.recall-s.recall < 0.001 {
			return true
		}
	}
	return false
}

// rounds searches every point of every engine, round after round. The engine that begins
// is another in each round.
func (r *run) rounds() {
	for round := range r.Rounds {
		begun := time.Now()
		for i := range r.engines {
			r.attempt(r.engines[(i+round)%len(r.engines)], "search", r.round)
		}
		if left := r.Rounds - round - 1; r.ctx.Err() == nil {
			r.Log.Line("round %d of %d; about %s left", round+1, r.Rounds, (time.Duration(left) * time.Since(begun)).Round(time.Second))
		}
	}
}

// round measures the sweep of an engine once, after a pass that brings its index back
// into the caches.
func (r *run) round(e *engine) error {
	warm := *e.sweep[0]
	warm.repeat = 1
	if _, _, err := r.search(e, &warm, 1); err != nil {
		return err
	}
	for _, s := range e.sweep {
		cpu, wall, err := r.search(e, s, 1)
		if err != nil {
			return err
		}
		queries := float64(s.repeat * r.data.Queries.Rows)
		s.qps, s.wall = append(s.qps, queries/cpu.Seconds()), append(s.wall, queries/wall.Seconds())
		if _, err := r.collect(e, s); err != nil {
			return err
		}
		r.Log.Sometimes("searching %s, ef %d", e.result.Name(), s.ef)
	}
	return nil
}

// search runs one search command, and returns the CPU time of the process and the time on
// the wall.
func (r *run) search(e *engine, s *sample, threads int) (cpu, wall time.Duration, err error) {
	var found Searched
	var b Build
	cpu, err = r.timed(e.peer, &b, func() error {
		return e.peer.call(searchTimeout, &found, "search", "k", r.K, "ef", s.ef, "threads", threads, "repeat", s.repeat, "batch", s.batch)
	})
	if err != nil {
		return 0, 0, err
	}
	if want := s.repeat * r.data.Queries.Rows; found.Queries != want {
		return 0, 0, fmt.Errorf("search: it says that it answered %d queries, %d were asked", found.Queries, want)
	}
	return max(cpu, 1), time.Duration(b.WallSeconds * float64(time.Second)), nil
}

// collect takes the answer of the last search, holds it against the truth, and returns it.
func (r *run) collect(e *engine, s *sample) ([][]uint32, error) {
	var a Answer
	if err := e.peer.call(searchTimeout, &a, "answer"); err != nil {
		return nil, err
	}
	ids, err := checkAnswer(a, r.data.Queries.Rows, r.K, r.data.Base.Rows)
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	s.recall = r.data.Truth.Recall(ids, r.K)
	s.nanos = append(s.nanos, a.Nanos...)
	return ids, nil
}

// concurrent measures searches with several threads, and with one beside them, at the ef
// whose recall is nearest to the middle one asked for.
func (r *run) concurrent(e *engine) error {
	if !e.config.SearchThreads || len(r.Threads) == 0 {
		return nil
	}
	target := r.Recalls[len(r.Recalls)/2]
	point := slices.MinFunc(e.sweep, func(a, b *sample) int {
		return compareFloats(math.Abs(a.recall-target), math.Abs(b.recall-target))
	})
	e.threads, e.batches = map[int]*sample{}, map[int]*sample{}
	for range r.Rounds {
		for _, threads := range slices.Concat([]int{1}, r.Threads) {
			if err := r.together(e, e.threads, threads, sample{ef: point.ef, repeat: 2 * point.repeat}); err != nil {
				return err
			}
			if !e.config.Batch {
				continue
			}
			if err := r.together(e, e.batches, threads, sample{ef: point.ef, repeat: 2 * point.repeat, batch: 1}); err != nil {
				return err
			}
		}
	}
	r.Log.Line("%s: %d threads measured", e.result.Name(), r.Threads)
	return pin(e.peer.pid(), r.pinned(1))
}

// together measures one round with several threads.
func (r *run) together(e *engine, samples map[int]*sample, threads int, fresh sample) error {
	s := samples[threads]
	if s == nil {
		s = &fresh
		samples[threads] = s
	}
	if err := pin(e.peer.pid(), r.pinned(threads)); err != nil {
		return err
	}
	_, wall, err := r.search(e, s, threads)
	if err != nil {
		return err
	}
	s.wall = append(s.wall, float64(s.repeat*r.data.Queries.Rows)/wall.Seconds())
	_, err = r.collect(e, s)
	return err
}

// finish turns samples into the result.
func (e *engine) finish(recalls []float64) *Result {
	for _, s := range e.sweep {
		slices.Sort(s.nanos)
		e.result.Points = append(e.result.Points, Point{
			EF: s.ef, Recall: s.recall, QPS: report.Median(s.qps), Rounds: s.qps, Wall: report.Median(s.wall),
			P50: microsAt(s.nanos, 0.5), P90: microsAt(s.nanos, 0.9), P99: microsAt(s.nanos, 0.99), P999: microsAt(s.nanos, 0.999),
		})
	}
	e.result.Concurrent = concurrents(e.threads)
	e.result.Batches = concurrents(e.batches)
	for _, recall := range recalls {
		var at *float64
		if qps, ok := At(e.result.Points, recall); ok {
			at = &qps
		}
		e.result.At = append(e.result.At, at)
	}
	return e.result
}

// microsAt is a percentile of nanoseconds, in microseconds.
func microsAt(sorted []int64, p float64) float64 { return float64(percentile(sorted, p)) / 1000 }

// concurrents turns samples by number of threads into results, ascending.
func concurrents(samples map[int]*sample) (all []Concurrent) {
	for threads, s := range samples {
		slices.Sort(s.nanos)
		all = append(all, Concurrent{
			Threads: threads, EF: s.ef, Recall: s.recall, QPS: report.Median(s.wall), Rounds: s.wall,
			P50: microsAt(s.nanos, 0.5), P99: microsAt(s.nanos, 0.99),
		})
	}
	slices.SortFunc(all, func(a, b Concurrent) int { return a.Threads - b.Threads })
	return all
}
