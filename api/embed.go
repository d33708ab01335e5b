package api

import (
	"fmt"
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

func (s *service) embed(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	var req v1.Embed
	if err := readJSON(r, &req); err != nil {
		return err
	}
	q, err := embedQueryOf(&req)
	if err != nil {
		return err
	}
	if err := s.barrier(r); err != nil {
		return err
	}
	made, err := s.Backend.Embedding.Embed(r.Context(), p, q)
	if err != nil {
		return err
	}
	if acceptsFrames(r) {
		body, err := (&v1.EmbeddedFrame{Vectors: made.Vectors}).Append(nil)
		if err != nil {
			return fmt.Errorf("answer with the vectors of %d texts: %w", len(q.Texts), err)
		}
		w.Header().Set(v1.HeaderFingerprint, made.Fingerprint)
		writeBytes(w, http.StatusOK, v1.MediaTypeVectors, body)
		return nil
	}
	return writeJSON(w, http.StatusOK, v1.Embedded{
		Embedder:    v1.Embedder{Provider: made.Embedder.Provider, Model: made.Embedder.Model, Dim: made.Embedder.Dim},
		Fingerprint: made.Fingerprint, Vectors: made.Vectors,
	})
}

// embedQueryOf checks what does not depend on the node.
func embedQueryOf(req *v1.Embed) (EmbedQuery, error) {
	q := EmbedQuery{Collection: req.Collection, Texts: req.Texts}
	switch req.Kind {
	case "", v1.EmbedDocument:
	case v1.EmbedQuery:
		q.Query = true
	default:
		return q, lode.Invalid("kind", req.Kind, "kind must be document or query")
	}
	switch {
	case req.Collection == "" && req.Embedder == nil:
		return q, lode.Invalid("collection", "", "the request names neither a collection nor an embedder")
	case req.Collection != "" && req.Embedder != nil:
		return q, lode.Invalid("embedder", req.Embedder.Provider, "the request names a collection too").WithHint("leave one of them out")
	case req.Collection != "":
		if err := lode.ValidateCollectionName(req.Collection); err != nil {
			return q, err
		}
	default:
		var err error
		if q.Embedder, err = embedderOf(req.Embedder); err != nil {
			return q, err
		}
	}
	if len(req.Texts) == 0 {
		return q, lode.Invalid("texts", "", "texts must hold at least one text")
	}
	for i, text := range req.Texts {
		if len(text) > v1.MaxEmbedTextBytes {
			return q, lode.FieldError(lode.CodeTooLarge, fmt.Sprintf("texts[%d]", i), len(text), "the text has %d bytes, the limit is %d", len(text), v1.MaxEmbedTextBytes)
		}
	}
	return q, nil
}

// embedderOf is the embedder that a collection with these settings would have.
func embedderOf(in *v1.Embedder) (lode.EmbedderConfig, error) {
	c, err := collectionFrom(v1.CreateCollection{Name: "any", Embedder: in})
	if err != nil {
		return lode.EmbedderConfig{}, err
	}
	c.EnsureDefaults()
	return c.Embedder, nil
}

func (s *service) getEmbedUsage(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	usage, err := s.Backend.Embedding.EmbedUsage(r.Context(), p)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, usage)
}

func (s *service) clearEmbedCache(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	if err := s.Backend.Embedding.ClearEmbedCache(r.Context(), p); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
