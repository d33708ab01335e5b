package embed

import (
	"context"

	"github.com/lodedb/lode"
	"golang.org/x/sync/errgroup"
)

// BatchOptions bound the calls that [Batched] makes.
type BatchOptions struct {
	Texts       int // texts in one call. The default is 128.
	Bytes       int // bytes of text in one call, unless one text alone has more. The default is 256 KiB.
	Concurrency int // calls at the same time, of all callers together. The default is 1.
}

// Defaults of [BatchOptions].
const (
	DefaultBatchTexts = 128
	DefaultBatchBytes = 256 << 10
)

// EnsureDefaults fills what the caller left out.
func (o *BatchOptions) EnsureDefaults() {
	if o.Texts <= 0 {
		o.Texts = DefaultBatchTexts
	}
	if o.Bytes <= 0 {
		o.Bytes = DefaultBatchBytes
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 1
	}
}

// Batched returns an embedder that passes texts on to e in calls of bounded size. The first
// error cancels the calls that still run, and is returned.
func Batched(e Embedder, o BatchOptions) Embedder {
	o.EnsureDefaults()
	return &batched{Embedder: e, options: o, slots: make(chan struct{}, o.Concurrency)}
}

type batched struct {
	Embedder
	options BatchOptions
	slots   chan struct{} // one token for each running call
}

// Embed implements [Embedder].
func (b *batched) Embed(ctx context.Context, kind Kind, texts []string) ([]lode.Vector, error) {
	out := make([]lode.Vector, len(texts))
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(b.options.Concurrency)
	for start := 0; start < len(texts) && inner.Err() == nil; {
		end := b.end(texts, start)
		batch, to := texts[start:end], out[start:end]
		group.Go(func() error { return b.call(inner, kind, batch, to) })
		start = end
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := ContextError(ctx); err != nil {
		return nil, err
	}
	return out, nil
}

// call embeds one batch into to.
func (b *batched) call(ctx context.Context, kind Kind, texts []string, to []lode.Vector) error {
	select {
	case b.slots <- struct{}{}:
		defer func() { <-b.slots }()
	case <-ctx.Done():
		return ContextError(ctx)
	}
	vectors, err := b.Embedder.Embed(ctx, kind, texts)
	if err != nil {
		return err
	}
	if len(vectors) != len(texts) {
		return lode.Errorf(lode.CodeInternal, "embedder %s returned %d vectors for %d texts", b.Fingerprint(), len(vectors), len(texts))
	}
	copy(to, vectors)
	return nil
}

// end returns where the batch that begins at start ends.
func (b *batched) end(texts []string, start int) int {
	size := len(texts[start])
	end := start + 1
	for end < len(texts) && end-start < b.options.Texts && size+len(texts[end]) <= b.options.Bytes {
		size += len(texts[end])
		end++
	}
	return end
}
