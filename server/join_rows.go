package server

import (
	"context"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval"
)

// Received translates the sign that a row was replaced while the query ran.
func (v view) Received(ctx context.Context, ids []lode.RowID) ([]time.Time, error) {
	times, err := v.View.Received(ctx, ids)
	return times, viewGone(err)
}

func (v view) LexicalExplain(ctx context.Context, text string, x lode.WordSyntax, row lode.RowID) ([]lode.TermContribution, error) {
	terms, err := v.View.LexicalExplain(ctx, text, x, row)
	return terms, viewGone(err)
}

func (v view) Standing(ctx context.Context, kind lode.Kind, id lode.DocID, no lode.DocNo) (*retrieval.Standing, error) {
	s, err := v.View.Standing(ctx, kind, id, no)
	return (*retrieval.Standing)(s), err
}

func (v view) DenseRanks(ctx context.Context, vector lode.Vector, f lode.Filter, rows []lode.RowID) ([]retrieval.DenseRank, error) {
	found, err := v.View.DenseRanks(ctx, vector, f, rows)
	out := make([]retrieval.DenseRank, len(found))
	for i, r := range found {
		out[i] = retrieval.DenseRank(r)
	}
	return out, err
}
