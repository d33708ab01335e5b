package bench

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

const (
	loadBatch = 1000
	// graphPatience is how long the graphs of a loaded collection may take.
	graphPatience = 10 * time.Minute
)

// loadSet stores the rows, each under its number, and waits until a graph finds them.
func loadSet(ctx context.Context, o Options, r *Report, c *client.Client, d *VectorSet) error {
	begun := time.Now()
	_, err := c.CreateCollection(ctx, v1.CreateCollection{
		Name: httpCollection, Metric: d.Metric, Embedder: &v1.Embedder{Provider: lode.ProviderNone, Dim: len(d.Rows[0])},
	})
	if err != nil {
		return err
	}
	for from := 0; from < len(d.Rows); from += loadBatch {
		points := make([]v1.Point, 0, loadBatch)
		for i := from; i < min(from+loadBatch, len(d.Rows)); i++ {
			points = append(points, v1.Point{ID: rowID(i), Vector: d.Rows[i]})
		}
		if _, err := c.PutVectors(ctx, httpCollection, points...); err != nil {
			return fmt.Errorf("store rows from %d: %w", from, err)
		}
	}
	r.Add("vectors stored, by one client", float64(len(d.Rows))/time.Since(begun).Seconds(), "/s")
	fmt.Fprintf(o.Log, "stored in %s\n", time.Since(begun).Round(time.Second))
	if _, err := c.SealSegment(ctx, httpCollection); err != nil {
		return err
	}
	return awaitGraphs(ctx, o, c, len(d.Rows))
}

func awaitGraphs(ctx context.Context, o Options, c *client.Client, rows int) error {
	begun := time.Now()
	for {
		segments, err := c.ListSegments(ctx, httpCollection)
		if err != nil {
			return err
		}
		linked := int64(0)
		for _, s := range segments {
			linked += s.Graph
		}
		if linked >= int64(rows) {
			fmt.Fprintf(o.Log, "graphs of %d segments built in %s\n", len(segments), time.Since(begun).Round(time.Second))
			return nil
		}
		if time.Since(begun) > graphPatience {
			return lode.Errorf(lode.CodeTimeout, "after %s graphs hold %d of %d rows", graphPatience, linked, rows)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func rowID(i int) lode.DocID { return lode.DocID(strconv.Itoa(i)) }

// rowNumbers are the rows that ids stand for.
func rowNumbers(ids []lode.DocID) ([]uint32, error) {
	rows := make([]uint32, len(ids))
	for i, id := range ids {
		n, err := strconv.ParseUint(string(id), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("the node answered with the id %q, which is no row", id)
		}
		rows[i] = uint32(n)
	}
	return rows, nil
}
