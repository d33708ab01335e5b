// Command lode-train makes the table of builtin/lode-en-v1, see embed/train. It is a tool of
// developers; `make model` runs it. The product does not link it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/lodedb/lode/embed/table"
	"github.com/lodedb/lode/embed/train"
	"github.com/lodedb/lode/internal/report"
)

func main() {
	var c config
	c.flags()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "lode-train:", err)
		os.Exit(1)
	}
}

type config struct {
	maker                        train.Maker
	other                        uint64
	data, weights, report, cards string
	commit                       string
}

func (c *config) flags() {
	flag.StringVar(&c.maker.Dir, "dir", ".cache/model", "folder of sources, pairs, checkpoints and tables")
	flag.Uint64Var(&c.maker.Options.Seed, "seed", 1, "seed of training")
	flag.IntVar(&c.maker.Options.Threads, "threads", 1, "threads of training; the bits do not depend on it")
	flag.IntVar(&c.maker.Options.Batches, "batches", 0, "batches of training; 0 is the recipe's number")
	flag.Uint64Var(&c.other, "other-seed", 0, "a second training run, to report what the seed changes; 0 is none")
	flag.StringVar(&c.data, "data", "", "folder of the evaluation data; empty makes no report")
	flag.StringVar(&c.weights, "weights", "", "where the table is written beside the folder")
	flag.StringVar(&c.report, "report", "", "where the report is written")
	flag.StringVar(&c.cards, "card", "", "model card whose generated parts are rewritten from the report, and nothing else is done")
	flag.StringVar(&c.commit, "commit", "unknown", "for the report")
	flag.Parse()
	c.maker.Say = func(format string, args ...any) {
		fmt.Printf("%s %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
	}
}

func (c *config) run(ctx context.Context) error {
	if c.cards != "" {
		return c.card()
	}
	made, err := c.maker.Make(ctx)
	if err != nil {
		return err
	}
	if c.weights != "" {
		if err := report.WriteFile(c.weights, made.Table); err != nil {
			return err
		}
	}
	if c.data == "" {
		return nil
	}
	r, err := c.evaluate(ctx, made)
	if err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	for _, f := range r.Figures {
		c.maker.Say("%-60s %10.4f %s %s", f.Name, f.Value, f.Unit, f.Target)
	}
	if c.report != "" {
		return report.Write(c.report, r)
	}
	return nil
}

func (c *config) evaluate(ctx context.Context, made *train.Made) (*train.Report, error) {
	e := &train.Evaluation{Data: c.data, Rows: made.Rows, Say: c.maker.Say}
	var err error
	if e.WordNet, err = c.maker.WordNet(); err != nil {
		return nil, err
	}
	if e.Table, err = table.Open(string(made.Table)); err != nil {
		return nil, err
	}
	if c.other != 0 {
		again := c.maker
		again.Options.Seed = c.other
		second, err := again.Make(ctx)
		if err != nil {
			return nil, fmt.Errorf("seed %d: %w", c.other, err)
		}
		if e.Other, err = table.Open(string(second.Table)); err != nil {
			return nil, err
		}
	}
	r := train.NewReport(made, c.maker.Options)
	r.Commit = c.commit
	if err := e.Run(&r.Head); err != nil {
		return nil, err
	}
	r.AddSize(e.Table)
	return r, nil
}

// card rewrites the generated parts of the card.
func (c *config) card() error {
	r, err := report.Read[train.Report](c.report)
	if err != nil {
		return err
	}
	card, err := os.ReadFile(c.cards)
	if err != nil {
		return err
	}
	changed, err := r.InsertCard(string(card))
	if err != nil {
		return err
	}
	return report.WriteFile(c.cards, []byte(changed))
}
