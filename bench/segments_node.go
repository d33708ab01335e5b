package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/server"
	"github.com/lodedb/lode/storage"
)

const (
	segmentCollection = "points"
	segmentK          = 10
	segmentBatch      = 1000 // vectors of one write
	defaultGraphRows  = collection.DefaultGraphRows
	// wholeSegment is the size of segments of nodes that seal when they are told to.
	wholeSegment = 1 << 40
	// segmentPatience bounds the wait for a graph: nothing may hang for ever.
	segmentPatience = 30 * time.Minute
	sealPause       = 20 * time.Millisecond // of a writer who is told to wait
	lookPause       = 100 * time.Millisecond
	// mergePause is longer than a node takes to see that segments are to be merged.
	mergePause = 12 * time.Second
)

// segmentRow is the id of a row, and rowOfSegment what it says.
func segmentRow(i int) lode.DocID { return lode.DocID("row-" + strconv.Itoa(i)) }

func rowOfSegment(id lode.DocID) (uint32, error) {
	var row uint32
	if n, err := fmt.Sscanf(string(id), "row-%d", &row); n != 1 || err != nil || segmentRow(int(row)) != id {
		return 0, fmt.Errorf("%q is no id of a row", id)
	}
	return row, nil
}

// fillEngine makes the collection and writes the rows of a set, in order.
func (s *segmentsRun) fillEngine(ctx context.Context, node *server.Server, set *VectorSet) error {
	engine, me := node.Engine(), lode.AllSeeing("bench")
	settings := lode.Collection{Name: segmentCollection, Metric: set.Metric, Embedder: lode.EmbedderConfig{Provider: lode.ProviderNone, Dim: len(set.Rows[0])}}
	if _, err := engine.CreateCollection(ctx, me, lode.Write{}, settings); err != nil {
		return err
	}
	return s.putRows(ctx, node, set.Rows, 0)
}

// putRows writes rows, those from first on.
func (s *segmentsRun) putRows(ctx context.Context, node *server.Server, all []lode.Vector, first int) error {
	engine, me := node.Engine(), lode.AllSeeing("bench")
	for rows := range slices.Chunk(all, segmentBatch) {
		points := make([]lode.Point, len(rows))
		for i, row := range rows {
			points[i] = lode.Point{ID: segmentRow(first + i), Vector: row}
		}
		_, errs, err := engine.PutPoints(ctx, me, lode.Write{}, segmentCollection, points)
		for err = errors.Join(append(errs, err)...); lode.IsCode(err, lode.CodeOverloaded); err = errors.Join(append(errs, err)...) {
			time.Sleep(sealPause) // what is stored already is not stored again
			_, errs, err = engine.PutPoints(ctx, me, lode.Write{}, segmentCollection, points)
		}
		if err != nil {
			return err
		}
		if first += len(rows); first%100_000 == 0 {
			s.logf("%d vectors", first)
		}
	}
	return nil
}

// sealEngine seals what grows and has every graph built. It returns how many segments there
// are.
func sealEngine(ctx context.Context, node *server.Server, graphRows int) (segments int, err error) {
	return sealOf(ctx, node, segmentCollection, graphRows)
}

// sealOf is sealEngine for a collection.
func sealOf(ctx context.Context, node *server.Server, collection string, graphRows int) (segments int, err error) {
	me := lode.AllSeeing("bench")
	if _, err := node.Seal(ctx, me, collection); err != nil {
		return 0, err
	}
	settled := time.Time{} // since when there is nothing to wait for
	for deadline := time.Now().Add(segmentPatience); time.Now().Before(deadline); time.Sleep(lookPause) {
		if _, err := node.Engine().BuildGraphs(ctx); err != nil { // as the node's own task does
			return 0, err
		}
		all, err := node.Engine().Segments(ctx, me, collection)
		if err != nil {
			return 0, err
		}
		use, err := node.Engine().SegmentsInUse(me, collection)
		if err != nil {
			return 0, err
		}
		waiting := func(g storage.Segment) bool {
			u := use[g.ID]
			return g.State != storage.SegmentSealed && g.Members > 0 || g.State == storage.SegmentMerging ||
				g.State == storage.SegmentSealed && g.Rows >= int64(graphRows) && u.Graph == 0
		}
		switch {
		case slices.ContainsFunc(all, waiting):
			settled = time.Time{}
		case settled.IsZero():
			settled = time.Now()
		case len(all) == 1 || time.Since(settled) > mergePause:
			return len(use), nil
		}
	}
	return 0, fmt.Errorf("graphs are missing after %s", segmentPatience)
}

// fillNode writes rows over HTTP, those from first on.
func fillNode(ctx context.Context, c *client.Client, rows []lode.Vector, first int) error {
	for part := range slices.Chunk(rows, segmentBatch) {
		points := make([]v1.Point, len(part))
		for i, row := range part {
			points[i] = v1.Point{ID: segmentRow(first + i), Vector: row}
		}
		done, err := c.PutVectors(ctx, segmentCollection, points...)
		if err != nil {
			return err
		}
		for _, item := range done.Items {
			if item.Error != nil {
				return fmt.Errorf("vector %s is refused: %+v", item.ID, item.Error)
			}
		}
		first += len(part)
	}
	return nil
}

// sealNode seals what grows and waits until its graph is there.
func sealNode(ctx context.Context, c *client.Client) (sealed, graph time.Duration, err error) {
	start := time.Now()
	id, err := c.SealSegment(ctx, segmentCollection)
	if err != nil {
		return 0, 0, err
	}
	for sealed = time.Since(start); time.Since(start) < segmentPatience; time.Sleep(lookPause) {
		all, err := c.ListSegments(ctx, segmentCollection)
		if err != nil {
			return 0, 0, err
		}
		if slices.ContainsFunc(all, func(g v1.Segment) bool { return g.ID == id && g.Graph > 0 }) {
			return sealed, time.Since(start), nil
		}
	}
	return 0, 0, fmt.Errorf("segment %d has no graph after %s", id, segmentPatience)
}

// vectorCollection creates the collection for vectors of the dimension that sets are drawn in.
func vectorCollection(ctx context.Context, c *client.Client, set *VectorSet) error {
	_, err := c.CreateCollection(ctx, v1.CreateCollection{
		Name: segmentCollection, Metric: set.Metric,
		Embedder: &v1.Embedder{Provider: lode.ProviderNone, Dim: len(set.Rows[0])},
	})
	return err
}

// ownClient has connections of its own, which stay open, and repeats nothing.
func ownClient(url string) (*client.Client, error) {
	return client.New(client.Options{BaseURL: url, Retries: -1, HTTPClient: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: paceWorkers}}})
}

// nearest asks for the k nearest of a vector, and demands as many, best first.
func nearest(ctx context.Context, c *client.Client, v lode.Vector, k int) ([]v1.Hit, error) {
	found, err := c.SearchVectors(ctx, segmentCollection, v1.SearchVectors{Vector: v, K: &k})
	if err != nil {
		return nil, err
	}
	if len(found.Hits) != k || !slices.IsSortedFunc(found.Hits, func(a, b v1.Hit) int { return compareDown(a.Score, b.Score) }) {
		return nil, fmt.Errorf("%d hits instead of %d, or not best first: %+v", len(found.Hits), k, found.Hits)
	}
	return found.Hits, nil
}

func compareDown(a, b float64) int {
	switch {
	case a > b:
		return -1
	case a < b:
		return 1
	}
	return 0
}

// mustBeFirst demands a row at the front of an answer.
func mustBeFirst(hits []v1.Hit, row int) error {
	if len(hits) == 0 || hits[0].DocumentID != segmentRow(row) {
		return fmt.Errorf("%s is not the first of the answer %+v", segmentRow(row), hits)
	}
	return nil
}

// stop ends a process in order, as the system's supervisor does.
func (p *process) stop() error {
	err := fmt.Errorf("the process was killed before")
	p.killed.Do(func() {
		err = errors.Join(p.cmd.Process.Signal(syscall.SIGTERM), p.cmd.Wait())
		if err != nil {
			err = fmt.Errorf("stop the node: %w: %s", err, p.log)
		}
	})
	return err
}

// tails are percentiles of latencies, in milliseconds.
type tails struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p999_ms"`
	Max   float64 `json:"max_ms"`
}

func tailsOf(took []time.Duration) tails {
	if len(took) == 0 {
		return tails{}
	}
	sorted := slices.Sorted(slices.Values(took))
	at := func(q float64) float64 {
		rank := int(math.Ceil(q * float64(len(sorted))))
		return milliseconds(sorted[max(rank, 1)-1])
	}
	return tails{Count: len(sorted), P50: at(0.5), P99: at(0.99), P999: at(0.999), Max: at(1)}
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
