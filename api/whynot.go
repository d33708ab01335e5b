package api

import (
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

func (s *service) whyNot(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, err := pathCollection(r)
	if err != nil {
		return err
	}
	var req v1.WhyNot
	if err := readJSON(r, &req); err != nil {
		return err
	}
	query, err := queryFrom(collection, &req.Query)
	if err != nil {
		return codedError(err).In("query")
	}
	q := lode.WhyNotQuery{Query: query, Document: req.Document, Chunk: req.Chunk}
	if q.Kind, err = kindFrom(req.Kind); err != nil {
		return err
	}
	if req.As != nil {
		q.As = append([]string{}, *req.As...)
	}
	if err := q.Validate(); err != nil {
		return err
	}
	if err := s.barrier(r); err != nil {
		return err
	}
	answer, err := s.Backend.Retrieval.WhyNot(r.Context(), p, q)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, toWhyNot(answer))
}

func toWhyNot(in *lode.WhyNot) v1.WhyNotAnswer {
	out := v1.WhyNotAnswer{Rank: in.Rank, InContext: in.InContext, ChunkID: in.Chunk, Reasons: make([]v1.WhyNotReason, len(in.Reasons))}
	for i, r := range in.Reasons {
		out.Reasons[i] = v1.WhyNotReason{Stage: r.Stage, Detail: r.Detail, Values: r.Values, By: r.By, Remedy: r.Remedy}
		if c := r.Change; c != nil {
			out.Reasons[i].Change = &v1.Change{Field: c.Field, Value: c.Value}
		}
	}
	return out
}
