package main

import (
	"context"
	"fmt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

type whyNotCommand struct {
	question
	contextFlags
	Budget   int          `help:"Most tokens of the context." default:"2000" placeholder:"N" env:"-"`
	Document string       `help:"Id of the document." placeholder:"ID" env:"-" xor:"target" required:""`
	Vector   string       `help:"Id of a raw vector." placeholder:"ID" env:"-" xor:"target" required:""`
	Chunk    lode.ChunkID `help:"Id of a passage." placeholder:"ID" env:"-" xor:"target" required:""`
	As       []string     `help:"Ask as somebody with these reader labels." placeholder:"LABEL" env:"-"`
}

// Run prints where the document is lost, and what would bring it back.
func (c *whyNotCommand) Run(ctx context.Context, std streams) error {
	query, err := c.request()
	if err != nil {
		return err
	}
	query.BudgetTokens = &c.Budget
	c.contextFlags.into(query)
	node, err := c.open()
	if err != nil {
		return err
	}
	req := v1.WhyNot{Query: *query, Document: lode.DocID(c.Document)}
	if c.Vector != "" {
		req.Document, req.Kind = lode.DocID(c.Vector), "vector"
	}
	if c.Chunk != (lode.ChunkID{}) {
		req.Chunk = &c.Chunk
	}
	if len(c.As) > 0 {
		req.As = &c.As
	}
	answer, err := node.WhyNot(ctx, c.Collection, req)
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, answer)
	}
	writeWhyNot(std, answer)
	return nil
}

func writeWhyNot(std streams, answer *v1.WhyNotAnswer) {
	switch {
	case answer.InContext:
		fmt.Fprintf(std.out, "it is hit %d, and the context shows it\n", answer.Rank)
	case answer.Rank > 0:
		fmt.Fprintf(std.out, "it is hit %d, and the context does not show it\n", answer.Rank)
	}
	if answer.ChunkID != nil {
		fmt.Fprintf(std.out, "passage %s\n", answer.ChunkID)
	}
	for i, r := range answer.Reasons {
		fmt.Fprintf(std.out, "%d. %s: %s\n   %s\n", i+1, r.Stage, r.Detail, r.Remedy)
	}
}
