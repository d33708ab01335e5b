package main

import (
	"context"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/bench"
)

type benchLexical struct {
	benchFlags
	Data   string `help:"Folder of the real test data." default:"../shared/data" env:"LODE_TESTDATA" type:"existingdir" placeholder:"DIR"`
	Peers  string `help:"Folder of the programs of other engines; none are measured without." placeholder:"DIR"`
	Docs   string `help:"Folder of documentation in HTML whose sections are part of the documents." type:"existingdir" placeholder:"DIR"`
	Cache  string `help:"Folder for corpus and indexes, which are kept." placeholder:"DIR"`
	Rows   int    `help:"Documents." default:"1000000" placeholder:"N"`
	Each   int    `help:"Queries of each number of words from 1 to 6." default:"60" placeholder:"N"`
	Rounds int    `help:"Rounds, in which the engines take turns." default:"2" placeholder:"N"`
}

// Run measures a lexical segment.
func (c *benchLexical) Run(ctx context.Context, std streams) error {
	for name, value := range map[string]int{"rows": c.Rows, "each": c.Each, "rounds": c.Rounds} {
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
		return bench.Lexical(ctx, o, bench.LexicalOptions{Peers: c.Peers, Docs: c.Docs, Cache: cache, Rows: c.Rows, Each: c.Each, Rounds: c.Rounds})
	})
}
