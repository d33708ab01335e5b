package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Searches for vectors come and go as JSON or as frames, each by its own header.

func (s *service) searchVectors(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	var req v1.SearchVectors
	err := s.answerNearest(w, r, p, func(body []byte) (question, error) {
		if err := decodeBody(body, &req); err != nil {
			return question{}, err
		}
		return questionOf(&req)
	}, true)
	return aboutOnly(err)
}

// aboutOnly names the only vector of a search as its request does.
func aboutOnly(err error) error {
	if err == nil || codedError(err).Field != "vectors[0]" {
		return err
	}
	e := *codedError(err)
	e.Field = "vector"
	e.Message = strings.Replace(e.Message, "vectors[0] ", "vector ", 1)
	return &e
}

func (s *service) searchVectorsBatch(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	return s.answerNearest(w, r, p, func(body []byte) (question, error) {
		var req v1.SearchVectorsBatch
		if err := decodeBody(body, &req); err != nil {
			return question{}, err
		}
		n, err := nearestOf(&req)
		return question{Nearest: n}, err
	}, false)
}

// answerNearest reads a search, carries it out and answers; decode reads a JSON body. A single
// search has one vector and one result.
func (s *service) answerNearest(w http.ResponseWriter, r *http.Request, p lode.Principal, decode func([]byte) (question, error), single bool) error {
	collection, err := pathCollection(r)
	if err != nil {
		return err
	}
	buf := borrow()
	defer handBack(buf)
	q, err := readNearest(r, buf, decode)
	if err != nil {
		return err
	}
	if single && q.sparse == nil && len(q.Vectors) != 1 {
		return lode.Invalid("count", len(q.Vectors), "a search has one vector").WithHint("several are searched at " + v1.PathVectorsBatch)
	}
	q.Collection = collection
	if err := q.validate(); err != nil {
		return err
	}
	if q.AsOf, err = s.readAt(r); err != nil {
		return err
	}
	found, err := q.ask(r.Context(), p, s.Backend.Retrieval)
	if err != nil {
		return err
	}
	mediaType := v1.MediaTypeJSON
	switch {
	case acceptsFrames(r) && !q.needsJSON():
		mediaType = v1.MediaTypeVectors
		*buf, err = appendHitsFrame((*buf)[:0], found, q.With)
	case single:
		*buf, err = appendResultJSON((*buf)[:0], found[0], &q.Nearest, 0)
		*buf = append(*buf, '\n')
	default:
		*buf, err = appendResultsJSON((*buf)[:0], found, &q.Nearest)
	}
	if err == nil {
		writeBytes(w, http.StatusOK, mediaType, *buf)
	}
	return err
}

// readNearest reads the body into the buffer and decodes it.
func readNearest(r *http.Request, buf *[]byte, decode func([]byte) (question, error)) (q question, err error) {
	mediaType, err := contentType(r, v1.MediaTypeJSON, v1.MediaTypeVectors)
	if err != nil {
		return q, err
	}
	if *buf, err = readInto(*buf, r.Body, r.ContentLength); err != nil {
		return q, err
	}
	if mediaType == v1.MediaTypeJSON {
		return decode(*buf)
	}
	q.Nearest, err = nearestOfFrame(*buf)
	return q, err
}

// nearestOf checks what a JSON search says. A zero that was written down is an error, one that
// was left out the default.
func nearestOf(req *v1.SearchVectorsBatch) (lode.Nearest, error) {
	n := lode.Nearest{
		Vectors: req.Vectors, Using: req.Using, Exact: req.Exact,
		With: lode.With{Text: wanted(req.WithText, true), Metadata: wanted(req.WithMetadata, true), Vector: wanted(req.WithVector, false)},
	}
	if req.K != nil {
		n.K = *req.K
		if err := lode.ValidateK(n.K); err != nil {
			return n, err
		}
	}
	if req.Ef != nil {
		n.Ef = *req.Ef
		if n.Ef == 0 {
			return n, lode.Invalid("ef", 0, "ef must be 1 to %d", lode.MaxEf)
		}
	}
	if req.Explain {
		n.Explain = new([]lode.Explanation)
	}
	if req.Filter != nil {
		n.Filter = *req.Filter
	}
	n.EnsureDefaults()
	return n, nil
}

func wanted(said *bool, missing bool) bool {
	if said == nil {
		return missing
	}
	return *said
}

// nearestOfFrame reads a search that is a frame. It has no defaults.
func nearestOfFrame(body []byte) (n lode.Nearest, err error) {
	f, err := v1.ParseSearchFrame(body)
	if err != nil {
		return n, err
	}
	n = lode.Nearest{Vectors: f.Vectors, K: f.K, Ef: f.Ef, Exact: f.Exact, With: lode.With{
		Text: f.Parts&v1.FrameTexts != 0, Metadata: f.Parts&v1.FrameMetadata != 0, Vector: f.Parts&v1.FrameVectors != 0,
	}}
	if len(f.Filter) > 0 {
		if err := decodeJSON(f.Filter, &n.Filter); err != nil {
			return n, inField("filter", err)
		}
	}
	return n, nil
}

// acceptsFrames reports whether the answer shall be a frame: when the header names the type.
func acceptsFrames(r *http.Request) bool {
	for _, header := range r.Header["Accept"] {
		for part := range strings.SplitSeq(header, ",") {
			name, parameters, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(name), v1.MediaTypeVectors) && !slices.Contains([]string{"q=0", "q=0.0"}, strings.TrimSpace(parameters)) {
				return true
			}
		}
	}
	return false
}

func appendResultsJSON(b []byte, found [][]lode.Hit, n *lode.Nearest) ([]byte, error) {
	b = append(b, `{"results":[`...)
	for i, hits := range found {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendResultJSON(b, hits, n, i); err != nil {
			return b, err
		}
	}
	return append(b, "]}\n"...), nil
}

func appendHitsFrame(b []byte, found [][]lode.Hit, with lode.With) ([]byte, error) {
	f := v1.HitsFrame{Parts: partsOf(with), Results: make([][]v1.FrameHit, len(found))}
	for i, hits := range found {
		f.Results[i] = make([]v1.FrameHit, len(hits))
		for j := range hits {
			var err error
			if f.Results[i][j], err = toFrameHit(&hits[j], with); err != nil {
				return b, err
			}
		}
	}
	return f.Append(b)
}

func partsOf(with lode.With) (parts v1.FrameParts) {
	if with.Text {
		parts |= v1.FrameTexts
	}
	if with.Metadata {
		parts |= v1.FrameMetadata
	}
	if with.Vector {
		parts |= v1.FrameVectors
	}
	return parts
}

func toFrameHit(h *lode.Hit, with lode.With) (v1.FrameHit, error) {
	row := &h.Row
	out := v1.FrameHit{Chunk: row.Chunk.ID, Score: float32(h.Score), Kind: row.Document.Kind, ID: row.Document.ID, Text: row.Chunk.Text, Vector: row.Vector}
	if with.Metadata && len(row.Document.Metadata) > 0 {
		encoded, err := json.Marshal(row.Document.Metadata)
		if err != nil {
			return out, fmt.Errorf("encode metadata: %w", err)
		}
		out.Metadata = encoded
	}
	return out, nil
}
