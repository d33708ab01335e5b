package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

type embedCommand struct {
	Texts embedTexts `cmd:"" default:"withargs" help:"Print the vectors of texts, one JSON array on a line."`
	Usage embedUsage `cmd:"" help:"Print what embedding has cost, by provider, model and collection."`
	Clear embedClear `cmd:"" help:"Forget the vectors that the node keeps of texts."`
}

type embedTexts struct {
	connection
	Text       []string `arg:"" optional:"" sep:"none" help:"Texts; without any, the lines of standard input."`
	Collection string   `short:"c" help:"Embed as this collection does." placeholder:"NAME"`
	Embedder   string   `help:"Embed with a provider instead, e.g. builtin." placeholder:"NAME"`
	Model      string   `help:"Model of the provider." placeholder:"NAME"`
	Dim        int      `help:"Its dimensions." placeholder:"N"`
	Kind       string   `help:"What the texts are: ${enum}." enum:"document,query" default:"document" placeholder:"KIND"`
}

// Run embeds the texts, as many at a time as one request takes.
func (c *embedTexts) Run(ctx context.Context, std streams) error {
	node, err := c.open()
	if err != nil {
		return err
	}
	request := v1.Embed{Collection: c.Collection, Kind: c.Kind}
	switch {
	case c.Embedder != "" && c.Collection != "":
		return usageError{lode.Invalid("embedder", c.Embedder, "a collection is named too")}
	case c.Embedder != "":
		request.Embedder = &v1.Embedder{Provider: c.Embedder, Model: c.Model, Dim: c.Dim}
	case c.Collection == "":
		request.Embedder = &v1.Embedder{Provider: lode.ProviderBuiltin}
	}
	return batches(c.Text, std.in, func(texts []string) error {
		request.Texts = texts
		vectors, err := node.EmbedVectors(ctx, request)
		if err != nil {
			return err
		}
		out := json.NewEncoder(std.out)
		for _, v := range vectors {
			if err := out.Encode(v); err != nil {
				return err
			}
		}
		return nil
	})
}

// embedBatch is how many lines are sent in one request.
const embedBatch = 128

// batches hands on the texts, or the lines of in where there are none.
func batches(texts []string, in io.Reader, each func([]string) error) error {
	if len(texts) > 0 {
		for len(texts) > embedBatch {
			if err := each(texts[:embedBatch]); err != nil {
				return err
			}
			texts = texts[embedBatch:]
		}
		return each(texts)
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, v1.MaxEmbedTextBytes+1)
	var batch []string
	for lines.Scan() {
		if batch = append(batch, lines.Text()); len(batch) == embedBatch {
			if err := each(batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	if err := lines.Err(); err != nil {
		return lode.Errorf(lode.CodeInvalid, "read texts: %w", err)
	}
	if len(batch) == 0 {
		return nil
	}
	return each(batch)
}

type embedUsage struct{ connection }

// Run prints the ledger of the node.
func (c *embedUsage) Run(ctx context.Context, std streams) error {
	node, err := c.open()
	if err != nil {
		return err
	}
	u, err := node.EmbedUsage(ctx)
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, u)
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PROVIDER\tMODEL\tCOLLECTION\tTEXTS\tCACHED\tREQUESTS\tFAILED\tTOKENS\tESTIMATED\tCOST")
	for _, a := range u.Accounts {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%.4f\n", a.Provider, a.Model, a.Collection, a.Texts, a.Cached, a.Requests, a.Failed, a.Tokens, a.Estimated, a.Cost)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if u.Cache != nil {
		fmt.Fprintf(std.out, "%d vectors are kept in %s of %s\n", u.Cache.Entries, formatBytes(u.Cache.Bytes), formatBytes(u.Cache.Limit))
	}
	return nil
}

type embedClear struct{ connection }

// Run clears the cache of the node.
func (c *embedClear) Run(ctx context.Context, std streams) error {
	node, err := c.open()
	if err != nil {
		return err
	}
	if err := node.ClearEmbedCache(ctx); err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, map[string]bool{"cleared": true})
	}
	_, err = fmt.Fprintln(std.out, "no vectors of texts are kept any more")
	return err
}
