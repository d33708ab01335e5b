package remote

import (
	"context"
	"crypto/sha256"
	"fmt"
	"unicode/utf8"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/internal/provider"
)

// Embedder calls a provider. Close releases its connections.
type Embedder struct {
	options  Options
	requests embed.Embedder // the requester, batched
	client   *provider.Client
}

var _ embed.Embedder = (*Embedder)(nil)

// New returns an embedder for the provider. It sends nothing yet.
func New(o Options) (*Embedder, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	client, err := provider.New(o.provider())
	if err != nil {
		return nil, aboutEmbedder(err)
	}
	r := &requester{options: o, shape: shapes[o.API], client: client}
	return &Embedder{options: o, requests: embed.Batched(r, o.Batches()), client: client}, nil
}

// Batches are the bounds of one request, after [Options.EnsureDefaults].
func (o *Options) Batches() embed.BatchOptions {
	return embed.BatchOptions{Texts: o.BatchTexts, Bytes: o.BatchBytes, Concurrency: o.Concurrency}
}

// Fingerprint implements [embed.Embedder]. The address is no part of it: the same model may
// move to another host.
func (e *Embedder) Fingerprint() string {
	f := fmt.Sprintf("%s/%s/%d/raw", e.options.Provider, e.options.Model, e.options.Dim)
	if document, query := e.options.DocumentPrefix, e.options.QueryPrefix; document+query != "" {
		sum := sha256.Sum256(fmt.Appendf(nil, "%q %q", document, query))
		f += fmt.Sprintf("/prefix-%x", sum[:6])
	}
	return f
}

// Dim implements [embed.Embedder].
func (e *Embedder) Dim() int { return e.options.Dim }

// Static implements [embed.Embedder].
func (e *Embedder) Static() bool { return false }

// Batches are the bounds within which texts make one request.
func (e *Embedder) Batches() embed.BatchOptions { return e.options.Batches() }

// Embed implements [embed.Embedder]. Cohere, Voyage, Gemini and Jina embed documents and
// queries differently.
func (e *Embedder) Embed(ctx context.Context, kind embed.Kind, texts []string) ([]lode.Vector, error) {
	for i, text := range texts {
		if !utf8.ValidString(text) {
			return nil, lode.Invalid(fmt.Sprintf("texts[%d]", i), "", "text is not UTF-8")
		}
	}
	return e.requests.Embed(ctx, kind, texts)
}

// Close releases idle connections of the client that New made. It may be called twice.
func (e *Embedder) Close() error { return e.client.Close() }
