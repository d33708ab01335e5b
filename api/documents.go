package api

import (
	"errors"
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

func (s *service) listDocuments(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	state, err := queryState(r)
	if err != nil {
		return err
	}
	filter, err := queryFilter(r)
	if err != nil {
		return err
	}
	return s.writeDocuments(w, r, p, DocumentsQuery{State: state, Filter: filter})
}

func (s *service) listQuarantine(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	return s.writeDocuments(w, r, p, DocumentsQuery{State: lode.StateQuarantined})
}

func (s *service) writeDocuments(w http.ResponseWriter, r *http.Request, p lode.Principal, q DocumentsQuery) error {
	collection, err := pathCollection(r)
	if err != nil {
		return err
	}
	if q.Limit, err = queryLimit(r); err != nil {
		return err
	}
	if q.After, err = parseDocumentCursor(r.URL.Query().Get(v1.QueryCursor)); err != nil {
		return err
	}
	if err := s.barrier(r); err != nil {
		return err
	}
	page, next, err := s.Backend.Documents.Documents(r.Context(), p, collection, q)
	if err != nil {
		return err
	}
	list := v1.DocumentList{Documents: make([]v1.Document, len(page)), NextCursor: documentCursor(next)}
	for i := range page {
		list.Documents[i] = toDocument(&page[i].Document, &page[i].Version)
	}
	return writeJSON(w, http.StatusOK, list)
}

func (s *service) getDocument(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, id, err := pathID(r)
	if err != nil {
		return err
	}
	if err := s.barrier(r); err != nil {
		return err
	}
	doc, version, err := s.Backend.Documents.Document(r.Context(), p, collection, lode.KindDocument, id)
	if err != nil {
		return err
	}
	out := toDocument(&doc, &version)
	out.Runs = toRuns(version.Runs)
	return writeJSON(w, http.StatusOK, out)
}

func (s *service) retryDocument(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, id, err := pathID(r)
	if err != nil {
		return err
	}
	wr, err := s.ownKey(w, r, p)
	if err != nil {
		return err
	}
	job, err := s.Backend.Documents.Retry(r.Context(), p, wr, collection, id)
	if err != nil {
		return err
	}
	operation := w.Header().Get(v1.HeaderOperation)
	w.Header().Set("Location", v1.OperationPath(operation))
	return writeJSON(w, http.StatusAccepted, v1.RetryResult{ID: id, Version: job.Version, Epoch: job.Epoch, Operation: operation})
}

func (s *service) deleteDocument(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	return s.deleteOne(w, r, p, lode.KindDocument)
}

func (s *service) deleteDocuments(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	return s.deleteMany(w, r, p, lode.KindDocument)
}

// deleteOne and deleteMany serve documents and raw vectors alike.
func (s *service) deleteOne(w http.ResponseWriter, r *http.Request, p lode.Principal, kind lode.Kind) error {
	collection, id, err := pathID(r)
	if err != nil {
		return err
	}
	want, err := queryIfVersion(r)
	if err != nil {
		return err
	}
	errs, err := s.Backend.Documents.DeleteDocuments(r.Context(), p, writeOf(r), collection, kind, []lode.Target{{ID: id, IfVersion: want}})
	if err = errors.Join(append(errs, err)...); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *service) deleteMany(w http.ResponseWriter, r *http.Request, p lode.Principal, kind lode.Kind) error {
	collection, err := pathCollection(r)
	if err != nil {
		return err
	}
	var req v1.DeleteIDs
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if req.Filter != nil {
		return s.deleteSelected(w, r, p, collection, kind, &req)
	}
	if len(req.IDs) == 0 {
		return lode.Invalid("ids", "", "ids must hold at least one id").WithHint("or give a filter instead")
	}
	known, positions, errs := validIDs(req.IDs)
	if len(known) > 0 {
		deleted, err := s.Backend.Documents.DeleteDocuments(r.Context(), p, writeOf(r), collection, kind, known)
		if err != nil {
			return err
		}
		for i, err := range deleted {
			errs[positions[i]] = aboutItem(err)
		}
	}
	if len(errs) == 1 && errs[0] != nil {
		return codedError(errs[0]).In("ids[0]")
	}
	items, failed := s.selectedItems(r, req.IDs, errs)
	done := len(items) - failed
	return writeJSON(w, batchStatus(failed > 0), v1.DeleteResults{Matched: done, Deleted: done, Items: items})
}

// aboutItem drops the field of an error about an id: the item's own path says it all.
func aboutItem(err error) error {
	if err == nil {
		return nil
	}
	e := *codedError(err)
	e.Field = ""
	return &e
}

// validIDs picks the ids that an engine may be asked about, with their positions, and
// gives the others their error.
func validIDs(ids []lode.DocID) (valid []lode.Target, positions []int, errs []error) {
	errs = make([]error, len(ids))
	for i, id := range ids {
		if err := id.Validate(); err != nil {
			errs[i] = aboutItem(err)
			continue
		}
		valid = append(valid, lode.Target{ID: id})
		positions = append(positions, i)
	}
	return valid, positions, errs
}
