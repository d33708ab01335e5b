package api

import (
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Reads of what a collection holds, as searches show it.

// readContents reads the collection of the path and the body of a read.
func readContents(r *http.Request, req any) (collection string, err error) {
	if collection, err = pathCollection(r); err != nil {
		return "", err
	}
	return collection, readJSON(r, req)
}

func (s *service) count(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	var req v1.Count
	collection, err := readContents(r, &req)
	if err != nil {
		return err
	}
	of := Scope{Collection: collection, Filter: orEverything(req.Filter)}
	if of.AsOf, err = s.readAt(r); err != nil {
		return err
	}
	n, err := s.Backend.Contents.Count(r.Context(), p, of)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, v1.Counts(n))
}

func orEverything(f *lode.Filter) lode.Filter {
	if f == nil {
		return lode.Filter{}
	}
	return *f
}

func (s *service) facets(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	var req v1.Facets
	collection, err := readContents(r, &req)
	if err != nil {
		return err
	}
	if err := checkField("field", req.Field); err != nil {
		return err
	}
	limit := v1.DefaultFacets
	if req.Limit != nil {
		limit = *req.Limit
	}
	if limit < 1 || limit > v1.MaxFacets {
		return lode.Invalid("limit", limit, "limit must be 1 to %d", v1.MaxFacets)
	}
	of := Scope{Collection: collection, Filter: orEverything(req.Filter)}
	if of.AsOf, err = s.readAt(r); err != nil {
		return err
	}
	values, distinct, err := s.Backend.Contents.Facet(r.Context(), p, of, req.Field, limit)
	if err != nil {
		return err
	}
	out := v1.FacetCounts{Field: req.Field, Distinct: distinct, Values: make([]v1.FacetValue, len(values))}
	for i, v := range values {
		out.Values[i] = v1.FacetValue{Value: v.Value, Documents: v.Documents, Rows: v.Rows}
	}
	return writeJSON(w, http.StatusOK, out)
}

// checkField checks the path of a metadata field as filters do, and names the member.
func checkField(member, field string) error {
	exists := true
	err := lode.Where(field, lode.Test{Exists: &exists}).Validate()
	if err == nil {
		return nil
	}
	e := *codedError(err)
	e.Field = member
	return &e
}

func (s *service) scroll(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	var req v1.Scroll
	collection, err := readContents(r, &req)
	if err != nil {
		return err
	}
	q, err := scrollOf(collection, &req)
	if err != nil {
		return err
	}
	if q.AsOf, err = s.readAt(r); err != nil {
		return err
	}
	page, more, err := s.Backend.Contents.Scroll(r.Context(), p, q)
	if err != nil {
		return err
	}
	out := v1.ScrollPage{Items: make([]v1.ScrollItem, len(page))}
	for i := range page {
		out.Items[i] = toScrollItem(&page[i], q.With)
	}
	if more && len(page) > 0 {
		if out.NextCursor, err = scrollCursor(&q, page[len(page)-1].Place); err != nil {
			return err
		}
	}
	return writeJSON(w, http.StatusOK, out)
}

// scrollOf checks a request for a page.
func scrollOf(collection string, req *v1.Scroll) (ScrollQuery, error) {
	q := ScrollQuery{
		Collection: collection, Filter: orEverything(req.Filter), Limit: v1.DefaultPageLimit,
		With: lode.With{Text: wanted(req.WithText, false), Metadata: wanted(req.WithMetadata, true), Vector: wanted(req.WithVector, false)},
	}
	var err error
	if q.Kind, err = kindFrom(req.Kind); err != nil {
		return q, err
	}
	if req.Limit != nil {
		q.Limit = *req.Limit
	}
	if q.Limit < 1 || q.Limit > v1.MaxPageLimit {
		return q, lode.Invalid("limit", q.Limit, "limit must be 1 to %d", v1.MaxPageLimit)
	}
	if err := q.orderBy(req.OrderBy); err != nil {
		return q, err
	}
	q.After, err = parseScrollCursor(&q, req.Cursor)
	return q, err
}

func (q *ScrollQuery) orderBy(order *v1.ScrollOrder) error {
	if order == nil {
		return nil
	}
	q.Field = order.Field
	switch order.Direction {
	case "", "asc":
	case "desc":
		q.Desc = true
	default:
		return lode.Invalid("order_by.direction", order.Direction, "direction must be asc or desc")
	}
	return checkField("order_by.field", order.Field)
}

func toScrollItem(s *Scrolled, with lode.With) v1.ScrollItem {
	row, doc := &s.Row, s.Row.Document
	out := v1.ScrollItem{
		ID: doc.ID, Kind: kindName(doc.Kind), Version: row.Chunk.ID.Version, Rows: s.Rows, ExpiresAt: inUTC(doc.ExpiresAt), UpdatedAt: doc.UpdatedAt.UTC(),
	}
	if with.Metadata {
		out.Metadata = doc.Metadata
	}
	if with.Text {
		out.Text = row.Chunk.Text
		if v := row.Version; v != nil {
			out.URI, out.Title = v.URI, v.Title
		}
	}
	if with.Vector && doc.Kind == lode.KindVector {
		out.Vector = row.Vector
	}
	return out
}
