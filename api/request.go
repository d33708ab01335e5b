package api

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Bounds of the timeout parameter.
const (
	defaultWait = time.Minute
	maxWait     = 10 * time.Minute
)

// pathValue is the decoded value of a path segment.
func pathValue(r *http.Request, name string) (string, error) {
	raw := chi.URLParam(r, name)
	value, err := url.PathUnescape(raw)
	if err != nil {
		return "", lode.Invalid(name, raw, "%s is not percent-encoded correctly", name)
	}
	return value, nil
}

func pathCollection(r *http.Request) (string, error) {
	name, err := pathValue(r, "collection")
	if err == nil {
		err = lode.ValidateCollectionName(name)
	}
	return name, err
}

// pathID returns the collection and the outside id that a path names.
func pathID(r *http.Request) (collection string, id lode.DocID, err error) {
	collection, err = pathCollection(r)
	if err != nil {
		return "", "", err
	}
	value, err := pathValue(r, "id")
	if err != nil {
		return "", "", err
	}
	id = lode.DocID(value)
	return collection, id, id.Validate()
}

func pathChunk(r *http.Request) (collection string, id lode.ChunkID, err error) {
	collection, err = pathCollection(r)
	if err != nil {
		return "", lode.ChunkID{}, err
	}
	value, err := pathValue(r, "chunk")
	if err != nil {
		return "", lode.ChunkID{}, err
	}
	id, err = lode.ParseChunkID(value)
	return collection, id, err
}

// readJSON decodes the body into dst. The content type must say JSON.
func readJSON(r *http.Request, dst any) error {
	if _, err := contentType(r, v1.MediaTypeJSON); err != nil {
		return err
	}
	body, err := readAll(r.Body, r.ContentLength)
	if err != nil {
		return err
	}
	return decodeBody(body, dst)
}

// decodeBody decodes a body that is read.
func decodeBody(body []byte, dst any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return lode.FieldError(lode.CodeMalformed, "body", "", "request body is empty, a JSON object is expected")
	}
	if err := decodeJSON(body, dst); err != nil {
		return inField("body", err)
	}
	return nil
}

// inField names the field of an error that is about a text as a whole.
func inField(name string, err error) error {
	coded := codedError(err)
	if coded.Field == "" {
		return coded.In(name)
	}
	return coded
}

// readAll reads a body that guardBody bounds. A declared length is believed only as far
// as it costs little, and as the end beyond which no room is needed: bodies are large, and
// doubling on would hold twice their size.
func readAll(body io.Reader, declared int64) ([]byte, error) {
	return readInto(nil, body, declared)
}

// readInto is readAll into a buffer that is there, from its start.
func readInto(buf []byte, body io.Reader, declared int64) ([]byte, error) {
	const mostBelieved = 1 << 20
	if believed := int(min(max(declared, 0), mostBelieved)) + bytes.MinRead; cap(buf) < believed {
		buf = make([]byte, 0, believed)
	}
	buf = buf[:0]
	for {
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, bodyError(err)
		}
		if len(buf) == cap(buf) {
			buf = grown(buf, int(declared))
		}
	}
}

// grown copies a full buffer to one of twice its size, or of all that is declared.
func grown(buf []byte, declared int) []byte {
	room := 2 * cap(buf)
	if len(buf) < declared {
		room = min(room, declared+1) // one more, to see the end without growing again
	}
	return append(make([]byte, 0, room), buf...)
}

// contentType returns which of the allowed media types the body has.
func contentType(r *http.Request, allowed ...string) (string, error) {
	header := r.Header.Get("Content-Type")
	if slices.Contains(allowed, header) { // as almost all write it
		return header, nil
	}
	mediaType, params, err := mime.ParseMediaType(header)
	if err != nil || !slices.Contains(allowed, mediaType) {
		return "", lode.FieldError(lode.CodeUnsupportedMedia, "Content-Type", header, "the body must be %s", orList(allowed))
	}
	if charset := params["charset"]; charset != "" && !bytes.EqualFold([]byte(charset), []byte("utf-8")) {
		return "", lode.FieldError(lode.CodeUnsupportedMedia, "Content-Type", header, "JSON is always UTF-8")
	}
	return mediaType, nil
}

func orList(names []string) string {
	list := ""
	for i, name := range names {
		if i > 0 {
			list += " or "
		}
		list += name
	}
	return list
}

// checkQuery refuses parameters that the route does not have, and repeated ones.
func checkQuery(r *http.Request, accepted []param) error {
	if r.URL.RawQuery == "" {
		return nil
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return lode.FieldError(lode.CodeMalformed, "query", r.URL.RawQuery, "query string is not encoded correctly")
	}
	for name, given := range values {
		known := slices.ContainsFunc(accepted, func(p param) bool { return p.name == name })
		if !known {
			return lode.FieldError(lode.CodeUnknownField, lode.CutValue(name), given[0], "there is no query parameter of this name")
		}
		if len(given) > 1 {
			return lode.Invalid(name, given[1], "the parameter appears twice")
		}
	}
	return nil
}

func queryBool(r *http.Request, name string, missing bool) (bool, error) {
	switch value := r.URL.Query().Get(name); value {
	case "":
		return missing, nil
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, lode.Invalid(name, value, "%s must be true or false", name)
	}
}

func queryLimit(r *http.Request) (int, error) {
	value := r.URL.Query().Get(v1.QueryLimit)
	if value == "" {
		return v1.DefaultPageLimit, nil
	}
	limit, err := strconv.Atoi(value)
	if err != nil || limit < 1 || limit > v1.MaxPageLimit {
		return 0, lode.Invalid(v1.QueryLimit, value, "limit must be 1 to %d", v1.MaxPageLimit)
	}
	return limit, nil
}

func queryTimeout(r *http.Request) (time.Duration, error) {
	value := r.URL.Query().Get(v1.QueryTimeout)
	if value == "" {
		return defaultWait, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 || d > maxWait {
		return 0, lode.Invalid(v1.QueryTimeout, value, "timeout must be a duration like 30s, more than 0 and at most %s", maxWait)
	}
	return d, nil
}

func queryState(r *http.Request) (lode.DocState, error) {
	state := lode.DocState(r.URL.Query().Get(v1.QueryState))
	switch state {
	case "", lode.StatePending, lode.StateReady, lode.StateQuarantined:
		return state, nil
	}
	return "", lode.Invalid(v1.QueryState, state, "state must be pending, ready or quarantined")
}

func queryFilter(r *http.Request) (lode.Filter, error) {
	value := r.URL.Query().Get(v1.QueryFilter)
	if value == "" {
		return lode.Filter{}, nil
	}
	var f lode.Filter
	if err := decodeJSON([]byte(value), &f); err != nil {
		return lode.Filter{}, inField(v1.QueryFilter, err)
	}
	return f, nil
}

// readAt is barrier for a question that may be about the past: it returns the time that is asked
// about, zero for the present.
func (s *service) readAt(r *http.Request) (asOf time.Time, err error) {
	if r.URL.RawQuery != "" {
		if said, ok := r.URL.Query()[v1.QueryAsOf]; ok { // also an empty one: who says it does not mean now
			if asOf, err = time.Parse(time.RFC3339, said[0]); err != nil || asOf.IsZero() {
				return asOf, lode.Invalid(v1.QueryAsOf, said[0], "as_of must be a time as RFC 3339 writes it").WithHint("as 2026-11-27T09:30:00Z")
			}
		}
	}
	return asOf, s.barrier(r)
}

// barrier makes sure that what is read next is as fresh as the request asks.
func (s *service) barrier(r *http.Request) error {
	level := ""
	if r.URL.RawQuery != "" {
		level = r.URL.Query().Get(v1.QueryConsistency)
	}
	switch level {
	case "":
		level = v1.ConsistencyLocal
	case v1.ConsistencyLocal, v1.ConsistencyLeader, v1.ConsistencyLinearized:
	default:
		return lode.Invalid(v1.QueryConsistency, level, "consistency must be local, leader or linearizable")
	}
	return s.Backend.Node.Barrier(r.Context(), level)
}
