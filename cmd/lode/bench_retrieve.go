package main

import (
	"context"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/bench"
)

type benchRetrieve struct {
	benchFlags
	Data   string `help:"Folder of the real test data." default:"../shared/data" env:"LODE_TESTDATA" type:"existingdir" placeholder:"DIR"`
	Cache  string `help:"Folder for the node's data, which is kept." placeholder:"DIR"`
	Chunks int    `help:"Passages, at least." default:"100000" placeholder:"N"`
	Asks   int    `help:"Questions." default:"1000" placeholder:"N"`
	Rounds int    `help:"Rounds over all questions." default:"2" placeholder:"N"`
}

// Run measures questions.
func (c *benchRetrieve) Run(ctx context.Context, std streams) error {
	for name, value := range map[string]int{"chunks": c.Chunks, "asks": c.Asks, "rounds": c.Rounds} {
		if value < 1 {
			return usageError{lode.Invalid(name, value, "%s must be at least 1", name)}
		}
	}
	cache, err := benchCache(c.Cache)
	if err != nil {
		return err
	}
	return c.measure(ctx, std, "", func(ctx context.Context, o bench.Options) (*bench.Report, error) {
		o.Data = c.Data
		return bench.Retrieve(ctx, o, bench.RetrieveOptions{Cache: cache, Chunks: c.Chunks, Asks: c.Asks, Rounds: c.Rounds})
	})
}
