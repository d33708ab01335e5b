package api

import (
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

func toContext(c *lode.Context) v1.Context {
	out := v1.Context{
		Text: c.Text, Tokens: c.Tokens, BudgetTokens: c.BudgetTokens, Tokenizer: c.Tokenizer, Omitted: c.Omitted,
		Citations: make([]v1.Citation, len(c.Citations)),
	}
	for _, m := range c.Messages {
		out.Messages = append(out.Messages, v1.Message(m))
	}
	for i, in := range c.Citations {
		cite := v1.Citation{
			Number: in.Number, ChunkID: in.Chunk, DocumentID: in.Document, URI: in.URI, Title: in.Title,
			Path: in.Path, Page: in.Page, Span: v1.Span(in.Span), Bronze: hashOrNil(in.Bronze),
			AgeSeconds: int64(in.Age / time.Second), Parts: toSpans(in.Parts), Headers: toSpans(in.Headers), Flags: toFlags(in.Flags), Collection: in.Collection,
		}
		if !in.ReceivedAt.IsZero() {
			cite.ReceivedAt = &in.ReceivedAt
		}
		out.Citations[i] = cite
	}
	return out
}

func toSpans(spans []lode.Span) []v1.Span {
	var out []v1.Span
	for _, s := range spans {
		out = append(out, v1.Span(s))
	}
	return out
}

func toFlags(flags []lode.TextFlag) []v1.Flag {
	var out []v1.Flag
	for _, f := range flags {
		out = append(out, v1.Flag{Kind: f.Kind, Span: v1.Span(f.Span), Rule: f.Rule})
	}
	return out
}
