package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/bench"
	"github.com/lodedb/lode/bench/ann"
)

type benchSegments struct {
	benchFlags
	Data string   `help:"Folder in which the named data sets lie." default:"../shared/data" env:"LODE_TESTDATA" placeholder:"DIR"`
	Only []string `help:"Measure these parts alone: sealed, open, insert, sealing." placeholder:"PART"`
	Sets []string `help:"Data sets that are searched through a sealed segment, as of bench ann." default:"sift128,words100" placeholder:"NAME"`

	Rows       int           `help:"Vectors of the node that is started again; 0 is a million." default:"0" placeholder:"N"`
	Inserts    int           `help:"Single vectors that are inserted; 0 is 5000." default:"0" placeholder:"N"`
	InsertRows int           `help:"Vectors that are sealed before; 0 is 20000." default:"0" placeholder:"N"`
	SealRows   int           `help:"Vectors of a segment that is sealed beside searches; 0 is 100000." default:"0" placeholder:"N"`
	Rate       int           `help:"Searches a second beside that; 0 is 100." default:"0" placeholder:"N"`
	Quiet      time.Duration `help:"Time of searches in quiet; 0 is 20 s." default:"0" placeholder:"TIME"`
}

// Run measures sealed segments.
func (c *benchSegments) Run(ctx context.Context, std streams) error {
	log := ann.NewLog(std.err)
	return c.measure(ctx, std, "", func(ctx context.Context, o bench.Options) (*bench.Report, error) {
		r, err := bench.Segments(ctx, o, bench.SegmentsOptions{
			Only: c.Only, Sets: c.Sets, Rows: c.Rows, Inserts: c.Inserts, InsertRows: c.InsertRows,
			SealRows: c.SealRows, Rate: c.Rate, Quiet: c.Quiet,
			Load: func(ctx context.Context, name string) (*bench.VectorSet, error) { return c.load(ctx, name, log) },
			Draw: c.draw,
		})
		if lode.CodeOf(err) == lode.CodeInvalid {
			err = usageError{err}
		}
		return r, err
	})
}

// load reads a set. What engines of other programs would read of it goes at once.
func (c *benchSegments) load(ctx context.Context, name string, log *ann.Log) (*bench.VectorSet, error) {
	dir, err := os.MkdirTemp("", "lode-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	d, err := ann.Load(ctx, ann.DataOptions{Dataset: name, Folder: c.Data, Seed: c.Seed, Cache: dir}, log)
	if err != nil {
		return nil, err
	}
	return vectorSet(d), nil
}

// draw makes vectors as texts about some hundred subjects have them.
func (c *benchSegments) draw(rows, queries int) (*bench.VectorSet, error) {
	spec := fmt.Sprintf("mixture:n=%d,dim=%d,clusters=%d,queries=%d,seed=%d", rows, bench.SegmentsDim, min(400, rows), queries, c.Seed)
	m, err := ann.ParseMixture(spec)
	if err != nil {
		return nil, err
	}
	base, asked := m.Generate()
	return &bench.VectorSet{Name: spec, Metric: lode.Cosine, Rows: vectorRows(base), Queries: vectorRows(asked)}, nil
}

func vectorRows(v *ann.Vectors) []lode.Vector {
	all := make([]lode.Vector, v.Rows)
	for i := range all {
		all[i] = v.Row(i)
	}
	return all
}
