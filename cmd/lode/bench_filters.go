package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/bench/ann"
	"github.com/lodedb/lode/index/hnsw"
)

type benchFilters struct {
	Dataset string `help:"A data set as bench ann reads it." default:"words100" placeholder:"PATH|NAME"`
	Data    string `help:"Folder in which the named data sets lie." default:"../shared/data" env:"LODE_TESTDATA" placeholder:"DIR"`
	Metric  string `help:"cosine, dot or l2; else the named data set's, else l2." placeholder:"NAME"`
	Rows    int    `help:"Take that many rows from the front; 0 is all." default:"0" placeholder:"N"`
	kernelFlag
	K       int    `help:"Neighbours asked for." default:"10" placeholder:"N"`
	Ef      int    `help:"Breadth of searches; the default is the product's." default:"128" placeholder:"N"`
	Queries int    `help:"Queries of each kind of filter." default:"200" placeholder:"N"`
	Rounds  int    `help:"Rounds, of which the median counts." default:"5" placeholder:"N"`
	Plan    string `help:"In place of the planner's choice: auto, scan, traverse or twohop. Targets that a bad plan does not miss would be worth nothing." default:"auto" enum:"auto,scan,traverse,twohop" placeholder:"NAME"`
	Seed    uint64 `help:"Of filters, clusters and the graph." default:"1" placeholder:"N"`
	Report  string `help:"Write the report to this file too." placeholder:"FILE"`
	Cache   string `help:"Folder for computed neighbours." placeholder:"DIR"`
}

// Run measures searches under filters.
func (c *benchFilters) Run(ctx context.Context, std streams) error {
	for name, value := range map[string]int{"k": c.K, "ef": c.Ef, "queries": c.Queries, "rounds": c.Rounds} {
		if value < 1 {
			return usageError{lode.Invalid(name, value, "%s must be at least 1", name)}
		}
	}
	cache, err := benchCache(c.Cache)
	if err != nil {
		return err
	}
	log := ann.NewLog(std.err)
	if std.json {
		log = nil
	}
	plan := hnsw.Plan(strings.TrimPrefix(c.Plan, "auto"))
	r, err := ann.Filters(ctx, ann.FilterOptions{
		Command: commandLine(c.Data), Commit: commit, Seed: c.Seed, K: c.K, Ef: c.Ef, Queries: c.Queries, Rounds: c.Rounds, Plan: plan, Log: log,
		Data: ann.DataOptions{Dataset: c.Dataset, Folder: c.Data, Metric: lode.Metric(c.Metric), Rows: c.Rows, Seed: c.Seed, Cache: cache},
	})
	if err != nil {
		return err
	}
	return c.finish(std, r)
}

// finish writes and prints the report. Missed targets make the exit status that of a partial
// success.
func (c *benchFilters) finish(std streams, r *ann.FilterReport) error {
	if c.Report != "" {
		if err := r.WriteFile(c.Report); err != nil {
			return err
		}
	}
	err := r.Tables(std.out)
	if std.json {
		err = writeJSON(std.out, r)
	}
	missed := r.Missed()
	for _, f := range missed {
		fmt.Fprintf(std.err, "missed: %s: %.4g, target %s\n", f.Name, f.Value, f.Target)
	}
	if err == nil && len(missed) > 0 {
		return partialError{fmt.Errorf("%d figures missed their target", len(missed))}
	}
	return err
}
