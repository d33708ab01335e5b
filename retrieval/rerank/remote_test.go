package rerank_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/internal/provider"
	"github.com/lodedb/lode/internal/tokens"
	"github.com/lodedb/lode/retrieval/rerank"
	"github.com/lodedb/lode/retrieval/rerank/reranktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	key    = "sk-secret-0123456789"
	secret = "the ore lies under the old oak, forty paces north"
)

// fast are options with short pauses.
func fast(s *reranktest.Server, api rerank.API) rerank.Options {
	return rerank.Options{Name: "judge", API: api, Model: "test-model", Provider: provider.Options{
		BaseURL: s.URL + "/", APIKey: key, Backoff: time.Millisecond, MaxWait: 2 * time.Second, Timeout: 5 * time.Second,
	}}
}

func open(tb testing.TB, o rerank.Options) *rerank.Remote {
	tb.Helper()
	r, err := rerank.NewRemote(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
		_ = r.Close() // twice is allowed
	})
	return r
}

// Each protocol sends what its documentation says, and gets scores in the order of the passages.
func TestShapes(t *testing.T) {
	for api, want := range map[rerank.API]struct{ path, body string }{
		rerank.Cohere: {"/v2/rerank", `{"model":"test-model","query":"tin <b>","documents":["gold","tin\n\nore\n\ngold <b>"," "],"top_n":3,"max_tokens_per_doc":1000}`},
		rerank.Jina:   {"/v1/rerank", `{"model":"test-model","query":"tin <b>","documents":["gold","tin\n\nore\n\ngold <b>"," "],"top_n":3,"return_documents":false}`},
		rerank.Voyage: {"/v1/rerank", `{"model":"test-model","query":"tin <b>","documents":["gold","tin\n\nore\n\ngold <b>"," "],"return_documents":false,"truncation":true}`},
		rerank.TEI:    {"/rerank", `{"query":"tin <b>","texts":["gold","tin\n\nore\n\ngold <b>"," "],"raw_scores":false,"truncate":true}`},
	} {
		t.Run(string(api), func(t *testing.T) {
			s := reranktest.New(t)
			ps := []lode.RerankPassage{{Text: "gold"}, {Title: "tin", Path: []string{"ore"}, Text: "gold <b>"}, {}}
			scores := check(t, open(t, fast(s, api)), "tin <b>", ps)
			if scores[0].Score != 0 || scores[1].Score != 1 || scores[1].Contributions[0].Name != "rerank" {
				t.Errorf("scores %v", scores)
			}
			r := s.Requests()[0]
			if r.Path != want.path || string(r.Body) != want.body {
				t.Errorf("sent %s %s\nwant %s %s", r.Path, r.Body, want.path, want.body)
			}
			if r.Header.Get("Authorization") != "Bearer "+key || r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("headers %v", r.Header)
			}
		})
	}
	if len(rerank.APIs()) != 4 {
		t.Errorf("protocols %v are not all tested", rerank.APIs())
	}
}

// Requests are bounded by passages and by tokens, and scores find their passages again.
func TestBatches(t *testing.T) {
	f := func(name string, change func(*rerank.Options), most, requests int) {
		s := reranktest.New(t)
		o := fast(s, rerank.TEI)
		change(&o)
		ps := make([]lode.RerankPassage, 50)
		for i := range ps {
			ps[i].Text = strings.Repeat("a ", i%5) + []string{"tin", "gold"}[i%2]
		}
		for i, score := range check(t, open(t, o), "tin", ps) {
			if score.Score != reranktest.Score("tin", ps[i].Text) {
				t.Errorf("%s: passage %d has the score %v", name, i, score.Score)
			}
		}
		for _, r := range s.Requests() {
			if len(r.Passages) > most {
				t.Errorf("%s: %d passages in a request", name, len(r.Passages))
			}
		}
		if n := len(s.Requests()); n != requests {
			t.Errorf("%s: %d requests, want %d", name, n, requests)
		}
	}
	f("the default", func(*rerank.Options) {}, 32, 2)
	f("passages", func(o *rerank.Options) { o.BatchPassages = 7 }, 7, 8)
	f("tokens", func(o *rerank.Options) { o.BatchTokens = 1 }, 1, 50)
	f("more tokens", func(o *rerank.Options) { o.BatchTokens = 1000 }, 32, 2)
}

// Long passages and queries are cut, not refused.
func TestCuts(t *testing.T) {
	s := reranktest.New(t)
	o := fast(s, rerank.Jina)
	o.PassageTokens, o.QueryTokens = 20, 10
	check(t, open(t, o), strings.Repeat("zinc ", 1000), passages(strings.Repeat("copper ", 1000), "tin", "\xff ore"))
	r := s.Requests()[0]
	if n := tokens.Count(r.Passages[0]); n > 20 || n < 18 {
		t.Errorf("a passage has %d tokens", n)
	}
	if n := tokens.Count(r.Query); n > 10 || n < 8 || r.Passages[1] != "tin" || r.Passages[2] != "\ufffd ore" {
		t.Errorf("a query of %d tokens, passages %q", n, r.Passages[1:])
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

// Every way to fail: the code, what the error says, and how many requests were sent.
func TestFailures(t *testing.T) {
	tests := []struct {
		name      string
		api       rerank.API
		intercept func(int, http.ResponseWriter, *http.Request) bool
		code      lode.Code
		says      string
		requests  int
	}{
		{"400", rerank.Cohere, answer(400, "", `{"message":"invalid request: model not found"}`), lode.CodeProvider, "re-ranker judge at 127.0.0.1", 1},
		{"401", rerank.Voyage, answer(401, "", `{"detail":"bad key"}`), lode.CodeProvider, "check the provider's API key", 1},
		{"404", rerank.TEI, answer(404, "", `<html>`), lode.CodeProvider, "check the provider's base URL", 1},
		{"413", rerank.TEI, answer(413, "", `{"error":"batch too large","error_type":"Validation"}`), lode.CodeTooLarge, "Validation, batch too large", 1},
		{"424", rerank.TEI, answer(424, "", `{"error":"model is not a re-ranker model","error_type":"Backend"}`), lode.CodeProvider, "not a re-ranker model", 1},
		{"429", rerank.Jina, answer(429, "", `{"detail":"slow down"}`), lode.CodeProvider, "slow down, after 3 attempts", 3},
		{"500", rerank.Jina, answer(500, "", `oops`), lode.CodeProvider, "status 500, after 3 attempts", 3},
		{"long wait", rerank.Cohere, answer(429, "Retry-After: 3600", ``), lode.CodeProvider, "asks to wait 1h0m0s", 1},
		{"redirect", rerank.Jina, answer(307, "Location: http://127.0.0.1:1/", ``), lode.CodeProvider, "redirects are refused", 1},
		{"empty", rerank.Jina, answer(200, "", ``), lode.CodeProvider, "not the JSON", 1},
		{"a list", rerank.Cohere, answer(200, "", `[]`), lode.CodeProvider, "not the JSON", 1},
		{"an object", rerank.TEI, answer(200, "", `{}`), lode.CodeProvider, "not the JSON", 1},
		{"broken off", rerank.Jina, answer(200, "Content-Length: 100", `{"results":[`), lode.CodeProvider, "unexpected EOF, after 3 attempts", 3},
		{"no results", rerank.Jina, answer(200, "", `{}`), lode.CodeProvider, "0 scores for 1 passages", 1},
		{"too many", rerank.Voyage, answer(200, "", `{"data":[{"index":0,"relevance_score":1},{"index":0,"relevance_score":1}]}`), lode.CodeProvider, "2 scores for 1 passages", 1},
		{"no index", rerank.Jina, answer(200, "", `{"results":[{"relevance_score":1}]}`), lode.CodeProvider, "without index", 1},
		{"no score", rerank.TEI, answer(200, "", `[{"index":0,"relevance_score":1}]`), lode.CodeProvider, "without score", 1},
		{"null", rerank.TEI, answer(200, "", `[{"index":0,"score":null}]`), lode.CodeProvider, "without score", 1},
		{"wrong index", rerank.Jina, answer(200, "", `{"results":[{"index":1,"relevance_score":1}]}`), lode.CodeProvider, "index 1", 1},
		{"too large a number", rerank.Jina, answer(200, "", `{"results":[{"index":0,"relevance_score":1e999}]}`), lode.CodeProvider, "not the JSON", 1},
		{"huge", rerank.Jina, answer(200, "", strings.Repeat(" ", 1<<20)), lode.CodeProvider, "larger than it can be", 1},
		{"repeats the passage", rerank.Jina, answer(400, "", `{"detail":"cannot rank: `+secret+`"}`), lode.CodeProvider, "status 400", 1},
		{"repeats the query", rerank.Jina, answer(400, "", `{"detail":"query where is the treasure of the forty thieves"}`), lode.CodeProvider, "status 400", 1},
		{"repeats the key", rerank.Jina, answer(401, "", `{"detail":"key sk-secret-01***"}`), lode.CodeProvider, "status 401", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := reranktest.New(t)
			s.Intercept = test.intercept
			o := fast(s, test.api)
			o.Provider.MaxRetries = 2
			scores, err := open(t, o).Rank(t.Context(), "where is the treasure of the forty thieves", passages(secret))
			if scores != nil || !lode.IsCode(err, test.code) || !strings.Contains(fmt.Sprint(err), test.says) {
				t.Errorf("%v, %s: %v; want %s with %q", scores, lode.CodeOf(err), err, test.code, test.says)
			}
			discreet(t, err)
			if n := len(s.Requests()); n != test.requests {
				t.Errorf("%d requests, want %d", n, test.requests)
			}
		})
	}
}

// discreet checks that an error keeps query, passage and key to itself.
func discreet(t testing.TB, err error) {
	t.Helper()
	text := fmt.Sprintf("%v %+v", err, err)
	for _, part := range []string{"old oak", "treasure", "sk-secret"} {
		if strings.Contains(text, part) {
			t.Errorf("the error holds a secret: %s", text)
		}
	}
}

// Two scores for the same passage are none for another.
func TestTwice(t *testing.T) {
	s := reranktest.New(t)
	s.Intercept = answer(200, "", `[{"index":1,"score":1},{"index":1,"score":0}]`)
	if scores, err := open(t, fast(s, rerank.TEI)).Rank(t.Context(), "x", passages("a", "b")); scores != nil || !strings.Contains(fmt.Sprint(err), "comes twice") {
		t.Errorf("%v, %v", scores, err)
	}
}

// What is refused for the moment is asked again, after the time that the service wants.
func TestRecovers(t *testing.T) {
	s := reranktest.New(t)
	var first, second atomic.Int64
	s.Intercept = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n > 1 {
			second.Store(time.Now().UnixNano())
			return false
		}
		first.Store(time.Now().UnixNano())
		w.Header().Set("Retry-After", "1")
		reranktest.Fail(w, 429, "slow down")
		return true
	}
	check(t, open(t, fast(s, rerank.Cohere)), "tin", passages("tin"))
	if waited := time.Duration(second.Load() - first.Load()); waited < time.Second {
		t.Errorf("waited %v", waited)
	}
}

// One failing request fails the call: there are no partial scores.
func TestOneBatchFails(t *testing.T) {
	s := reranktest.New(t)
	s.Intercept = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 3 {
			reranktest.Fail(w, 400, "no")
		}
		return n == 3
	}
	o := fast(s, rerank.Jina)
	o.BatchPassages = 1
	if scores, err := open(t, o).Rank(t.Context(), "tin", passages("a", "b", "c", "d", "e")); scores != nil || !lode.IsCode(err, lode.CodeProvider) {
		t.Errorf("%v, %v", scores, err)
	}
}

func TestContextEnds(t *testing.T) {
	s := reranktest.New(t)
	s.Intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	}
	r := open(t, fast(s, rerank.Jina))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if scores, err := r.Rank(ctx, "tin", passages(secret)); scores != nil || !lode.IsCode(err, lode.CodeTimeout) || !strings.Contains(err.Error(), "re-rank passages") {
		t.Errorf("%v, %v", scores, err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if scores, err := r.Rank(ctx, "tin", passages(secret)); scores != nil || !lode.IsCode(err, lode.CodeCanceled) {
		t.Errorf("%v, %v", scores, err)
	}
}

// All callers together send no more requests at once than they may.
func TestConcurrencyIsBounded(t *testing.T) {
	s := reranktest.New(t)
	var running, most atomic.Int32
	s.Intercept = func(int, http.ResponseWriter, *http.Request) bool {
		if n := running.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(5 * time.Millisecond)
		running.Add(-1)
		return false
	}
	o := fast(s, rerank.Jina)
	o.BatchPassages, o.Provider.Concurrency = 1, 3
	r := open(t, o)
	var callers sync.WaitGroup
	for range 3 {
		callers.Go(func() { check(t, r, "tin", passages("a", "b", "c", "d", "e", "f")) })
	}
	callers.Wait()
	if most.Load() > 3 || most.Load() < 2 {
		t.Errorf("%d requests at once", most.Load())
	}
}

// Every request is reported, with the tokens that the service counted or an estimate.
func TestMeter(t *testing.T) {
	for api, guess := range map[rerank.API]bool{rerank.Cohere: true, rerank.Jina: false, rerank.Voyage: false, rerank.TEI: true} {
		s := reranktest.New(t)
		s.Intercept = func(n int, w http.ResponseWriter, r *http.Request) bool {
			return n == 1 && answer(500, "", "")(n, w, r)
		}
		var got []embed.Request
		ctx := embed.WithMeter(t.Context(), func(r embed.Request) { got = append(got, r) })
		if _, err := open(t, fast(s, api)).Rank(ctx, "1234", passages("12345678", "1234")); err != nil {
			t.Fatal(err)
		}
		want := int64(12)
		if guess {
			want = 5 // 12 bytes and twice those of the query, by four
		}
		if len(got) != 2 || got[0].Err == nil || got[1].Err != nil || got[1].Tokens != want || got[1].Estimated != guess || got[1].Texts != 2 || got[1].Duration <= 0 {
			t.Errorf("%s: %+v", api, got)
		}
	}
}

// A count that cannot be is none.
func TestNegativeTokens(t *testing.T) {
	s := reranktest.New(t)
	s.Intercept = answer(200, "", `{"results":[{"index":0,"relevance_score":1}],"usage":{"total_tokens":-5}}`)
	var got embed.Request
	ctx := embed.WithMeter(t.Context(), func(r embed.Request) { got = r })
	if _, err := open(t, fast(s, rerank.Jina)).Rank(ctx, "1234", passages("1234")); err != nil || got.Tokens != 2 || !got.Estimated {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestOptions(t *testing.T) {
	f := func(field string, change func(*rerank.Options)) {
		t.Helper()
		o := fast(&reranktest.Server{URL: "http://127.0.0.1:1"}, rerank.Jina)
		change(&o)
		r, err := rerank.NewRemote(o)
		if r != nil || !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(fmt.Sprint(err), `"`+field+`"`) {
			t.Errorf("%s: %v", field, err)
		}
		discreet(t, err)
	}
	f("api", func(o *rerank.Options) { o.API = "telepathy" })
	f("api", func(o *rerank.Options) { o.API = "" })
	f("name", func(o *rerank.Options) { o.Name = "" })
	f("model", func(o *rerank.Options) { o.Model = "" })
	f("batch_passages", func(o *rerank.Options) { o.BatchPassages = 5000 })
	f("batch_tokens", func(o *rerank.Options) { o.BatchTokens = -1 })
	f("passage_tokens", func(o *rerank.Options) { o.PassageTokens = -1 })
	f("query_tokens", func(o *rerank.Options) { o.QueryTokens = -1 })
	f("base_url", func(o *rerank.Options) { o.API, o.Provider.BaseURL = rerank.TEI, "" })
	f("base_url", func(o *rerank.Options) { o.Provider.BaseURL = "http://user:sk-secret@host/v1" })
	f("concurrency", func(o *rerank.Options) { o.Provider.Concurrency = -1 })
	f("timeout", func(o *rerank.Options) { o.Provider.Timeout = -1 })
	f("rate_limit", func(o *rerank.Options) { o.Provider.RateLimit = -1 })
	f("api_key", func(o *rerank.Options) { o.Provider.APIKey = "sk-secret\r\nX: y" })
	o := fast(&reranktest.Server{URL: "http://127.0.0.1:1"}, rerank.TEI)
	o.Model = ""
	open(t, o) // its server has one model
}
