package api

import (
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

func (s *service) createCollection(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	var req v1.CreateCollection
	if err := readJSON(r, &req); err != nil {
		return err
	}
	want, err := collectionFrom(req)
	if err != nil {
		return err
	}
	if req.IDFFrom != "" {
		if err := lode.ValidateCollectionName(req.IDFFrom); err != nil {
			return lode.Invalid("idf_from", req.IDFFrom, "%s", codedError(err).Message)
		}
	}
	made, err := s.Backend.Collections.CreateCollection(r.Context(), p, writeOf(r), want, req.IDFFrom)
	if lode.IsCode(err, lode.CodeConflict) && codedError(err).Field == "collection" {
		conflict := *codedError(err)
		conflict.Field, conflict.Value = "name", want.Name
		return &conflict
	}
	if err != nil {
		return err
	}
	w.Header().Set("Location", v1.Path(v1.PathCollection, made.Name))
	return writeJSON(w, http.StatusCreated, toCollection(made, nil))
}

// collectionFrom checks what does not depend on the node, so that the error names the
// member of the request.
func collectionFrom(req v1.CreateCollection) (lode.Collection, error) {
	c := lode.Collection{Name: req.Name, Metric: req.Metric, Vectors: fromSpaces(req.Vectors), Tuning: lode.Tuning{Memory: req.Memory, Indexes: req.Indexes, History: req.History, Ranking: fromRanking(req.Ranking), Language: req.Language, Glossary: req.Glossary}}
	if e := req.Embedder; e != nil {
		if e.Provider == "" {
			return c, lode.Invalid("embedder.provider", "", "provider must be builtin, local, none, or a provider of the node")
		}
		c.Embedder = lode.EmbedderConfig{Provider: e.Provider, Model: e.Model, Dim: e.Dim}
	}
	if ch := req.Chunker; ch != nil {
		c.Chunker = lode.ChunkerConfig(*ch)
	}
	if err := lode.ValidateCollectionName(c.Name); err != nil {
		return c, lode.Invalid("name", c.Name, "%s", codedError(err).Message)
	}
	filled := c
	filled.EnsureDefaults()
	return c, aboutSpace(filled.Validate(), c.Vectors)
}

func (s *service) listCollections(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	limit, err := queryLimit(r)
	if err != nil {
		return err
	}
	after, err := parseCollectionCursor(r.URL.Query().Get(v1.QueryCursor))
	if err != nil {
		return err
	}
	if err := s.barrier(r); err != nil {
		return err
	}
	page, next, err := s.Backend.Collections.Collections(r.Context(), p, after, limit)
	if err != nil {
		return err
	}
	list := v1.CollectionList{Collections: make([]v1.Collection, len(page)), NextCursor: collectionCursor(next)}
	for i, c := range page {
		list.Collections[i] = toCollection(c, nil)
	}
	return writeJSON(w, http.StatusOK, list)
}

func (s *service) getCollection(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	name, err := pathCollection(r)
	if err != nil {
		return err
	}
	if err := s.barrier(r); err != nil {
		return err
	}
	c, stats, err := s.Backend.Collections.Collection(r.Context(), p, name)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, toCollection(c, &stats))
}

func (s *service) updateCollection(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	name, err := pathCollection(r)
	if err != nil {
		return err
	}
	var req v1.UpdateCollection
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if req == (v1.UpdateCollection{}) {
		return lode.Invalid("memory", "", "nothing is to be changed").WithHint("say memory, indexes, history, ranking, language or glossary; nothing else of a collection changes")
	}
	changed, err := s.Backend.Collections.Tune(r.Context(), p, writeOf(r), name, lode.TuningChange{
		Memory: req.Memory, Indexes: req.Indexes, History: req.History, Ranking: fromRanking(req.Ranking), Language: req.Language, Glossary: req.Glossary,
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, toCollection(changed, nil))
}

func (s *service) deleteCollection(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	name, err := pathCollection(r)
	if err != nil {
		return err
	}
	if err := s.Backend.Collections.DeleteCollection(r.Context(), p, writeOf(r), name); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func fromRanking(r *v1.Ranking) *lode.Ranking {
	if r == nil {
		return nil
	}
	return &lode.Ranking{
		DenseWeight: r.DenseWeight, Fusion: r.Fusion, Rerank: (*lode.Rerank)(r.Rerank), Recency: (*lode.Recency)(r.Recency), Reason: r.Reason, Features: r.Features,
	}
}

func toRanking(r *lode.Ranking) *v1.Ranking {
	if r == nil {
		return nil
	}
	return &v1.Ranking{
		DenseWeight: r.DenseWeight, Fusion: r.Fusion, Rerank: (*v1.Rerank)(r.Rerank), Recency: (*v1.Recency)(r.Recency), Reason: r.Reason, Features: r.Features,
	}
}
