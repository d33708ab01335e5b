package api

import (
	"context"
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Operations tells what became of writes that had a key.
type Operations interface {
	// OperationID returns the id of the principal's write with the key, whether or not it was
	// carried out.
	OperationID(p lode.Principal, key string) (string, error)
	// Operation returns what is known of a write. One that was not carried out or is not kept
	// any more is not_found, and so is one of another principal.
	Operation(ctx context.Context, p lode.Principal, id string) (Operation, error)
}

// Operation is what is known of a write.
type Operation = v1.Operation

var keyParam = param{name: v1.QueryKey, kind: "string", about: "Idempotency-Key of the write; needed.", example: "7f3c0f2e-upload-17"}

func (s *service) operationRoutes() []route {
	return []route{
		{method: http.MethodGet, path: v1.PathOperations, id: "findOperation", tag: "operations",
			summary: "Find the operation of a write by its Idempotency-Key", about: operationAbout,
			handle: s.findOperation, query: []param{keyParam, consistencyParam},
			replies: []reply{{status: http.StatusOK, body: v1.Operation{}, about: "The operation."}},
			codes:   []lode.Code{lode.CodeNotFound}},
		{method: http.MethodGet, path: v1.PathOperation, id: "getOperation", tag: "operations",
			summary: "Say what became of a write", about: operationAbout,
			handle: s.getOperation, query: readParams,
			replies: []reply{{status: http.StatusOK, body: v1.Operation{}, about: "The operation."}},
			codes:   []lode.Code{lode.CodeNotFound}},
	}
}

func (s *service) findOperation(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	key := r.URL.Query().Get(v1.QueryKey)
	if err := lode.ValidateKey(key); err != nil {
		return inKey(err)
	}
	id, err := s.Backend.Operations.OperationID(p, key)
	if err != nil {
		return err
	}
	return s.writeOperation(w, r, p, id)
}

// inKey names the parameter instead of the header.
func inKey(err error) error {
	named := *codedError(err)
	named.Field = v1.QueryKey
	return &named
}

func (s *service) getOperation(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	id, err := pathValue(r, "operation")
	if err != nil {
		return err
	}
	return s.writeOperation(w, r, p, id)
}

func (s *service) writeOperation(w http.ResponseWriter, r *http.Request, p lode.Principal, id string) error {
	if err := s.barrier(r); err != nil {
		return err
	}
	op, err := s.Backend.Operations.Operation(r.Context(), p, id)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return writeJSON(w, http.StatusOK, op)
}
