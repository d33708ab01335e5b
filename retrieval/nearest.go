package retrieval

import (
	"context"
	"errors"

	"github.com/lodedb/lode"
)

// Nearest answers a question by vectors alone: for each vector at most n.K hits, best first.
// All are answered from one view, nothing is embedded and no context is made. Of the rows
// only what n.With asks for is read; ids, version and score are always there.
func (r *Retriever) Nearest(ctx context.Context, p lode.Principal, n lode.Nearest) ([][]lode.Hit, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	n.EnsureDefaults()
	if err := n.Validate(); err != nil {
		return nil, err
	}
	if hits, ok, err := r.early(ctx, p, &n); ok || err != nil {
		return hits, coded(ctx, err)
	}
	for range maxViews {
		view, err := r.o.View(ctx, p, n.Collection)
		if err != nil {
			return nil, coded(ctx, err)
		}
		hits, err := r.nearest(ctx, view, &n)
		if err == nil {
			return hits, nil
		}
		if !errors.Is(err, ErrViewGone) {
			return nil, coded(ctx, err)
		}
		r.o.Logger.Debug("view is gone, taking a new one", "collection", n.Collection)
	}
	return nil, errViewsGone()
}

// nearest answers from one view.
func (r *Retriever) nearest(ctx context.Context, view NearestView, n *lode.Nearest) ([][]lode.Hit, error) {
	c := view.Collection()
	if err := n.ValidateFor(c.Dim, c.Metric); err != nil {
		return nil, err
	}
	found := make([][]lode.Hit, len(n.Vectors))
	for i, v := range n.Vectors {
		start := r.o.Clock()
		candidates, err := view.Dense(ctx, v, n.K, n.Filter)
		r.stepDone(StepDense, r.o.Clock().Sub(start), err)
		if err != nil {
			return nil, err
		}
		if found[i], err = r.shown(ctx, view, candidates, n.With); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// shown makes hits of candidates, with as much of their rows as is asked for.
func (r *Retriever) shown(ctx context.Context, view NearestView, candidates []lode.Candidate, with lode.With) ([]lode.Hit, error) {
	hits := make([]lode.Hit, len(candidates))
	scores := make([]float64, len(candidates))
	for i, c := range candidates {
		scores[i] = c.Score
		hits[i] = lode.Hit{Row: lode.Row{ID: c.Row}, Score: c.Score, Dense: &scores[i]}
	}
	return hits, r.fill(ctx, view, hits, with)
}
