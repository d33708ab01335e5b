package server

import (
	"context"
	"io"
	"math"
	"slices"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
	"github.com/lodedb/lode/index/hnsw"
	"github.com/lodedb/lode/index/quant"
)

// graphInterval is how often it is looked for segments that lack a graph or words, or more often where
// segments are sealed more often.
const graphInterval = 2 * time.Second

// graphs makes the graphs of sealed segments with index/hnsw.
type graphs struct {
	threads int
	pace    *pace // nil: none
}

var _ collection.Graphs = graphs{}

// Build links the rows. The graph refers to the vectors of the segment where those are what is
// compared, and holds vectors of its own where they are not: under cosine, when some are not
// of unit length.
func (g graphs) Build(ctx context.Context, settings lode.Collection, vectors []byte) (func(io.Writer) error, error) {
	var all lode.Vector // a copy: a page that fails while several goroutines link rows would end the program
	var err error
	if fault := distance.Guard(func() { all, err = lode.ParseVector(vectors) }); fault != nil {
		return nil, lode.Errorf(lode.CodeCorrupt, "read vectors: %w", fault)
	}
	if err != nil {
		return nil, err
	}
	rows, asCompared := slices.Collect(slices.Chunk(all, settings.Dim)), true
	for _, row := range rows {
		asCompared = asCompared && (settings.Metric != lode.Cosine || &row.Normalize()[0] == &row[0])
	}
	x, err := hnsw.New(hnsw.Options{Dim: settings.Dim, Metric: settings.Metric, Kind: kindFor(settings.Dim), Ef: graphEf, Threads: g.threads, Capacity: len(rows)})
	if err != nil {
		return nil, err
	}
	if g.pace != nil {
		yield, end := g.pace.work(ctx)
		defer end()
		x.Yield(yield)
	}
	if _, err := x.AddBatch(ctx, rows); err != nil {
		return nil, err
	}
	return func(w io.Writer) error { return x.Seal(w, hnsw.SealOptions{WithoutVectors: asCompared}) }, nil
}

// coarseDim is from where on graphs in files have codes of 4 bits. They are as fast there as those
// of 8 bits (docs/benchmarks.md, mixture768), and half of what has to be on the disk and in memory.
const coarseDim = 256

// graphEf is the breadth of searches: what finds 0.95 of the ten nearest on the hardest set of
// docs/benchmarks.md, with some to spare.
const graphEf = 128

func kindFor(dim int) quant.Kind {
	if dim >= coarseDim {
		return quant.Int4
	}
	return quant.Default(dim)
}

// Open searches a graph in place. What is large is verified later, in the background.
func (g graphs) Open(settings lode.Collection, data, vectors []byte) (collection.Graph, error) {
	x, err := hnsw.Open(data, hnsw.OpenOptions{Vectors: vectors, Trust: true})
	if err != nil {
		return nil, err
	}
	if x.Dim() != settings.Dim || x.Metric() != settings.Metric {
		return nil, lode.Errorf(lode.CodeCorrupt, "the graph is of %d dimensions under %s, the collection of %d under %s", x.Dim(), x.Metric(), settings.Dim, settings.Metric)
	}
	return graph{x}, nil
}

// graph is a graph as the collections search it.
type graph struct{ *hnsw.Sealed }

// Verify also measures what searches cost in the graph, where this process does not know it yet, so
// that no search has to.
func (g graph) Verify(ctx context.Context) error {
	if err := g.Sealed.Verify(ctx); err != nil {
		return err
	}
	_, _ = g.Calibrate() // what cannot be measured now is when a search wants to know
	return nil
}

func (g graph) Search(ctx context.Context, query lode.Vector, o collection.GraphSearch) ([]index.Candidate, error) {
	with := hnsw.SearchOptions{K: o.K, Allow: o.Allow, Ef: o.Ef, Exact: o.Exact}
	if o.Explain == nil {
		return g.SearchWith(ctx, query, with)
	}
	var did hnsw.Stats
	with.Stats = &did
	found, err := g.SearchWith(ctx, query, with)
	explain(o.Explain, &did, o.Exact)
	return found, err
}

func explain(x *lode.SegmentExplanation, did *hnsw.Stats, exact bool) {
	x.Compared, x.Reranked, x.Hops, x.Switched, x.Expected = did.Compared, did.Reranked, did.Hops, did.Switched, did.Expected
	switch {
	case did.Plan != hnsw.Auto:
		x.Plan = string(did.Plan)
		x.Predicted = map[string]float64{}
		for _, p := range hnsw.Plans() {
			if cost := did.Predicted.Of(p); !math.IsInf(cost, 0) { // else it was ruled out
				x.Predicted[string(p)] = cost
			}
		}
	case exact || did.Scanned:
		x.Plan = "exact"
	default:
		x.Plan = "graph"
	}
}

// graph builds the graphs that sealed segments lack, on every node, until ctx ends.
func (s *Server) graph(ctx context.Context) { s.buildIndexes(ctx, "graphs", s.engine.BuildGraphs) }

// words writes the words that sealed segments lack, likewise. They take less time than graphs, and wait
// for none.
func (s *Server) words(ctx context.Context) { s.buildIndexes(ctx, "words", s.engine.BuildWords) }

func (s *Server) buildIndexes(ctx context.Context, what string, build func(context.Context) (int, error)) {
	ticker := time.NewTicker(min(graphInterval, sealFlushes*s.cfg.FlushInterval))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		built, err := build(ctx)
		if err != nil && ctx.Err() == nil && !lode.IsCode(err, lode.CodeNoStorage) { // that the disk is full is said elsewhere
			s.cfg.Logger.Warn(what+" were not built", "error", err)
		}
		if built > 0 {
			s.cfg.Logger.Info(what+" were built", "segments", built)
		}
	}
}
