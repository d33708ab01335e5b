package main

import (
	"context"
	"fmt"
	"text/tabwriter"
)

type segmentsCommand struct {
	List segmentsList `cmd:"" default:"withargs" help:"List the segments of a collection."`
	Seal segmentsSeal `cmd:"" help:"Seal the growing segment now."`
}

type segmentsList struct {
	connection
	Collection string `arg:"" help:"The collection."`
}

// Run lists segments as they are on the node.
func (c *segmentsList) Run(ctx context.Context, std streams) error {
	node, err := c.open()
	if err != nil {
		return err
	}
	all, err := node.ListSegments(ctx, c.Collection)
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, all)
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SEGMENT\tSTATE\tVERSIONS\tPENDING\tROWS\tFILE\tGRAPH\tWORDS")
	for _, m := range all {
		fmt.Fprintf(table, "%d\t%s\t%d\t%d\t%d\t%s\t%s\t%s\n", m.ID, m.State, m.Versions, m.Pending, m.Rows, formatBytes(m.FileBytes), formatBytes(m.Graph), formatBytes(m.Words))
	}
	return table.Flush()
}

type segmentsSeal struct {
	connection
	Collection string `arg:"" help:"The collection."`
}

// Run seals, and waits until that is done.
func (c *segmentsSeal) Run(ctx context.Context, std streams) error {
	node, err := c.open()
	if err != nil {
		return err
	}
	id, err := node.SealSegment(ctx, c.Collection)
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, map[string]any{"segment": id})
	}
	if id == 0 {
		_, err = fmt.Fprintln(std.out, "there is nothing to seal")
	} else {
		_, err = fmt.Fprintf(std.out, "segment %d is sealed\n", id)
	}
	return err
}
