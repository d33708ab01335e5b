package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/report"
)

// paceWorkers is how many searches may be under way at once.
const paceWorkers = 4

// sealRounds is how often the part is measured, each time on a new node: what is due in one
// window says little of its slowest hundredth.
const sealRounds = 3

// sealing measures searches at a fixed pace: in quiet, and while a segment is sealed and its
// graph is built. The rows are there before, so that both do the same work: they are compared
// one by one until the graph is there, which says nothing of the sealing.
func (s *segmentsRun) sealing(ctx context.Context) error {
	set, err := s.Draw(2*s.SealRows, 1000)
	if err != nil {
		return err
	}
	rounds := make([]sealingTimes, cmp.Or(s.Limit, sealRounds))
	s.about("%d sealed vectors of %d dimensions and as many that are sealed beside searches, %d searches a second over HTTP, quiet for %s, %d rounds",
		s.SealRows, SegmentsDim, s.Rate, s.Quiet, len(rounds))
	for i := range rounds {
		if rounds[i], err = s.sealingRound(ctx, set); err != nil {
			return err
		}
	}
	s.reportSealing(rounds)
	return nil
}

func (s *segmentsRun) sealingRound(ctx context.Context, set *VectorSet) (t sealingTimes, err error) {
	err = temporary(func(dir string) error {
		p, err := start(ctx, s.Binary, dir, "--graph-rows", fmt.Sprint(s.GraphRows), "--segment-size", "1TiB")
		if err != nil {
			return err
		}
		defer p.kill()
		if err := vectorCollection(ctx, p.client, set); err != nil {
			return err
		}
		if t, err = s.sealBeside(ctx, p.client, set); err != nil {
			return err
		}
		return p.stop()
	})
	return t, err
}

// sealingTimes is what one round of the part measured.
type sealingTimes struct {
	One    window `json:"one_sealed"`   // quiet, nothing but the first segment
	Quiet  window `json:"quiet"`        // with the rows that are to be sealed
	Beside window `json:"beside"`       // while they are
	After  window `json:"after"`        // quiet, both with graphs
	Alone  build  `json:"build_quiet"`  // of the first segment
	Build  build  `json:"build_beside"` // of the second
}

// window is a time of searches.
type window struct {
	tails
	each []time.Duration
}

// build is how long a segment took, in seconds.
type build struct {
	Sealed float64 `json:"sealed_s"`
	Graph  float64 `json:"graph_s"` // from the beginning, too
}

func (s *segmentsRun) sealBeside(ctx context.Context, c *client.Client, set *VectorSet) (t sealingTimes, err error) {
	own, err := ownClient(c.BaseURL())
	if err != nil {
		return t, err
	}
	ask := func(n int) error {
		_, err := nearest(ctx, own, set.Queries[n%len(set.Queries)], segmentK)
		return err
	}
	quiet := func() error { return sleep(ctx, s.Quiet) }
	seal := func(b *build) func() error {
		return func() error {
			sealed, graph, err := sealNode(ctx, c)
			b.Sealed, b.Graph = sealed.Seconds(), graph.Seconds()
			return err
		}
	}
	for _, step := range []struct {
		name   string
		rows   []lode.Vector // written before
		first  int
		window *window
		work   func() error
	}{
		{"the first segment is sealed", set.Rows[:s.SealRows], 0, nil, seal(&t.Alone)},
		{"quiet, one segment", nil, 0, &t.One, quiet},
		{"quiet, and rows to be sealed", set.Rows[s.SealRows:], s.SealRows, &t.Quiet, quiet},
		{"beside the sealing", nil, 0, &t.Beside, seal(&t.Build)},
		{"quiet, two segments", nil, 0, &t.After, quiet},
	} {
		if err := fillNode(ctx, c, step.rows, step.first); err != nil {
			return t, err
		}
		if step.window == nil {
			err = step.work()
		} else {
			*step.window, err = paced(s.Rate, ask, step.work)
		}
		if err != nil {
			return t, fmt.Errorf("%s: %w", step.name, err)
		}
		if step.window != nil {
			s.logf("%s: %+v", step.name, step.window.tails)
		}
	}
	return t, nil
}

// paced asks so many times a second while work is done, whether answers come or not. Latency
// counts from when a question was due, so that one that had to wait is not told better.
func paced(rate int, ask func(n int) error, work func() error) (window, error) {
	var next atomic.Int64
	var stopped atomic.Bool
	took, errs := make([][]time.Duration, paceWorkers), make([]error, paceWorkers)
	begun := time.Now()
	var all sync.WaitGroup
	for w := range paceWorkers {
		all.Go(func() {
			for errs[w] == nil {
				n := next.Add(1)
				due := begun.Add(time.Duration(n) * time.Second / time.Duration(rate))
				time.Sleep(time.Until(due))
				if stopped.Load() {
					return
				}
				errs[w] = ask(int(n))
				took[w] = append(took[w], time.Since(due))
			}
		})
	}
	err := work()
	stopped.Store(true)
	all.Wait()
	each := slices.Concat(took...)
	return window{tailsOf(each), each}, errors.Join(append(errs, err)...)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// reportSealing tells of the searches of all rounds together, and compares them round by round.
func (s *segmentsRun) reportSealing(rounds []sealingTimes) {
	r := s.report
	for _, w := range []struct {
		name string
		of   func(*sealingTimes) *window
	}{
		{"quiet, one segment with its graph", func(t *sealingTimes) *window { return &t.One }},
		{"quiet, and the rows that are to be sealed", func(t *sealingTimes) *window { return &t.Quiet }},
		{"while they are sealed and their graph is built", func(t *sealingTimes) *window { return &t.Beside }},
		{"quiet, two segments with their graphs", func(t *sealingTimes) *window { return &t.After }},
	} {
		var each []time.Duration
		for i := range rounds {
			each = append(each, w.of(&rounds[i]).each...)
		}
		all := tailsOf(each)
		r.Add("sealing: p50 "+w.name, all.P50, "ms")
		r.Add("sealing: p99 "+w.name, all.P99, "ms")
		r.Add("sealing: p99.9 "+w.name, all.P999, "ms")
	}
	median := func(of func(*sealingTimes) float64) float64 {
		values := make([]float64, len(rounds))
		for i := range rounds {
			values[i] = of(&rounds[i])
		}
		return report.Median(values)
	}
	r.Demand("sealing: p99 beside it, times quiet, median of rounds", median(func(t *sealingTimes) float64 { return t.Beside.P99 / t.Quiet.P99 }), "x", "<=", 2)
	r.Add("sealing: until the segment is sealed, without searches", median(func(t *sealingTimes) float64 { return t.Alone.Sealed }), "s")
	r.Add("sealing: until the graph is there, without searches", median(func(t *sealingTimes) float64 { return t.Alone.Graph }), "s")
	r.Add("sealing: until the segment is sealed, beside searches", median(func(t *sealingTimes) float64 { return t.Build.Sealed }), "s")
	r.Add("sealing: until the graph is there, beside searches", median(func(t *sealingTimes) float64 { return t.Build.Graph }), "s")
	r.Raw["sealing"] = rounds
}
