package server

import (
	"fmt"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/chunker"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/builtin"
	"github.com/lodedb/lode/embed/openai"
)

// embedders makes each embedder once and hands it out by a collection's settings.
type embedders struct {
	openai OpenAIConfig
	mu     struct {
		sync.Mutex
		made map[lode.EmbedderConfig]embed.Embedder
	}
}

func newEmbedders(o OpenAIConfig) *embedders {
	e := &embedders{openai: o}
	e.mu.made = map[lode.EmbedderConfig]embed.Embedder{}
	return e
}

// forCollection returns the embedder that the collection's vectors were made with, or a
// coded error when this node has none. A collection of raw vectors has none by design.
func (e *embedders) forCollection(c lode.Collection) (embed.Embedder, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if made, ok := e.mu.made[c.Embedder]; ok {
		return made, nil
	}
	made, err := e.open(c.Embedder)
	if err == nil {
		e.mu.made[c.Embedder] = made
	}
	return made, err
}

func (e *embedders) open(c lode.EmbedderConfig) (embed.Embedder, error) {
	switch c.Provider {
	case lode.ProviderBuiltin:
		return builtin.New(builtin.Options{Model: c.Model})
	case lode.ProviderOpenAI:
		if e.openai.BaseURL == "" {
			return nil, lode.Invalid("embedder.provider", c.Provider, "this node has no OpenAI-compatible provider").
				WithHint("start the node with --openai-url and LODE_OPENAI_KEY")
		}
		return openai.New(openai.Options{
			BaseURL: e.openai.BaseURL, Model: c.Model, Dim: c.Dim, APIKey: e.openai.APIKey, Timeout: e.openai.Timeout,
		})
	}
	return nil, lode.Invalid("embedder.provider", c.Provider, "the collection holds raw vectors and cannot embed text")
}

// fingerprint identifies everything that shapes a collection's vectors. It fails for an
// embedder that this node does not have, so that no collection is made that cannot work.
func (e *embedders) fingerprint(c lode.Collection) (string, error) {
	if c.Embedder.Provider == lode.ProviderNone {
		return fmt.Sprintf("raw/%d %s", c.Dim, c.Metric), nil
	}
	made, err := e.forCollection(c)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s %s", made.Fingerprint(), chunker.Fingerprint(c.Chunker), c.Metric), nil
}
