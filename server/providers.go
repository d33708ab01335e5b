package server

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed/remote"
	"github.com/lodedb/lode/internal/egress"
)

// ProviderConfig reaches one provider of embeddings. Collections name it and a model of it;
// address and key stay with the node. The zero value of a field is its default.
type ProviderConfig struct {
	API            remote.API // the default is the one of the provider's name, else openai
	BaseURL        string     // the default is the address of the API's own provider
	APIKey         string     // never logged
	Timeout        time.Duration
	SendDimensions *bool  // ask for vectors of the collection's dimensions; see [remote.Options]
	DocumentPrefix string // put before each document, for models that want it
	QueryPrefix    string // put before each query
	BatchTexts     int
	Concurrency    int
	RateLimit      float64 // requests per second
	Price          float64 // of a million tokens
}

// EgressConfig says where the node may connect to; see package internal/egress.
type EgressConfig struct {
	Allow []string // hosts, *.domains and networks; empty: everything but what is never reached
	Proxy string   // its URL, or "none"; empty: as the environment says
}

// EmbeddingConfig says what the node keeps of what was embedded.
type EmbeddingConfig struct {
	CacheBytes int64         // on disk; [NoEmbedCache] keeps nothing
	CacheAge   time.Duration // that a vector reaches at most
}

// Defaults and bounds of [EmbeddingConfig].
const (
	DefaultEmbedCacheBytes = 256 << 20
	DefaultEmbedCacheAge   = 30 * 24 * time.Hour
	NoEmbedCache           = -1
	leastEmbedCache        = 1 << 20
)

func (c *EmbeddingConfig) ensureDefaults() {
	setDefault(&c.CacheBytes, DefaultEmbedCacheBytes)
	setDefault(&c.CacheAge, DefaultEmbedCacheAge)
}

func (c *EmbeddingConfig) validate() error {
	switch {
	case c.CacheBytes != NoEmbedCache && c.CacheBytes < leastEmbedCache:
		return lode.Invalid("embed_cache", c.CacheBytes, "embed_cache must be 0 (none) or at least %d", leastEmbedCache)
	case c.CacheAge < time.Hour:
		return lode.Invalid("embed_cache_age", c.CacheAge, "embed_cache_age must be at least an hour")
	}
	return nil
}

// allProviders are those of the configuration, with that of OpenAIConfig among them.
func (c *Config) allProviders() map[string]ProviderConfig {
	all := maps.Clone(c.Providers)
	if all == nil {
		all = map[string]ProviderConfig{}
	}
	if c.OpenAI.BaseURL != "" {
		all[lode.ProviderOpenAI] = ProviderConfig{API: remote.OpenAI, BaseURL: c.OpenAI.BaseURL, APIKey: c.OpenAI.APIKey, Timeout: c.OpenAI.Timeout}
	}
	return all
}

// validateProviders checks providers and egress. The error names the field as
// providers.NAME.FIELD.
func (c *Config) validateProviders() error {
	if _, twice := c.Providers[lode.ProviderOpenAI]; twice && c.OpenAI.BaseURL != "" {
		return lode.Invalid("openai_url", c.OpenAI.BaseURL, "there is another provider of the name openai")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Providers)) {
		p := c.Providers[name]
		if lode.ValidateCollectionName(name) != nil || slices.Contains([]string{lode.ProviderBuiltin, lode.ProviderLocal, lode.ProviderNone}, name) {
			return lode.Invalid("providers", name, "a provider is named with 1 to 64 characters of a-z, 0-9, _ and -, and not builtin, local or none")
		}
		if p.Price < 0 {
			return lode.Invalid("providers."+name+".price", p.Price, "price must not be negative")
		}
		o := p.options(name, lode.EmbedderConfig{Model: "any", Dim: 1}, nil)
		o.EnsureDefaults()
		if err := o.Validate(); err != nil {
			return aboutProvider(name, err)
		}
	}
	gate, err := newGate(c.Egress, nil)
	if err != nil {
		return err
	}
	return gate.Close()
}

// aboutProvider gives an error of the embedder's options the names of the configuration.
func aboutProvider(name string, err error) error {
	var coded *lode.Error
	if !errors.As(err, &coded) {
		return err
	}
	renamed := *coded
	field := strings.TrimPrefix(coded.Field, "embedder.")
	for own, setting := range map[string]string{"base_url": "url", "api_key": "key"} {
		if field == own {
			field = setting
		}
	}
	renamed.Field = fmt.Sprintf("providers.%s.%s", name, field)
	return &renamed
}

// options are those of the embedder for a collection's settings.
func (p *ProviderConfig) options(name string, c lode.EmbedderConfig, client *http.Client) remote.Options {
	api := p.API
	if api == "" && slices.Contains(remote.APIs(), remote.API(name)) {
		api = remote.API(name)
	}
	return remote.Options{
		API: api, Provider: name, BaseURL: p.BaseURL, APIKey: p.APIKey, Model: c.Model, Dim: c.Dim, Timeout: p.Timeout,
		SendDimensions: p.SendDimensions, DocumentPrefix: p.DocumentPrefix, QueryPrefix: p.QueryPrefix,
		BatchTexts: p.BatchTexts, Concurrency: p.Concurrency, RateLimit: p.RateLimit, HTTPClient: client,
	}
}

func newGate(c EgressConfig, refused func(host, reason string)) (*egress.Gate, error) {
	return egress.New(egress.Options{Allow: c.Allow, Proxy: c.Proxy, Refused: refused})
}
