package bench

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/hnsw"
	"github.com/lodedb/lode/internal/report"
)

const (
	pauseRows  = 1_000_000
	pauseDim   = 32
	pauseBatch = 100_000
	pauses     = 50
)

// Pause measures for how long a collection of garbage stops the world while a large graph is
// in memory: its rows lie outside of the heap, so the collector must have nothing to do with
// them.
func Pause(ctx context.Context, o Options) (*Report, error) {
	r := NewReport("pause", "Garbage collection beside a large index", o)
	rows := cmp.Or(o.Limit, pauseRows)
	r.Data = fmt.Sprintf("%d random vectors of %d dimensions", rows, pauseDim)
	x, err := hnsw.New(hnsw.Options{Dim: pauseDim, Metric: lode.L2, Capacity: rows})
	if err != nil {
		return nil, err
	}
	rnd := rand.New(rand.NewPCG(o.Seed, 0))
	for first := 0; first < rows; first += pauseBatch {
		if _, err := x.AddBatch(ctx, randomVectors(rnd, min(pauseBatch, rows-first), pauseDim)); err != nil {
			return nil, err
		}
		fmt.Fprintf(o.Log, "%d of %d vectors\n", min(first+pauseBatch, rows), rows)
	}
	var stopped []float64
	for range pauses {
		stopped = append(stopped, collect())
	}
	var heap runtime.MemStats
	runtime.ReadMemStats(&heap)
	largest := 0.0
	for _, s := range stopped {
		largest = max(largest, s)
	}
	r.Add("memory of the index", float64(x.Bytes())/1e6, "MB")
	r.Add("heap after a collection", float64(heap.HeapAlloc)/1e6, "MB")
	r.Demand(fmt.Sprintf("the world is stopped by a collection, median of %d", pauses), report.Median(stopped), "ms", "<=", 2)
	r.Add("the world is stopped by a collection, longest", largest, "ms")
	r.Raw["ms stopped by each collection"] = stopped
	return r, x.Close()
}

// collect runs the collector and returns for how many milliseconds the world stood still.
func collect() float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	runtime.GC()
	runtime.ReadMemStats(&after)
	return float64(after.PauseTotalNs-before.PauseTotalNs) / 1e6
}

func randomVectors(rnd *rand.Rand, n, dim int) []lode.Vector {
	all := make([]lode.Vector, n)
	for i := range all {
		all[i] = make(lode.Vector, dim)
		for j := range all[i] {
			all[i][j] = float32(rnd.NormFloat64())
		}
	}
	return all
}
