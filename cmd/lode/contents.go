package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

// within names a collection and what of it a command is about.
type within struct {
	connection
	Collection string `arg:"" help:"The collection."`
	Filter     string `help:"Condition on metadata or ids as JSON, e.g. '{\"field\":\"lang\",\"eq\":\"en\"}'." placeholder:"JSON" env:"-"`
}

// begin reads the filter and connects to the node.
func (c *within) begin() (*client.Client, *lode.Filter, error) {
	filter, err := parseFilter(c.Filter)
	if err != nil {
		return nil, nil, err
	}
	node, err := c.open()
	return node, filter, err
}

type countCommand struct {
	within
	past
}

// Run counts what searches show.
func (c *countCommand) Run(ctx context.Context, std streams) error {
	node, filter, err := c.begin()
	if err != nil {
		return err
	}
	if node, err = c.of(node); err != nil {
		return err
	}
	n, err := node.Count(ctx, c.Collection, v1.Count{Filter: filter})
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, n)
	}
	_, err = fmt.Fprintf(std.out, "%d documents and raw vectors, %d rows\n", n.Documents, n.Rows)
	return err
}

type recallCommand struct {
	within
	Samples int  `help:"Queries: vectors that were searched for lately, else stored ones." default:"100" placeholder:"N" env:"-"`
	K       int  `short:"k" help:"Hits of each." default:"10" placeholder:"N" env:"-"`
	Ef      *int `help:"Breadth to measure; the default is that of searches." placeholder:"N" env:"-"`
	Seed    int  `help:"Of the choice among stored vectors." default:"1" placeholder:"N" env:"-"`
}

// Run measures the recall of searches on the node.
func (c *recallCommand) Run(ctx context.Context, std streams) error {
	node, filter, err := c.begin()
	if err != nil {
		return err
	}
	r, err := node.MeasureRecall(ctx, c.Collection, v1.MeasureRecall{Samples: &c.Samples, K: &c.K, Ef: c.Ef, Filter: filter, Seed: c.Seed})
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, r)
	}
	_, err = fmt.Fprintf(std.out, "recall@%d %.4f, least %.4f, of %d %s queries; a search takes %s, an exact one %s\n",
		c.K, r.Recall, r.Least, r.Queries, r.Source, time.Duration(r.SearchNanos), time.Duration(r.ExactNanos))
	return err
}

type facetsCommand struct {
	within
	past
	Field string `arg:"" help:"Path of a metadata field."`
	Limit int    `help:"Most values." default:"20" placeholder:"N" env:"-"`
}

// Run prints the most frequent values of a field.
func (c *facetsCommand) Run(ctx context.Context, std streams) error {
	node, filter, err := c.begin()
	if err != nil {
		return err
	}
	if node, err = c.of(node); err != nil {
		return err
	}
	found, err := node.Facets(ctx, c.Collection, v1.Facets{Field: c.Field, Filter: filter, Limit: &c.Limit})
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, found)
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "VALUE\tDOCUMENTS\tROWS")
	for _, v := range found.Values {
		fmt.Fprintf(table, "%s\t%d\t%d\n", plainValue(v.Value), v.Documents, v.Rows)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if more := found.Distinct - len(found.Values); more > 0 {
		_, err = fmt.Fprintf(std.out, "and %d more values\n", more)
	}
	return err
}

// plainValue is a value for a cell of a table: strings of ordinary characters as they are.
func plainValue(v lode.Value) string {
	encoded, err := json.Marshal(v)
	if err != nil {
		return v.Kind.String()
	}
	if v.Kind == lode.KindString && string(encoded) == `"`+v.Text+`"` {
		return v.Text
	}
	return string(encoded)
}

type scrollCommand struct {
	within
	past
	Kind    string `help:"Only document or only vector." placeholder:"KIND" env:"-"`
	OrderBy string `help:"Metadata field to order by, as year or year:desc. Without it the order is that in which contents became searchable." placeholder:"FIELD[:desc]" env:"-"`
	Limit   int    `help:"Most items; 0 is all of them." default:"100" placeholder:"N" env:"-"`
	Text    bool   `help:"Show text too: of raw vectors, and of the first passage of documents." env:"-"`
	Vector  bool   `help:"With --output json, show the vectors of raw vectors too." env:"-"`
}

// Run prints documents and raw vectors page by page; as JSON one object on each line.
func (c *scrollCommand) Run(ctx context.Context, std streams) error {
	request, err := c.request()
	if err != nil {
		return err
	}
	node, err := c.open()
	if err != nil {
		return err
	}
	if node, err = c.of(node); err != nil {
		return err
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	lines := json.NewEncoder(std.out)
	lines.SetEscapeHTML(false)
	if !std.json {
		fmt.Fprintln(table, "ID\tKIND\tVERSION\tROWS\tMETADATA"+map[bool]string{true: "\tTEXT"}[c.Text])
	}
	n := 0
	for item, err := range node.Scroll(ctx, c.Collection, request) {
		if err != nil {
			_ = table.Flush() // what was met so far
			return err
		}
		if std.json {
			err = lines.Encode(item)
		} else {
			err = c.writeRow(table, &item)
		}
		if err != nil {
			return err
		}
		if n++; n == c.Limit {
			break
		}
	}
	return table.Flush()
}

func (c *scrollCommand) request() (r v1.Scroll, err error) {
	r = v1.Scroll{Kind: c.Kind, WithText: &c.Text, WithVector: &c.Vector}
	if r.Filter, err = parseFilter(c.Filter); err != nil {
		return r, err
	}
	if c.Limit < 0 {
		return r, usageError{lode.Invalid("limit", c.Limit, "--limit must not be negative")}
	}
	if c.Limit > 0 {
		page := min(c.Limit, v1.MaxPageLimit)
		r.Limit = &page
	}
	if c.OrderBy != "" {
		r.OrderBy = &v1.ScrollOrder{Field: c.OrderBy}
		for _, direction := range []string{"asc", "desc"} {
			if field, ok := strings.CutSuffix(c.OrderBy, ":"+direction); ok {
				r.OrderBy = &v1.ScrollOrder{Field: field, Direction: direction}
			}
		}
	}
	return r, nil
}

func (c *scrollCommand) writeRow(table *tabwriter.Writer, item *v1.ScrollItem) error {
	metadata, err := json.Marshal(item.Metadata)
	if err != nil {
		return err
	}
	if len(item.Metadata) == 0 {
		metadata = []byte("-")
	}
	fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%s", plainValue(lode.StringValue(string(item.ID))), item.Kind, item.Version, item.Rows, cutRunes(string(metadata)))
	if c.Text {
		fmt.Fprintf(table, "\t%s", cutRunes(strings.Join(strings.Fields(item.Text), " ")))
	}
	_, err = fmt.Fprintln(table)
	return err
}

// cellRunes is the most that a cell of a table shows of a text.
const cellRunes = 80

func cutRunes(s string) string {
	if runes := []rune(s); len(runes) > cellRunes {
		return string(runes[:cellRunes]) + "…"
	}
	return s
}
