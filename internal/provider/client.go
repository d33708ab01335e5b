package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/lodedb/lode"
)

// ErrRefused is in the chain of an error when the service refused the request itself and would
// refuse it again. Other texts, or some of the same ones, may pass.
var ErrRefused = errors.New("the provider refuses the request")

// Client asks one address. It may be used by many goroutines at once.
type Client struct {
	o    Options
	url  string
	host string
	http *http.Client
	pace *pace
}

// New returns a client. It sends nothing yet.
func New(o Options) (*Client, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	base, err := url.Parse(o.BaseURL)
	if err != nil {
		return nil, lode.Invalid("base_url", "", "base_url is no URL")
	}
	return &Client{o: o, url: base.JoinPath(o.Path).String(), host: base.Host, http: newHTTPClient(&o), pace: newPace(o.RateLimit)}, nil
}

// newHTTPClient returns a client that follows no redirects.
func newHTTPClient(o *Options) *http.Client {
	client := &http.Client{}
	if o.HTTPClient != nil {
		*client = *o.HTTPClient
	} else {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = o.Concurrency
		client.Transport = transport
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// Host is where the requests go, for messages.
func (c *Client) Host() string { return c.host }

// Close releases idle connections of the client that New made. It may be called twice.
func (c *Client) Close() error {
	if c.o.HTTPClient == nil {
		c.http.CloseIdleConnections()
	}
	return nil
}

// Question is one request.
type Question struct {
	Body any // encoded as JSON on one line
	// Texts are what no error may repeat.
	Texts []string
	// Limit is the most bytes that an answer can have.
	Limit int64
	// Read takes an answer apart; an error of it ends the call, and must hold nothing of the answer
	// that may be a text.
	Read func(answer []byte) error
	// Hint says what the operator could do about a failure that has no hint and code of its own;
	// refused is whether the service refused the request itself, err is that of Read or nil. It may
	// be nil.
	Hint func(refused bool, err error) string
	// Sent is told of each attempt as it ended; err is coded. It may be nil.
	Sent func(took time.Duration, err error)
}

// Ask sends a question, again and again until it is answered, refused for good, or ctx ends.
func (c *Client) Ask(ctx context.Context, q Question) error {
	body, err := encode(q.Body)
	if err != nil {
		return lode.Errorf(lode.CodeInternal, "encode request to provider %s: %w", c.host, err)
	}
	var last *failure
	for attempt := 1; ; attempt++ {
		if c.pace.wait(ctx) != nil {
			return c.ended(ctx, last)
		}
		fail := c.told(ctx, body, &q)
		if fail == nil {
			return nil
		}
		fail.attempts = attempt
		if ctx.Err() != nil {
			return c.ended(ctx, last)
		}
		if last = fail; !fail.again || attempt > c.o.MaxRetries {
			return c.error(fail)
		}
		if err := c.pause(ctx, fail); err != nil {
			return err
		}
	}
}

// told sends the request once and tells of it.
func (c *Client) told(ctx context.Context, body []byte, q *Question) *failure {
	start := time.Now()
	fail := c.once(ctx, body, q)
	if q.Sent == nil {
		return fail
	}
	var err error
	switch {
	case fail != nil && ctx.Err() != nil:
		err = ContextError(ctx, c.o.Doing)
	case fail != nil:
		err = c.error(fail)
	}
	q.Sent(time.Since(start), err)
	return fail
}

// once sends the request and reads the answer.
func (c *Client) once(ctx context.Context, body []byte, q *Question) *failure {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	secret := secrets{key: c.o.APIKey, texts: q.Texts}
	response, err := c.post(ctx, body)
	if err != nil {
		return transportFailure(ctx, c.o.Timeout, err, secret)
	}
	defer response.Body.Close()
	if pause := exhausted(response.Header); pause > 0 {
		c.pace.hold(min(pause, c.o.MaxWait))
	}
	if response.StatusCode != http.StatusOK {
		return q.hinted(statusFailure(response, secret), nil)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, q.Limit+1))
	switch {
	case err != nil:
		return transportFailure(ctx, c.o.Timeout, err, secret)
	case int64(len(data)) > q.Limit:
		return &failure{reason: "the answer is larger than it can be"}
	}
	if err := q.Read(data); err != nil {
		return q.hinted(&failure{reason: err.Error()}, err)
	}
	return nil
}

func (c *Client) post(ctx context.Context, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	if c.o.APIKey != "" {
		c.o.Sign(request.Header, c.o.APIKey)
	}
	return c.http.Do(request)
}

func (q *Question) hinted(f *failure, err error) *failure {
	if q.Hint != nil && f.hint == "" && f.code == "" {
		f.hint = q.Hint(f.refused, err)
	}
	return f
}

// pause waits before the next attempt, or says why there is none.
func (c *Client) pause(ctx context.Context, fail *failure) error {
	pause := min(c.o.Backoff<<min(fail.attempts-1, 16), c.o.MaxWait)
	pause = pause/2 + rand.N(pause+1) // half to one and a half
	if fail.after > c.o.MaxWait {
		fail.note = "it asks to wait " + fail.after.Round(time.Second).String()
		return c.error(fail)
	}
	pause = max(min(pause, c.o.MaxWait), fail.after)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
		fail.note = "the deadline leaves no time for another attempt"
		return c.error(fail)
	}
	if sleep(ctx, pause) != nil {
		return c.ended(ctx, fail)
	}
	return nil
}

// ended is the error of a call whose context ended, or would before it may send.
func (c *Client) ended(ctx context.Context, last *failure) error {
	switch {
	case ctx.Err() == context.Canceled:
		return ContextError(ctx, c.o.Doing)
	case last != nil:
		last.note = "then the deadline passed"
		return c.error(last)
	}
	return lode.Errorf(lode.CodeTimeout, "%s: no answer from provider %s before the deadline: %w", c.o.Doing, c.host, context.DeadlineExceeded)
}

// ContextError returns the coded error for a context that has ended, or nil. doing is what was under
// way.
func ContextError(ctx context.Context, doing string) error {
	switch err := ctx.Err(); err {
	case nil:
		return nil
	case context.DeadlineExceeded:
		return lode.Errorf(lode.CodeTimeout, "%s: the deadline passed: %w", doing, err)
	default:
		return lode.Errorf(lode.CodeCanceled, "%s: the caller left: %w", doing, err)
	}
}

// encode writes a request as JSON on one line, with < and > as they are.
func encode(request any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(request); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}

// ErrNotJSON is what [Unmarshal] returns.
var ErrNotJSON = errors.New("the answer is not the JSON of the protocol")

// Unmarshal is encoding/json without its errors, which would repeat parts of the answer.
func Unmarshal(answer []byte, into any) error {
	if json.Unmarshal(answer, into) != nil {
		return ErrNotJSON
	}
	return nil
}
