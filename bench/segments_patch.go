package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/internal/report"
	"github.com/lodedb/lode/server"
)

// patchRounds is how often all readers are changed.
const patchRounds = 5

// patchSettles is some flushes of the node: what it had to write it has written by then.
const patchSettles = time.Second

// patched is one change of the readers of all rows.
type patched struct {
	Seconds float64 `json:"seconds"` // until it is acknowledged and shown
	Bytes   int64   `json:"vector_bytes"`
}

// patch measures how long it takes until the readers of all rows are others, half of the rows
// in a sealed segment with a graph and half in a growing one, and what is written of segments for
// it. Before and after the change two principals look: it must be there at once.
func (s *segmentsRun) patch(ctx context.Context) error {
	set, err := s.Draw(s.SealRows, 10)
	if err != nil {
		return err
	}
	s.about("readers of %d raw vectors of %d dimensions changed by one request, %d times, half of them sealed", s.SealRows, SegmentsDim, patchRounds)
	return temporary(func(dir string) (err error) {
		node, err := server.Open(ctx, server.Config{DataDir: dir, Listen: "127.0.0.1:0", SegmentBytes: wholeSegment, GraphRows: s.GraphRows, FlushInterval: patchSettles / 10, Logger: s.Logger})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, node.Close()) }()
		half := *set
		half.Rows = set.Rows[:len(set.Rows)/2]
		if err := s.fillEngine(ctx, node, &half); err != nil {
			return err
		}
		if _, err := sealEngine(ctx, node, s.GraphRows); err != nil {
			return err
		}
		if err := s.putRows(ctx, node, set.Rows[len(half.Rows):], len(half.Rows)); err != nil {
			return err
		}
		var rounds []patched
		for i := range patchRounds {
			round, err := patchOnce(ctx, node, dir, len(set.Rows), fmt.Sprint("reader-", i), fmt.Sprint("reader-", i-1))
			if err != nil {
				return err
			}
			rounds = append(rounds, round)
		}
		s.reportPatch(rounds)
		return nil
	})
}

func patchOnce(ctx context.Context, node *server.Server, dir string, rows int, next, last string) (p patched, err error) {
	before, err := quietFiles(dir)
	if err != nil {
		return p, err
	}
	start := time.Now()
	done, err := node.Engine().Patch(ctx, lode.AllSeeing("bench"), lode.Write{}, segmentCollection,
		collection.Selection{Kind: lode.KindVector, Filter: lode.And()}, lode.Patch{Readers: &[]string{next}})
	if err != nil {
		return p, err
	}
	for label, want := range map[string]int{next: rows, last: 0} {
		view, err := node.Engine().View(ctx, lode.Principal{ID: label, Labels: []string{label}}, segmentCollection)
		if err != nil {
			return p, err
		}
		if n, err := view.Count(ctx, lode.Filter{}); err != nil || n.Rows != want {
			return p, fmt.Errorf("%s sees %d rows of %d after the change of %d, %w", label, n.Rows, want, done.Changed, err)
		}
	}
	p.Seconds = time.Since(start).Seconds()
	after, err := quietFiles(dir)
	if err != nil {
		return p, err
	}
	for name, now := range after {
		if was := before[name]; was == nil || isOther(was, now) {
			p.Bytes += now.Size()
		}
	}
	return p, nil
}

// quietFiles waits until nothing is written any more.
func quietFiles(dir string) (map[string]fs.FileInfo, error) {
	before, err := segmentFiles(dir, "*")
	for err == nil {
		time.Sleep(patchSettles)
		now, err := segmentFiles(dir, "*")
		if err != nil || changedFiles(before, now) == 0 {
			return now, err
		}
		before = now
	}
	return nil, err
}

func (s *segmentsRun) reportPatch(rounds []patched) {
	var seconds []float64
	most := int64(0)
	for _, r := range rounds {
		seconds = append(seconds, r.Seconds)
		most = max(most, r.Bytes)
	}
	s.report.Demand("patch: readers of all rows changed and shown, median", report.Median(seconds), "s", "<=", 1)
	s.report.Demand("patch: bytes written to files of segments", float64(most), "", "<=", 0)
	s.report.Raw["patch"] = rounds
}
