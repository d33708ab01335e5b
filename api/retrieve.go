package api

import (
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

func (s *service) retrieve(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, err := pathCollection(r)
	if err != nil {
		return err
	}
	var req v1.Retrieve
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if req.Collections != nil {
		return lode.Invalid("collections", len(req.Collections), "the path names the collection").WithHint("several are asked at " + v1.PathRetrieveSeveral)
	}
	return s.answerQuery(w, r, p, collection, &req)
}

// retrieveSeveral asks several collections at once.
func (s *service) retrieveSeveral(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	var req v1.Retrieve
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if len(req.Collections) == 0 {
		return lode.Invalid("collections", "", "no collections are named")
	}
	return s.answerQuery(w, r, p, "", &req)
}

func (s *service) answerQuery(w http.ResponseWriter, r *http.Request, p lode.Principal, collection string, req *v1.Retrieve) error {
	query, err := queryFrom(collection, req)
	if err != nil {
		return err
	}
	result, err := s.search(r, p, query)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, toRetrieved(result))
}

func (s *service) search(r *http.Request, p lode.Principal, q lode.Query) (*lode.Result, error) {
	var err error
	if q.AsOf, err = s.readAt(r); err != nil {
		return nil, err
	}
	return s.Backend.Retrieval.Retrieve(r.Context(), p, q)
}

func (s *service) traceChunk(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	trace, err := s.trace(r, p)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, toTrace(&trace))
}

func (s *service) getChunk(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	trace, err := s.trace(r, p)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, toChunk(trace.Document.ID, &trace.Chunk))
}

func (s *service) trace(r *http.Request, p lode.Principal) (lode.Trace, error) {
	collection, id, err := pathChunk(r)
	if err != nil {
		return lode.Trace{}, err
	}
	asOf, err := s.readAt(r)
	if err != nil {
		return lode.Trace{}, err
	}
	return s.Backend.Ingest.Trace(r.Context(), p, collection, id, asOf)
}
