package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

// selection is how commands that write say what they are about.
type selection struct {
	connection
	Collection string       `arg:"" help:"The collection."`
	IDs        []lode.DocID `name:"ids" sep:"none" help:"Outside id; repeat for more. With a filter those of them that match." placeholder:"ID" env:"-"`
	Filter     string       `help:"Condition on metadata or ids as JSON; without ids all that match." placeholder:"JSON" env:"-"`
	Vectors    bool         `help:"Raw vectors instead of documents."`
}

// parse returns the ids, nil without any, and the filter.
func (s *selection) parse() ([]lode.DocID, *lode.Filter, error) {
	filter, err := parseFilter(s.Filter)
	if err != nil {
		return nil, nil, err
	}
	if len(s.IDs) == 0 && filter == nil {
		return nil, nil, usageError{lode.Invalid("filter", "", "neither --ids nor --filter says what it is about").
			WithHint(`to select everything say so: --filter '{"and":[]}'`)}
	}
	if len(s.IDs) == 0 {
		return nil, filter, nil
	}
	return s.IDs, filter, nil
}

// parseFilter reads the filter of a command line; nil is none.
func parseFilter(text string) (*lode.Filter, error) {
	if text == "" {
		return nil, nil
	}
	filter := new(lode.Filter)
	if err := json.Unmarshal([]byte(text), filter); err != nil {
		return nil, usageError{filterError(text, err)}
	}
	return filter, nil
}

// reportItems names the ids that were refused, which is exit code 3.
func reportItems(w io.Writer, items []v1.SelectedItem) error {
	failed := 0
	for _, item := range items {
		if e := item.Error; e != nil {
			failed++
			fmt.Fprintf(w, "failed   %s: %s: %s\n", item.ID, e.Code, e.Detail)
		}
	}
	if failed > 0 {
		return partialError{lode.Errorf(codePartial, "%d of %d ids failed", failed, len(items))}
	}
	return nil
}

type patchCommand struct {
	selection
	Set           map[string]string `mapsep:"none" help:"Give a path of the metadata a value; repeat for more. Numbers, true, false, null and lists like [1,2] are typed." placeholder:"PATH=VALUE" env:"-"`
	Delete        []string          `sep:"none" help:"Take a path out of the metadata; repeat for more." placeholder:"PATH" env:"-"`
	Replace       string            `help:"All of the metadata, as JSON." placeholder:"JSON" env:"-"`
	Readers       *[]string         `help:"Labels of who may see it, in the place of the present ones." placeholder:"LABEL,…" env:"-"`
	Everybody     bool              `help:"Let everybody see it."`
	AddReaders    []string          `help:"Labels of who may see it too." placeholder:"LABEL,…" env:"-"`
	RemoveReaders []string          `help:"Labels of who may not see it any more." placeholder:"LABEL,…" env:"-"`
	ExpiresAt     string            `help:"When it ends of itself, as 2030-01-02T15:04:05Z; never clears it." placeholder:"TIME" env:"-"`
}

// Run changes metadata, readers or expiry, and prints how much of it.
func (c *patchCommand) Run(ctx context.Context, std streams) error {
	ids, filter, err := c.parse()
	if err != nil {
		return err
	}
	patch, err := c.patch()
	if err == nil {
		err = patch.Validate()
	}
	if err != nil {
		return usageError{err}
	}
	node, err := c.open()
	if err != nil {
		return err
	}
	send := node.PatchDocuments
	if c.Vectors {
		send = node.PatchVectors
	}
	done, err := send(ctx, c.Collection, v1.PatchSelected{IDs: ids, Filter: filter, Patch: patch})
	if err != nil {
		return err
	}
	if std.json {
		err = writeJSON(std.out, done)
	} else {
		_, err = fmt.Fprintf(std.out, "matched %d, changed %d\n", done.Matched, done.Changed)
	}
	if failed := reportItems(std.err, done.Items); err == nil {
		err = failed
	}
	return err
}

func (c *patchCommand) patch() (p lode.Patch, err error) {
	p = lode.Patch{Delete: c.Delete, Readers: c.Readers, AddReaders: c.AddReaders, RemoveReaders: c.RemoveReaders}
	if len(c.Set) > 0 {
		p.Set = typedValues(c.Set)
	}
	if c.Everybody {
		if c.Readers != nil {
			return p, lode.Invalid("everybody", "true", "--everybody stands without --readers")
		}
		p.Readers = &[]string{}
	}
	if c.Replace != "" {
		p.Replace = new(lode.Metadata)
		if err := json.Unmarshal([]byte(c.Replace), p.Replace); err != nil {
			return p, lode.Invalid("replace", c.Replace, "--replace is not an object of JSON: %s", err)
		}
	}
	if c.ExpiresAt == "never" {
		p.ExpiresAt = &lode.Expiry{}
		return p, nil
	}
	at, err := parseExpiry(c.ExpiresAt)
	if at != nil {
		p.ExpiresAt = &lode.Expiry{At: at}
	}
	return p, err
}

// parseExpiry reads when something ends; nil where nothing is said.
func parseExpiry(text string) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return nil, lode.Invalid("expires_at", text, "--expires-at must be an RFC 3339 time, as 2030-01-02T15:04:05Z")
	}
	return &at, nil
}

// typedValues reads values as JSON where they are numbers, booleans, null, lists or objects, else
// as strings.
func typedValues(raw map[string]string) lode.Metadata {
	m := lode.Metadata{}
	for path, text := range raw {
		var value lode.Value
		if err := json.Unmarshal([]byte(text), &value); err != nil || value.Kind == lode.KindString {
			value = lode.StringValue(text)
		}
		m[path] = value
	}
	return m
}

type documentsCommand struct {
	Delete documentsDelete `cmd:"" help:"Delete documents or raw vectors by their ids, by a filter, or by both."`
}

type documentsDelete struct {
	selection
	Yes bool `help:"Really delete what a filter selects." env:"-"`
}

// Run deletes what is selected. What a filter alone selects it deletes when it was told so twice.
func (c *documentsDelete) Run(ctx context.Context, std streams) error {
	ids, filter, err := c.parse()
	if err != nil {
		return err
	}
	node, err := c.open()
	if err != nil {
		return err
	}
	if ids == nil && !c.Yes {
		return c.ask(ctx, node, filter)
	}
	send := node.DeleteDocumentsWhere
	if c.Vectors {
		send = node.DeleteVectorsWhere
	}
	done, err := send(ctx, c.Collection, v1.DeleteIDs{IDs: ids, Filter: filter})
	if err != nil {
		return err
	}
	if std.json {
		err = writeJSON(std.out, done)
	} else {
		_, err = fmt.Fprintf(std.out, "matched %d, deleted %d\n", done.Matched, done.Deleted)
	}
	if failed := reportItems(std.err, done.Items); err == nil {
		err = failed
	}
	return err
}

// ask refuses, and says how much it is about.
func (c *documentsDelete) ask(ctx context.Context, node *client.Client, filter *lode.Filter) error {
	n, err := node.Count(ctx, c.Collection, v1.Count{Filter: filter})
	if err != nil {
		return err
	}
	return usageError{lode.Invalid("yes", "false", "the filter matches %d documents and raw vectors that searches show; deleting cannot be undone", n.Documents).
		WithHint("repeat the command with --yes: it deletes " + c.what() + " among them, and those that searches do not show")}
}

func (c *documentsDelete) what() string {
	if c.Vectors {
		return "raw vectors"
	}
	return "documents"
}
