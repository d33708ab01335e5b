package main

import (
	"context"
	"fmt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/storage"
)

type checkCommand struct {
	connection
	Data string `help:"Check the data folder of a node that is stopped, instead of asking a node." placeholder:"DIR" env:"-"`
}

// Run lists every breach and fails when there is one.
func (c *checkCommand) Run(ctx context.Context, std streams) error {
	breaches, err := c.breaches(ctx)
	if err != nil {
		return err
	}
	if std.json {
		if err := writeJSON(std.out, map[string]any{"ok": len(breaches) == 0, "breaches": breaches}); err != nil {
			return err
		}
	} else {
		for _, b := range breaches {
			fmt.Fprintf(std.out, "%s: %s\n", b.Where, b.What)
		}
		if len(breaches) == 0 {
			fmt.Fprintln(std.out, "everything that is stored is whole")
		}
	}
	if len(breaches) > 0 {
		return partialError{lode.Errorf(lode.CodeCorrupt, "%d breaches found", len(breaches))}
	}
	return nil
}

func (c *checkCommand) breaches(ctx context.Context) ([]v1.Breach, error) {
	breaches := []v1.Breach{}
	if c.Data != "" {
		err := storage.CheckDir(ctx, c.Data, func(b storage.Breach) {
			if !b.Benign { // left-overs that the node sweeps by itself
				breaches = append(breaches, v1.Breach{Where: b.Where, What: b.What})
			}
		})
		return breaches, err
	}
	node, err := c.open()
	if err != nil {
		return nil, err
	}
	result, err := node.Check(ctx)
	if err != nil {
		return nil, err
	}
	return append(breaches, result.Breaches...), nil
}
