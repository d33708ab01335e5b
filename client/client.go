package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Defaults of [Options].
const (
	DefaultBaseURL          = "http://127.0.0.1:7700"
	DefaultRetries          = 4
	DefaultMaxResponseBytes = 256 << 20
	DefaultUserAgent        = "lode-go"
)

// Options says how to reach a server.
type Options struct {
	BaseURL    string       // scheme, host and port; the default is http://127.0.0.1:7700
	HTTPClient *http.Client // the default has no timeout of its own: contexts bound calls
	UserAgent  string       // the default is lode-go
	Retries    int          // attempts after the first; 0: the default of 4, negative: none
	// MaxResponseBytes bounds an answer, so that a broken server cannot fill the memory. The
	// default is 256 MiB.
	MaxResponseBytes int64
	// Backoff is the pause before the n-th retry, from 1, where the server asks for none. The
	// default doubles from 100 ms to 5 s, with some chance in it.
	Backoff func(n int) time.Duration
}

// EnsureDefaults fills what the caller left out.
func (o *Options) EnsureDefaults() {
	if o.BaseURL == "" {
		o.BaseURL = DefaultBaseURL
	}
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{}
	}
	if o.UserAgent == "" {
		o.UserAgent = DefaultUserAgent
	}
	if o.Retries == 0 {
		o.Retries = DefaultRetries
	}
	if o.MaxResponseBytes == 0 {
		o.MaxResponseBytes = DefaultMaxResponseBytes
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
}

// Validate checks options after [Options.EnsureDefaults].
func (o *Options) Validate() error {
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return lode.Invalid("base_url", o.BaseURL, "base URL must look like %s", DefaultBaseURL)
	}
	if base.RawQuery != "" || base.Fragment != "" {
		return lode.Invalid("base_url", o.BaseURL, "base URL holds no query and no fragment")
	}
	if o.MaxResponseBytes < 0 {
		return lode.Invalid("max_response_bytes", o.MaxResponseBytes, "limit is negative")
	}
	return nil
}

// Client calls one server.
type Client struct {
	options Options
	base    string
	asOf    time.Time // zero: now
}

// New returns a client. Nothing is sent yet.
func New(o Options) (*Client, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Client{options: o, base: strings.TrimRight(o.BaseURL, "/")}, nil
}

// AsOf returns a client whose questions (retrieve, searches, counts, facets, scrolls, groups,
// recommendations, chunks and traces) are about what a collection showed at a time within its history; the zero time
// is now. It shares everything with c. Other calls are those of c.
func (c *Client) AsOf(t time.Time) *Client {
	past := *c
	past.asOf = t
	return &past
}

// question is a call that reads with a body, about the client's time.
func (c *Client) question(path string) call {
	return c.about(call{method: http.MethodPost, path: path, repeatable: true})
}

// about is a call about the client's time.
func (c *Client) about(k call) call {
	if !c.asOf.IsZero() {
		k.query = url.Values{v1.QueryAsOf: {c.asOf.Format(time.RFC3339Nano)}}
	}
	return k
}

// BaseURL returns where the client sends requests.
func (c *Client) BaseURL() string { return c.base }

// call is one request on its way; body is made anew for each attempt.
type call struct {
	method, path string
	query        url.Values
	contentType  string
	accepts      string                        // the media type of the answer; empty: JSON
	body         func() (io.ReadCloser, error) // nil: none
	streamed     bool                          // ask before sending a body of unknown length
	repeatable   bool                          // may be sent again after a connection broke
	writes       bool                          // takes an Idempotency-Key, under which it may always be sent again
	key          string                        // of a write, by do
	mayBeEmpty   bool                          // the answer may be without content
	accept       []int                         // statuses beside 2xx that carry the ordinary answer
}

// do sends the call until it is answered, and gives the answer's body to read, up to the
// limit on answers.
func (c *Client) do(ctx context.Context, k call, read func(*http.Response, []byte) error) error {
	if k.writes {
		k.key, k.repeatable = keyFor(ctx), true
		if err := lode.ValidateKey(k.key); err != nil {
			return err
		}
	}
	sent := false // an attempt may have reached the server, and its answer did not come
	for attempt := 1; ; attempt++ {
		pause, lost, err := c.attempt(ctx, k, read)
		sent = sent || lost
		if err == nil || pause == never || attempt > c.options.Retries {
			return k.whenSent(sent, err)
		}
		if pause == whenever {
			pause = c.options.Backoff(attempt)
		}
		if !sleep(ctx, pause) {
			return k.whenSent(sent, errors.Join(contextError(ctx.Err()), err))
		}
	}
}

// A pause before the next attempt that the server did not name, and no next attempt.
const (
	whenever time.Duration = 0
	never    time.Duration = -1
)

// attempt sends the call once. lost says that it may have been carried out all the same.
func (c *Client) attempt(ctx context.Context, k call, read func(*http.Response, []byte) error) (pause time.Duration, lost bool, err error) {
	req, err := c.request(ctx, k)
	if err != nil {
		return never, false, err
	}
	resp, err := c.options.HTTPClient.Do(req)
	if err != nil {
		pause, err = c.transportError(ctx, k, err)
		return pause, !errors.Is(err, syscall.ECONNREFUSED), err
	}
	defer resp.Body.Close()
	body, err := c.readBody(resp)
	if err != nil {
		if ctx.Err() == nil && k.repeatable && !lode.IsCode(err, lode.CodeTooLarge) {
			return whenever, true, err
		}
		return never, true, err
	}
	if resp.StatusCode/100 != 2 && !slices.Contains(k.accept, resp.StatusCode) {
		err := problemError(resp, body)
		if k.key != "" && lode.IsCode(err, lode.CodeOutcomeUnknown) {
			return whenever, true, err // under its key it takes effect once
		}
		return retryPause(resp), false, err
	}
	return never, false, read(resp, body)
}

func (c *Client) request(ctx context.Context, k call) (*http.Request, error) {
	target := c.base + k.path
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	var body io.ReadCloser
	if k.body != nil {
		var err error
		if body, err = k.body(); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, k.method, target, body)
	if err != nil {
		if body != nil {
			_ = body.Close()
		}
		return nil, fmt.Errorf("make request %s %s: %w", k.method, k.path, err)
	}
	if sized, ok := body.(interface{ size() int64 }); ok {
		req.ContentLength = sized.size()
	}
	req.Header.Set("User-Agent", c.options.UserAgent)
	if k.key != "" {
		req.Header.Set(v1.HeaderKey, k.key)
	}
	if k.contentType != "" {
		req.Header.Set("Content-Type", k.contentType)
	}
	if k.accepts != "" {
		req.Header.Set("Accept", k.accepts)
	}
	if k.streamed {
		// A server that is full says so before the files are sent.
		req.Header.Set("Expect", "100-continue")
	}
	return req, nil
}

func (c *Client) readBody(resp *http.Response) ([]byte, error) {
	limit := c.options.MaxResponseBytes
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, &lode.Error{Code: lode.CodeUnavailable, Message: "the connection broke while the answer was read", Err: err}
	}
	if int64(len(body)) > limit {
		return nil, lode.FieldError(lode.CodeTooLarge, "response", limit, "the answer is larger than %d bytes", limit)
	}
	return body, nil
}
