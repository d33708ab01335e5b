package main

import (
	"context"

	"github.com/lodedb/lode/bench"
)

type benchChunking struct {
	benchFlags
	Data string `arg:"" help:"Folder with questions.csv and corpora, or one in BEIR layout with answers.json." type:"existingdir"`
}

// Run measures chunking.
func (c *benchChunking) Run(ctx context.Context, std streams) error {
	return c.measure(ctx, std, c.Data, bench.Chunking)
}
