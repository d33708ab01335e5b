// Package remotetest is an embeddings server for tests: it speaks the protocols of package
// remote, gives each text a vector that depends on nothing else, and fails as the test wishes.
package remotetest

import (
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lodedb/lode"
)

// Request is what the server received.
type Request struct {
	Path       string
	Header     http.Header
	Body       []byte // as it was sent
	Input      []string
	Model      string // of the body; Gemini names it in the path
	Encoding   string
	Dimensions int
}

// Server is a running server. Its fields are set before the first request.
type Server struct {
	// URL is the base URL for clients of the OpenAI protocol, Root the server's own address,
	// below which the other protocols have their paths.
	URL, Root string
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
	s.URL, s.Root = server.URL+"/v1", server.URL
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
	writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": items, "model": "test", "usage": map[string]int{"prompt_tokens": 1, "total_tokens": 1}})
}

// Fail sends an error in the form of the OpenAI protocol.
func Fail(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, map[string]any{"error": map[string]any{"message": message, "type": "error", "param": nil, "code": code}})
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	sent, _ := io.ReadAll(r.Body) // what is missing of a broken body fails below
	var body anyRequest
	err := json.Unmarshal(sent, &body)
	request := Request{r.URL.Path, r.Header.Clone(), sent, body.texts(), body.Model, body.Encoding, body.Dimensions}
	s.mu.Lock()
	s.mu.requests = append(s.mu.requests, request)
	n := len(s.mu.requests)
	s.mu.Unlock()
	switch {
	case s.Intercept != nil && s.Intercept(n, w, r):
	case err != nil || r.Method != http.MethodPost:
		Fail(w, http.StatusBadRequest, "invalid_request_error", "not an embeddings request")
	case slices.Contains(request.Input, ""):
		Fail(w, http.StatusBadRequest, "invalid_request_error", "input cannot be an empty string")
	default:
		s.answer(w, &request, body.Type == "base64" || body.Encoding == "base64")
	}
}

// anyRequest is the union of the requests of all protocols.
type anyRequest struct {
	Input      []string
	Texts      []string
	Inputs     []string
	Model      string
	Encoding   string `json:"encoding_format"`
	Type       string `json:"embedding_type"`
	Dimensions int
	Requests   []struct {
		Content struct{ Parts []struct{ Text string } }
	}
}

func (a *anyRequest) texts() []string {
	all := slices.Concat(a.Input, a.Texts, a.Inputs)
	for _, r := range a.Requests {
		for _, part := range r.Content.Parts {
			all = append(all, part.Text)
		}
	}
	return all
}

// Tokens is what the server says that texts have: one for each byte.
func Tokens(texts []string) (n int64) {
	for _, text := range texts {
		n += int64(len(text))
	}
	return n
}

// answer answers in the protocol that the path belongs to.
func (s *Server) answer(w http.ResponseWriter, r *Request, packed bool) {
	numbers := make([]lode.Vector, len(r.Input))
	for i, text := range r.Input {
		numbers[i] = s.Vector(text)
	}
	tokens := Tokens(r.Input)
	switch {
	case r.Path == "/v1/embeddings" && r.Model != "":
		answer := map[string]any{"object": "list", "data": s.Items(r.Input, packed && !s.Numbers), "model": "test", "usage": map[string]int64{"prompt_tokens": tokens, "total_tokens": tokens}}
		writeJSON(w, http.StatusOK, answer)
	case r.Path == "/v2/embed":
		writeJSON(w, http.StatusOK, map[string]any{
			"id": "1", "embeddings": map[string]any{"float": numbers}, "texts": r.Input, "response_type": "embeddings_by_type",
			"meta": map[string]any{"api_version": map[string]any{"version": "2"}, "billed_units": map[string]any{"input_tokens": tokens}},
		})
	case strings.HasSuffix(r.Path, ":batchEmbedContents"):
		values := make([]any, len(numbers))
		for i, v := range numbers {
			values[i] = map[string]any{"values": v}
		}
		writeJSON(w, http.StatusOK, map[string]any{"embeddings": values})
	case r.Path == "/embed":
		writeJSON(w, http.StatusOK, numbers)
	default:
		Fail(w, http.StatusBadRequest, "invalid_request_error", "not an embeddings request")
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have left
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
