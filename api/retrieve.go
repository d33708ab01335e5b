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

// queryFrom checks what does not depend on the collection. A zero that was written down is
// an error, one that was left out the default.
func queryFrom(collection string, req v1.Retrieve) (lode.Query, error) {
	q := lode.Query{
		Collection: collection, Text: req.Text, Vector: req.Vector, Mode: req.Mode, DenseWeight: req.DenseWeight,
		Stages: lode.Stages{Fusion: req.Fusion, Rerank: (*lode.Rerank)(req.Rerank)},
	}
	if req.K != nil {
		q.K = *req.K
		if err := lode.ValidateK(q.K); err != nil {
			return q, err
		}
	}
	if req.BudgetTokens != nil {
		q.BudgetTokens = *req.BudgetTokens
		if q.BudgetTokens == 0 {
			return q, lode.Invalid("budget_tokens", 0, "budget_tokens must be 1 to %d", lode.MaxBudgetTokens)
		}
	}
	if req.Filter != nil {
		q.Filter = *req.Filter
	}
	q.EnsureDefaults()
	return q, q.Validate()
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
