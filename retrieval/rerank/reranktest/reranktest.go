// Package reranktest is a re-ranking server for tests: it speaks the protocols of package rerank,
// scores a passage by the words that it shares with the query, and fails as the test wishes.
package reranktest

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Request is what the server received.
type Request struct {
	Path     string
	Header   http.Header
	Body     []byte // as it was sent
	Model    string
	Query    string
	Passages []string
}

// Server is a running server. Its fields are set before the first request.
type Server struct {
	// URL is the server's address, below which the protocols have their paths.
	URL string
	// Intercept sees each request first, n counting from 1. It returns true when it has
	// answered. One that waits should stop at the end of the request's context.
	Intercept func(n int, w http.ResponseWriter, r *http.Request) bool

	mu struct {
		sync.Mutex
		requests []Request
	}
}

// New starts a server that ends with the test.
func New(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{}
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	tb.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	s.URL = server.URL
	return s
}

// Requests returns what was received so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mu.requests)
}

// Score is the score of a passage: the share of the query's words that it has.
func Score(query, passage string) float64 {
	words, has := strings.Fields(query), strings.Fields(passage)
	shared := 0
	for _, word := range words {
		if slices.Contains(has, word) {
			shared++
		}
	}
	return float64(shared) / float64(max(1, len(words)))
}

// Tokens is what the server says that a request has: one for each byte of the passages.
func Tokens(passages []string) (n int64) {
	for _, p := range passages {
		n += int64(len(p))
	}
	return n
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	sent, _ := io.ReadAll(r.Body) // what is missing of a broken body fails below
	var body struct {
		Model, Query     string
		Documents, Texts []string
	}
	err := json.Unmarshal(sent, &body)
	request := Request{r.URL.Path, r.Header.Clone(), sent, body.Model, body.Query, append(body.Documents, body.Texts...)}
	s.mu.Lock()
	s.mu.requests = append(s.mu.requests, request)
	n := len(s.mu.requests)
	s.mu.Unlock()
	switch {
	case s.Intercept != nil && s.Intercept(n, w, r):
	case err != nil || r.Method != http.MethodPost || body.Query == "" || slices.Contains(request.Passages, ""):
		Fail(w, http.StatusBadRequest, "not a rerank request")
	default:
		s.answer(w, &request)
	}
}

// Fail sends an error as most of the protocols have it.
func Fail(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]any{"message": message})
}

// answer answers in the protocol that the path belongs to, best first.
func (s *Server) answer(w http.ResponseWriter, r *Request) {
	score := "relevance_score"
	if r.Path == "/rerank" {
		score = "score"
	}
	results := make([]map[string]any, len(r.Passages))
	for i, p := range r.Passages {
		results[i] = map[string]any{"index": i, score: Score(r.Query, p)}
	}
	slices.SortStableFunc(results, func(a, b map[string]any) int { return cmp.Compare(b[score].(float64), a[score].(float64)) })
	used := map[string]any{"total_tokens": Tokens(r.Passages)}
	switch {
	case r.Path == "/rerank":
		writeJSON(w, http.StatusOK, results)
	case r.Path == "/v2/rerank":
		writeJSON(w, http.StatusOK, map[string]any{"id": "1", "results": results, "meta": map[string]any{"billed_units": map[string]any{"search_units": 1}}})
	case r.Path == "/v1/rerank" && strings.Contains(string(r.Body), `"truncation"`):
		writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": results, "model": r.Model, "usage": used})
	case r.Path == "/v1/rerank":
		writeJSON(w, http.StatusOK, map[string]any{"model": r.Model, "results": results, "usage": used})
	default:
		Fail(w, http.StatusNotFound, "no such path")
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have left
}
