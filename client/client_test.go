package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server and returns a client that retries without pauses worth waiting for.
func serve(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return dial(t, client.Options{BaseURL: server.URL})
}

func dial(t *testing.T, o client.Options) *client.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	o.HTTPClient = &http.Client{Transport: transport}
	if o.Backoff == nil {
		o.Backoff = func(int) time.Duration { return time.Millisecond }
	}
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func problem(w http.ResponseWriter, e *lode.Error) {
	p := v1.NewProblem(e, "req-9")
	w.Header().Set("Content-Type", v1.MediaTypeProblem)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

func TestOptions(t *testing.T) {
	f := func(base string, works bool) {
		t.Helper()
		if _, err := client.New(client.Options{BaseURL: base}); (err == nil) != works {
			t.Errorf("%q: %v", base, err)
		}
	}
	f("", true)
	f("http://127.0.0.1:7700/", true)
	f("https://example.org/prefix", true)
	f("127.0.0.1:7700", false)
	f("localhost:7700", false)
	f("ftp://x", false)
	f("http://", false)
	f("http://x?y=z", false)
}

func TestRequest(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.RequestURI != "/v1/collections/docs/documents/a%2F..%2Fb" || r.UserAgent() != client.DefaultUserAgent || r.Method != "GET" {
			t.Errorf("%s %s by %s", r.Method, r.RequestURI, r.UserAgent())
		}
		fmt.Fprint(w, `{"id":"a/../b","state":"ready","new_member":{"of":"a later version"}}`)
	})
	if doc, err := c.GetDocument(t.Context(), "docs", "a/../b"); err != nil || doc.ID != "a/../b" {
		t.Errorf("%+v, %v", doc, err)
	}
}

// TestErrors reads problem details, and answers that have none.
func TestErrors(t *testing.T) {
	f := func(h http.HandlerFunc, code lode.Code, field, message string) {
		t.Helper()
		_, err := serve(t, h).GetNode(t.Context())
		var e *lode.Error
		if !errors.As(err, &e) || e.Code != code || e.Field != field || !strings.Contains(err.Error(), message) {
			t.Errorf("got %v (code %s)", err, lode.CodeOf(err))
		}
	}
	f(func(w http.ResponseWriter, _ *http.Request) {
		problem(w, lode.Invalid("k", 0, "k must be 1 to 10000").WithHint("leave it out"))
	}, lode.CodeInvalid, "k", "leave it out")
	f(func(w http.ResponseWriter, _ *http.Request) {
		problem(w, lode.Errorf(lode.CodeInternal, "internal error"))
	}, lode.CodeInternal, "", "req-9")
	f(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "gateway", http.StatusBadGateway) }, lode.CodeProvider, "", "502 Bad Gateway without problem details")
	f(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, lode.CodeInternal, "", "418")
	f(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, lode.CodeMalformed, "response", "not what the API promises")
}

func TestRetries(t *testing.T) {
	cases := []struct {
		name  string
		code  lode.Code
		fails int32 // answers before the good one
		want  int32 // attempts
		works bool
	}{
		{"overloaded", lode.CodeOverloaded, 2, 3, true},
		{"unavailable", lode.CodeUnavailable, 4, 5, true},
		{"too often", lode.CodeUnavailable, 99, 5, false},
		{"invalid", lode.CodeInvalid, 99, 1, false},
		{"internal", lode.CodeInternal, 99, 1, false},
		{"unknown outcome", lode.CodeOutcomeUnknown, 2, 3, true},
		{"unknown for good", lode.CodeOutcomeUnknown, 99, 5, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var attempts atomic.Int32
			var key string
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get(v1.HeaderKey); attempts.Load() > 0 && got != key || lode.ValidateKey(got) != nil {
					t.Errorf("attempt under key %q after %q", got, key)
				}
				key = r.Header.Get(v1.HeaderKey)
				body, _ := io.ReadAll(r.Body)
				if string(body) != `{"name":"docs"}` {
					t.Errorf("attempt with body %q", body)
				}
				if attempts.Add(1) <= tc.fails {
					problem(w, lode.Errorf(tc.code, "not this time"))
					return
				}
				fmt.Fprint(w, `{"name":"docs"}`)
			})
			_, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "docs"})
			if (err == nil) != tc.works || attempts.Load() != tc.want || !tc.works && lode.CodeOf(err) != tc.code {
				t.Errorf("%d attempts, %v", attempts.Load(), err)
			}
		})
	}
}

func TestRetryAfterIsObeyed(t *testing.T) {
	var attempts atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if attempts.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			problem(w, lode.Errorf(lode.CodeOverloaded, "full"))
			return
		}
		fmt.Fprint(w, `{}`)
	})
	start := time.Now()
	if _, err := c.GetNode(t.Context()); err != nil || time.Since(start) < time.Second {
		t.Errorf("after %s: %v", time.Since(start), err)
	}
}

func TestContextEndsRetries(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		problem(w, lode.Errorf(lode.CodeUnavailable, "no leader"))
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := c.GetNode(ctx)
	if !lode.IsCode(err, lode.CodeTimeout) || !strings.Contains(err.Error(), "no leader") || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestConnectionRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	pauses := 0
	c := dial(t, client.Options{BaseURL: "http://" + address, Backoff: func(int) time.Duration { pauses++; return time.Millisecond }})
	_, err = c.CreateCollection(t.Context(), v1.CreateCollection{Name: "docs"})
	if !lode.IsCode(err, lode.CodeUnavailable) || !strings.Contains(err.Error(), "lode serve") || pauses != client.DefaultRetries {
		t.Errorf("%d pauses, %v", pauses, err)
	}
}

// TestBrokenConnection repeats what may be repeated, and says of the rest that its outcome
// is unknown.
func TestBrokenConnection(t *testing.T) {
	var attempts atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if attempts.Add(1)%2 == 1 {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, `{}`)
	})
	if _, err := c.Retrieve(t.Context(), "docs", v1.Retrieve{Text: "a"}); err != nil {
		t.Errorf("a search: %v", err)
	}
	if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "docs"}); err != nil {
		t.Errorf("a creation: %v", err)
	}
	if _, err := c.CreateBackup(t.Context(), false); !lode.IsCode(err, lode.CodeOutcomeUnknown) {
		t.Errorf("a backup: %v", err)
	}
}

// TestKeys: every write has a key, another one each time, and kept over attempts; reads have
// none, and a key of the caller is taken.
func TestKeys(t *testing.T) {
	var keys []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		keys = append(keys, r.Header.Get(v1.HeaderKey))
		fmt.Fprint(w, `{"items":[{}]}`)
	})
	ctx := t.Context()
	file := client.FileBytes("a", []byte("x"))
	writes := func(ctx context.Context) error {
		_, err1 := c.CreateCollection(ctx, v1.CreateCollection{Name: "docs"})
		_, err2 := c.UploadDocuments(ctx, "docs", []client.File{file}, client.UploadOptions{})
		_, err3 := c.UploadJSON(ctx, "docs", []v1.DocumentUpload{{}}, client.UploadOptions{})
		_, err4 := c.RetryDocument(ctx, "docs", "a")
		_, err5 := c.DeleteDocuments(ctx, "docs", "a")
		_, err6 := c.PutVectors(ctx, "docs", v1.Point{ID: "a"})
		_, err7 := c.DeleteVectors(ctx, "docs", "a")
		return errors.Join(err1, err2, err3, err4, err5, err6, err7, c.DeleteDocument(ctx, "docs", "a"), c.DeleteDocumentIf(ctx, "docs", "a", 1),
			c.DeleteVector(ctx, "docs", "a"), c.DeleteVectorIf(ctx, "docs", "a", 1), c.DeleteCollection(ctx, "docs"))
	}
	if err := writes(ctx); err != nil {
		t.Fatal(err)
	}
	const n = 12
	seen := map[string]bool{}
	for _, key := range keys {
		seen[key] = true
	}
	if len(keys) != n || len(seen) != n || seen[""] {
		t.Errorf("%d writes under %d keys: %q", len(keys), len(seen), keys)
	}
	keys = nil
	if err := writes(client.WithKey(ctx, "mine")); err != nil || fmt.Sprint(keys) != fmt.Sprint(slices.Repeat([]string{"mine"}, n)) {
		t.Errorf("%q, %v", keys, err)
	}
	keys = nil
	_, err1 := c.GetNode(client.WithKey(ctx, "mine"))
	_, err2 := c.Retrieve(client.WithKey(ctx, "mine"), "docs", v1.Retrieve{Text: "a"})
	_, err3 := c.Check(client.WithKey(ctx, "mine"))
	if err := errors.Join(err1, err2, err3); err != nil || strings.Join(keys, "") != "" {
		t.Errorf("reads with keys: %q, %v", keys, err)
	}
	keys = nil
	err := c.UploadAll(client.WithKey(ctx, "mine"), "docs", slices.Values([]client.File{file, {ID: "b", Size: 1 << 30, Open: file.Open}}), client.UploadOptions{}, func(client.File, v1.DocumentResult) {})
	if err != nil || len(keys) != 2 || keys[0] == keys[1] || slices.Contains(keys, "mine") {
		t.Errorf("two requests of one upload: %q, %v", keys, err)
	}
}

// TestLostWrite says of a write whose answers were all lost that nobody knows, and how to ask.
func TestLostWrite(t *testing.T) {
	key := make(chan string, 9)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		key <- r.Header.Get(v1.HeaderKey)
		if len(key) > 1 {
			problem(w, lode.Errorf(lode.CodeUnavailable, "no leader"))
			return
		}
		panic(http.ErrAbortHandler)
	})
	_, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "docs"})
	var e *lode.Error
	if !errors.As(err, &e) || e.Code != lode.CodeOutcomeUnknown || !strings.Contains(e.Hint, "/v1/operations?key="+<-key) {
		t.Errorf("%v", err)
	}
	if _, err := c.GetNode(t.Context()); !lode.IsCode(err, lode.CodeUnavailable) {
		t.Errorf("a read: %v", err)
	}
}

func TestResponseIsBounded(t *testing.T) {
	var attempts atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		attempts.Add(1)
		for range 100 {
			if _, err := w.Write(make([]byte, 1000)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	c := dial(t, client.Options{BaseURL: server.URL, MaxResponseBytes: 5000})
	if _, err := c.GetNode(t.Context()); !lode.IsCode(err, lode.CodeTooLarge) || attempts.Load() != 1 {
		t.Errorf("%d attempts, %v", attempts.Load(), err)
	}
}

// readUpload reads a multipart request into file name -> description and content.
func readUpload(t *testing.T, r *http.Request) []string {
	t.Helper()
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		t.Error(err)
	}
	var parts []string
	m := multipart.NewReader(r.Body, params["boundary"])
	for {
		part, err := m.NextPart()
		if err != nil {
			return parts
		}
		body, err := io.ReadAll(part)
		if err != nil {
			return parts
		}
		parts = append(parts, fmt.Sprintf("%s %s %s", part.FormName(), part.FileName(), body))
	}
}

// TestUploadIsRepeated opens files again for each attempt.
func TestUploadIsRepeated(t *testing.T) {
	var attempts, opened atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n := attempts.Add(1); n == 1 {
			problem(w, lode.Errorf(lode.CodeOverloaded, "full")) // before the body is read
			return
		}
		got := readUpload(t, r)
		want := []string{`document  {"id":"a/b","metadata":{"n":1}}`, "file  one", `document  {"name":"ä.md"}`, "file ä.md two"}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if attempts.Load() == 2 {
			problem(w, lode.Errorf(lode.CodeUnavailable, "no leader"))
			return
		}
		fmt.Fprint(w, `{"items":[{"id":"a/b"},{"id":"ä.md"}]}`)
	})
	open := func(s string) func() (io.ReadCloser, error) {
		return func() (io.ReadCloser, error) {
			opened.Add(1)
			return io.NopCloser(strings.NewReader(s)), nil
		}
	}
	got, err := c.UploadDocuments(t.Context(), "docs", []client.File{
		{ID: "a/b", Metadata: lode.Metadata{"n": lode.IntegerValue(1)}, Open: open("one")}, {Name: "ä.md", Open: open("two")},
	}, client.UploadOptions{NoWait: true, Timeout: time.Second})
	if err != nil || len(got.Items) != 2 || attempts.Load() != 3 || opened.Load() < 4 {
		t.Errorf("%+v, %v, %d attempts, %d opened", got, err, attempts.Load(), opened.Load())
	}
}

func TestUploadOfAFileThatCannotBeRead(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) { readUpload(t, r); fmt.Fprint(w, `{"items":[{}]}`) })
	for name, open := range map[string]func() (io.ReadCloser, error){
		"open": func() (io.ReadCloser, error) { return nil, errors.New("no such file") },
		"read": func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("x"), broken{})), nil
		},
	} {
		_, err := c.UploadDocuments(t.Context(), "docs", []client.File{{ID: "a", Open: open}}, client.UploadOptions{})
		var e *lode.Error
		if !errors.As(err, &e) || e.Code != lode.CodeInvalid || e.Field != "file" || e.Value != "a" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("input/output error") }

func TestUploadCanceled(t *testing.T) {
	began := make(chan struct{})
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = r.Body.Read(make([]byte, 1))
		close(began)
		_, _ = io.Copy(io.Discard, r.Body)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	endless := client.File{ID: "a", Open: func() (io.ReadCloser, error) { return io.NopCloser(zeros{}), nil }}
	if _, err := c.UploadDocuments(ctx, "docs", []client.File{endless}, client.UploadOptions{}); !lode.IsCode(err, lode.CodeCanceled) {
		t.Errorf("got %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestBronzeIsVerified refuses bytes that do not have the hash sent with them.
func TestBronzeIsVerified(t *testing.T) {
	content := "content"
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(v1.HeaderBronze, lode.HashOf([]byte("content")).String())
		w.Header().Set(v1.HeaderVersion, "3")
		fmt.Fprint(w, content)
	})
	if got, err := c.GetBronze(t.Context(), "docs", "a"); err != nil || got.Version != 3 || string(got.Content) != "content" {
		t.Errorf("%+v, %v", got, err)
	}
	content = "c0ntent"
	if _, err := c.GetBronze(t.Context(), "docs", "a"); !lode.IsCode(err, lode.CodeCorrupt) {
		t.Errorf("got %v", err)
	}
}

func TestPagesEndWithAnError(t *testing.T) {
	var calls atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			fmt.Fprint(w, `{"collections":[{"name":"a"},{"name":"b"}],"next_cursor":"xyz"}`)
			return
		}
		if r.URL.Query().Get("cursor") != "xyz" {
			t.Errorf("query %q", r.URL.RawQuery)
		}
		problem(w, lode.Errorf(lode.CodeInternal, "internal error"))
	})
	var names []string
	var last error
	for one, err := range c.Collections(t.Context()) {
		if last = err; err == nil {
			names = append(names, one.Name)
		}
	}
	if fmt.Sprint(names) != "[a b]" || !lode.IsCode(last, lode.CodeInternal) {
		t.Errorf("%v, %v", names, last)
	}
}
