package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/service"
	"github.com/lodedb/lode/internal/provider"
	"github.com/lodedb/lode/internal/text"
	"github.com/lodedb/lode/retrieval/rerank"
)

// RerankerConfig reaches one service that re-ranks passages. Queries name it; address, model and
// key stay with the node. The zero value of a field is its default.
type RerankerConfig struct {
	API           rerank.API // the default is the one of the re-ranker's name
	BaseURL       string     // the default is the address of the API's own provider
	APIKey        string     // never logged
	Model         string
	Timeout       time.Duration // of one request; the default is DefaultRerankTimeout, since a query waits
	PassageTokens int           // where passages are cut
	BatchPassages int
	Concurrency   int
	RateLimit     float64 // requests per second
	Price         float64 // of a million tokens
}

// How long a query waits for a re-ranker: less than a document does for its vectors.
const (
	DefaultRerankTimeout = 10 * time.Second
	rerankRetries        = 2
	rerankMostWait       = 5 * time.Second
)

// validateRerankers checks the re-rankers. The error names the field as rerankers.NAME.FIELD.
func (c *Config) validateRerankers() error {
	taken := []string{rerank.NameMaxSim, rerank.NameFeatures, lode.RerankNone}
	for _, name := range slices.Sorted(maps.Keys(c.Rerankers)) {
		r := c.Rerankers[name]
		if lode.ValidateCollectionName(name) != nil || slices.Contains(taken, name) {
			return lode.Invalid("rerankers", name, "a re-ranker is named with 1 to 64 characters of a-z, 0-9, _ and -, and not maxsim, features or none")
		}
		if !(r.Price >= 0) {
			return lode.Invalid("rerankers."+name+".price", r.Price, "price must not be negative")
		}
		o := r.options(name, nil)
		o.EnsureDefaults()
		if err := o.Validate(); err != nil {
			return aboutReranker(name, err)
		}
	}
	return nil
}

// aboutReranker gives an error of the ranker's options the names of the configuration.
func aboutReranker(name string, err error) error {
	var coded *lode.Error
	if !errors.As(err, &coded) {
		return err
	}
	renamed := *coded
	switch renamed.Field {
	case "base_url":
		renamed.Field = "url"
	case "api_key":
		renamed.Field = "key"
	}
	return renamed.In("rerankers." + name)
}

// options are those of the ranker, which sends through e's gate; without e it is only to be checked.
func (r *RerankerConfig) options(name string, e *embedders) rerank.Options {
	api := r.API
	if api == "" {
		api = rerank.API(name)
	}
	o := rerank.Options{
		Name: name, API: api, Model: r.Model, BatchPassages: r.BatchPassages, PassageTokens: r.PassageTokens,
		Provider: provider.Options{
			BaseURL: r.BaseURL, APIKey: r.APIKey, Timeout: r.Timeout, Concurrency: r.Concurrency, RateLimit: r.RateLimit,
			MaxRetries: rerankRetries, MaxWait: rerankMostWait,
		},
	}
	setDefault(&o.Provider.Timeout, DefaultRerankTimeout)
	if e != nil {
		o.Provider.HTTPClient = e.gate.Client()
	}
	return o
}

// rerankers hands out rankers by a collection's settings and a name.
type rerankers struct {
	config    map[string]RerankerConfig
	remotes   map[string]*rerank.Remote
	embedders *embedders
	bare      *rerank.Extractor // without vectors of words
	mu        struct {
		sync.Mutex
		extractors map[lode.EmbedderConfig]*rerank.Extractor // they keep words that were analysed
	}
}

func newRerankers(config map[string]RerankerConfig, e *embedders) (*rerankers, error) {
	bare, err := rerank.NewExtractor(text.English, nil)
	if err != nil {
		return nil, err
	}
	r := &rerankers{config: config, remotes: map[string]*rerank.Remote{}, embedders: e, bare: bare}
	r.mu.extractors = map[lode.EmbedderConfig]*rerank.Extractor{}
	for name, c := range config {
		made, err := rerank.NewRemote(c.options(name, e))
		if err != nil {
			return nil, errors.Join(aboutReranker(name, err), r.Close())
		}
		r.remotes[name] = made
	}
	return r, nil
}

// Close releases connections. It may be called twice.
func (r *rerankers) Close() error {
	var errs []error
	for _, remote := range r.remotes {
		errs = append(errs, remote.Close())
	}
	return errors.Join(errs...)
}

// forCollection returns the ranker that a query of a collection names, or a coded error that says why
// there is none.
func (r *rerankers) forCollection(c lode.Collection, name string) (rerank.Ranker, error) {
	switch name {
	case rerank.NameMaxSim:
		return r.maxsim(c)
	case rerank.NameFeatures:
		return r.features(c)
	}
	remote, ok := r.remotes[name]
	if !ok {
		return nil, lode.Invalid("rerank.name", name, "this node has no re-ranker of this name").
			WithHint("there are " + strings.Join(r.names(), ", ") + "; others are described in the file of --reranker-file")
	}
	of := r.config[name]
	return metered{remote, r.embedders.service, service.Account{Provider: name, Model: of.Model, Collection: c.Name}, of.Price}, nil
}

// names are those of all rankers.
func (r *rerankers) names() []string {
	return append([]string{rerank.NameMaxSim, rerank.NameFeatures}, slices.Sorted(maps.Keys(r.remotes))...)
}

func (r *rerankers) maxsim(c lode.Collection) (*rerank.MaxSim, error) {
	shared, err := r.embedders.sharedFor(c)
	if err != nil {
		return nil, fmt.Errorf("re-rank with %s: %w", rerank.NameMaxSim, err)
	}
	return rerank.NewMaxSim(shared.Source(), rerank.MaxSimOptions{})
}

// features returns the ranker that was trained for a collection.
func (r *rerankers) features(c lode.Collection) (*rerank.Linear, error) {
	var weights map[string]float64
	if c.Tuning.Ranking != nil {
		weights = c.Tuning.Ranking.Features
	}
	x, err := r.extractor(c)
	if err != nil {
		return nil, err
	}
	return rerank.NewLinear(weights, x)
}

// extractor returns what computes features of passages; for embedders without vectors of words, or
// that this node does not have, it is one without [rerank.FeatureMaxSim].
func (r *rerankers) extractor(c lode.Collection) (*rerank.Extractor, error) {
	maxsim, err := r.maxsim(c)
	if err != nil {
		return r.bare, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if made, ok := r.mu.extractors[c.Embedder]; ok {
		return made, nil
	}
	x, err := rerank.NewExtractor(text.English, maxsim)
	if err == nil {
		r.mu.extractors[c.Embedder] = x
	}
	return x, err
}

// metered counts what a service is asked, in the ledger of embeddings.
type metered struct {
	*rerank.Remote
	service *service.Service
	account service.Account
	price   float64
}

func (m metered) Rank(ctx context.Context, query string, ps []lode.RerankPassage) ([]lode.RerankScore, error) {
	ctx = embed.WithMeter(ctx, func(q embed.Request) { m.service.Charge(m.account, q, m.price) })
	return m.Remote.Rank(ctx, query, ps)
}

// Tune refuses a re-ranker that queries could not be answered with.
func (d documents) Tune(ctx context.Context, p lode.Principal, w lode.Write, name string, change lode.TuningChange) (lode.Collection, error) {
	if change.Ranking != nil && !change.Ranking.IsZero() {
		c, _, err := d.Engine.Collection(ctx, p, name)
		if err != nil {
			return c, err
		}
		c.Tuning.Ranking = change.Ranking
		if err := d.rerankers.check(c); err != nil {
			return c, err
		}
	}
	return d.Engine.Tune(ctx, p, w, name, change)
}

// check reports whether the node has the re-ranker that queries of a collection take, and knows the
// features that weights are for.
func (r *rerankers) check(c lode.Collection) error {
	ranking := c.Tuning.Ranking
	if ranking == nil {
		return nil
	}
	c.EnsureDefaults()
	var err error
	if len(ranking.Features) > 0 {
		_, err = r.forCollection(c, rerank.NameFeatures)
	}
	if err == nil && ranking.Rerank != nil && ranking.Rerank.Name != lode.RerankNone {
		_, err = r.forCollection(c, ranking.Rerank.Name)
	}
	var coded *lode.Error
	if errors.As(err, &coded) && strings.HasPrefix(coded.Field, "rerank.") {
		return coded.In("ranking")
	}
	return err
}
