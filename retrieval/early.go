package retrieval

import (
	"context"
	"errors"

	"github.com/lodedb/lode"
)

// NearestView is as much of a [View] as questions by vectors alone need.
type NearestView interface {
	Collection() lode.Collection
	DenseWith(ctx context.Context, v lode.Vector, s lode.DenseSearch) ([]lode.Candidate, error)
	Rows(ctx context.Context, ids []lode.RowID, withVectors bool) ([]lode.Row, error)
	Known(ctx context.Context, ids []lode.RowID) ([]lode.Row, error)
}

// early answers from a collection that is not loaded yet, if that can be. Otherwise ok is
// false, and a [View] answers, which waits.
func (r *Retriever) early(ctx context.Context, p lode.Principal, n *lode.Nearest) (hits [][]lode.Hit, ok bool, err error) {
	if r.o.Early == nil || !n.Filter.MatchesAll() || !n.AsOf.IsZero() {
		return nil, false, nil
	}
	view, err := r.o.Early(ctx, p, n.Collection)
	if err != nil || view == nil {
		return nil, false, err
	}
	hits, err = r.nearest(ctx, view, n)
	if errors.Is(err, ErrViewGone) {
		return nil, false, nil
	}
	return hits, err == nil, err
}
