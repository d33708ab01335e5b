package server

import (
	"context"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/embed"
)

// embedding answers for embedders on the HTTP surface.
type embedding struct {
	s *Server
	e *embedders
}

var _ api.Embedding = embedding{}

// mostEmbedders bounds the embedders that are held for calls that name one; collections have
// theirs beyond it.
const mostEmbedders = 256

// Embed embeds texts as a collection or an embedder does.
func (m embedding) Embed(ctx context.Context, p lode.Principal, q api.EmbedQuery) (api.Embedded, error) {
	by, err := m.embedder(ctx, p, q)
	if err != nil {
		return api.Embedded{}, err
	}
	kind := embed.Document
	if q.Query {
		kind = embed.Query
	}
	vectors, err := by.Embedder.Embed(ctx, kind, q.Texts)
	if err != nil {
		return api.Embedded{}, err
	}
	return api.Embedded{Embedder: by.config, Fingerprint: by.Fingerprint(), Vectors: vectors}, nil
}

// chosen is an embedder with its settings.
type chosen struct {
	embed.Embedder
	config lode.EmbedderConfig
}

// embedder returns what a query names. An embedder without a collection is for those who may
// see everything: it may cost money, and no collection says who may spend it.
func (m embedding) embedder(ctx context.Context, p lode.Principal, q api.EmbedQuery) (chosen, error) {
	if q.Collection != "" {
		c, _, err := m.s.engine.Collection(ctx, p, q.Collection)
		if err != nil {
			return chosen{}, err
		}
		by, err := m.e.forCollection(c)
		return chosen{by, c.Embedder}, err
	}
	if err := mayOversee(p); err != nil {
		return chosen{}, err
	}
	by, err := m.e.named(q.Embedder)
	return chosen{by, q.Embedder}, err
}

func mayOversee(p lode.Principal) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if !p.SeesAll() {
		return lode.Errorf(lode.CodeUnauthorized, "this is about all collections, which the caller may not see")
	}
	return nil
}

// named returns an embedder for no collection.
func (e *embedders) named(c lode.EmbedderConfig) (embed.Embedder, error) {
	e.mu.Lock()
	_, made := e.mu.made[c]
	full := len(e.mu.made) >= mostEmbedders
	e.mu.Unlock()
	if full && !made {
		return nil, lode.FieldError(lode.CodeOverloaded, "embedder.model", c.Model, "the node holds %d different embedders", mostEmbedders)
	}
	shared, err := e.shared(c)
	if err != nil {
		return nil, err
	}
	return shared.For(""), nil
}

// EmbedUsage reports the ledger and the cache.
func (m embedding) EmbedUsage(_ context.Context, p lode.Principal) (v1.EmbedUsage, error) {
	if err := mayOversee(p); err != nil {
		return v1.EmbedUsage{}, err
	}
	rows := m.e.service.Entries()
	out := v1.EmbedUsage{Accounts: make([]v1.EmbedAccount, len(rows))}
	for i, row := range rows {
		out.Accounts[i] = v1.EmbedAccount{
			Provider: row.Provider, Model: row.Model, Collection: row.Collection, Texts: row.Texts, Cached: row.Cached, Shared: row.Shared,
			Requests: row.Requests, Failed: row.Failed, Tokens: row.Tokens, Estimated: row.Estimated, Cost: row.Cost,
		}
	}
	if stats, ok := m.e.service.CacheStats(); ok {
		out.Cache = &v1.EmbedCache{Entries: stats.Entries, Bytes: stats.Bytes, Limit: stats.Limit, Damaged: stats.Damaged}
	}
	return out, nil
}

// ClearEmbedCache forgets the vectors that are kept.
func (m embedding) ClearEmbedCache(_ context.Context, p lode.Principal) error {
	if err := mayOversee(p); err != nil {
		return err
	}
	return m.e.service.ClearCache()
}
