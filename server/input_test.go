package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/embed/remote/remotetest"
	"github.com/lodedb/lode/server"
)

// TestBadInput sends what no client should. Each gets a coded problem that names field and
// value, and the durable state stays what it was, to the byte.
func TestBadInput(t *testing.T) {
	node, c := open(t, server.Config{MaxBodyBytes: 1 << 20, MaxDocumentBytes: 64 << 10})
	mustCreate(t, c, "docs")
	upload(t, c, "docs", map[string]string{"good.md": "# Good\n\nA document that must stay as it is."})
	before := stateHash(t, node)
	f := func(method, path, body string, status int, code lode.Code, field string) {
		t.Helper()
		got, problem := send(t, node.URL()+path, method, "application/json", strings.NewReader(body))
		if got != status || problem.Code != code || problem.Field != field {
			t.Errorf("%s %s %s: %d %s field %q (%s), want %d %s %q", method, path, lode.CutValue(body), got, problem.Code, problem.Field, problem.Detail, status, code, field)
		}
		if after := stateHash(t, node); after != before {
			t.Fatalf("%s %s %s changed the state", method, path, lode.CutValue(body))
		}
	}
	const collections, docs, retrieve, vectors = "/v1/collections", "/v1/collections/docs/documents", "/v1/collections/docs/retrieve", "/v1/collections/docs/vectors"
	f("POST", collections, ``, 400, lode.CodeMalformed, "body")
	f("POST", collections, `{"name":"a"`, 400, lode.CodeMalformed, "name")
	f("POST", collections, `{"name":"../etc"}`, 400, lode.CodeInvalid, "name")
	f("POST", collections, `{"name":"docs"}`, 409, lode.CodeConflict, "name")
	f("POST", collections, `{"name":"a","colour":"red"}`, 400, lode.CodeUnknownField, "colour")
	f("POST", collections, `{"name":"a","embedder":{"provider":"openai","model":"m","dim":8}}`, 400, lode.CodeInvalid, "embedder.provider")
	f("POST", collections, `{"name":"a","chunker":{"max_tokens":3}}`, 400, lode.CodeInvalid, "chunker.max_tokens")
	f("POST", docs, `{"documents":[]}`, 400, lode.CodeInvalid, "documents")
	f("POST", docs, `{"documents":[{"id":"x","content":""}]}`, 400, lode.CodeInvalid, "documents[0].content")
	f("POST", docs, `{"documents":[{"id":"x","content":"`+strings.Repeat("a", 65<<10)+`"}]}`, 413, lode.CodeTooLarge, "documents[0].content")
	f("POST", docs, `{"documents":[{"id":"x","content":"a","metadata":{"k":[[1]]}}]}`, 400, lode.CodeInvalid, "documents[0].metadata.k[0]")
	f("POST", docs, `{"documents":[{"id":"x","content_base64":"iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB"}]}`, 415, lode.CodeUnsupportedMedia, "documents[0].media_type")
	f("POST", "/v1/collections/none/documents", `{"documents":[{"content":"a"}]}`, 404, lode.CodeNotFound, "collection")
	f("POST", docs, strings.Repeat(`[`, 100_000), 400, lode.CodeMalformed, "body")
	f("POST", docs, `{"documents":[{"content":"`+strings.Repeat("a", 2<<20)+`"}]}`, 413, lode.CodeTooLarge, "body")
	f("POST", retrieve, `{"text":"x","k":0}`, 400, lode.CodeInvalid, "k")
	f("POST", retrieve, `{"text":"x","k":1000000000}`, 400, lode.CodeInvalid, "k")
	f("POST", retrieve, `{"text":"x","k":"many"}`, 400, lode.CodeInvalid, "k")
	f("POST", retrieve, `{"text":"x","filter":{"field":"year","gt":true}}`, 400, lode.CodeInvalid, "filter.gt")
	f("POST", retrieve, `{"text":"x","filter":{"field":"year","about":1}}`, 400, lode.CodeUnknownField, "filter.about")
	f("POST", retrieve, `{"vector":[1,2,3]}`, 400, lode.CodeInvalid, "vector")
	f("POST", retrieve, `{"vector":[1e39]}`, 400, lode.CodeInvalid, "vector[0]")
	f("POST", retrieve, `{"vector":[NaN]}`, 400, lode.CodeMalformed, "vector[0]")
	f("POST", retrieve, "{\"text\":\"\xff\"}", 400, lode.CodeMalformed, "body")
	f("POST", vectors, `{"points":[{"id":"p","vector":[1,2]}]}`, 400, lode.CodeInvalid, "points[0].vector")
	f("POST", vectors, `{"points":[{"id":"p","vector":[`+zeros(lode.DefaultEmbedder.Dim)+`]}]}`, 400, lode.CodeInvalid, "points[0].vector")
	f("GET", docs+"/..%2F..%2Fetc%2Fpasswd", ``, 404, lode.CodeNotFound, "document")
	f("GET", docs+"?cursor=zzz", ``, 400, lode.CodeInvalid, "cursor")
	f("DELETE", docs+"/none", ``, 404, lode.CodeNotFound, "document")
	f("GET", "/v1/collections/docs/chunks/ch-1-2-3/trace", ``, 404, lode.CodeNotFound, "chunk")
	f("GET", "/v1/nothing", ``, 404, lode.CodeNotFound, "path")
}

func zeros(n int) string { return strings.TrimSuffix(strings.Repeat("0,", n), ",") }

func stateHash(t *testing.T, node *server.Server) lode.Hash {
	t.Helper()
	h, err := node.StateHash()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func send(t *testing.T, url, method, mediaType string, body io.Reader) (int, v1.Problem) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", mediaType)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var problem v1.Problem
	if err := json.Unmarshal(content, &problem); err != nil || response.Header.Get("Content-Type") != v1.MediaTypeProblem {
		t.Errorf("%s %s: no problem: %s", method, url, lode.CutValue(string(content)))
	}
	return response.StatusCode, problem
}

// TestWrongBytes hands in documents that are not what they claim. Each ends in quarantine
// or is refused, with a code; what was there before stays searchable.
func TestWrongBytes(t *testing.T) {
	_, c := open(t, server.Config{ParseTimeout: 5 * time.Second})
	mustCreate(t, c, "docs")
	upload(t, c, "docs", map[string]string{"report.pdf": "A text that calls itself a PDF is still a text about cormorants."})
	pdf := samples(t)["safety-bulletin.pdf"]
	bad := map[string][]byte{
		"truncated.pdf": []byte(pdf[:len(pdf)/3]),
		"zeros.txt":     make([]byte, 4096),
		"empty.html":    []byte("<html><body><script>track()</script></body></html>"),
		"deep.html":     []byte(strings.Repeat("<div>", 200_000)),
		"blank.md":      []byte(" \n\t\n "),
	}
	for name, content := range bad {
		file := client.FileBytes(lode.DocID(name), content)
		file.Name = name
		results, err := c.UploadDocuments(t.Context(), "docs", []client.File{file}, client.UploadOptions{})
		if err != nil {
			if code := lode.CodeOf(err); code != lode.CodeUnsupportedMedia && code != lode.CodeMalformed && code != lode.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if item := results.Items[0]; item.Error == nil || item.State != lode.StateQuarantined {
			t.Errorf("%s: %+v", name, item)
		}
	}
	if hits := retrieve(t, c, "docs", "cormorants").Hits; len(hits) == 0 || hits[0].DocumentID != "report.pdf" {
		t.Errorf("the good document: %+v", hits)
	}
	for encoding, content := range map[string][]byte{
		"utf16": []byte("\xff\xfep\x00u\x00f\x00f\x00i\x00n\x00s\x00 \x00b\x00r\x00e\x00e\x00d\x00"),
		"latin": []byte("caf\xe9 near the fulmar colony, open all day"),
	} {
		file := client.FileBytes(lode.DocID(encoding), content)
		results, err := c.UploadDocuments(t.Context(), "docs", []client.File{file}, client.UploadOptions{})
		if err != nil || results.Items[0].State != lode.StateReady {
			t.Errorf("%s: %+v %v", encoding, results, err)
		}
	}
	if hits := retrieve(t, c, "docs", "café").Hits; len(hits) == 0 || hits[0].DocumentID != "latin" {
		t.Errorf("café: %+v", hits)
	}
}

// TestDeadProvider lets the embedding provider die: documents fail with a reason, nothing
// that was there is lost, and a retry heals them.
func TestDeadProvider(t *testing.T) {
	provider := remotetest.New(t, 8)
	var dead atomic.Bool
	provider.Intercept = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		if dead.Load() {
			http.Error(w, `{"error":{"message":"no such model"}}`, http.StatusBadRequest)
		}
		return dead.Load()
	}
	_, c := open(t, server.Config{OpenAI: server.OpenAIConfig{BaseURL: provider.URL, APIKey: "hunter2", Timeout: time.Second}})
	_, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "docs", Embedder: &v1.Embedder{Provider: lode.ProviderOpenAI, Model: "m", Dim: 8}})
	if err != nil {
		t.Fatal(err)
	}
	upload(t, c, "docs", map[string]string{"a.txt": "gannets dive"})
	dead.Store(true)
	results, err := c.UploadDocuments(t.Context(), "docs", []client.File{client.FileBytes("a.txt", []byte("gannets soar")), client.FileBytes("b.txt", []byte("puffins dig"))}, client.UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range results.Items {
		if item.Error == nil || item.Error.Code != lode.CodeProvider || item.Error.Stage != lode.StageEmbed || strings.Contains(fmt.Sprint(item.Error), "hunter2") {
			t.Errorf("%s: %+v", item.ID, item.Error)
		}
	}
	lexical := func(r *v1.Retrieve) { r.Mode = lode.ModeLexical }
	if hits := retrieve(t, c, "docs", "gannets", lexical).Hits; len(hits) != 1 || hits[0].Text != "gannets dive" {
		t.Errorf("the older version: %+v", hits)
	}
	dead.Store(false)
	for _, id := range []lode.DocID{"a.txt", "b.txt"} {
		if _, err := c.RetryDocument(t.Context(), "docs", id); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, c)
	if hits := retrieve(t, c, "docs", "gannets", lexical).Hits; len(hits) != 1 || hits[0].Text != "gannets soar" {
		t.Errorf("after the retry: %+v", hits)
	}
}

// TestEndlessBody sends a body that never ends and leaves; the node goes on serving.
func TestEndlessBody(t *testing.T) {
	node, c := open(t, server.Config{MaxBodyBytes: 1 << 20})
	mustCreate(t, c, "docs")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, node.URL()+"/v1/collections/docs/documents", io.MultiReader(strings.NewReader(`{"documents":[{"content":"`), endless{}))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if response, err := http.DefaultClient.Do(request); err == nil {
		defer response.Body.Close()
		if response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d", response.StatusCode)
		}
	}
	upload(t, c, "docs", map[string]string{"a.txt": "still serving"})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte("a"), len(p))), nil }
