package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

func text(s string) *string { return &s }

func TestUploadOutcomes(t *testing.T) {
	ctx := t.Context()
	c, _ := serve(t, newFake())
	f := func(content string, want lode.Outcome, version lode.Version) {
		t.Helper()
		got, err := c.UploadJSON(ctx, "docs", []v1.DocumentUpload{{ID: "a", Content: text(content)}}, client.UploadOptions{})
		if err != nil || got.Items[0].Outcome != want || got.Items[0].Version != version || got.Items[0].State != lode.StateReady {
			t.Errorf("%q: %+v, %v", content, got, err)
		}
	}
	f("one", lode.OutcomeCreated, 1)
	f("one", lode.OutcomeUnchanged, 1)
	f("two", lode.OutcomeUpdated, 2)
}

// TestUploadInPart reports a refused, a failing and a doubled document beside good ones.
func TestUploadInPart(t *testing.T) {
	log := &logLines{}
	f := newFake()
	h := handler(t, f, log.option)
	body := `{"documents":[{"id":"a","content":"good"},{"id":"b","content":""},{"id":"c","content":"bad pdf"},{"id":"a","content":"again"},{"id":"d","content":"boom"},{"content":"no id"}]}`
	r := httptest.NewRequest("POST", "/v1/collections/docs/documents", strings.NewReader(body))
	r.Header.Set("Content-Type", jsonType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var got v1.DocumentResults
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 207 || len(got.Items) != 6 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	ok := func(i int) {
		t.Helper()
		if it := got.Items[i]; it.Error != nil || it.State != lode.StateReady || it.Outcome != lode.OutcomeCreated || it.ID == "" {
			t.Errorf("item %d: %+v", i, it)
		}
	}
	failed := func(i int, code lode.Code, field string, state lode.DocState) {
		t.Helper()
		if it := got.Items[i]; it.Error == nil || it.Error.Code != code || it.Error.Field != field || it.State != state {
			t.Errorf("item %d: %+v %+v", i, it, it.Error)
		}
	}
	ok(0)
	failed(1, lode.CodeInvalid, "documents[1].content", "")
	failed(2, lode.CodeMalformed, "", lode.StateQuarantined)
	failed(3, lode.CodeInvalid, "documents[3].id", "")
	failed(4, lode.CodeInternal, "documents[4]", "")
	ok(5)
	if got.Items[2].Error.Stage != lode.StageParse || strings.Contains(w.Body.String(), "fire") || !strings.Contains(log.String(), "disk is on fire") {
		t.Errorf("answer %s, log %s", w.Body, log)
	}
}

// TestUploadSameURI refuses two documents that the same URI would name: which of them won
// would be chance.
func TestUploadSameURI(t *testing.T) {
	c, _ := serve(t, newFake())
	docs := []v1.DocumentUpload{{URI: "https://e.org/a", Content: text("one")}, {URI: "https://e.org/a", Content: text("two")}, {ID: "b", URI: "https://e.org/a", Content: text("three")}}
	got, err := c.UploadJSON(t.Context(), "docs", docs, client.UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Items[0].Error != nil || got.Items[2].Error != nil {
		t.Errorf("%+v", got.Items)
	}
	if e := got.Items[1].Error; e == nil || e.Code != lode.CodeInvalid || e.Field != "documents[1].uri" {
		t.Errorf("%+v", e)
	}
}

// TestUploadRefusedByCollection names the collection where it stands, in the path.
func TestUploadRefusedByCollection(t *testing.T) {
	f := newFake()
	f.submitErr = lode.Invalid("collection", "docs", "the collection has no embedder")
	c, _ := serve(t, f)
	_, err := c.UploadJSON(t.Context(), "docs", []v1.DocumentUpload{{Content: text("x")}}, client.UploadOptions{})
	var coded *lode.Error
	if !errors.As(err, &coded) || coded.Field != "collection" {
		t.Errorf("%v", err)
	}
}

func TestUploadPending(t *testing.T) {
	ctx := t.Context()
	f := newFake()
	f.waiting = make(chan struct{})
	c, server := serve(t, f)
	files := []client.File{client.FileBytes("a", []byte("x"))}
	for _, o := range []client.UploadOptions{{NoWait: true}, {Timeout: 30 * time.Millisecond}} {
		f.docs = nil
		got, err := c.UploadDocuments(ctx, "docs", files, o)
		if err != nil || got.Items[0].State != lode.StatePending || got.Items[0].Version != 1 || got.Items[0].Error != nil {
			t.Errorf("%+v: %+v, %v", o, got, err)
		}
	}
	resp, err := server.Client().Post(server.URL+"/v1/collections/docs/documents?wait=false", jsonType, strings.NewReader(`{"documents":[{"content":"new"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 202 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// TestUploadFailsAsAWhole answers with one problem when every document meets the same one.
func TestUploadFailsAsAWhole(t *testing.T) {
	f := newFake()
	f.submitErr = lode.Errorf(lode.CodeUnavailable, "no leader")
	c, _ := serve(t, f)
	files := []client.File{client.FileBytes("a", []byte("x")), client.FileBytes("b", []byte("y"))}
	if _, err := c.UploadDocuments(t.Context(), "docs", files, client.UploadOptions{}); !lode.IsCode(err, lode.CodeUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestMultipart(t *testing.T) {
	f := newFake()
	h := handler(t, f)
	body := multipartBody(
		filePart("../../etc/passwd", "one"),
		jsonPart("document", `{"id":"two","uri":"file:///two.md","media_type":"text/markdown","name":"two.md","metadata":{"n":2},"readers":["staff"]}`),
		filePart("ignored.bin", "two\r\n--Bx"),
		jsonPart("metadata", `{"n":3}`),
		filePart("three.html", "three")+"",
		jsonPart("metadata", `{"n":4}`), jsonPart("document", `{"uri":"https://example.org/4"}`),
		`Content-Disposition: form-data; name="file"`+"\nContent-Type: text/html; charset=utf-8\n\nfour",
		`Content-Disposition: form-data; name="file"`+"\nContent-Type: application/octet-stream\n\nfive",
	)
	r := httptest.NewRequest("POST", "/v1/collections/docs/documents", strings.NewReader(body))
	r.Header.Set("Content-Type", multipartType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	check := func(id lode.DocID, content, uri, name, mediaType string, n int64) {
		t.Helper()
		d := f.find(id)
		if d == nil || string(d.content) != content || d.version.URI != uri || d.version.Title != name || d.version.MediaType != mediaType ||
			n != 0 && !d.document.Metadata["n"].Equal(lode.IntegerValue(n)) || n == 0 && d.document.Metadata != nil {
			t.Errorf("%s: %+v", id, d)
		}
	}
	plain := "text/plain; charset=utf-8" // what the fake detects
	check("../../etc/passwd", "one", "", "passwd", plain, 0)
	check("two", "two\r\n--Bx", "file:///two.md", "two.md", "text/markdown", 2)
	check("three.html", "three", "", "three.html", plain, 3)
	check("https://example.org/4", "four", "https://example.org/4", "", "text/html; charset=utf-8", 4)
	check(lode.DocID(lode.HashOf([]byte("five")).String()), "five", "", "", plain, 0)
	if readers := f.find("two").document.Readers; len(readers) != 1 || readers[0] != "staff" {
		t.Errorf("readers: %v", readers)
	}
}

// TestUploadAll cuts many files into requests, and a bad one does not stop the others.
func TestUploadAll(t *testing.T) {
	ctx := t.Context()
	f := newFake()
	c, _ := serve(t, f)
	var files []client.File
	for i := range 150 {
		content := []byte("text")
		if i == 70 {
			content = nil
		}
		file := client.FileBytes(lode.DocID(strings.Repeat("d", i+1)), content)
		if i == 149 {
			file.Open = func() (io.ReadCloser, error) { return nil, io.ErrClosedPipe }
		}
		files = append(files, file)
	}
	seen, failed := map[lode.DocID]bool{}, 0
	err := c.UploadAll(ctx, "docs", func(yield func(client.File) bool) {
		for _, file := range files {
			if !yield(file) {
				return
			}
		}
	}, client.UploadOptions{}, func(file client.File, result v1.DocumentResult) {
		seen[file.ID] = true
		if result.Error != nil {
			failed++
		}
	})
	if err != nil || len(seen) != 150 || failed != 2 || len(f.docs) != 148 {
		t.Errorf("%v, %d seen, %d failed, %d stored", err, len(seen), failed, len(f.docs))
	}
}

// FuzzMultipart sends any bytes as a multipart body: the answer is always one of ours, and
// never an error of ours.
func FuzzMultipart(f *testing.F) {
	f.Add([]byte(multipartBody(filePart("a", "x"), jsonPart("document", `{"id":"b"}`), filePart("b", "y"))))
	f.Add([]byte(multipartBody(jsonPart("metadata", `{"a":[1]}`), filePart("b", "y"))))
	f.Add([]byte("--B\r\n\r\n\r\n--B--"))
	f.Add([]byte("--B\r\nContent-Disposition: form-data; name=file; filename*=UTF-8''%ff\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=3\r\n--B--"))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest("POST", "/v1/collections/docs/documents", bytes.NewReader(body))
		r.Header.Set("Content-Type", multipartType)
		w := httptest.NewRecorder()
		fake := newFake()
		handler(t, fake).ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w.Code >= 400 && fake.writes != 0 {
			t.Fatalf("%d writes by a refused request", fake.writes)
		}
	})
}
