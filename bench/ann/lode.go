package ann

import (
	"context"
	"runtime"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
	"github.com/lodedb/lode/index/flat"
	"github.com/lodedb/lode/index/hnsw"
	"github.com/lodedb/lode/index/quant"
)

// flatConfig is the exact scan; the other configurations are graphs, by quantization.
const flatConfig = "flat"

// LodeEngine serves Lode's own indexes; version is the program's.
func LodeEngine(version string) (Hello, Engine) {
	return Hello{Name: lodeEngine, Version: version, About: runtime.Version() + ", kernels " + distance.Kernel(), Configs: []Config{
		{Name: flatConfig, About: "exact scan of full vectors", Exact: true, SearchThreads: true},
		{Name: string(quant.None), About: "HNSW over full vectors, sealed", BuildThreads: true, SearchThreads: true, Batch: true},
		{Name: string(quant.Int8), About: "HNSW over 8-bit codes, re-ranked, sealed", BuildThreads: true, SearchThreads: true, Batch: true},
		{Name: string(quant.Int4), About: "HNSW over 4-bit codes, re-ranked, sealed", BuildThreads: true, SearchThreads: true, Batch: true},
		{Name: string(quant.Bit1), About: "HNSW over 1-bit codes, re-ranked, sealed", BuildThreads: true, SearchThreads: true, Batch: true},
	}}, &lodeIndex{}
}

// lodeIndex is whichever index was built last.
type lodeIndex struct {
	search func(ctx context.Context, query lode.Vector, k, ef int) ([]index.Candidate, error)
	batch  func(ctx context.Context, queries []lode.Vector, k, ef, threads int) ([][]index.Candidate, error)
}

var _ Batcher = (*lodeIndex)(nil)

// Build builds the index that the configuration names. A graph is sealed at the end, which is
// part of its build, and searched in that form.
func (x *lodeIndex) Build(ctx context.Context, base *Vectors, o BuildOptions) (Built, error) {
	if o.Config == flatConfig {
		return x.buildFlat(ctx, base, o)
	}
	options := hnsw.Options{
		Dim: base.Dim, Metric: o.Metric, M: o.M, EfConstruction: o.EFConstruction,
		Kind: quant.Kind(o.Config), Seed: o.Seed, Threads: o.Threads, Capacity: base.Rows,
	}
	graph, err := hnsw.New(options)
	if err != nil {
		return Built{}, err
	}
	rows := slices.Collect(base.each)
	if _, err := graph.AddBatch(ctx, rows); err != nil {
		return Built{}, err
	}
	sealed, err := graph.Freeze()
	if err != nil {
		return Built{}, err
	}
	x.search = func(ctx context.Context, query lode.Vector, k, ef int) ([]index.Candidate, error) {
		return sealed.SearchWith(ctx, query, hnsw.SearchOptions{K: k, Ef: ef})
	}
	x.batch = func(ctx context.Context, queries []lode.Vector, k, ef, threads int) ([][]index.Candidate, error) {
		return sealed.SearchBatch(ctx, queries, hnsw.SearchOptions{K: k, Ef: ef}, threads)
	}
	traversal, err := traversalBytes(options, sealed.MeanLinks())
	return Built{
		Rows: sealed.Len(), IndexBytes: sealedBytes(sealed), TraversalBytes: traversal,
		Default: options.Kind == quant.Default(base.Dim),
	}, err
}

// traversalBytes is what a search reads of each row it visits: the code, its corrections
// where they lie apart, and the links that a row has on average, with the slot behind them
// that ends them.
func traversalBytes(o hnsw.Options, links float64) (int64, error) {
	codes, err := quant.New(quant.Options{Kind: o.Kind, Dim: o.Dim, Metric: o.Metric})
	if err != nil {
		return 0, err
	}
	stride, apart := codes.Layout()
	if apart {
		stride += quant.CorrectionBytes
	}
	return int64(stride) + int64(4*min(links+1, float64(2*o.M))), nil
}

// sealedBytes is the size of a sealed form where it tells; 0 is unknown.
func sealedBytes(x any) int64 {
	if sized, ok := x.(interface{ Bytes() int64 }); ok {
		return sized.Bytes()
	}
	return 0
}

func (x *lodeIndex) buildFlat(ctx context.Context, base *Vectors, o BuildOptions) (Built, error) {
	scan := flat.New(base.Dim, o.Metric)
	for row := range base.each {
		if err := index.Stopped(ctx); err != nil {
			return Built{}, err
		}
		if _, err := scan.Add(row); err != nil {
			return Built{}, err
		}
	}
	x.search = func(ctx context.Context, query lode.Vector, k, _ int) ([]index.Candidate, error) {
		return scan.Search(ctx, query, k, nil)
	}
	return Built{Rows: scan.Len(), IndexBytes: scan.Bytes(), TraversalBytes: 4 * int64(base.Dim)}, nil
}

// Search asks the index.
func (x *lodeIndex) Search(ctx context.Context, into []uint32, query lode.Vector, k, ef int) ([]uint32, error) {
	found, err := x.search(ctx, query, k, ef)
	for _, c := range found {
		into = append(into, c.Ordinal)
	}
	return into, err
}

// SearchBatch asks the index for all queries at once.
func (x *lodeIndex) SearchBatch(ctx context.Context, queries []lode.Vector, k, ef, threads int) ([][]uint32, error) {
	found, err := x.batch(ctx, queries, k, ef, threads)
	ids := make([][]uint32, len(found))
	for i, answer := range found {
		ids[i] = make([]uint32, 0, len(answer))
		for _, c := range answer {
			ids[i] = append(ids[i], c.Ordinal)
		}
	}
	return ids, err
}
