package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/client"
)

// paceWorkers is how many searches may be under way at once.
const paceWorkers = 4

// sealing measures searches at a fixed pace: in quiet, and while a segment is sealed and its
// graph is built. The rows are there before, so that both do the same work: they are compared
// one by one until the graph is there, which says nothing of the sealing.
func (s *segmentsRun) sealing(ctx context.Context) error {
	set, err := s.Draw(2*s.SealRows, 1000)
	if err != nil {
		return err
	}
	s.about("%d sealed vectors of %d dimensions and as many that are sealed beside searches, %d searches a second over HTTP, quiet for %s", s.SealRows, SegmentsDim, s.Rate, s.Quiet)
	return temporary(func(dir string) error {
		p, err := start(ctx, s.Binary, dir, "--graph-rows", fmt.Sprint(s.GraphRows), "--segment-size", "1TiB")
		if err != nil {
			return err
		}
		defer p.kill()
		if err := vectorCollection(ctx, p.client, set); err != nil {
			return err
		}
		measured, err := s.sealBeside(ctx, p.client, set)
		if err != nil {
			return err
		}
		s.reportSealing(measured)
		return p.stop()
	})
}

// sealingTimes is what the part measured.
type sealingTimes struct {
	One    tails `json:"one_sealed"`   // quiet, nothing but the first segment
	Quiet  tails `json:"quiet"`        // with the rows that are to be sealed
	Beside tails `json:"beside"`       // while they are
	After  tails `json:"after"`        // quiet, both with graphs
	Alone  build `json:"build_quiet"`  // of the first segment
	Build  build `json:"build_beside"` // of the second
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
		name  string
		rows  []lode.Vector // written before
		first int
		tails *tails
		work  func() error
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
		if step.tails == nil {
			err = step.work()
		} else {
			*step.tails, err = paced(s.Rate, ask, step.work)
		}
		if err != nil {
			return t, fmt.Errorf("%s: %w", step.name, err)
		}
		if step.tails != nil {
			s.logf("%s: %+v", step.name, *step.tails)
		}
	}
	return t, nil
}

// paced asks so many times a second while work is done, whether answers come or not. Latency
// counts from when a question was due, so that one that had to wait is not told better.
func paced(rate int, ask func(n int) error, work func() error) (tails, error) {
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
	var each []time.Duration
	for _, t := range took {
		each = append(each, t...)
	}
	return tailsOf(each), errors.Join(append(errs, err)...)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (s *segmentsRun) reportSealing(t sealingTimes) {
	r := s.report
	for _, window := range []struct {
		name  string
		tails tails
	}{
		{"quiet, one segment with its graph", t.One},
		{"quiet, and the rows that are to be sealed", t.Quiet},
		{"while they are sealed and their graph is built", t.Beside},
		{"quiet, two segments with their graphs", t.After},
	} {
		r.Add("sealing: p50 "+window.name, window.tails.P50, "ms")
		r.Add("sealing: p99 "+window.name, window.tails.P99, "ms")
		r.Add("sealing: p99.9 "+window.name, window.tails.P999, "ms")
	}
	r.Demand("sealing: p99 beside it, times quiet", t.Beside.P99/t.Quiet.P99, "x", "<=", 2)
	r.Add("sealing: until the segment is sealed, without searches", t.Alone.Sealed, "s")
	r.Add("sealing: until the graph is there, without searches", t.Alone.Graph, "s")
	r.Add("sealing: until the segment is sealed, beside searches", t.Build.Sealed, "s")
	r.Add("sealing: until the graph is there, beside searches", t.Build.Graph, "s")
	r.Raw["sealing"] = t
}
