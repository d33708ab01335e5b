package api

import (
	"mime"
	"net/http"
	"strconv"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// layerReply stands for the three forms of a layer in the OpenAPI document.
type layerReply struct{}

func (s *service) getLayer(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, id, err := pathID(r)
	if err != nil {
		return err
	}
	layer, err := pathValue(r, "layer")
	if err != nil {
		return err
	}
	if err := lode.Layer(layer).Validate(); err != nil {
		return err
	}
	if err := s.barrier(r); err != nil {
		return err
	}
	switch lode.Layer(layer) {
	case lode.Bronze:
		return s.writeBronze(w, r, p, collection, id)
	case lode.Silver:
		return s.writeSilver(w, r, p, collection, id)
	}
	return s.writeGold(w, r, p, collection, id)
}

// writeBronze answers with the bytes as received. They are somebody's file: the headers
// keep a browser from running what is in it.
func (s *service) writeBronze(w http.ResponseWriter, r *http.Request, p lode.Principal, collection string, id lode.DocID) error {
	content, version, err := s.Backend.Ingest.Bronze(r.Context(), p, collection, id)
	if err != nil {
		return err
	}
	mediaType := version.MediaType
	if _, _, err := mime.ParseMediaType(mediaType); err != nil {
		mediaType = "application/octet-stream"
	}
	h := w.Header()
	h.Set(v1.HeaderBronze, version.Blob.String())
	h.Set(v1.HeaderVersion, strconv.FormatUint(uint64(version.Version), 10))
	h.Set("ETag", `"`+version.Blob.String()+`"`)
	h.Set("Content-Disposition", "attachment")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	writeBytes(w, http.StatusOK, mediaType, content)
	return nil
}

func (s *service) writeSilver(w http.ResponseWriter, r *http.Request, p lode.Principal, collection string, id lode.DocID) error {
	silver, version, err := s.Backend.Documents.Silver(r.Context(), p, collection, id)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, toSilver(id, silver, &version))
}

func (s *service) writeGold(w http.ResponseWriter, r *http.Request, p lode.Principal, collection string, id lode.DocID) error {
	chunks, version, err := s.Backend.Documents.Chunks(r.Context(), p, collection, id)
	if err != nil {
		return err
	}
	out := v1.GoldLayer{DocumentID: id, Version: version.Version, Hash: version.Gold, Chunks: make([]v1.Chunk, len(chunks))}
	for i := range chunks {
		out.Chunks[i] = toChunk(id, &chunks[i])
	}
	return writeJSON(w, http.StatusOK, out)
}
