package ann

import (
	"context"
	"runtime"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
	"github.com/lodedb/lode/index/flat"
)

// LodeEngine serves Lode's own indexes; version is the program's.
func LodeEngine(version string) (Hello, Engine) {
	return Hello{Name: lodeEngine, Version: version, About: runtime.Version() + ", kernels " + distance.Kernel(), Configs: []Config{
		{Name: "flat", About: "exact scan of full vectors", Exact: true, Threads: true},
	}}, &lodeIndex{}
}

// lodeIndex is whichever index was built last.
type lodeIndex struct {
	dense index.Dense
}

// Build builds the index that the configuration names.
func (x *lodeIndex) Build(ctx context.Context, base *Vectors, o BuildOptions) (Built, error) {
	if o.Config != "flat" {
		return Built{}, lode.Invalid("config", o.Config, "there is no such configuration")
	}
	x.dense = flat.New(base.Dim, o.Metric)
	for i := range base.Rows {
		if err := index.Stopped(ctx); err != nil {
			return Built{}, err
		}
		if _, err := x.dense.Add(base.Row(i)); err != nil {
			return Built{}, err
		}
	}
	return Built{Rows: x.dense.Len(), IndexBytes: x.dense.Bytes(), TraversalBytes: 4 * int64(base.Dim)}, nil
}

// Search asks the index.
func (x *lodeIndex) Search(ctx context.Context, into []uint32, query lode.Vector, k, ef int) ([]uint32, error) {
	found, err := x.dense.Search(ctx, query, k, nil)
	for _, c := range found {
		into = append(into, c.Ordinal)
	}
	return into, err
}
