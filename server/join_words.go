package server

import (
	"context"
	"errors"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/retrieval"
)

// Received translates the sign that a row was replaced while the query ran.
func (v view) Received(ctx context.Context, ids []lode.RowID) ([]time.Time, error) {
	times, err := v.View.Received(ctx, ids)
	if errors.Is(err, collection.ErrViewGone) {
		return nil, retrieval.ErrViewGone
	}
	return times, err
}

// LexicalWith and the rest ask the lexical index for what it can do until it is that of segments.
func (v view) LexicalWith(ctx context.Context, text string, s lode.LexicalSearch) ([]lode.Candidate, error) {
	return v.View.Lexical(ctx, text, s.K, s.Filter)
}

func (v view) LexicalBound(text string, _ lode.WordSyntax) float64 { return v.View.LexicalBound(text) }

func (v view) LexicalExplain(context.Context, string, lode.WordSyntax, lode.RowID) ([]lode.TermContribution, error) {
	return nil, nil
}

func (v view) Highlight(string, lode.WordSyntax, string, string) []lode.Span { return nil }

func (v view) Suggest(context.Context, string, int) ([]lode.Suggestion, error) { return nil, nil }
