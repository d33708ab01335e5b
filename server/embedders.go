package server

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/chunker"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/builtin"
	"github.com/lodedb/lode/embed/local"
	"github.com/lodedb/lode/embed/remote"
	"github.com/lodedb/lode/embed/service"
	"github.com/lodedb/lode/internal/egress"
)

// embeddingsDir is the folder of the embedding service in the data folder.
const embeddingsDir = "embeddings"

// embedders makes each embedder once and hands it out by a collection's settings.
type embedders struct {
	providers map[string]ProviderConfig
	models    local.Store
	gate      *egress.Gate
	service   *service.Service
	weights   func(lode.CollectionID) ([]byte, error) // of words, of the collections that have some
	mu        struct {
		sync.Mutex
		made map[lode.EmbedderConfig]*service.Shared
	}
}

// newEmbedders opens the embedding service and the gate to providers. s.metrics is there.
func newEmbedders(s *Server) (*embedders, error) {
	gate, err := newGate(s.cfg.Egress, func(host, reason string) {
		s.metrics.egressRefused.Inc()
		s.cfg.Logger.Warn("a connection was refused", "host", host, "reason", reason)
	})
	if err != nil {
		return nil, err
	}
	shared, err := service.Open(service.Options{
		Dir: filepath.Join(s.cfg.DataDir, embeddingsDir), CacheBytes: max(0, s.cfg.Embedding.CacheBytes), CacheAge: s.cfg.Embedding.CacheAge,
		Room: func() bool { return len(s.room.state().refusals) == 0 }, Logger: s.cfg.Logger, Clock: s.cfg.Clock, Events: s.metrics.embedEvents(),
	})
	if err != nil {
		return nil, errors.Join(err, gate.Close())
	}
	e := &embedders{providers: s.cfg.allProviders(), models: local.Store{Dir: s.cfg.ModelsDir}, gate: gate, service: shared}
	e.mu.made = map[lode.EmbedderConfig]*service.Shared{}
	return e, nil
}

// Close ends requests to providers.
func (e *embedders) Close() error { return errors.Join(e.service.Close(), e.gate.Close()) }

// forCollection returns the embedder that the collection's vectors were made with, or a
// coded error when this node has none. A collection of raw vectors has none by design.
func (e *embedders) forCollection(c lode.Collection) (embed.Embedder, error) {
	shared, err := e.sharedFor(c)
	if err != nil {
		return nil, err
	}
	if err := sameSpace(c, shared.Fingerprint()); err != nil {
		return nil, err
	}
	return shared.For(c.Name), nil
}

// sharedFor returns the embedder of a collection as all with its settings share it.
func (e *embedders) sharedFor(c lode.Collection) (*service.Shared, error) {
	return e.sharedBy(c.Embedder, func() (embed.Embedder, error) {
		if c.Embedder.Weights != "" {
			return e.weighted(c)
		}
		return e.open(c.Embedder)
	})
}

// sameSpace refuses an embedder that makes other vectors than a collection holds: the files of
// a model were changed, or the prefixes of a provider. What is part of the program has its own
// fingerprints.
func sameSpace(c lode.Collection, fingerprint string) error {
	if c.Embedder.Provider == lode.ProviderBuiltin || c.Fingerprint == "" || strings.HasPrefix(c.Fingerprint, fingerprint+" ") {
		return nil
	}
	had, _, _ := strings.Cut(c.Fingerprint, " ")
	return lode.FieldError(lode.CodeConflict, "embedder", fingerprint, "the collection holds vectors of %s, and this node now makes those of %s", had, fingerprint).
		WithHint("bring back the model and the provider's settings, or make a new collection")
}

// shared returns an embedder as all collections with these settings share it.
func (e *embedders) shared(c lode.EmbedderConfig) (*service.Shared, error) {
	return e.sharedBy(c, func() (embed.Embedder, error) { return e.open(c) })
}

func (e *embedders) sharedBy(c lode.EmbedderConfig, open func() (embed.Embedder, error)) (*service.Shared, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if made, ok := e.mu.made[c]; ok {
		return made, nil
	}
	made, err := open()
	if err != nil {
		return nil, err
	}
	source := service.Source{Embedder: made, Provider: c.Provider, Model: c.Model, Price: e.providers[c.Provider].Price}
	if far, ok := made.(*remote.Embedder); ok {
		source.Batches = far.Batches()
	}
	e.mu.made[c] = e.service.Add(source)
	return e.mu.made[c], nil
}

func (e *embedders) open(c lode.EmbedderConfig) (embed.Embedder, error) {
	switch c.Provider {
	case lode.ProviderBuiltin:
		return builtin.New(builtin.Options{Model: c.Model})
	case lode.ProviderLocal:
		return e.local(c)
	case lode.ProviderNone:
		return nil, lode.Invalid("embedder.provider", c.Provider, "the collection holds raw vectors and cannot embed text")
	}
	provider, ok := e.providers[c.Provider]
	if !ok {
		return nil, noProvider(c.Provider)
	}
	return remote.New(provider.options(c.Provider, c, e.gate.Client()))
}

// local opens a model in a file.
func (e *embedders) local(c lode.EmbedderConfig) (embed.Embedder, error) {
	m, err := e.models.Open(c.Model)
	var coded *lode.Error
	switch {
	case lode.IsCode(err, lode.CodeNotFound):
		return nil, lode.Invalid("embedder.model", c.Model, "this node has no local model of this name").
			WithHint("lode models list shows those that there are; lode models pull and add get more")
	case errors.As(err, &coded) && coded.Field == "model":
		return nil, coded.In("embedder")
	case err != nil:
		return nil, err
	case m.Dim() != c.Dim:
		return nil, lode.Invalid("embedder.dim", c.Dim, "the model %s has %d dimensions", c.Model, m.Dim())
	}
	return m, nil
}

// noProvider says how a node gets a provider.
func noProvider(name string) error {
	err := lode.Invalid("embedder.provider", name, "this node has no provider of this name")
	if name == lode.ProviderOpenAI {
		return err.WithHint("start the node with --openai-url and LODE_OPENAI_KEY")
	}
	return err.WithHint("start the node with --provider or --provider-file")
}

// fingerprint identifies everything that shapes a collection's vectors. It fails for an
// embedder that this node does not have, so that no collection is made that cannot work.
func (e *embedders) fingerprint(c lode.Collection) (string, error) {
	if c.Embedder.Provider == lode.ProviderNone {
		return fmt.Sprintf("raw/%d %s", c.Dim, c.Metric), nil
	}
	plain := c
	plain.Embedder.Weights = "" // they are not stored yet, and their hash is enough
	made, err := e.forCollection(plain)
	if err != nil {
		return "", err
	}
	of := made.Fingerprint()
	if c.Embedder.Weights != "" {
		var h lode.Hash
		if err := h.UnmarshalText([]byte(c.Embedder.Weights)); err != nil {
			return "", err
		}
		of = builtin.Weighted(of, h)
	}
	return fmt.Sprintf("%s %s %s", of, chunker.Fingerprint(c.Chunker), c.Metric), nil
}
