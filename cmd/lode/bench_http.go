package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/bench"
	"github.com/lodedb/lode/bench/ann"
)

type benchHTTP struct {
	benchFlags
	Dataset string `arg:"" optional:"" help:"Data set as of bench ann." default:"sift128" placeholder:"PATH|NAME"`
	Data    string `help:"Folder in which the named data sets lie." default:"../shared/data" env:"LODE_TESTDATA" placeholder:"DIR"`
	Rows    int    `help:"Take that many rows from the front; 0 is all." default:"0" placeholder:"N"`
	Cache   string `help:"Folder for computed neighbours." placeholder:"DIR"`
}

// Run measures searches over HTTP.
func (c *benchHTTP) Run(ctx context.Context, std streams) error {
	if c.Cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return usageError{lode.Invalid("cache", "", "there is no folder for caches here: %v", err)}
		}
		c.Cache = filepath.Join(base, "lode-bench")
	}
	d, err := ann.Load(ctx, ann.DataOptions{Dataset: c.Dataset, Folder: c.Data, Rows: c.Rows, Seed: c.Seed, Cache: c.Cache}, ann.NewLog(std.err))
	if err != nil {
		return err
	}
	return c.measure(ctx, std, "", func(ctx context.Context, o bench.Options) (*bench.Report, error) {
		return bench.HTTP(ctx, o, vectorSet(d))
	})
}

// vectorSet is a data set as the harness takes it.
func vectorSet(d *ann.Dataset) *bench.VectorSet {
	return &bench.VectorSet{Name: d.Name, Metric: d.Metric, Rows: vectorRows(d.Base), Queries: vectorRows(d.Queries), Recall: d.Truth.Recall}
}
