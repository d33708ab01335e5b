package retrieval

import (
	"context"

	"github.com/lodedb/lode"
)

// Nearest answers a question by vectors of one space alone: for each vector at most n.K hits, best first.
// All are answered from one view, nothing is embedded and no context is made. Of the rows
// only what n.With asks for is read; ids, version and score are always there.
func (r *Retriever) Nearest(ctx context.Context, p lode.Principal, n lode.Nearest) (hits [][]lode.Hit, err error) {
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
	err = r.inOneView(ctx, p, n.Collection, n.AsOf, func(view View) error {
		hits, err = r.nearest(ctx, view, &n)
		return err
	})
	return hits, err
}

// nearest answers from one view.
func (r *Retriever) nearest(ctx context.Context, view NearestView, n *lode.Nearest) ([][]lode.Hit, error) {
	if err := fitVectors(view.Collection(), n); err != nil {
		return nil, err
	}
	found := make([][]lode.Hit, len(n.Vectors))
	var told []lode.Explanation
	for i, v := range n.Vectors {
		start := r.o.Clock()
		search := *n.Search()
		if n.Explain != nil {
			search.Explain = new(lode.Explanation)
		}
		candidates, err := view.DenseWith(ctx, v, search)
		r.stepDone(StepDense, r.o.Clock().Sub(start), err)
		if err != nil {
			return nil, err
		}
		if found[i], err = r.shown(ctx, view, candidates, n.With); err != nil {
			return nil, err
		}
		if n.Explain != nil {
			told = append(told, *search.Explain)
		}
	}
	if n.Explain != nil {
		*n.Explain = told
	}
	return found, nil
}

// fitVectors checks the vectors against the space that they are searched for in.
func fitVectors(c lode.Collection, n *lode.Nearest) error {
	if n.Using == "" {
		return n.ValidateFor(c.Dim, c.Metric)
	}
	space, err := spaceOf(&c, n.Using, false)
	if err != nil {
		return err
	}
	return n.ValidateFor(space.Dim, space.Metric)
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
