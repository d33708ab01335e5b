package service

import (
	"context"
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
)

// Source is one model of one provider.
type Source struct {
	Embedder        embed.Embedder
	Provider, Model string
	// Batches bound one request to a provider that is reached over a network. The zero value
	// is an embedder in the process, for which nothing is kept and nobody waits.
	Batches embed.BatchOptions
	// Price is that of a million tokens, in the operator's currency.
	Price float64
}

// Shared is a source as its callers share it.
type Shared struct {
	s       *Service
	source  Source
	account Account
	print   string // the fingerprint
	queue   *queue // nil: an embedder in the process

	bound sync.Map // collection to *bound
}

// Add returns a source for sharing. It is there until the service closes.
func (s *Service) Add(src Source) *Shared {
	sh := &Shared{s: s, source: src, print: src.Embedder.Fingerprint(), account: Account{Provider: src.Provider, Model: src.Model}}
	if src.Batches != (embed.BatchOptions{}) {
		sh.source.Batches.EnsureDefaults()
		sh.queue = s.newQueue(sh)
		s.cache()
	}
	return sh
}

// Fingerprint is that of the source.
func (sh *Shared) Fingerprint() string { return sh.print }

// Source is the embedder that is shared, for its optional powers such as [embed.Lexicon]: calls of
// Embed through it are not counted.
func (sh *Shared) Source() embed.Embedder { return sh.source.Embedder }

// For returns the embedder that embeds for a collection; with an empty name for none.
func (sh *Shared) For(collection string) embed.Embedder {
	if b, ok := sh.bound.Load(collection); ok {
		return b.(*bound)
	}
	b := &bound{Embedder: sh.source.Embedder, shared: sh, account: sh.account}
	b.account.Collection = collection
	kept, _ := sh.bound.LoadOrStore(collection, b)
	return kept.(*bound)
}

// bound is a source in the name of a collection.
type bound struct {
	embed.Embedder
	shared  *Shared
	account Account
}

var _ embed.Embedder = (*bound)(nil)

// Embed implements [embed.Embedder].
func (b *bound) Embed(ctx context.Context, kind embed.Kind, texts []string) ([]lode.Vector, error) {
	if b.shared.queue == nil {
		return b.direct(ctx, kind, texts)
	}
	for i, text := range texts {
		if !utf8.ValidString(text) {
			return nil, lode.Invalid(fmt.Sprintf("texts[%d]", i), "", "text is not UTF-8")
		}
	}
	if err := embed.ContextError(ctx); err != nil {
		return nil, err
	}
	c := call{b: b, cache: b.shared.s.opened(), kind: kind, texts: texts, out: make([]lode.Vector, len(texts))}
	return c.run(ctx)
}

// direct embeds in the process.
func (b *bound) direct(ctx context.Context, kind embed.Kind, texts []string) ([]lode.Vector, error) {
	vectors, err := b.Embedder.Embed(ctx, kind, texts)
	if err == nil {
		b.count(len(texts), 0, 0)
	}
	return vectors, err
}

// count counts the texts of a call.
func (b *bound) count(texts, cached, shared int) {
	b.shared.s.ledger.add(b.account, func(t *Totals) {
		t.Texts += int64(texts)
		t.Cached += int64(cached)
		t.Shared += int64(shared)
	})
	b.shared.s.o.Events.Texts(b.account.Provider, cached, shared, texts-cached-shared)
}
