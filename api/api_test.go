package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

// oddIDs are all valid; none may be confused with another or with a path.
var oddIDs = []lode.DocID{
	"plain", "a/b", "/a", "a/", "a//b", "../x", "..", ".", "../../etc/passwd", "100%", "%2F", "%", "a%2Fb", "a b", "a+b", "a?b=c", "a#b", "a&b=c;d", "ä/ß", "日本語/文書.md", "🙂",
	"delete", "search", "layers", "retry", "a/layers/bronze", "https://example.org/a?b=c#d", `C:\x\y`, "\"quoted\"", "{id}", "*", "~", "a:b@c", "\u202e", lode.DocID(strings.Repeat("é/", 341)),
}

// TestOddIDs takes every odd id through client and server and back.
func TestOddIDs(t *testing.T) {
	ctx := t.Context()
	c, _ := serve(t, newFake())
	for _, id := range oddIDs {
		t.Run(string(id), func(t *testing.T) {
			content := []byte("text of " + string(id))
			results, err := c.UploadDocuments(ctx, "docs", []client.File{client.FileBytes(id, content)}, client.UploadOptions{})
			if err != nil || results.Items[0].ID != id || results.Items[0].Outcome != lode.OutcomeCreated {
				t.Fatalf("upload: %+v, %v", results, err)
			}
			if doc, err := c.GetDocument(ctx, "docs", id); err != nil || doc.ID != id || *doc.Bronze != lode.HashOf(content) {
				t.Errorf("get: %+v, %v", doc, err)
			}
			if bronze, err := c.GetBronze(ctx, "docs", id); err != nil || string(bronze.Content) != string(content) || bronze.Version != 1 {
				t.Errorf("bronze: %+v, %v", bronze, err)
			}
			if silver, err := c.GetSilver(ctx, "docs", id); err != nil || silver.DocumentID != id || silver.Text != string(content) {
				t.Errorf("silver: %+v, %v", silver, err)
			}
			if gold, err := c.GetGold(ctx, "docs", id); err != nil || gold.Chunks[0].DocumentID != id {
				t.Errorf("gold: %+v, %v", gold, err)
			}
			if _, err := c.RetryDocument(ctx, "docs", id); !lode.IsCode(err, lode.CodeConflict) {
				t.Errorf("retry: %v", err)
			}
			if err := c.DeleteDocument(ctx, "docs", id); err != nil {
				t.Errorf("delete: %v", err)
			}
			if _, err := c.GetDocument(ctx, "docs", id); !lode.IsCode(err, lode.CodeNotFound) {
				t.Errorf("get after delete: %v", err)
			}
			oddVector(t, c, id)
		})
	}
}

func oddVector(t *testing.T, c *client.Client, id lode.DocID) {
	t.Helper()
	ctx := t.Context()
	if _, err := c.PutVectors(ctx, "docs", v1.Point{ID: id, Vector: lode.Vector{1, 0}, Metadata: lode.Metadata{"x": lode.IntegerValue(1)}}); err != nil {
		t.Fatalf("put vector: %v", err)
	}
	if point, err := c.GetVector(ctx, "docs", id); err != nil || point.ID != id || !point.Metadata["x"].Equal(lode.IntegerValue(1)) {
		t.Errorf("get vector: %+v, %v", point, err)
	}
	if results, err := c.DeleteVectors(ctx, "docs", id, "nope"); err != nil || results.Items[0].Error != nil || results.Items[1].Error == nil {
		t.Errorf("delete vectors: %+v, %v", results, err)
	}
	if err := c.DeleteVector(ctx, "docs", id); !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("delete vector twice: %v", err)
	}
}

func TestCollections(t *testing.T) {
	ctx := t.Context()
	c, _ := serve(t, newFake())
	made, err := c.CreateCollection(ctx, v1.CreateCollection{Name: "new"})
	if err != nil || made.Embedder.Model != "lode-en-v1" || made.Dim != 256 || made.Metric != lode.Cosine || made.Chunker.MaxTokens != 400 {
		t.Errorf("create: %+v, %v", made, err)
	}
	if weighted, err := c.CreateCollection(ctx, v1.CreateCollection{Name: "weighted", IDFFrom: "docs"}); err != nil || weighted.Weights != "docs" || made.Weights != "" {
		t.Errorf("%+v, %v", weighted, err)
	}
	for _, from := range []string{"none", "No Name"} {
		if _, err := c.CreateCollection(ctx, v1.CreateCollection{Name: "weighted", IDFFrom: from}); !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(err.Error(), "idf_from") {
			t.Errorf("%s: %v", from, err)
		}
	}
	if _, err := c.CreateCollection(ctx, v1.CreateCollection{Name: "docs"}); !lode.IsCode(err, lode.CodeConflict) {
		t.Errorf("create twice: %v", err)
	}
	if got, err := c.GetCollection(ctx, "docs"); err != nil || got.Stats == nil || got.Name != "docs" {
		t.Errorf("get: %+v, %v", got, err)
	}
	var names []string
	for cursor := ""; ; {
		page, err := c.ListCollections(ctx, client.Page{Limit: 2, Cursor: cursor})
		if err != nil || len(page.Collections) > 2 {
			t.Fatalf("list: %+v, %v", page, err)
		}
		for _, one := range page.Collections {
			names = append(names, one.Name)
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if fmt.Sprint(names) != "[a b docs]" {
		t.Errorf("list: %v", names)
	}
	pinned := lode.MemoryPinned
	if got, err := c.UpdateCollection(ctx, "docs", v1.UpdateCollection{Memory: &pinned, Indexes: &[]string{"tenant"}}); err != nil || got.Memory != pinned || len(got.Indexes) != 1 {
		t.Errorf("updated %+v, %v", got, err)
	}
	if err := c.DeleteCollection(ctx, "docs"); err != nil {
		t.Error(err)
	}
	if err := c.DeleteCollection(ctx, "nope"); !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("delete unknown: %v", err)
	}
}

func TestDocumentLists(t *testing.T) {
	ctx := t.Context()
	c, _ := serve(t, newFake())
	var files []client.File
	for i := range 5 {
		content := "good"
		if i == 3 {
			content = "bad"
		}
		file := client.FileBytes(lode.DocID(fmt.Sprint("d", i)), []byte(content))
		file.Metadata = lode.Metadata{"n": lode.IntegerValue(int64(i))}
		files = append(files, file)
	}
	if _, err := c.UploadDocuments(ctx, "docs", files, client.UploadOptions{}); err != nil {
		t.Fatal(err)
	}
	one := lode.IntegerValue(1)
	f := func(page client.DocumentPage, want ...lode.DocID) {
		t.Helper()
		var got []lode.DocID
		for doc, err := range c.Documents(ctx, "docs", page) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, doc.ID)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%+v: got %v, want %v", page, got, want)
		}
	}
	f(client.DocumentPage{Page: client.Page{Limit: 2}}, "d0", "d1", "d2", "d3", "d4")
	f(client.DocumentPage{State: lode.StateReady, Page: client.Page{Limit: 3}}, "d0", "d1", "d2", "d4")
	f(client.DocumentPage{Filter: lode.Where("n", lode.Test{Gt: &one})}, "d2", "d3", "d4")
	quarantine, err := c.ListQuarantine(ctx, "docs", client.Page{})
	if err != nil || len(quarantine.Documents) != 1 || quarantine.Documents[0].Failure.Stage != lode.StageParse {
		t.Errorf("quarantine: %+v, %v", quarantine, err)
	}
	if retry, err := c.RetryDocument(ctx, "docs", "d3"); err != nil || retry.Epoch != 2 || retry.Version != 1 {
		t.Errorf("retry: %+v, %v", retry, err)
	}
	if results, err := c.DeleteDocuments(ctx, "docs", "d0", "nope", "d1"); err != nil ||
		results.Items[0].Error != nil || results.Items[1].Error.Code != lode.CodeNotFound || results.Items[1].Error.Field != "ids[1]" || results.Items[2].Error != nil {
		t.Errorf("delete: %+v, %v", results, err)
	}
	f(client.DocumentPage{}, "d2", "d3", "d4")
}

func TestRetrieve(t *testing.T) {
	ctx := t.Context()
	f := newFake()
	c, _ := serve(t, f)
	file := client.FileBytes("a.md", []byte("the lode"))
	file.URI, file.Metadata = "https://example.org/a.md", lode.Metadata{"year": lode.IntegerValue(2024)}
	if _, err := c.UploadDocuments(ctx, "docs", []client.File{file}, client.UploadOptions{}); err != nil {
		t.Fatal(err)
	}
	k, weight, filter := 3, 0.4, lode.WhereEq("year", lode.IntegerValue(2024))
	got, err := c.Retrieve(ctx, "docs", v1.Retrieve{Text: "lode", K: &k, DenseWeight: &weight, Filter: &filter})
	if err != nil || len(got.Hits) != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	hit := got.Hits[0]
	if hit.DocumentID != "a.md" || hit.Text != "the lode" || hit.Span != (v1.Span{End: 8}) || hit.URI != file.URI || *hit.LexicalScore != 1.5 || hit.DenseScore != nil ||
		*hit.Bronze != lode.HashOf([]byte("the lode")) || hit.Path[0] != "Guide" || hit.Kind != "document" || !hit.Metadata["year"].Equal(lode.IntegerValue(2024)) {
		t.Errorf("hit: %+v", hit)
	}
	if *got.DenseWeight != 0.2 || got.WeightReason == "" || got.Mode != lode.ModeHybrid || len(got.Context.Citations) != 1 {
		t.Errorf("result: %+v", got)
	}
	q := f.queries[0]
	if q.K != 3 || *q.DenseWeight != 0.4 || q.BudgetTokens != lode.DefaultBudgetTokens || !q.Filter.Match(&lode.Document{Metadata: file.Metadata}) || q.Filter.Match(&lode.Document{}) {
		t.Errorf("query: %+v", q)
	}
	if f.levels[0] != v1.ConsistencyLocal {
		t.Errorf("read levels: %v", f.levels)
	}
	chunk, err := c.GetChunk(ctx, "docs", hit.ChunkID)
	if err != nil || chunk.Text != "the lode" || chunk.DocumentID != "a.md" {
		t.Errorf("chunk: %+v, %v", chunk, err)
	}
	trace, err := c.TraceChunk(ctx, "docs", hit.ChunkID)
	if err != nil || !trace.Verified || trace.Bronze.Hash != *hit.Bronze || len(trace.Runs) != 1 || trace.Runs[0].DurationNS != 1e6 {
		t.Errorf("trace: %+v, %v", trace, err)
	}
}

func TestVectors(t *testing.T) {
	ctx := t.Context()
	c, _ := serve(t, newFake())
	results, err := c.PutVectors(ctx, "docs", v1.Point{ID: "a", Vector: lode.Vector{1, 0}}, v1.Point{ID: "b", Vector: lode.Vector{1}}, v1.Point{Vector: lode.Vector{1, 0}})
	if err != nil {
		t.Fatal(err)
	}
	if results.Items[0].Error != nil || results.Items[1].Error.Field != "points[1].vector" || results.Items[2].Error.Field != "points[2].id" {
		t.Errorf("put: %+v", results)
	}
	if _, err := c.PutVectors(ctx, "docs", v1.Point{ID: "b", Vector: lode.Vector{1}}); lode.CodeOf(err) != lode.CodeInvalid {
		t.Errorf("a single bad vector: %v", err)
	}
	hits, err := c.SearchVectors(ctx, "docs", v1.SearchVectors{Vector: lode.Vector{1, 0}})
	if err != nil || len(hits.Hits) != 1 || hits.Hits[0].DocumentID != "a" || hits.Hits[0].Kind != "vector" || hits.Hits[0].Bronze != nil {
		t.Errorf("search: %+v, %v", hits, err)
	}
}

func TestConsistency(t *testing.T) {
	f := newFake()
	h := handler(t, f)
	for _, level := range []string{"local", "leader", "linearizable"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/collections/docs?consistency="+level, nil))
	}
	if fmt.Sprint(f.levels) != "[local leader linearizable]" {
		t.Errorf("read levels: %v", f.levels)
	}
}

func TestNode(t *testing.T) {
	ctx := t.Context()
	f := newFake()
	c, _ := serve(t, f, func(o *api.Options) {
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "lode_up 1\n") })
	})
	if info, err := c.GetNode(ctx); err != nil || info.NodeID != "n1" {
		t.Errorf("node: %+v, %v", info, err)
	}
	if err := c.Health(ctx); err != nil {
		t.Errorf("health: %v", err)
	}
	if ready, err := c.Ready(ctx); err != nil || !ready.Ready {
		t.Errorf("ready: %+v, %v", ready, err)
	}
	f.reasons = []api.Reason{{Name: "raft", Detail: "no leader"}}
	if ready, err := c.Ready(ctx); err != nil || ready.Ready || ready.Reasons[0].Name != "raft" {
		t.Errorf("not ready: %+v, %v", ready, err)
	}
	if report, err := c.Check(ctx); err != nil || !report.OK || report.Breaches == nil {
		t.Errorf("check: %+v, %v", report, err)
	}
	f.breaches = v1.MaxBreaches + 5
	if report, err := c.Check(ctx); err != nil || report.OK || report.Count != v1.MaxBreaches+5 || len(report.Breaches) != v1.MaxBreaches {
		t.Errorf("check: %d breaches, %v", report.Count, err)
	}
	resp, err := http.Get(c.BaseURL() + "/metrics")
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("metrics: %v", err)
	}
	_ = resp.Body.Close()
}

func TestStarting(t *testing.T) {
	server := httptest.NewServer(api.Starting("replaying the log"))
	defer server.Close()
	c, err := client.New(client.Options{BaseURL: server.URL, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Health(t.Context()); err != nil {
		t.Errorf("health: %v", err)
	}
	if ready, err := c.Ready(t.Context()); err != nil || ready.Ready || ready.Reasons[0].Detail != "replaying the log" {
		t.Errorf("ready: %+v, %v", ready, err)
	}
	if _, err := c.GetNode(t.Context()); !lode.IsCode(err, lode.CodeUnavailable) {
		t.Errorf("node: %v", err)
	}
}

func TestOptions(t *testing.T) {
	full := newFake().backend()
	f := func(o api.Options, works bool) {
		t.Helper()
		if _, err := api.New(o); (err == nil) != works {
			t.Errorf("%+v: %v", o, err)
		}
	}
	f(api.Options{Backend: full}, true)
	f(api.Options{}, false)
	f(api.Options{Backend: full, MaxConcurrent: -1}, false)
	f(api.Options{Backend: full, MaxBodyBytes: 100, MaxBodiesBytes: 10}, false)
	f(api.Options{Backend: full, MaxBodyBytes: 1 << 30}, true)
}

func TestAuthenticate(t *testing.T) {
	h := handler(t, newFake(), func(o *api.Options) {
		o.Authenticate = func(r *http.Request) (lode.Principal, error) {
			if r.Header.Get("Authorization") == "" {
				return lode.Principal{}, lode.Errorf(lode.CodeUnauthorized, "no token")
			}
			return lode.Principal{}, nil // forgotten: the engine refuses it
		}
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/v1/collections/docs", nil))
	if w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("without a token: %d %s", w.Code, w.Body)
	}
	r := httptest.NewRequest("GET", "/v1/collections/docs", nil)
	r.Header.Set("Authorization", "Bearer x")
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if problemOf(t, w).Code != lode.CodeUnauthorized {
		t.Errorf("without a principal: %d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
	if w.Code != 200 {
		t.Errorf("health needs a token: %d", w.Code)
	}
}

// TestUnknownErrorsAreNeutral demands that the text of an error without a code reaches the
// log, with the request's id, and never the caller.
func TestUnknownErrorsAreNeutral(t *testing.T) {
	log := &logLines{}
	f := newFake()
	f.retrieve = func(context.Context, lode.Query) (*lode.Result, error) {
		return nil, fmt.Errorf("open /secret/path: %w", errors.New("permission denied"))
	}
	h := handler(t, f, log.option)
	r := httptest.NewRequest("POST", "/v1/collections/docs/retrieve", strings.NewReader(`{"text":"top secret question"}`))
	r.Header.Set("Content-Type", jsonType)
	r.Header.Set("X-Request-Id", "req-1")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	p := problemOf(t, w)
	if p.Code != lode.CodeInternal || p.RequestID != "req-1" || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("the caller sees %s", w.Body)
	}
	if got := log.String(); strings.Count(got, "/secret/path") != 1 || !strings.Contains(got, "req-1") || strings.Contains(got, "question") {
		t.Errorf("the log holds %s", got)
	}
}

func TestPanic(t *testing.T) {
	log, done := &logLines{}, []api.RequestDone{}
	f := newFake()
	f.retrieve = func(context.Context, lode.Query) (*lode.Result, error) { panic("index out of range") }
	h := handler(t, f, log.option, func(o *api.Options) {
		o.Events.RequestDone = func(e api.RequestDone) { done = append(done, e) }
	})
	for range 2 { // the slot is given back
		r := httptest.NewRequest("POST", "/v1/collections/docs/retrieve", strings.NewReader(`{"text":"a"}`))
		r.Header.Set("Content-Type", jsonType)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if p := problemOf(t, w); p.Code != lode.CodeInternal || strings.Contains(p.Detail, "range") {
			t.Errorf("the caller sees %+v", p)
		}
	}
	if !strings.Contains(log.String(), "index out of range") || !strings.Contains(log.String(), "api_test.go") {
		t.Errorf("the log holds no stack: %s", log)
	}
	want := api.RequestDone{Method: "POST", Route: v1.PathRetrieve, Status: 500, Code: lode.CodeInternal, Panicked: true, BytesIn: 12}
	got := done[0]
	got.Duration, got.BytesOut = 0, 0
	if len(done) != 2 || got != want {
		t.Errorf("events: %+v", done)
	}
}

// TestRoutesInEvents demands that odd paths make no new labels.
func TestRoutesInEvents(t *testing.T) {
	var routes []string
	h := handler(t, newFake(), func(o *api.Options) {
		o.Events.RequestDone = func(e api.RequestDone) { routes = append(routes, e.Method+" "+e.Route) }
	})
	for _, target := range []string{"GET /v1/collections/docs/documents/a%2Fb", "HEAD /healthz", "GET /v1/nope", "BREW /v1/node", "PATCH /v1/node"} {
		method, path, _ := strings.Cut(target, " ")
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, path, nil))
	}
	want := []string{"GET " + v1.PathDocument, "HEAD /healthz", "GET unmatched", "other unmatched", "PATCH unmatched"}
	if !slices.Equal(routes, want) {
		t.Errorf("got %q, want %q", routes, want)
	}
}

func TestMethodNotAllowed(t *testing.T) {
	h := handler(t, newFake())
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/v1/collections/docs/documents/a%2Fb", nil))
	if p := problemOf(t, w); p.Code != v1.CodeMethodNotAllowed || fmt.Sprint(w.Header()["Allow"]) != "[GET HEAD PATCH DELETE]" {
		t.Errorf("%+v, allow %v", p, w.Header()["Allow"])
	}
}

func TestForeignPages(t *testing.T) {
	f := newFake()
	h := handler(t, f)
	r := httptest.NewRequest("POST", "/v1/collections/docs/documents", strings.NewReader(multipartBody(filePart("a", "x"))))
	r.Header.Set("Content-Type", multipartType)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Origin", "https://evil.example")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if p := problemOf(t, w); p.Code != lode.CodeUnauthorized || p.Value != "https://evil.example" || f.writes != 0 {
		t.Errorf("%+v, %d writes", p, f.writes)
	}
}

func TestBronzeIsNotRun(t *testing.T) {
	c, server := serve(t, newFake())
	file := client.FileBytes("x.html", []byte("<script>alert(1)</script>"))
	file.MediaType = "text/html"
	if _, err := c.UploadDocuments(t.Context(), "docs", []client.File{file}, client.UploadOptions{}); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(server.URL + v1.LayerPath("docs", "x.html", lode.Bronze))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	h := resp.Header
	if h.Get("Content-Disposition") != "attachment" || h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || h.Get("Content-Type") != "text/html" {
		t.Errorf("headers: %v", h)
	}
}

// TestNoNull demands that answers leave out what has no value.
func TestNoNull(t *testing.T) {
	h := handler(t, newFake())
	for _, path := range []string{"/v1/collections/docs/documents", "/v1/collections/docs/quarantine", "/v1/collections/docs", "/v1/node", "/readyz"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != 200 || strings.Contains(w.Body.String(), "null") || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
