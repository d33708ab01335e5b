package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/raft"
)

// insert measures single vectors from sending them until a search shows them, while another
// client searches without a pause.
func (s *segmentsRun) insert(ctx context.Context) error {
	set, err := s.Draw(s.InsertRows+s.Inserts, 1000)
	if err != nil {
		return err
	}
	s.about("%d single vectors after %d sealed ones, %d dimensions, one writer and one searcher over HTTP with connections that stay", s.Inserts, s.InsertRows, SegmentsDim)
	return temporary(func(dir string) error {
		p, err := start(ctx, s.Binary, dir, "--graph-rows", fmt.Sprint(s.GraphRows))
		if err != nil {
			return err
		}
		defer p.kill()
		if err := vectorCollection(ctx, p.client, set); err != nil {
			return err
		}
		if err := fillNode(ctx, p.client, set.Rows[:s.InsertRows], 0); err != nil {
			return err
		}
		if _, _, err := sealNode(ctx, p.client); err != nil {
			return err
		}
		inserts, searches, err := s.insertBeside(ctx, p, set)
		if err != nil {
			return err
		}
		s.reportInsert(inserts, searches)
		return p.stop()
	})
}

// After every insertBlock inserts the bare log store has its turn: its sync is the part of an
// insert that is the disk's.
const (
	insertBlock = 50
	bareBlock   = 10
)

// insertTimes are of single vectors, and of appends of about as many bytes to a bare log on
// the same disk.
type insertTimes struct{ acknowledged, searchable, bare []time.Duration }

func (t *insertTimes) appends(bare *raft.BareLog) error {
	entry := make([]byte, 4*SegmentsDim+150)
	for range bareBlock {
		start := time.Now()
		if err := bare.Append(entry); err != nil {
			return err
		}
		t.bare = append(t.bare, time.Since(start))
	}
	return nil
}

func (s *segmentsRun) insertBeside(ctx context.Context, p *process, set *VectorSet) (inserts insertTimes, searches []time.Duration, err error) {
	writer, err := ownClient(p.client.BaseURL())
	if err != nil {
		return inserts, nil, err
	}
	searcher, err := ownClient(p.client.BaseURL())
	if err != nil {
		return inserts, nil, err
	}
	bare, closeBare, err := openBare()
	if err != nil {
		return inserts, nil, err
	}
	defer closeBare()
	done, searched := make(chan struct{}), make(chan error, 1)
	go func() {
		var err error
		searches, err = searchUntil(ctx, done, searcher, set.Queries)
		searched <- err
	}()
	for i := s.InsertRows; i < len(set.Rows) && err == nil; i++ {
		if (i-s.InsertRows)%insertBlock == 0 {
			err = inserts.appends(bare)
		}
		if err == nil {
			err = inserts.one(ctx, writer, i, set.Rows[i])
		}
	}
	close(done)
	return inserts, searches, errors.Join(err, <-searched)
}

// one inserts a vector and searches for it: after the acknowledgement the first search must
// show it, and first of all.
func (t *insertTimes) one(ctx context.Context, c *client.Client, row int, v lode.Vector) error {
	start := time.Now()
	if _, err := c.PutVectors(ctx, segmentCollection, v1.Point{ID: segmentRow(row), Vector: v}); err != nil {
		return err
	}
	t.acknowledged = append(t.acknowledged, time.Since(start))
	hits, err := nearest(ctx, c, v, segmentK)
	if err != nil {
		return err
	}
	t.searchable = append(t.searchable, time.Since(start))
	return mustBeFirst(hits, row)
}

// searchUntil asks one query after the other.
func searchUntil(ctx context.Context, done <-chan struct{}, c *client.Client, queries []lode.Vector) (took []time.Duration, err error) {
	for n := 0; ; n++ {
		select {
		case <-done:
			return took, nil
		default:
		}
		start := time.Now()
		if _, err := nearest(ctx, c, queries[n%len(queries)], segmentK); err != nil {
			return took, err
		}
		took = append(took, time.Since(start))
	}
}

func (s *segmentsRun) reportInsert(inserts insertTimes, searches []time.Duration) {
	bare, acknowledged, searchable, searched := tailsOf(inserts.bare), tailsOf(inserts.acknowledged), tailsOf(inserts.searchable), tailsOf(searches)
	r := s.report
	r.Add("insert: p50 of an append to the bare log, in turns", bare.P50, "ms")
	r.Add("insert: p99 of an append to the bare log, in turns", bare.P99, "ms")
	r.Add("insert: p50 until acknowledged", acknowledged.P50, "ms")
	r.Add("insert: p99 until acknowledged", acknowledged.P99, "ms")
	r.Add("insert: p50 until searched", searchable.P50, "ms")
	r.Demand(fmt.Sprintf("insert: p99 until searched, of %d", searchable.Count), searchable.P99, "ms", "<=", 5)
	r.Add("insert: searches of the other client, p50", searched.P50, "ms")
	r.Add("insert: searches of the other client, p99", searched.P99, "ms")
	r.Raw["insert"] = map[string]tails{"bare_log": bare, "acknowledged": acknowledged, "searchable": searchable, "searches": searched}
}
