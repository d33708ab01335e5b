package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/lodedb/lode/api/v1"
)

type usageCommand struct{ connection }

// Run prints the report of the node.
func (c *usageCommand) Run(ctx context.Context, std streams) error {
	node, err := c.open()
	if err != nil {
		return err
	}
	u, err := node.NodeUsage(ctx)
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, u)
	}
	return printUsage(std.out, u)
}

func printUsage(w io.Writer, u *v1.NodeUsage) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(table, "%s\t"+format+"\n", append([]any{name}, args...)...)
	}
	if u.Writes.Accepted {
		row("writes", "taken")
	}
	for _, r := range u.Writes.Reasons {
		row("writes", "refused: %s: %s", r.Name, r.Detail)
	}
	m := u.Memory
	row("memory", "%s resident, limit %s", formatBytes(m.Resident), limitText(m.Limit))
	row("  data", "%s, limit %s", formatBytes(m.Data), limitText(m.DataLimit))
	row("  heap", "%s", formatBytes(m.Heap))
	row("  indexes", "%s", formatBytes(m.Indexes))
	for _, c := range m.Collections {
		row("    "+c.Name, "%s dense, %s lexical, %d rows; graphs of %s and words of %s on disk",
			formatBytes(c.Dense), formatBytes(c.Lexical), c.Rows, formatBytes(c.Graphs), formatBytes(c.Words))
	}
	printDisk(row, &u.Disk)
	row("bodies", "%s, limit %s, %d refused", formatBytes(u.Requests.Bodies), limitText(u.Requests.BodyLimit), u.Requests.Refused)
	row("documents", "%d waiting, %d in work", u.Requests.Waiting, u.Requests.Running)
	row("process", "%d goroutines, %d open files of %d", u.Goroutines, u.OpenFiles, u.FileLimit)
	return table.Flush()
}

func printDisk(row func(name, format string, args ...any), d *v1.DiskUsage) {
	row("disk", "%s in %d files, limit %s", formatBytes(d.Used), d.Files, limitText(d.Limit))
	for _, part := range []struct {
		name  string
		bytes int64
	}{
		{"catalogue", d.Parts.Catalogue}, {"segments", d.Parts.Segments}, {"blobs", d.Parts.Blobs}, {"log", d.Parts.Log},
		{"snapshots", d.Parts.Snapshots}, {"reserve", d.Parts.Reserve}, {"other", d.Parts.Other},
	} {
		row("  "+part.name, "%s", formatBytes(part.bytes))
	}
	row("  free", "%s of %s, of which %s are kept for deletes and the log", formatBytes(d.Free), formatBytes(d.Total), formatBytes(d.Reserve))
	for _, call := range []struct {
		name  string
		times v1.CallTimes
	}{{"log append", d.Log}, {"commit", d.Catalogue}, {"file sync", d.FileSyncs}} {
		if call.times.Calls > 0 {
			row("  "+call.name, "%s, 99 %% within %s, of the newest %d", shortTime(call.times.P50), shortTime(call.times.P99), call.times.Calls)
		}
	}
}

func limitText(bytes int64) string {
	if bytes == 0 {
		return "none"
	}
	return formatBytes(bytes)
}

func shortTime(ns int64) string { return time.Duration(ns).Round(10 * time.Microsecond).String() }
