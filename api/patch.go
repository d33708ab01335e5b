package api

import (
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Writes about documents and raw vectors that are selected, by their ids or by a filter.

func (s *service) patchDocuments(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	return s.patchMany(w, r, p, lode.KindDocument)
}

func (s *service) patchVectors(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	return s.patchMany(w, r, p, lode.KindVector)
}

func (s *service) patchMany(w http.ResponseWriter, r *http.Request, p lode.Principal, kind lode.Kind) error {
	collection, err := pathCollection(r)
	if err != nil {
		return err
	}
	var req v1.PatchSelected
	if err := readJSON(r, &req); err != nil {
		return err
	}
	selection, err := selectionOf(kind, req.IDs, req.Filter)
	if err != nil {
		return err
	}
	done, err := s.Backend.Documents.Patch(r.Context(), p, writeOf(r), collection, selection, req.Patch)
	if err != nil {
		return afterUnknown(err, w.Header().Get(v1.HeaderOperation))
	}
	items, failed, err := s.selectedResults(r, req.IDs, done)
	if err != nil {
		return err
	}
	return writeJSON(w, batchStatus(failed > 0), v1.PatchResults{Matched: done.Matched, Changed: done.Changed, Items: items})
}

func (s *service) deleteSelected(w http.ResponseWriter, r *http.Request, p lode.Principal, collection string, kind lode.Kind, req *v1.DeleteIDs) error {
	selection, err := selectionOf(kind, req.IDs, req.Filter)
	if err != nil {
		return err
	}
	done, err := s.Backend.Documents.DeleteSelected(r.Context(), p, writeOf(r), collection, selection)
	if err != nil {
		return afterUnknown(err, w.Header().Get(v1.HeaderOperation))
	}
	items, failed, err := s.selectedResults(r, req.IDs, done)
	if err != nil {
		return err
	}
	return writeJSON(w, batchStatus(failed > 0), v1.DeleteResults{Matched: done.Matched, Deleted: done.Changed, Items: items})
}

// selectionOf checks what a request says of ids and filter. A list of ids that is there and
// empty is a mistake of the caller that must not select everything that matches.
func selectionOf(kind lode.Kind, ids []lode.DocID, filter *lode.Filter) (Selection, error) {
	sel := Selection{Kind: kind, IDs: ids}
	switch {
	case ids != nil && len(ids) == 0:
		return sel, lode.Invalid("ids", "", "ids must hold at least one id").WithHint("leave it out to go by the filter alone")
	case ids == nil && filter == nil:
		return sel, lode.Invalid("ids", "", "neither ids nor a filter are given").
			WithHint(`to select everything say so: "filter": {"and": []}`)
	}
	for i, id := range ids {
		if err := id.Validate(); err != nil {
			return sel, inItem("ids", i, codedError(aboutItem(err)))
		}
	}
	if filter != nil {
		sel.Filter = *filter
	}
	return sel, nil
}

// selectedResults reports each id of a selection; the error is that of the only one.
func (s *service) selectedResults(r *http.Request, ids []lode.DocID, done Selected) ([]v1.SelectedItem, int, error) {
	errs := make([]error, len(ids))
	for i := range errs {
		if i < len(done.Errs) && done.Errs[i] != nil {
			errs[i] = aboutSelected(done.Errs[i])
		}
	}
	if len(errs) == 1 && errs[0] != nil {
		return nil, 1, codedError(errs[0]).In("ids[0]")
	}
	items, failed := s.selectedItems(r, ids, errs)
	return items, failed, nil
}

// aboutSelected drops the field of an error that only says that an id is none.
func aboutSelected(err error) error {
	if lode.IsCode(err, lode.CodeNotFound) {
		return aboutItem(err)
	}
	return err
}

// selectedItems is the entry of each id, and how many of them are errors.
func (s *service) selectedItems(r *http.Request, ids []lode.DocID, errs []error) (items []v1.SelectedItem, failed int) {
	items = make([]v1.SelectedItem, len(ids))
	for i, id := range ids {
		items[i].ID = id
		if errs[i] != nil {
			failed++
			items[i].Error = s.itemError(r, "ids", i, errs[i])
		}
	}
	return items, failed
}

func (s *service) patchDocument(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	return s.patchOne(w, r, p, lode.KindDocument, func(collection string, id lode.DocID) (any, error) {
		doc, version, err := s.Backend.Documents.Document(r.Context(), p, collection, lode.KindDocument, id)
		return toDocument(&doc, &version), err
	})
}

func (s *service) patchVector(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	return s.patchOne(w, r, p, lode.KindVector, func(collection string, id lode.DocID) (any, error) {
		point, err := s.Backend.Points.Point(r.Context(), p, collection, id)
		return toPoint(point), err
	})
}

// patchOne answers with what read finds after the patch. What is not there for the caller any
// more, as a patch of its readers may make it, was patched all the same.
func (s *service) patchOne(w http.ResponseWriter, r *http.Request, p lode.Principal, kind lode.Kind, read func(string, lode.DocID) (any, error)) error {
	collection, id, err := pathID(r)
	if err != nil {
		return err
	}
	var patch lode.Patch
	if err := readJSON(r, &patch); err != nil {
		return err
	}
	done, err := s.Backend.Documents.Patch(r.Context(), p, writeOf(r), collection, Selection{Kind: kind, IDs: []lode.DocID{id}}, patch)
	if err != nil {
		return afterUnknown(err, w.Header().Get(v1.HeaderOperation))
	}
	if len(done.Errs) > 0 && done.Errs[0] != nil {
		return done.Errs[0]
	}
	out, err := read(collection, id)
	if lode.IsCode(err, lode.CodeNotFound) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}
