package remote

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/provider"
)

// Options configure an [Embedder].
type Options struct {
	// API is the protocol. The default is OpenAI.
	API API
	// Provider is the name that the fingerprint begins with. The default is that of the API.
	Provider string
	// BaseURL is the address that the path of the API is appended to. The default is the
	// provider itself; TEI has none.
	BaseURL string
	// Model is the provider's name of the model. Required.
	Model string
	// Dim is the number of dimensions that the model returns. Required.
	Dim int
	// APIKey is sent in the header of the API; empty for none. It is in no log and no error.
	APIKey string
	// SendDimensions asks the provider to shorten vectors to Dim, or not to. The default is
	// not to with OpenAI and TEI, whose models often cannot, and to with the others.
	SendDimensions *bool
	// DocumentPrefix and QueryPrefix are put before each text of their kind, for models that
	// want it and protocols that do not tell the kinds apart, e.g. "query: ".
	DocumentPrefix, QueryPrefix string
	// BatchTexts bounds the texts of one request. The default is what the API takes, at most
	// 128, and 32 of TEI.
	BatchTexts int
	// BatchBytes bounds the text of one request, unless one text alone is longer. A token has
	// at least one byte, so the default of 256 KiB stays below the 300,000 tokens of OpenAI,
	// and the 112 KiB of Voyage below its 120,000.
	BatchBytes int
	// Concurrency bounds the requests at the same time, of all callers. The default is 2.
	Concurrency int
	// MaxRetries is how often a request is repeated. The default is 4; negative means never.
	MaxRetries int
	// Backoff is the mean pause before the first repetition; each further one is twice as
	// long, up to MaxWait. The default is 500 ms.
	Backoff time.Duration
	// MaxWait is the longest pause before a request, also when the provider asks for a longer
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
	setDefault(&o.API, OpenAI)
	setDefault(&o.Provider, string(o.API))
	s := shapes[o.API]
	if s == nil {
		return // Validate says so
	}
	setDefault(&o.BaseURL, s.base)
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")
	if o.SendDimensions == nil {
		o.SendDimensions = &s.dims
	}
	setDefault(&o.BatchTexts, s.texts)
	setDefault(&o.BatchBytes, s.bytes)
	p := o.provider()
	p.EnsureDefaults()
	o.Concurrency, o.MaxRetries, o.Backoff, o.MaxWait, o.Timeout = p.Concurrency, p.MaxRetries, p.Backoff, p.MaxWait, p.Timeout
}

// provider are the options of the client.
func (o *Options) provider() provider.Options {
	p := provider.Options{
		Kind: "embedding provider", Doing: "embed texts", BaseURL: o.BaseURL, APIKey: o.APIKey, Concurrency: o.Concurrency, MaxRetries: o.MaxRetries,
		Backoff: o.Backoff, MaxWait: o.MaxWait, Timeout: o.Timeout, RateLimit: o.RateLimit, HTTPClient: o.HTTPClient,
	}
	if s := shapes[o.API]; s != nil {
		p.Sign, p.Path = s.sign, s.path(o.Model)
	}
	return p
}

// aboutEmbedder gives an error of the client's options the names of an embedder's.
func aboutEmbedder(err error) error {
	var coded *lode.Error
	if errors.As(err, &coded) {
		return coded.In("embedder")
	}
	return err
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate checks the options after EnsureDefaults.
func (o *Options) Validate() error {
	s := shapes[o.API]
	if s == nil {
		return lode.Invalid("embedder.api", o.API, "api must be one of %v", APIs())
	}
	if o.BaseURL == "" {
		return lode.Invalid("embedder.base_url", "", "the %s API needs a base_url", o.API)
	}
	p := o.provider()
	if err := p.Validate(); err != nil {
		return aboutEmbedder(err)
	}
	switch {
	case o.Model == "":
		return lode.Invalid("embedder.model", "", "the provider's model is not named")
	case o.Dim < 1 || o.Dim > lode.MaxDim:
		return lode.Invalid("embedder.dim", o.Dim, "dim must be 1 to %d", lode.MaxDim)
	case o.BatchTexts < 1 || o.BatchTexts > s.most:
		return lode.Invalid("embedder.batch_texts", o.BatchTexts, "batch_texts must be 1 to %d", s.most)
	case o.BatchBytes < 1:
		return lode.Invalid("embedder.batch_bytes", o.BatchBytes, "batch_bytes must be positive")
	}
	return nil
}
