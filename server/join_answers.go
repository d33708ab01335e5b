package server

import (
	"context"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/retrieval"
)

// answers is the retriever as the HTTP surface asks it.
type answers struct{ *retrieval.Retriever }

var _ api.Retrieval = answers{}

func (a answers) Groups(ctx context.Context, p lode.Principal, q api.GroupsQuery) ([]api.Group, error) {
	found, err := a.Retriever.Groups(ctx, p, retrieval.GroupsQuery(q))
	groups := make([]api.Group, len(found))
	for i, g := range found {
		groups[i] = api.Group(g)
	}
	return groups, err
}

func (a answers) Sparse(ctx context.Context, p lode.Principal, q api.SparseQuery) ([]lode.Hit, error) {
	return a.Retriever.Sparse(ctx, p, retrieval.SparseQuery(q))
}

func (a answers) Recommend(ctx context.Context, p lode.Principal, q api.RecommendQuery) ([]lode.Hit, error) {
	of := func(in []api.Example) []retrieval.Example {
		out := make([]retrieval.Example, len(in))
		for i, x := range in {
			out[i] = retrieval.Example(x)
		}
		return out
	}
	return a.Retriever.Recommend(ctx, p, retrieval.RecommendQuery{
		Collection: q.Collection, Positive: of(q.Positive), Negative: of(q.Negative), Strategy: q.Strategy, K: q.K, Filter: q.Filter, With: q.With, AsOf: q.AsOf,
	})
}

// contents is what collections hold, as the HTTP surface asks for it.
type contents struct {
	engine    *collection.Engine
	retriever *retrieval.Retriever
}

var _ api.Contents = contents{}

func (c contents) Count(ctx context.Context, p lode.Principal, of api.Scope) (api.Counted, error) {
	v, err := c.engine.ViewAsOf(ctx, p, of.Collection, of.AsOf)
	if err != nil {
		return api.Counted{}, err
	}
	n, err := v.Count(ctx, of.Filter)
	return api.Counted(n), err
}

func (c contents) Facet(ctx context.Context, p lode.Principal, of api.Scope, field string, limit int) ([]api.FacetValue, int, error) {
	v, err := c.engine.ViewAsOf(ctx, p, of.Collection, of.AsOf)
	if err != nil {
		return nil, 0, err
	}
	found, distinct, err := v.Facet(ctx, field, of.Filter, limit)
	values := make([]api.FacetValue, len(found))
	for i, x := range found {
		values[i] = api.FacetValue{Value: x.Value, Counted: api.Counted(x.Counted)}
	}
	return values, distinct, err
}

func (c contents) Recall(ctx context.Context, p lode.Principal, name string, q api.RecallQuery) (v1.Recall, error) {
	v, err := c.engine.View(ctx, p, name)
	if err != nil {
		return v1.Recall{}, err
	}
	r, err := v.Recall(ctx, collection.RecallQuery{Samples: q.Samples, K: q.Search.K, Ef: q.Search.Ef, Filter: q.Search.Filter, Seed: q.Seed})
	return v1.Recall{
		Queries: r.Queries, Source: r.Source, Recall: r.Mean, Least: r.Least,
		SearchNanos: r.Search.Nanoseconds(), ExactNanos: r.Exact.Nanoseconds(),
	}, err
}

func (c contents) Scroll(ctx context.Context, p lode.Principal, q api.ScrollQuery) ([]api.Scrolled, bool, error) {
	found, more, err := c.retriever.Scroll(ctx, p, retrieval.ScrollQuery{
		Collection: q.Collection, Filter: q.Filter, Kind: q.Kind, Field: q.Field, Desc: q.Desc, After: (*retrieval.Place)(q.After), Limit: q.Limit, With: q.With, AsOf: q.AsOf,
	})
	page := make([]api.Scrolled, len(found))
	for i, s := range found {
		page[i] = api.Scrolled{Row: s.Row, Rows: s.Rows, Place: api.ScrollPlace(s.Place)}
	}
	return page, more, err
}
