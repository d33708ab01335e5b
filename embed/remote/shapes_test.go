package remote_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/embedtest"
	"github.com/lodedb/lode/embed/remote"
	"github.com/lodedb/lode/embed/remote/remotetest"
)

// under is the base URL of a protocol at the test's server.
func under(s *remotetest.Server, api remote.API) string {
	switch api {
	case remote.Cohere, remote.TEI:
		return s.Root
	case remote.Gemini:
		return s.Root + "/v1beta"
	}
	return s.URL
}

func optionsFor(s *remotetest.Server, api remote.API) remote.Options {
	o := fast(under(s, api))
	o.API = api
	return o
}

func TestConformanceOfAll(t *testing.T) {
	for _, api := range remote.APIs() {
		t.Run(string(api), func(t *testing.T) {
			embedtest.Run(t, func(tb testing.TB) embed.Embedder {
				return open(tb, optionsFor(remotetest.New(tb, dim), api))
			})
		})
	}
}

// The bytes of a request are those that the provider documents, for each kind of text.
func TestWire(t *testing.T) {
	tests := []struct {
		api            remote.API
		path, key      string // of the header
		document, rest string // the body of a document, and what differs in that of a query
	}{
		{remote.OpenAI, "/v1/embeddings", "Authorization: Bearer " + key,
			`{"input":["<b>"," "],"model":"test-model","encoding_format":"base64"}`, ""},
		{remote.Cohere, "/v2/embed", "Authorization: Bearer " + key,
			`{"model":"test-model","texts":["<b>"," "],"input_type":"search_document","embedding_types":["float"],"output_dimension":8,"truncate":"NONE"}`,
			"search_document=search_query"},
		{remote.Voyage, "/v1/embeddings", "Authorization: Bearer " + key,
			`{"input":["<b>"," "],"model":"test-model","input_type":"document","truncation":false,"output_dimension":8,"output_dtype":"float","encoding_format":"base64"}`,
			`"document"="query"`},
		{remote.Gemini, "/v1beta/models/test-model:batchEmbedContents", "X-Goog-Api-Key: " + key,
			`{"requests":[{"model":"models/test-model","content":{"parts":[{"text":"<b>"}]},"taskType":"RETRIEVAL_DOCUMENT","outputDimensionality":8},` +
				`{"model":"models/test-model","content":{"parts":[{"text":" "}]},"taskType":"RETRIEVAL_DOCUMENT","outputDimensionality":8}]}`,
			"RETRIEVAL_DOCUMENT=RETRIEVAL_QUERY"},
		{remote.Jina, "/v1/embeddings", "Authorization: Bearer " + key,
			`{"model":"test-model","task":"retrieval.passage","dimensions":8,"embedding_type":"base64","truncate":false,"input":["<b>"," "]}`,
			"retrieval.passage=retrieval.query"},
		{remote.TEI, "/embed", "Authorization: Bearer " + key,
			`{"inputs":["<b>"," "],"normalize":true,"truncate":false}`, ""},
	}
	if len(tests) != len(remote.APIs()) {
		t.Errorf("%d of %d protocols are tested", len(tests), len(remote.APIs()))
	}
	for _, test := range tests {
		t.Run(string(test.api), func(t *testing.T) {
			s := remotetest.New(t, dim)
			e := open(t, optionsFor(s, test.api))
			old, changed, _ := strings.Cut(test.rest, "=")
			for _, kind := range []embed.Kind{embed.Document, embed.Query} {
				vectors, err := e.Embed(t.Context(), kind, []string{"<b>", ""})
				if err != nil || !slices.Equal(vectors[0], s.Vector("<b>")) {
					t.Fatal(err)
				}
				r := s.Requests()[kind]
				want := test.document
				if kind == embed.Query && old != "" {
					want = strings.ReplaceAll(want, old, changed)
				}
				if string(r.Body) != want {
					t.Errorf("sent %s\nwant %s", r.Body, want)
				}
				name, value, _ := strings.Cut(test.key, ": ")
				if r.Path != test.path || r.Header.Get(name) != value || r.Header.Get("Content-Type") != "application/json" {
					t.Errorf("path %s, headers %v", r.Path, r.Header)
				}
			}
		})
	}
}

func TestSendDimensions(t *testing.T) {
	for _, api := range remote.APIs() {
		for _, send := range []bool{false, true} {
			s := remotetest.New(t, dim)
			o := optionsFor(s, api)
			o.SendDimensions = &send
			if _, err := open(t, o).Embed(t.Context(), embed.Document, []string{"x"}); err != nil {
				t.Fatal(err)
			}
			if body := string(s.Requests()[0].Body); strings.Contains(strings.ToLower(body), `dimension`) != send {
				t.Errorf("%s: send %v gives %s", api, send, body)
			}
		}
	}
}

// Each protocol is asked for no more texts at once than it takes.
func TestBatchLimits(t *testing.T) {
	for api, most := range map[remote.API]int{remote.OpenAI: 128, remote.Cohere: 96, remote.Voyage: 128, remote.Gemini: 100, remote.Jina: 128, remote.TEI: 32} {
		s := remotetest.New(t, dim)
		if _, err := open(t, optionsFor(s, api)).Embed(t.Context(), embed.Document, make([]string, 300)); err != nil {
			t.Fatal(err)
		}
		largest := 0
		for _, r := range s.Requests() {
			largest = max(largest, len(r.Input))
		}
		if largest != most {
			t.Errorf("%s: %d texts in a request, want %d", api, largest, most)
		}
	}
}

func TestPrefixes(t *testing.T) {
	s := remotetest.New(t, dim)
	o := optionsFor(s, remote.TEI)
	o.DocumentPrefix, o.QueryPrefix = "passage: ", "query: "
	e := open(t, o)
	for _, kind := range []embed.Kind{embed.Document, embed.Query} {
		if _, err := e.Embed(t.Context(), kind, []string{"x", ""}); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := s.Requests()[0].Input, s.Requests()[1].Input; !slices.Equal(a, []string{"passage: x", "passage: "}) || !slices.Equal(b, []string{"query: x", "query: "}) {
		t.Errorf("sent %q, %q", a, b)
	}
	o.QueryPrefix = ""
	if other := open(t, o); other.Fingerprint() == e.Fingerprint() || !strings.HasPrefix(e.Fingerprint(), "tei/test-model/8/raw/prefix-") {
		t.Errorf("fingerprints %s, %s", e.Fingerprint(), other.Fingerprint())
	}
}

// What each provider answers when it does not embed: the code, what the error says, and how
// many requests were sent.
func TestFailuresOfAll(t *testing.T) {
	tests := []struct {
		api      remote.API
		status   int
		body     string
		code     lode.Code
		says     string
		requests int
		refused  bool
	}{
		{remote.Cohere, 400, `{"message":"invalid request: model 'x' not found"}`, lode.CodeProvider, "model 'x' not found", 1, true},
		{remote.Cohere, 400, `{"message":"too many tokens: total number of tokens in the prompt cannot exceed 512"}`, lode.CodeTooLarge, "512", 1, true},
		{remote.Cohere, 429, `{"message":"trial key is limited"}`, lode.CodeProvider, "trial key is limited, after 2 attempts", 2, false},
		{remote.Cohere, 498, `{"message":"blocked"}`, lode.CodeProvider, "498", 1, false},
		{remote.Voyage, 400, `{"detail":"output_dimension is not supported"}`, lode.CodeProvider, "output_dimension is not supported; a model that has one size only wants send_dimensions: false", 1, true},
		{remote.Voyage, 401, `{"detail":"Provided API key is invalid."}`, lode.CodeProvider, "check the provider's API key", 1, false},
		{remote.Gemini, 429, `{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"3600s"}]}}`,
			lode.CodeProvider, "RESOURCE_EXHAUSTED, quota; it asks to wait 1h0m0s", 1, false},
		{remote.Gemini, 400, `{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}`,
			lode.CodeProvider, "check the provider's API key", 1, false},
		{remote.Gemini, 503, `{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}`, lode.CodeProvider, "UNAVAILABLE, overloaded, after 2", 2, false},
		{remote.Jina, 422, `{"detail":"Input is too long"}`, lode.CodeTooLarge, "too long", 1, true},
		{remote.TEI, 413, `{"error":"inputs must have less than 512 tokens. Given: 600","error_type":"Validation"}`, lode.CodeTooLarge, "Validation, inputs must have", 1, true},
		{remote.TEI, 429, `{"error":"Model is overloaded","error_type":"overloaded"}`, lode.CodeProvider, "overloaded, Model is overloaded, after 2", 2, false},
		{remote.Cohere, 200, `{"embeddings":{"float":[[1,2,3]]}}`, lode.CodeProvider, "make the collection with dim 3", 1, false},
		{remote.TEI, 200, `[[1,2,3]]`, lode.CodeProvider, "send_dimensions", 1, false},
		{remote.Cohere, 200, `{"embeddings":{"int8":[[1,2,3]]}}`, lode.CodeProvider, "0 vectors for 1 texts", 1, false},
		{remote.Gemini, 200, `{"embeddings":[{}]}`, lode.CodeProvider, "no embedding", 1, false},
		{remote.TEI, 200, `{"embeddings":[[1]]}`, lode.CodeProvider, "not the JSON", 1, false},
	}
	for i, test := range tests {
		t.Run(fmt.Sprint(i, " ", test.api, " ", test.status), func(t *testing.T) {
			s := remotetest.New(t, dim)
			s.Intercept = answer(test.status, "", test.body)
			o := optionsFor(s, test.api)
			o.MaxRetries = 1
			_, err := open(t, o).Embed(t.Context(), embed.Document, []string{secret})
			if !lode.IsCode(err, test.code) || !strings.Contains(fmt.Sprint(err), test.says) || errors.Is(err, embed.ErrRefused) != test.refused {
				t.Errorf("%s: %v; want %s with %q, refused %v", lode.CodeOf(err), err, test.code, test.says, test.refused)
			}
			discreet(t, err)
			if n := len(s.Requests()); n != test.requests {
				t.Errorf("%d requests, want %d", n, test.requests)
			}
		})
	}
}

// Gemini says in the body how long to wait.
func TestRetryInfo(t *testing.T) {
	s := remotetest.New(t, dim)
	var at [3]time.Time
	s.Intercept = func(n int, w http.ResponseWriter, r *http.Request) bool {
		at[n] = time.Now()
		return n == 1 && answer(429, "", `{"error":{"details":[{"retryDelay":"0.3s"}]}}`)(n, w, r)
	}
	if _, err := open(t, optionsFor(s, remote.Gemini)).Embed(t.Context(), embed.Document, []string{"x"}); err != nil {
		t.Fatal(err)
	}
	if waited := at[2].Sub(at[1]); waited < 300*time.Millisecond {
		t.Errorf("waited %v", waited)
	}
}

// Every request is reported, with the tokens that the provider counted or an estimate.
func TestMeter(t *testing.T) {
	for _, api := range remote.APIs() {
		s := remotetest.New(t, dim)
		s.Intercept = func(n int, w http.ResponseWriter, r *http.Request) bool {
			return n == 1 && answer(500, "", "")(n, w, r)
		}
		o := optionsFor(s, api)
		o.BatchTexts = 2
		var mu sync.Mutex
		var got []embed.Request
		ctx := embed.WithMeter(t.Context(), func(r embed.Request) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, r)
		})
		if _, err := open(t, o).Embed(ctx, embed.Document, []string{"12345678", "1234", "1234"}); err != nil {
			t.Fatal(err)
		}
		failed, tokens, texts, estimated := 0, int64(0), 0, false
		for _, r := range got {
			if r.Err != nil {
				failed++
				continue
			}
			tokens, texts, estimated = tokens+r.Tokens, texts+r.Texts, estimated || r.Estimated
			if r.Duration <= 0 || r.Bytes == 0 {
				t.Errorf("%s: %+v", api, r)
			}
		}
		guess := api == remote.Gemini || api == remote.TEI
		want := int64(16)
		if guess {
			want = 4
		}
		if len(got) != 3 || failed != 1 || texts != 3 || tokens != want || estimated != guess {
			t.Errorf("%s: %d reports, %d failed, %d texts, %d tokens, estimated %v", api, len(got), failed, texts, tokens, estimated)
		}
	}
	embed.Report(context.Background(), embed.Request{}) // nobody listens
}

// What the node's own dialer refuses is told as it is, and not tried again.
func TestOwnRefusal(t *testing.T) {
	o := fast("http://127.0.0.1:1")
	tried := 0
	o.HTTPClient = &http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) {
		tried++
		return nil, lode.Errorf(lode.CodeProvider, "127.0.0.1 is not allowed").WithHint("allow it")
	})}
	_, err := open(t, o).Embed(t.Context(), embed.Document, []string{secret})
	if tried != 1 || !lode.IsCode(err, lode.CodeProvider) || !strings.Contains(err.Error(), "is not allowed; allow it") {
		t.Errorf("%v after %d requests", err, tried)
	}
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
