// Package openaitest is an embeddings server for tests: it speaks the OpenAI protocol, gives
// each text a vector that depends on nothing else, and fails as the test wishes.
package openaitest

import (
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/lodedb/lode"
)

// Request is what the server received.
type Request struct {
	Path       string
	Header     http.Header
	Input      []string
	Model      string
	Encoding   string
	Dimensions int
}

// Server is a running server. Its fields are set before the first request.
type Server struct {
	// URL is the base URL for clients.
	URL string
	// Dim is the number of dimensions of its vectors.
	Dim int
	// Numbers makes it ignore the wish for base64, as some servers do.
	Numbers bool
	// Intercept sees each request first, n counting from 1. It returns true when it has
	// answered. One that waits should stop at the end of the request's context.
	Intercept func(n int, w http.ResponseWriter, r *http.Request) bool

	mu struct {
		sync.Mutex
		requests []Request
	}
}

// New starts a server that ends with the test.
func New(tb testing.TB, dim int) *Server {
	tb.Helper()
	s := &Server{Dim: dim}
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	tb.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	s.URL = server.URL + "/v1"
	return s
}

// Requests returns what was received so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mu.requests)
}

// Vector is the vector of a text.
func (s *Server) Vector(text string) lode.Vector {
	h := fnv.New64a()
	h.Write([]byte(text))
	rng := rand.New(rand.NewPCG(h.Sum64(), 1))
	v := make(lode.Vector, s.Dim)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v.Normalize()
}

// Item is one vector of an answer.
type Item struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"` // base64 text or numbers
}

// Answer sends the items with status 200.
func Answer(w http.ResponseWriter, items []Item) {
	w.Header().Set("Content-Type", "application/json")
	answer := map[string]any{"object": "list", "data": items, "model": "test", "usage": map[string]int{"prompt_tokens": 1, "total_tokens": 1}}
	_ = json.NewEncoder(w).Encode(answer) // the client may have left
}

// Fail sends an error in the form of the protocol.
func Fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": message, "type": "error", "param": nil, "code": code}})
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Input      []string
		Model      string
		Encoding   string `json:"encoding_format"`
		Dimensions int
	}
	err := json.NewDecoder(r.Body).Decode(&body)
	s.mu.Lock()
	s.mu.requests = append(s.mu.requests, Request{r.URL.Path, r.Header.Clone(), body.Input, body.Model, body.Encoding, body.Dimensions})
	n := len(s.mu.requests)
	s.mu.Unlock()
	switch {
	case s.Intercept != nil && s.Intercept(n, w, r):
	case err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/embeddings" || body.Model == "":
		Fail(w, http.StatusBadRequest, "invalid_request_error", "not an embeddings request")
	case slices.Contains(body.Input, ""):
		Fail(w, http.StatusBadRequest, "invalid_request_error", "input cannot be an empty string")
	default:
		Answer(w, s.Items(body.Input, body.Encoding == "base64" && !s.Numbers))
	}
}

// Items returns the right answer for the texts.
func (s *Server) Items(texts []string, packed bool) []Item {
	items := make([]Item, len(texts))
	for i, text := range texts {
		items[i] = Item{Object: "embedding", Index: i, Embedding: s.Vector(text)}
		if packed {
			items[i].Embedding = base64.StdEncoding.EncodeToString(lode.AppendVector(nil, s.Vector(text)))
		}
	}
	return items
}
