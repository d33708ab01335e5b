package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/api/v1"
)

// keyed sends a request with the given keys, most often one.
func keyed(h http.Handler, method, path, contentType, body string, keys ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for _, key := range keys {
		r.Header.Add("idempotency-key", key)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const (
	docsPath    = "/v1/collections/docs/documents"
	vectorsPath = "/v1/collections/docs/vectors"
)

// TestEveryWriteTakesAKey walks the table: what changes something hands the key on and names
// its operation, everything else refuses it.
func TestEveryWriteTakesAKey(t *testing.T) {
	f := newFake()
	h := handler(t, f)
	write := func(method, path, body string, parts int) {
		t.Helper()
		before := len(f.named)
		contentType := ""
		if body != "" {
			contentType = jsonType
		}
		w := keyed(h, method, path, contentType, body, "k1")
		if w.Code >= 300 && w.Code != http.StatusConflict || w.Header().Get(v1.HeaderOperation) != "op-anonymous-k1" {
			t.Errorf("%s %s: %d, operation %q: %s", method, path, w.Code, w.Header().Get(v1.HeaderOperation), w.Body)
		}
		if got := f.named[before:]; len(got) != parts || got[0].Key != "k1" || got[0].Request.IsZero() {
			t.Errorf("%s %s: %+v", method, path, got)
		}
	}
	write("POST", "/v1/collections", `{"name":"new"}`, 1)
	write("POST", docsPath, `{"documents":[{"id":"a","content":"x"},{"id":"b","content":"x"},{"id":"c","content":"bad"}]}`, 3)
	write("POST", docsPath+"/c/retry", "", 1)
	write("DELETE", docsPath+"/a?if_version=1", "", 1)
	write("POST", docsPath+"/delete", `{"ids":["b","c"]}`, 1)
	write("PUT", vectorsPath, `{"points":[{"id":"a","vector":[1,2]},{"id":"b","vector":[1,2]},{"id":"c","vector":[1,2]}]}`, 1)
	write("POST", vectorsPath, `{"points":[{"id":"a","vector":[1,2]}]}`, 1)
	write("DELETE", vectorsPath+"/a", "", 1)
	write("POST", vectorsPath+"/delete", `{"ids":["b"]}`, 1)
	write("DELETE", "/v1/collections/docs", "", 1)

	for _, c := range [][3]string{
		{"GET", docsPath, ""}, {"GET", "/v1/collections/docs", ""}, {"GET", "/v1/operations?key=k1", ""}, {"GET", "/v1/node", ""}, {"HEAD", "/v1/node", ""},
		{"POST", "/v1/collections/docs/retrieve", `{"text":"a"}`}, {"POST", vectorsPath + "/search", `{"vector":[1,0]}`}, {"POST", "/v1/check", ""}, {"POST", "/v1/backups", ""},
	} {
		w := keyed(h, c[0], c[1], jsonType, c[2], "k1")
		if w.Code != 400 || c[0] != "HEAD" && !strings.Contains(w.Body.String(), "idempotency_key") {
			t.Errorf("%s %s with a key: %d %s", c[0], c[1], w.Code, w.Body)
		}
	}
}

// TestBadKeys are refused before anything is done.
func TestBadKeys(t *testing.T) {
	f := newFake()
	h := handler(t, f)
	for name, keys := range map[string][]string{
		"long": {strings.Repeat("k", 129)}, "empty": {""}, "blank": {"a b"}, "not ASCII": {"\xc3\xa4"}, "control": {"a\x01"}, "two": {"a", "b"}, "the same twice": {"a", "a"},
	} {
		w := keyed(h, "POST", docsPath, jsonType, `{"documents":[{"content":"x"}]}`, keys...)
		var p v1.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code != lode.CodeInvalid || p.Field != "idempotency_key" || w.Code != 400 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if f.writes != 0 || len(f.docs) != 0 {
		t.Errorf("%d writes", f.writes)
	}
	if w := keyed(h, "POST", docsPath, jsonType, `{"documents":[{"content":"x"}]}`, strings.Repeat("~", 128)); w.Code != 200 {
		t.Errorf("the longest key: %d %s", w.Code, w.Body)
	}
}

// TestKeyStandsForTheRequest: a repetition is the same request, whatever differs that does not
// matter, and anything that matters makes another one.
func TestKeyStandsForTheRequest(t *testing.T) {
	f := newFake()
	h := handler(t, f)
	request := func(method, path, contentType, body string) lode.Hash {
		t.Helper()
		before := len(f.named)
		if keyed(h, method, path, contentType, body, "k"); len(f.named) == before {
			t.Fatalf("%s %s reached nobody", method, path)
		}
		return f.named[before].Request
	}
	one := `{"documents":[{"id":"a","content":"x"}]}`
	file := multipartBody(jsonPart("document", `{"id":"a"}`), filePart("", "x"))
	same := map[string][2]lode.Hash{
		"what is waited for": {request("POST", docsPath, jsonType, one), request("POST", docsPath+"?wait=false&timeout=5s", jsonType, one)},
		"spaces":             {request("POST", docsPath, jsonType, one), request("POST", docsPath, jsonType, " "+one)},
		"the boundary": {request("POST", docsPath, multipartType, file),
			request("POST", docsPath, strings.Replace(multipartType, "=B", "=CC", 1), strings.ReplaceAll(file, "--B", "--CC"))},
		"POST instead of PUT": {request("PUT", vectorsPath, jsonType, `{"points":[{"id":"a","vector":[1,2]}]}`), request("POST", vectorsPath, jsonType, `{"points":[{"id":"a","vector":[1,2]}]}`)},
	}
	for name, hashes := range same {
		if hashes[0] != hashes[1] {
			t.Errorf("%s makes another request", name)
		}
	}
	seen := map[lode.Hash]string{}
	for _, c := range [][4]string{
		{"POST", docsPath, jsonType, one},
		{"POST", docsPath, jsonType, `{"documents":[{"id":"a","content":"y"}]}`},
		{"POST", docsPath, jsonType, `{"documents":[{"id":"b","content":"x"}]}`},
		{"POST", docsPath, jsonType, `{"documents":[{"id":"a","content":"x","if_version":0}]}`},
		{"POST", docsPath, jsonType, `{"documents":[{"id":"a","content":"x","if_version":1}]}`},
		{"POST", docsPath, jsonType, `{"documents":[{"id":"a","content":"x","readers":["r"]}]}`},
		{"POST", docsPath, jsonType, `{"documents":[{"id":"a","content":"x","metadata":{"n":1}}]}`},
		{"POST", docsPath, jsonType, `{"documents":[{"id":"a","content":"x","metadata":{"n":1.0}}]}`},
		{"POST", docsPath, jsonType, `{"documents":[{"id":"a","content":"x","uri":"u"}]}`},
		{"POST", docsPath, jsonType, `{"documents":[{"id":"a","content":"x"},{"id":"b","content":"x"}]}`},
		{"POST", docsPath, jsonType, `{"documents":[{"id":"b","content":"x"},{"id":"a","content":"x"}]}`},
		{"POST", "/v1/collections/other/documents", jsonType, one},
		{"DELETE", docsPath + "/a", "", ""}, {"DELETE", docsPath + "/b", "", ""}, {"DELETE", docsPath + "/a?if_version=1", "", ""}, {"DELETE", docsPath + "/a?if_version=2", "", ""},
		{"DELETE", vectorsPath + "/a", "", ""}, {"DELETE", "/v1/collections/docs", "", ""}, {"DELETE", "/v1/collections/other", "", ""},
		{"POST", docsPath + "/delete", jsonType, `{"ids":["a"]}`}, {"POST", docsPath + "/delete", jsonType, `{"ids":["b"]}`}, {"POST", vectorsPath + "/delete", jsonType, `{"ids":["a"]}`},
		{"PUT", vectorsPath, jsonType, `{"points":[{"id":"a","vector":[1,2]}]}`}, {"PUT", vectorsPath, jsonType, `{"points":[{"id":"a","vector":[1,3]}]}`},
		{"POST", "/v1/collections", jsonType, `{"name":"a"}`}, {"POST", "/v1/collections", jsonType, `{"name":"b"}`},
	} {
		what := strings.Join(c[:], " ")
		hash := request(c[0], c[1], c[2], c[3])
		if seen[hash] != "" {
			t.Errorf("one key would stand for both\n%s\n%s", seen[hash], what)
		}
		seen[hash] = what
	}
}

// TestUploadWithoutWaiting has an operation even without a key, another one each time.
func TestUploadWithoutWaiting(t *testing.T) {
	f := newFake()
	h := handler(t, f)
	ids := map[string]bool{}
	for range 2 {
		w := keyed(h, "POST", docsPath+"?wait=false", jsonType, `{"documents":[{"content":"`+strings.Repeat("x", len(ids)+1)+`"}]}`)
		var got v1.DocumentResults
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 202 || got.Operation == "" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w.Header().Get("Location") != "/v1/operations/"+got.Operation || w.Header().Get(v1.HeaderOperation) != got.Operation {
			t.Errorf("%v", w.Header())
		}
		ids[got.Operation] = true
	}
	if len(ids) != 2 {
		t.Error("two uploads are one operation")
	}
	w := keyed(h, "POST", docsPath, jsonType, `{"documents":[{"content":"plain"}]}`)
	if w.Code != 200 || w.Header().Get(v1.HeaderOperation) != "" || strings.Contains(w.Body.String(), "operation") || len(f.named) != 2 {
		t.Errorf("an upload without key that waits: %d %s, %d writes have a key", w.Code, w.Body, len(f.named))
	}
}

// TestUnknownOutcomeNamesTheOperation: who cannot know what became of a write learns how to ask.
func TestUnknownOutcomeNamesTheOperation(t *testing.T) {
	f := newFake()
	h := handler(t, f)
	two := `{"documents":[{"id":"a","content":"x"},{"id":"b","content":""}]}`
	for _, code := range []lode.Code{lode.CodeOutcomeUnknown, lode.CodeTimeout} {
		f.submitErr = lode.Errorf(code, "lost")
		for _, body := range []string{`{"documents":[{"id":"a","content":"x"}]}`, two} {
			w := keyed(h, "POST", docsPath, jsonType, body, "k7")
			if !strings.Contains(w.Body.String(), "/v1/operations/op-anonymous-k7") {
				t.Errorf("%s: %d %s", code, w.Code, w.Body)
			}
		}
		if w := keyed(h, "POST", docsPath, jsonType, two); strings.Contains(w.Body.String(), "/v1/operations") {
			t.Errorf("%s without a key: %s", code, w.Body)
		}
	}
	f.submitErr = lode.Errorf(lode.CodeUnavailable, "no leader")
	if w := keyed(h, "POST", docsPath, jsonType, two, "k7"); strings.Contains(w.Body.String(), "/v1/operations") {
		t.Errorf("what certainly did not happen: %s", w.Body)
	}
}

// TestReusedKey is one problem about the key, however many documents the request holds.
func TestReusedKey(t *testing.T) {
	f := newFake()
	f.submitErr = lode.FieldError(lode.CodeConflict, "idempotency_key", "k", "the key was used for another request")
	h := handler(t, f)
	for _, body := range []string{`{"documents":[{"id":"a","content":"x"}]}`, `{"documents":[{"id":"a","content":"x"},{"id":"b","content":"x"}]}`} {
		w := keyed(h, "POST", docsPath, jsonType, body, "k")
		var p v1.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 409 || p.Code != lode.CodeConflict || p.Field != "idempotency_key" || p.Value != "k" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

// replayed answers every submission as one that was carried out before, and every wait with
// an error.
type replayed struct {
	*fake
	err error
}

func (r replayed) Submit(context.Context, lode.Principal, lode.Submission) (lode.Receipt, error) {
	return lode.Receipt{Doc: 1, ID: "a", Version: 1, Outcome: lode.OutcomeCreated, Replayed: true}, nil
}

func (r replayed) Wait(context.Context, lode.Principal, string, lode.Receipt) (lode.DocVersion, error) {
	return lode.DocVersion{}, r.err
}

// TestReplayOfWhatIsGone: a repeated upload is no failure because its version was replaced or
// deleted since.
func TestReplayOfWhatIsGone(t *testing.T) {
	f := newFake()
	one := `{"documents":[{"id":"a","content":"x"}]}`
	for _, code := range []lode.Code{lode.CodeSuperseded, lode.CodeNotFound} {
		h := handler(t, f, func(o *api.Options) { o.Backend.Ingest = replayed{f, lode.Errorf(code, "gone")} })
		w := keyed(h, "POST", docsPath, jsonType, one, "k")
		var got v1.DocumentResults
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || got.Items[0].Outcome != lode.OutcomeCreated || got.Items[0].State != "" || got.Items[0].Error != nil {
			t.Errorf("%s: %d %s", code, w.Code, w.Body)
		}
	}
	h := handler(t, f, func(o *api.Options) {
		o.Backend.Ingest = replayed{f, lode.Errorf(lode.CodeUnavailable, "no leader")}
	})
	if w := keyed(h, "POST", docsPath, jsonType, one, "k"); !strings.Contains(w.Body.String(), "unavailable") {
		t.Errorf("a wait that failed: %d %s", w.Code, w.Body)
	}
}

func TestOperations(t *testing.T) {
	f := newFake()
	f.known = map[string]api.Operation{"op-anonymous-k": {ID: "op-anonymous-k", Kind: "upload", State: v1.OperationRunning, Parts: 1, Recorded: 1, AcceptedAt: epoch}}
	c, _ := serve(t, f)
	byID, err := c.GetOperation(t.Context(), "op-anonymous-k")
	if err != nil || byID.State != v1.OperationRunning || !byID.AcceptedAt.Equal(epoch) {
		t.Errorf("%+v, %v", byID, err)
	}
	byKey, err := c.FindOperation(t.Context(), "k")
	if err != nil || byKey.ID != byID.ID {
		t.Errorf("%+v, %v", byKey, err)
	}
	if _, err := c.FindOperation(t.Context(), "other"); !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("%v", err)
	}
}
