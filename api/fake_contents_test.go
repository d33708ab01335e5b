package api_test

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/api/v1"
)

// The fake's answers about what is selected, counted and walked.

// fakeFacts is a document or point of the fake as its facts may be read and written.
type fakeFacts struct {
	doc  lode.Document
	put  func(lode.Facts)
	drop func()
}

// selectedLocked are the documents or points of a kind in order of their ids.
func (f *fake) selectedLocked(kind lode.Kind) (all []fakeFacts) {
	if kind == lode.KindDocument {
		for _, d := range f.docs {
			all = append(all, fakeFacts{d.document,
				func(n lode.Facts) {
					d.document.Metadata, d.document.Readers, d.document.ExpiresAt = n.Metadata, n.Readers, n.ExpiresAt
				},
				func() { f.docs = slices.DeleteFunc(f.docs, func(e *fakeDoc) bool { return e == d }) }})
		}
	} else {
		for id, p := range f.points {
			all = append(all, fakeFacts{lode.Document{ID: id, Kind: kind, Metadata: p.Metadata, Readers: p.Readers, ExpiresAt: p.ExpiresAt},
				func(n lode.Facts) {
					p.Metadata, p.Readers, p.ExpiresAt = n.Metadata, n.Readers, n.ExpiresAt
					f.points[id] = p
				},
				func() { delete(f.points, id) }})
		}
	}
	slices.SortFunc(all, func(a, b fakeFacts) int { return cmp.Compare(a.doc.ID, b.doc.ID) })
	return all
}

func (f *fake) onSelected(p lode.Principal, w lode.Write, collection string, s api.Selection, act func(*fakeFacts) error) (done api.Selected, err error) {
	f.note(w)
	if err := known(p, collection); err != nil {
		return done, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.selections = append(f.selections, s)
	all := f.selectedLocked(s.Kind)
	one := func(x *fakeFacts) error {
		if !s.Filter.Match(&x.doc) {
			return nil
		}
		done.Matched++
		err := act(x)
		if err == nil {
			done.Changed++
			f.writes++
		}
		return err
	}
	if s.IDs == nil {
		for i := range all {
			_ = one(&all[i])
		}
		return done, nil
	}
	for _, id := range s.IDs {
		i := slices.IndexFunc(all, func(x fakeFacts) bool { return x.doc.ID == id })
		if i < 0 {
			what := map[lode.Kind]string{lode.KindDocument: "document", lode.KindVector: "vector"}[s.Kind]
			done.Errs = append(done.Errs, lode.NotFound(what, id))
			continue
		}
		done.Errs = append(done.Errs, one(&all[i]))
	}
	return done, nil
}

func (f *fake) Patch(_ context.Context, p lode.Principal, w lode.Write, collection string, s api.Selection, patch lode.Patch) (api.Selected, error) {
	return f.onSelected(p, w, collection, s, func(x *fakeFacts) error {
		now, err := patch.Apply(lode.Facts{Metadata: x.doc.Metadata, Readers: x.doc.Readers, ExpiresAt: x.doc.ExpiresAt})
		if err == nil {
			x.put(now)
		}
		return err
	})
}

func (f *fake) DeleteSelected(_ context.Context, p lode.Principal, w lode.Write, collection string, s api.Selection) (api.Selected, error) {
	return f.onSelected(p, w, collection, s, func(x *fakeFacts) error { x.drop(); return nil })
}

func (f *fake) Count(_ context.Context, p lode.Principal, of api.Scope) (n api.Counted, err error) {
	if err := known(p, of.Collection); err != nil {
		return n, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asOf = of.AsOf
	for _, x := range append(f.selectedLocked(lode.KindDocument), f.selectedLocked(lode.KindVector)...) {
		if of.Filter.Match(&x.doc) {
			n.Documents++
			n.Rows++
		}
	}
	return n, nil
}

// Recall answers with what was asked.
func (f *fake) Recall(_ context.Context, p lode.Principal, collection string, q api.RecallQuery) (v1.Recall, error) {
	if err := errors.Join(known(p, collection), q.Search.Validate()); err != nil {
		return v1.Recall{}, err
	}
	return v1.Recall{Queries: q.Samples, Source: "stored", Recall: 1, Least: float64(q.Search.Ef)}, nil
}

// Facet counts values that are strings.
func (f *fake) Facet(_ context.Context, p lode.Principal, of api.Scope, field string, limit int) ([]api.FacetValue, int, error) {
	if err := known(p, of.Collection); err != nil {
		return nil, 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asOf = of.AsOf
	var values []api.FacetValue
	for _, x := range append(f.selectedLocked(lode.KindDocument), f.selectedLocked(lode.KindVector)...) {
		v, ok := x.doc.Metadata[field]
		if !ok || !of.Filter.Match(&x.doc) {
			continue
		}
		i := slices.IndexFunc(values, func(known api.FacetValue) bool { return known.Value.Equal(v) })
		if i < 0 {
			i, values = len(values), append(values, api.FacetValue{Value: v})
		}
		values[i].Documents++
		values[i].Rows++
	}
	slices.SortStableFunc(values, func(a, b api.FacetValue) int { return cmp.Compare(b.Documents, a.Documents) })
	return values[:min(limit, len(values))], len(values), nil
}

// Scroll goes by the row, which is the place of an id in the order of all.
func (f *fake) Scroll(_ context.Context, p lode.Principal, q api.ScrollQuery) (page []api.Scrolled, more bool, err error) {
	if err := known(p, q.Collection); err != nil {
		return nil, false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scrolls, f.asOf = append(f.scrolls, q), q.AsOf
	for i, x := range append(f.selectedLocked(lode.KindDocument), f.selectedLocked(lode.KindVector)...) {
		if q.Kind != 0 && x.doc.Kind != q.Kind || !q.Filter.Match(&x.doc) || q.After != nil && lode.RowID(i+1) <= q.After.Row {
			continue
		}
		if len(page) == q.Limit {
			return page, true, nil
		}
		row := lode.Row{Document: &x.doc, Chunk: lode.Chunk{ID: lode.ChunkID{Version: 1}, Text: "text of " + string(x.doc.ID)}, Vector: lode.Vector{1, 0}, Version: &lode.DocVersion{Title: "T"}}
		page = append(page, api.Scrolled{Row: row, Rows: 1, Place: api.ScrollPlace{Row: lode.RowID(i + 1), Value: x.doc.Metadata[q.Field]}})
	}
	return page, false, nil
}

func (f *fake) Groups(_ context.Context, p lode.Principal, q api.GroupsQuery) ([]api.Group, error) {
	if q.Groups > 1000 {
		return nil, lode.Invalid("groups", q.Groups, "groups must be 1 to 1000")
	}
	if err := errors.Join(known(p, q.Collection), q.Vector.ValidateFor(2, lode.Cosine)); err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.groups, f.asOf = append(f.groups, q), q.AsOf
	f.mu.Unlock()
	var groups []api.Group
	for _, hit := range f.answer(lode.Query{Vector: q.Vector, K: max(q.Groups, 10), Filter: q.Filter}).Hits {
		groups = append(groups, api.Group{Document: hit.Row.Document, Hits: []lode.Hit{hit}})
	}
	return groups, nil
}

func (f *fake) Recommend(_ context.Context, p lode.Principal, q api.RecommendQuery) ([]lode.Hit, error) {
	if err := known(p, q.Collection); err != nil {
		return nil, err
	}
	for _, x := range q.Positive {
		if _, ok := f.points[x.ID]; x.ID != "" && x.Kind == lode.KindVector && !ok {
			return nil, lode.NotFound("vector", x.ID).In("positive[0]")
		}
		if x.Kind == lode.KindDocument && f.find(x.ID) == nil {
			return nil, lode.NotFound("document", x.ID).In("positive[0]")
		}
	}
	f.mu.Lock()
	f.recommends, f.asOf = append(f.recommends, q), q.AsOf
	f.mu.Unlock()
	return f.answer(lode.Query{Vector: lode.Vector{1, 0}, K: q.K, Filter: q.Filter}).Hits, nil
}
