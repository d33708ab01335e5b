package provider

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lodedb/lode"
)

// Options configure a [Client].
type Options struct {
	// Kind is what errors call the service, such as "embedding provider"; Doing is what was under
	// way when a context ended, such as "embed texts". Required.
	Kind, Doing string
	// BaseURL is the address that Path is appended to. Required.
	BaseURL, Path string
	// APIKey goes into a header; empty for none. It is in no log and no error.
	APIKey string
	// Sign puts the key into the headers. The default is "Authorization: Bearer".
	Sign func(h http.Header, key string)
	// Concurrency is how many idle connections are kept. The default is 2.
	Concurrency int
	// MaxRetries is how often a request is repeated. The default is 4; negative means never.
	MaxRetries int
	// Backoff is the mean pause before the first repetition; each further one is twice as
	// long, up to MaxWait. The default is 500 ms.
	Backoff time.Duration
	// MaxWait is the longest pause before a request, also when the service asks for a longer
	// one: then the call fails. The default is 30 s.
	MaxWait time.Duration
	// Timeout bounds one request, from dialling to the last byte. The default is 60 s.
	Timeout time.Duration
	// RateLimit bounds the requests per second. The default is no limit.
	RateLimit float64
	// HTTPClient sends the requests; a copy of it is used that follows no redirects. The
	// default is a client of its own, which Close releases.
	HTTPClient *http.Client
}

// EnsureDefaults fills what the caller left out.
func (o *Options) EnsureDefaults() {
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")
	if o.Sign == nil {
		o.Sign = Bearer
	}
	setDefault(&o.Concurrency, 2)
	setDefault(&o.MaxRetries, 4)
	setDefault(&o.Backoff, 500*time.Millisecond)
	setDefault(&o.MaxWait, 30*time.Second)
	setDefault(&o.Timeout, time.Minute)
}

// Bearer is the usual way of sending a key.
func Bearer(h http.Header, key string) { h.Set("Authorization", "Bearer "+key) }

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate checks the options after EnsureDefaults. Errors name fields as settings do: base_url,
// concurrency, timeout, rate_limit, api_key.
func (o *Options) Validate() error {
	if err := o.validateURL(); err != nil {
		return err
	}
	switch {
	case o.Concurrency < 1:
		return lode.Invalid("concurrency", o.Concurrency, "concurrency must be positive")
	case o.Backoff < 0 || o.MaxWait < 0 || o.Timeout < 0:
		return lode.Invalid("timeout", o.Timeout, "durations must not be negative")
	case !(o.RateLimit >= 0):
		return lode.Invalid("rate_limit", o.RateLimit, "rate_limit must not be negative")
	case strings.ContainsAny(o.APIKey, "\r\n"):
		return lode.Invalid("api_key", "", "the key holds a line break")
	}
	return nil
}

// validateURL refuses what would put secrets in the address: they would end up in errors.
func (o *Options) validateURL() error {
	u, err := url.Parse(o.BaseURL)
	switch {
	case err != nil:
		return lode.Invalid("base_url", "", "base_url is no URL")
	case o.BaseURL == "":
		return lode.Invalid("base_url", "", "the API needs a base_url")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return lode.Invalid("base_url", u.Redacted(), "base_url must begin with http:// or https:// and name a host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return lode.Invalid("base_url", u.Host, "base_url must not hold user, query or fragment")
	}
	return nil
}
