package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/retrieval/evaluation"
)

type evalPut struct {
	target
	Name string `arg:"" help:"Name that the set gets: 1 to 64 of a-z, 0-9, _ and -."`
	Set  string `arg:"" help:"A file of JSON Lines, a folder in BEIR layout, or - for standard input."`
}

// Run hands a set to the collection, which keeps it.
func (c *evalPut) Run(ctx context.Context, std streams) error {
	node, err := c.open()
	if err != nil {
		return err
	}
	var set *evaluation.Set
	if c.Set == "-" {
		set, err = evaluation.Read(std.in)
	} else {
		set, err = readFileSet(c.Set)
	}
	if err != nil {
		return err
	}
	lines, err := set.Encode()
	if err != nil {
		return err
	}
	info, err := node.PutEvaluation(ctx, c.Collection, c.Name, lines)
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, info)
	}
	_, err = fmt.Fprintf(std.out, "evaluation %s: %d questions, %d spans\n", info.Name, info.Questions, info.Spans)
	return err
}

type evalGet struct {
	target
	Name string `arg:"" help:"Name of the set."`
	To   string `short:"o" help:"File to write; the default is standard output." placeholder:"FILE" env:"-"`
}

// Run prints the lines of a set.
func (c *evalGet) Run(ctx context.Context, std streams) error {
	node, err := c.open()
	if err != nil {
		return err
	}
	lines, err := node.GetEvaluation(ctx, c.Collection, c.Name)
	if err != nil {
		return err
	}
	return writeLines(std.out, c.To, lines)
}

// writeLines writes to a file, or to out where none is named.
func writeLines(out io.Writer, path string, lines []byte) error {
	if path != "" {
		return os.WriteFile(path, lines, vfs.FilePerm)
	}
	_, err := out.Write(lines)
	return err
}

type evalList struct{ target }

// Run lists the sets of a collection.
func (c *evalList) Run(ctx context.Context, std streams) error {
	node, err := c.open()
	if err != nil {
		return err
	}
	sets, err := node.ListEvaluations(ctx, c.Collection)
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, sets)
	}
	t := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tQUESTIONS\tSPANS\tBYTES\tPUT")
	for _, s := range sets {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\n", s.Name, s.Questions, s.Spans, s.Bytes, s.At.Format("2006-01-02 15:04"))
	}
	return t.Flush()
}

type evalDelete struct {
	target
	Name string `arg:"" help:"Name of the set."`
}

// Run deletes a set.
func (c *evalDelete) Run(ctx context.Context, std streams) error {
	node, err := c.open()
	if err != nil {
		return err
	}
	if err := node.DeleteEvaluation(ctx, c.Collection, c.Name); err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, map[string]any{"deleted": c.Name})
	}
	_, err = fmt.Fprintf(std.out, "deleted evaluation %s\n", c.Name)
	return err
}

type evalFeedback struct {
	target
	To     string       `short:"o" help:"File that the set is written to; the default is standard output." placeholder:"FILE" env:"-"`
	Query  string       `help:"Judge instead: the question that was asked." placeholder:"TEXT" env:"-"`
	Chunk  lode.ChunkID `help:"The passage that is judged, as search prints it." placeholder:"ID" env:"-"`
	Grade  *int         `help:"How well it answered, 0 to 100; 0 is not at all." placeholder:"N" env:"-"`
	Answer string       `help:"The right answer." placeholder:"TEXT" env:"-"`
}

// Run prints what was judged as a set, or judges.
func (c *evalFeedback) Run(ctx context.Context, std streams) error {
	node, err := c.open()
	if err != nil {
		return err
	}
	if c.Query != "" || c.Grade != nil || c.Chunk != (lode.ChunkID{}) {
		return c.judge(ctx, node, std)
	}
	lines, err := node.GetFeedback(ctx, c.Collection)
	if err != nil {
		return err
	}
	return writeLines(std.out, c.To, lines)
}

func (c *evalFeedback) judge(ctx context.Context, node *client.Client, std streams) error {
	if c.Query == "" || c.Grade == nil || c.Chunk == (lode.ChunkID{}) {
		return usageError{lode.Invalid("query", c.Query, "a judgement needs --query, --chunk and --grade")}
	}
	judged, err := node.SendFeedback(ctx, c.Collection, v1.Feedback{Query: c.Query, ChunkID: &c.Chunk, Grade: c.Grade, Answer: c.Answer})
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, judged)
	}
	_, err = fmt.Fprintf(std.out, "kept: bytes %d to %d of %s have grade %d\n", judged.Span.Start, judged.Span.End, judged.DocumentID, judged.Grade)
	return err
}

// readSet reads a set from a file, a BEIR folder, or the collection.
func readSet(ctx context.Context, node *client.Client, collection, name string) (*evaluation.Set, error) {
	if _, err := os.Stat(name); err == nil {
		return readFileSet(name)
	}
	if lode.ValidateCollectionName(name) != nil {
		return nil, errNoSet(name)
	}
	lines, err := node.GetEvaluation(ctx, collection, name)
	if lode.IsCode(err, lode.CodeNotFound) {
		return nil, errNoSet(name)
	}
	if err != nil {
		return nil, err
	}
	return evaluation.Read(bytes.NewReader(lines))
}

func errNoSet(name string) error {
	return lode.NotFound("set", name).WithHint("name a file of JSON Lines, a folder with corpus.jsonl, queries.jsonl and qrels/test.tsv, or a set that the collection keeps")
}

func readFileSet(name string) (*evaluation.Set, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, errNoSet(name)
	}
	if info.IsDir() {
		return evaluation.ReadBEIR(name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	set, err := evaluation.Read(f)
	if err != nil {
		return nil, fmt.Errorf("read set %s: %w", name, err)
	}
	return set, nil
}

// runAtNode has the node run a set that it keeps.
func (c *evalRun) runAtNode(ctx context.Context, node *client.Client, request v1.Retrieve) (*evaluation.Report, error) {
	wire, err := node.RunEvaluation(ctx, c.Collection, c.Set, request)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(wire)
	if err != nil {
		return nil, fmt.Errorf("encode report: %w", err)
	}
	return evaluation.ReadReport(bytes.NewReader(raw))
}
