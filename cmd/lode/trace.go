package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

type traceCommand struct {
	target
	past
	Chunk string `arg:"" help:"Id of the passage, as search prints it: ch-12-1-0."`
}

// Run prints the chain from a passage to its bytes and fails when a link does not hold.
func (c *traceCommand) Run(ctx context.Context, std streams) error {
	id, err := lode.ParseChunkID(c.Chunk)
	if err != nil {
		return usageError{err}
	}
	node, err := c.open()
	if err != nil {
		return err
	}
	if node, err = c.of(node); err != nil {
		return err
	}
	trace, err := node.TraceChunk(ctx, c.Collection, id)
	if err != nil {
		return err
	}
	if std.json {
		err = writeJSON(std.out, trace)
	} else {
		writeTrace(std.out, trace)
	}
	if err == nil && !trace.Verified {
		return lode.Errorf(lode.CodeCorrupt, "the chain does not hold").WithHint("lode check finds what is damaged")
	}
	return err
}

func writeTrace(w io.Writer, t *v1.Trace) {
	fmt.Fprintf(w, "chunk     %s of %s, version %d\n", t.Chunk.ID, place(t.Document.ID, t.Document.Title, t.Chunk.Path, t.Chunk.Page), t.Chunk.Version)
	fmt.Fprintf(w, "silver    bytes %d to %d of the canonical text\n", t.Chunk.Span.Start, t.Chunk.Span.End)
	fmt.Fprintf(w, "bronze    bytes %d to %d of %s\n", t.Bronze.Span.Start, t.Bronze.Span.End, t.Bronze.Hash)
	fmt.Fprintf(w, "received  %s, %s, %s\n", t.Document.ReceivedAt.Format(time.RFC3339), t.Document.MediaType, formatBytes(t.Document.Size))
	for _, run := range t.Runs {
		line := fmt.Sprintf("run       %-8s %s %8s  %s", run.Stage, run.Start.Format(time.RFC3339),
			time.Duration(run.DurationNS).Round(10*time.Microsecond), run.Config)
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
	for _, check := range t.Checks {
		verdict := "ok"
		if !check.OK {
			verdict = "BROKEN " + check.Detail
		}
		fmt.Fprintf(w, "verified  %-28s %s\n", check.Name, verdict)
	}
}
