package service

import (
	"context"
	"errors"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
)

// call is one call of Embed.
type call struct {
	b     *bound
	cache *Cache
	kind  embed.Kind
	texts []string
	out   []lode.Vector
}

// awaited is a text of a call that is not in the cache.
type awaited struct {
	i      int // of the texts
	flight *flight
	joined bool // another call had asked for it before
}

func (c *call) run(ctx context.Context) ([]lode.Vector, error) {
	keys, missing := c.lookup()
	waiting, shared := c.b.shared.queue.enter(ctx, c, keys, missing)
	c.b.count(len(c.texts), len(c.texts)-len(missing), shared)
	again, err := c.collect(ctx, waiting)
	if err == nil && len(again) > 0 {
		// The call that had asked before left, or was refused for another text of its own.
		for _, i := range again {
			keys[i] = Key{} // join nobody
		}
		waiting, _ = c.b.shared.queue.enter(ctx, c, keys, again)
		_, err = c.collect(ctx, waiting)
	}
	if err != nil {
		return nil, err
	}
	return c.out, nil
}

// lookup takes what the cache has. Missing are the indexes of the other texts.
func (c *call) lookup() (keys []Key, missing []int) {
	keys = make([]Key, len(c.texts))
	dim := c.b.Dim()
	for i, text := range c.texts {
		keys[i] = c.b.shared.s.key(c.cache, c.b.shared.print, c.kind, text)
		if c.cache != nil {
			if v, ok := c.cache.Get(keys[i], dim); ok {
				c.out[i] = v
				continue
			}
		}
		missing = append(missing, i)
	}
	return keys, missing
}

// collect waits for texts. Those whose request failed for a reason that is not this call's are
// to be tried again. Whatever it returns, nothing of the call waits any more.
func (c *call) collect(ctx context.Context, waiting []awaited) (again []int, err error) {
	defer c.b.shared.queue.leave(waiting)
	for _, w := range waiting {
		select {
		case <-w.flight.done:
		case <-ctx.Done():
			return nil, embed.ContextError(ctx)
		}
		switch failed := w.flight.err; {
		case failed == nil:
			c.out[w.i] = slices.Clone(w.flight.vector) // others may have asked for it
		case w.joined && notOurs(failed):
			again = append(again, w.i)
		case ctx.Err() != nil:
			return nil, embed.ContextError(ctx)
		default:
			return nil, failed
		}
	}
	return again, nil
}

// notOurs reports whether an error may come from another call's texts, deadline or leaving.
func notOurs(err error) bool {
	return errors.Is(err, embed.ErrRefused) || lode.IsCode(err, lode.CodeInvalid) || lode.IsCode(err, lode.CodeTooLarge) ||
		lode.IsCode(err, lode.CodeTimeout) || lode.IsCode(err, lode.CodeCanceled)
}
