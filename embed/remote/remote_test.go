package remote_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/embedtest"
	"github.com/lodedb/lode/embed/remote"
	"github.com/lodedb/lode/embed/remote/remotetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	dim    = 8
	key    = "sk-secret-0123456789"
	secret = "the ore lies under the old oak, forty paces north"
)

// fast are options with short pauses.
func fast(url string) remote.Options {
	return remote.Options{
		BaseURL: url, Model: "test-model", Dim: dim, APIKey: key,
		Backoff: time.Millisecond, MaxWait: 2 * time.Second, Timeout: 5 * time.Second,
	}
}

func open(tb testing.TB, o remote.Options) *remote.Embedder {
	tb.Helper()
	e, err := remote.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
		_ = e.Close() // twice is allowed
	})
	return e
}

func TestConformance(t *testing.T) {
	for _, numbers := range []bool{false, true} {
		t.Run(fmt.Sprintf("numbers=%v", numbers), func(t *testing.T) {
			embedtest.Run(t, func(tb testing.TB) embed.Embedder {
				s := remotetest.New(tb, dim)
				s.Numbers = numbers
				return open(tb, fast(s.URL))
			})
		})
	}
}

func TestRequest(t *testing.T) {
	s := remotetest.New(t, dim)
	o := fast(s.URL + "/")
	o.SendDimensions, o.BatchTexts, o.Concurrency = new(true), 2, 1
	got, err := open(t, o).Embed(t.Context(), embed.Document, []string{"a", "", "<b>"})
	if err != nil {
		t.Fatal(err)
	}
	requests := s.Requests()
	if len(requests) != 2 {
		t.Fatalf("%d requests", len(requests))
	}
	r := requests[0]
	if r.Path != "/v1/embeddings" || r.Model != "test-model" || r.Encoding != "base64" || r.Dimensions != dim {
		t.Errorf("request %+v", r)
	}
	if r.Header.Get("Authorization") != "Bearer "+key || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", r.Header)
	}
	if !slices.Equal(r.Input, []string{"a", " "}) || !slices.Equal(requests[1].Input, []string{"<b>"}) {
		t.Errorf("inputs %q, %q", r.Input, requests[1].Input)
	}
	if !slices.Equal(got[2], s.Vector("<b>")) {
		t.Error("the last vector is another text's")
	}
}

func TestFingerprint(t *testing.T) {
	e := open(t, fast("http://127.0.0.1:1"))
	if e.Fingerprint() != "openai/test-model/8/raw" || e.Dim() != dim || e.Static() {
		t.Errorf("%q, %d, %v", e.Fingerprint(), e.Dim(), e.Static())
	}
}

// answer is an Intercept that answers all requests alike.
func answer(status int, header, body string) func(int, http.ResponseWriter, *http.Request) bool {
	return func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		if name, value, ok := strings.Cut(header, ": "); ok {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		return true
	}
}

const one = `{"data":[{"index":0,"embedding":%s}]}`

// Every way to fail: the code, what the error says, and how many requests were sent.
func TestFailures(t *testing.T) {
	tests := []struct {
		name      string
		intercept func(int, http.ResponseWriter, *http.Request) bool
		code      lode.Code
		says      string
		requests  int
	}{
		{"400", answer(400, "", `{"error":{"message":"bad model","code":"invalid"}}`), lode.CodeProvider, "status 400, invalid, bad model", 1},
		{"401", answer(401, "", `{"error":{"message":"no"}}`), lode.CodeProvider, "check the provider's API key", 1},
		{"403", answer(403, "", ``), lode.CodeProvider, "check the provider's API key", 1},
		{"404", answer(404, "", `{"detail":"Not Found"}`), lode.CodeProvider, "Not Found", 1},
		{"404 base", answer(404, "", `<html>`), lode.CodeProvider, "check the provider's base URL", 1},
		{"413", answer(413, "", ``), lode.CodeTooLarge, "413", 1},
		{"too long", answer(400, "", `{"error":{"message":"This model's maximum context length is 8192 tokens"}}`), lode.CodeTooLarge, "8192", 1},
		{"quota", answer(429, "", `{"error":{"message":"pay","code":"insufficient_quota"}}`), lode.CodeProvider, "insufficient_quota", 1},
		{"429", answer(429, "", `{"error":"slow down"}`), lode.CodeProvider, "slow down, after 3 attempts", 3},
		{"500", answer(500, "", `oops`), lode.CodeProvider, "status 500, after 3 attempts", 3},
		{"503 final", answer(503, "X-Should-Retry: false", ``), lode.CodeProvider, "503", 1},
		{"400 again", answer(400, "X-Should-Retry: true", ``), lode.CodeProvider, "after 3 attempts", 3},
		{"long wait", answer(429, "Retry-After: 3600", ``), lode.CodeProvider, "asks to wait 1h0m0s", 1},
		{"redirect", answer(307, "Location: http://127.0.0.1:1/", ``), lode.CodeProvider, "redirects are refused", 1},
		{"empty", answer(200, "", ``), lode.CodeProvider, "not the JSON", 1},
		{"truncated JSON", answer(200, "", `{"data":[{"index":0,"embedding":[1,2`), lode.CodeProvider, "not the JSON", 1},
		{"broken off", answer(200, "Content-Length: 100", `{"data":[`), lode.CodeProvider, "unexpected EOF, after 3 attempts", 3},
		{"no data", answer(200, "", `{}`), lode.CodeProvider, "0 vectors for 1 texts", 1},
		{"too many", answer(200, "", `{"data":[{"index":0},{"index":1}]}`), lode.CodeProvider, "2 vectors for 1 texts", 1},
		{"no index", answer(200, "", `{"data":[{"embedding":[1,2,3,4,5,6,7,8]}]}`), lode.CodeProvider, "without index", 1},
		{"wrong index", answer(200, "", `{"data":[{"index":1,"embedding":[1,2,3,4,5,6,7,8]}]}`), lode.CodeProvider, "index 1", 1},
		{"wrong dimensions", answer(200, "", fmt.Sprintf(one, "[1,2,3]")), lode.CodeProvider, "3 dimensions instead of 8", 1},
		{"NaN", answer(200, "", fmt.Sprintf(one, `"`+strings.Repeat("AADAfwAAwH8A", 4)[:43]+`="`)), lode.CodeProvider, "not finite", 1},
		{"infinite", answer(200, "", fmt.Sprintf(one, "[1,2,3,4,5,6,7,1e39]")), lode.CodeProvider, "numbers of 32 bits", 1},
		{"null", answer(200, "", fmt.Sprintf(one, "[1,2,3,4,5,6,7,null]")), lode.CodeProvider, "numbers", 1},
		{"zero", answer(200, "", fmt.Sprintf(one, "[0,0,0,0,0,0,0,0]")), lode.CodeProvider, "all zero", 1},
		{"huge", answer(200, "", strings.Repeat(" ", 1<<20)), lode.CodeProvider, "larger than it can be", 1},
		{"repeats the text", answer(400, "", `{"error":{"message":"cannot embed: `+secret+`"}}`), lode.CodeProvider, "status 400", 1},
		{"repeats the key", answer(401, "", `{"error":{"message":"Incorrect API key provided: sk-secret-01***"}}`), lode.CodeProvider, "status 401", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := remotetest.New(t, dim)
			s.Intercept = test.intercept
			o := fast(s.URL)
			o.MaxRetries = 2
			vectors, err := open(t, o).Embed(t.Context(), embed.Document, []string{secret})
			if vectors != nil || !lode.IsCode(err, test.code) || !strings.Contains(fmt.Sprint(err), test.says) {
				t.Errorf("%d vectors, %s: %v; want %s with %q", len(vectors), lode.CodeOf(err), err, test.code, test.says)
			}
			discreet(t, err)
			if n := len(s.Requests()); n != test.requests {
				t.Errorf("%d requests, want %d", n, test.requests)
			}
		})
	}
}

// discreet checks that an error keeps text and key to itself.
func discreet(t testing.TB, err error) {
	t.Helper()
	text := fmt.Sprintf("%v %+v", err, err)
	if strings.Contains(text, "old oak") || strings.Contains(text, "sk-secret") {
		t.Errorf("the error holds a secret: %s", text)
	}
}

func TestRecovers(t *testing.T) {
	tests := map[string]func(w http.ResponseWriter, r *http.Request){
		"500":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"429":        func(w http.ResponseWriter, _ *http.Request) { remotetest.Fail(w, 429, "rate", "slow") },
		"broken off": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"slow":       func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	}
	for name, fail := range tests {
		t.Run(name, func(t *testing.T) {
			s := remotetest.New(t, dim)
			s.Intercept = func(n int, w http.ResponseWriter, r *http.Request) bool {
				if n < 3 {
					fail(w, r)
				}
				return n < 3
			}
			o := fast(s.URL)
			o.Timeout = 200 * time.Millisecond
			vectors, err := open(t, o).Embed(t.Context(), embed.Query, []string{secret})
			if err != nil || !slices.Equal(vectors[0], s.Vector(secret)) {
				t.Errorf("%d vectors, %v", len(vectors), err)
			}
			if n := len(s.Requests()); n != 3 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// waits returns how long a client waits when the first answer has these headers.
func waits(t *testing.T, status int, headers map[string]string) time.Duration {
	t.Helper()
	s := remotetest.New(t, dim)
	var first, second time.Time
	s.Intercept = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n > 1 {
			second = time.Now()
			return false
		}
		first = time.Now()
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		if status == http.StatusOK {
			return false
		}
		w.WriteHeader(status)
		return true
	}
	e := open(t, fast(s.URL))
	for range 3 - len(s.Requests()) {
		if _, err := e.Embed(t.Context(), embed.Document, []string{"x"}); err != nil {
			t.Fatal(err)
		}
		if len(s.Requests()) > 1 {
			break
		}
	}
	return second.Sub(first)
}

func TestObeysTheProvider(t *testing.T) {
	f := func(status int, headers map[string]string, least time.Duration) {
		t.Helper()
		if got := waits(t, status, headers); got < least || got > least+700*time.Millisecond {
			t.Errorf("%d %v: waited %v, want %v", status, headers, got, least)
		}
	}
	f(429, map[string]string{"Retry-After": "1"}, time.Second)
	f(429, map[string]string{"Retry-After-Ms": "300", "Retry-After": "60"}, 300*time.Millisecond)
	f(503, map[string]string{"Retry-After": "nonsense"}, 0)
	f(503, map[string]string{"Retry-After": "-5"}, 0)
	f(503, map[string]string{"Retry-After": time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)}, 0)
	f(200, map[string]string{"X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Reset-Requests": "300ms"}, 300*time.Millisecond)
	f(200, map[string]string{"X-Ratelimit-Remaining-Requests": "5", "X-Ratelimit-Reset-Requests": "1s"}, 0)
}

func TestRetryAfterDate(t *testing.T) {
	at := time.Now().Add(2 * time.Second) // dates have whole seconds
	got := waits(t, 429, map[string]string{"Retry-After": at.UTC().Format(http.TimeFormat)})
	if got < 800*time.Millisecond || got > 2500*time.Millisecond {
		t.Errorf("waited %v", got)
	}
}

func TestDeadPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	_, err = open(t, fast("http://"+address)).Embed(t.Context(), embed.Document, []string{secret})
	if !lode.IsCode(err, lode.CodeProvider) || !strings.Contains(err.Error(), "connection refused, after 5 attempts") || !strings.Contains(err.Error(), address) {
		t.Errorf("%v", err)
	}
	discreet(t, err)
}

// hang is an Intercept that never answers.
func hang(_ int, _ http.ResponseWriter, r *http.Request) bool {
	<-r.Context().Done()
	return true
}

func TestHang(t *testing.T) {
	s := remotetest.New(t, dim)
	s.Intercept = hang
	o := fast(s.URL)
	o.Timeout, o.MaxRetries = 50*time.Millisecond, -1
	_, err := open(t, o).Embed(t.Context(), embed.Document, []string{secret})
	if !lode.IsCode(err, lode.CodeProvider) || !strings.Contains(err.Error(), "within 50ms") {
		t.Errorf("%v", err)
	}
}

// An answer whose bytes trickle in is bounded by the same timeout.
func TestTrickle(t *testing.T) {
	s := remotetest.New(t, dim)
	s.Intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(5 * time.Millisecond)
		}
		return true
	}
	o := fast(s.URL)
	o.Timeout, o.MaxRetries = 100*time.Millisecond, -1
	if _, err := open(t, o).Embed(t.Context(), embed.Document, []string{secret}); !lode.IsCode(err, lode.CodeProvider) {
		t.Errorf("%v", err)
	}
}

func TestContextEnds(t *testing.T) {
	f := func(name string, intercept func(int, http.ResponseWriter, *http.Request) bool, end func(context.Context) (context.Context, context.CancelFunc), want lode.Code) {
		t.Run(name, func(t *testing.T) {
			s := remotetest.New(t, dim)
			s.Intercept = intercept
			o := fast(s.URL)
			o.Backoff = 40 * time.Millisecond
			ctx, cancel := end(t.Context())
			defer cancel()
			start := time.Now()
			vectors, err := open(t, o).Embed(ctx, embed.Document, []string{secret})
			if vectors != nil || !lode.IsCode(err, want) {
				t.Errorf("%d vectors, %v; want %s", len(vectors), err, want)
			}
			if took := time.Since(start); took > time.Second {
				t.Errorf("took %v", took)
			}
			discreet(t, err)
		})
	}
	deadline := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, 50*time.Millisecond)
	}
	cancel := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		timer := time.AfterFunc(50*time.Millisecond, cancel)
		return ctx, func() { timer.Stop(); cancel() }
	}
	f("hang, deadline", hang, deadline, lode.CodeTimeout)
	f("hang, cancel", hang, cancel, lode.CodeCanceled)
	f("500, deadline", answer(500, "", ""), deadline, lode.CodeProvider)
	f("500, cancel", answer(500, "", ""), cancel, lode.CodeCanceled)
}

// Vectors are matched by index, whatever their order.
func TestReordered(t *testing.T) {
	s := remotetest.New(t, dim)
	texts := []string{"a", "b", "c"}
	s.Intercept = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		items := s.Items(texts, true)
		slices.Reverse(items)
		remotetest.Answer(w, items)
		return true
	}
	vectors, err := open(t, fast(s.URL)).Embed(t.Context(), embed.Document, texts)
	if err != nil || !slices.Equal(vectors[0], s.Vector("a")) || !slices.Equal(vectors[2], s.Vector("c")) {
		t.Errorf("%v, %v", vectors, err)
	}
}

// Part of the data, or the same index twice, is no data.
func TestPartial(t *testing.T) {
	texts := []string{"a", "b", "c"}
	for name, change := range map[string]func([]remotetest.Item) []remotetest.Item{
		"missing": func(items []remotetest.Item) []remotetest.Item { return items[:2] },
		"twice":   func(items []remotetest.Item) []remotetest.Item { items[2].Index = 1; return items },
		"null":    func(items []remotetest.Item) []remotetest.Item { items[1].Embedding = nil; return items },
	} {
		s := remotetest.New(t, dim)
		s.Intercept = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			remotetest.Answer(w, change(s.Items(texts, true)))
			return true
		}
		if vectors, err := open(t, fast(s.URL)).Embed(t.Context(), embed.Document, texts); vectors != nil || !lode.IsCode(err, lode.CodeProvider) {
			t.Errorf("%s: %d vectors, %v", name, len(vectors), err)
		}
	}
}

// One failing request fails the call: there are no partial results.
func TestOneBatchFails(t *testing.T) {
	s := remotetest.New(t, dim)
	s.Intercept = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 3 {
			remotetest.Fail(w, 400, "bad", "no")
		}
		return n == 3
	}
	o := fast(s.URL)
	o.BatchTexts = 1
	if vectors, err := open(t, o).Embed(t.Context(), embed.Document, strings.Fields("a b c d e f")); vectors != nil || !lode.IsCode(err, lode.CodeProvider) {
		t.Errorf("%d vectors, %v", len(vectors), err)
	}
}

func TestRateLimit(t *testing.T) {
	s := remotetest.New(t, dim)
	o := fast(s.URL)
	o.BatchTexts, o.RateLimit, o.Concurrency = 1, 20, 4
	start := time.Now()
	if _, err := open(t, o).Embed(t.Context(), embed.Document, strings.Fields("a b c d e")); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 190*time.Millisecond {
		t.Errorf("5 requests at 20 per second took %v", took)
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	s := remotetest.New(t, dim)
	var running, most atomic.Int32
	s.Intercept = func(int, http.ResponseWriter, *http.Request) bool {
		if n := running.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(5 * time.Millisecond)
		running.Add(-1)
		return false
	}
	o := fast(s.URL)
	o.BatchTexts, o.Concurrency = 1, 3
	if _, err := open(t, o).Embed(t.Context(), embed.Document, make([]string, 30)); err != nil {
		t.Fatal(err)
	}
	if most.Load() > 3 || most.Load() < 2 {
		t.Errorf("%d requests at once", most.Load())
	}
}

func TestBadText(t *testing.T) {
	s := remotetest.New(t, dim)
	_, err := open(t, fast(s.URL)).Embed(t.Context(), embed.Document, []string{"fine", "a\xff"})
	if !lode.IsCode(err, lode.CodeInvalid) || len(s.Requests()) != 0 {
		t.Errorf("%v after %d requests", err, len(s.Requests()))
	}
}

func TestOptions(t *testing.T) {
	f := func(field string, change func(*remote.Options)) {
		t.Helper()
		o := fast("http://127.0.0.1:1/v1")
		change(&o)
		e, err := remote.New(o)
		if e != nil || !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(fmt.Sprint(err), field) {
			t.Errorf("%s: %v", field, err)
		}
		discreet(t, err)
	}
	f("base_url", func(o *remote.Options) { o.BaseURL = "ftp://x" })
	f("api", func(o *remote.Options) { o.API = "telepathy" })
	f("base_url", func(o *remote.Options) { o.API, o.BaseURL = remote.TEI, "" })
	f("base_url", func(o *remote.Options) { o.BaseURL = "nonsense" })
	f("base_url", func(o *remote.Options) { o.BaseURL = "http://" })
	f("base_url", func(o *remote.Options) { o.BaseURL = "http://user:sk-secret@host/v1" })
	f("base_url", func(o *remote.Options) { o.BaseURL = "http://host/v1?key=sk-secret" })
	f("base_url", func(o *remote.Options) { o.BaseURL = "http://sk-secret\x7f" })
	f("model", func(o *remote.Options) { o.Model = "" })
	f("dim", func(o *remote.Options) { o.Dim = 0 })
	f("dim", func(o *remote.Options) { o.Dim = lode.MaxDim + 1 })
	f("batch_texts", func(o *remote.Options) { o.BatchTexts = 3000 })
	f("batch_bytes", func(o *remote.Options) { o.BatchBytes = -1 })
	f("concurrency", func(o *remote.Options) { o.Concurrency = -1 })
	f("timeout", func(o *remote.Options) { o.Timeout = -1 })
	f("rate_limit", func(o *remote.Options) { o.RateLimit = -1 })
	f("api_key", func(o *remote.Options) { o.APIKey = "sk-secret\r\nX: y" })
}
