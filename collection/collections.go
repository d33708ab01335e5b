package collection

import (
	"context"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// Limits of lists.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

func pageLimit(limit int) (int, error) {
	if limit == 0 {
		return DefaultPage, nil
	}
	if limit < 1 || limit > MaxPage {
		return 0, lode.Invalid("limit", limit, "limit must be 1 to %d", MaxPage)
	}
	return limit, nil
}

// Init gives the cluster its identity and the key under which outside ids are looked up.
// It is the first command; every other write before it is refused as unavailable. The
// same id again changes nothing and keeps the first key.
func (e *Engine) Init(ctx context.Context, clusterID string, idKey []byte) error {
	cmd := &initCluster{ID: clusterID, IDKey: idKey}
	if err := cmd.check(); err != nil {
		return err
	}
	_, err := propose[done](ctx, e, cmd)
	return err
}

// CollectionInfo is a collection with its numbers.
type CollectionInfo struct {
	Collection lode.Collection
	Stats      lode.CollectionStats
}

// MaxWeightsBytes bounds the weights of words that a collection is made with.
const MaxWeightsBytes = MaxCommandBytes - headRoom

// CreateCollection creates an empty collection: c without ID, CreatedAt and Fingerprint,
// defaults filled in. A name that is taken is [lode.CodeConflict].
func (e *Engine) CreateCollection(ctx context.Context, p lode.Principal, w lode.Write, c lode.Collection) (lode.Collection, error) {
	return e.CreateWeighted(ctx, p, w, c, nil)
}

// CreateWeighted is CreateCollection for one whose embedder weighs words, in the embedder's form.
// They never change.
func (e *Engine) CreateWeighted(ctx context.Context, p lode.Principal, w lode.Write, c lode.Collection, weights []byte) (lode.Collection, error) {
	if err := e.admit(p); err != nil {
		return lode.Collection{}, err
	}
	c.EnsureDefaults()
	if err := c.Validate(); err != nil {
		return lode.Collection{}, err
	}
	if err := checkSpoken(&c.Tuning); err != nil {
		return lode.Collection{}, err
	}
	if len(weights) > MaxWeightsBytes {
		return lode.Collection{}, lode.Errorf(lode.CodeTooLarge, "the weights of words have %d bytes, the limit is %d", len(weights), MaxWeightsBytes)
	}
	if len(weights) > 0 {
		c.Embedder.Weights = lode.HashOf(weights).String()
	}
	c.ID, c.CreatedAt = 0, e.now()
	err := error(nil)
	if w.Key == "" && e.catalog.Load().byName[c.Name] != nil {
		err = errCollectionExists(c.Name) // with a key Apply says so, and the answer is kept
	} else {
		c.Fingerprint, err = e.options.Fingerprint(c)
	}
	return carry[lode.Collection](ctx, e, p, w, err, func() command { return &createCollection{Collection: c, Weights: weights} })
}

// Collection returns a collection and what it holds, as far as the principal may see it.
func (e *Engine) Collection(ctx context.Context, p lode.Principal, name string) (lode.Collection, lode.CollectionStats, error) {
	c, err := e.open(p, name)
	if err != nil {
		return lode.Collection{}, lode.CollectionStats{}, err
	}
	stats, err := e.stats(ctx, p, c)
	return c.described(), stats, err
}

// Collections returns up to limit collections by name, from the first name after the given
// one, and the name to go on after: "" at the end.
func (e *Engine) Collections(ctx context.Context, p lode.Principal, after string, limit int) (page []CollectionInfo, next string, err error) {
	if err := e.admit(p); err != nil {
		return nil, "", err
	}
	if limit, err = pageLimit(limit); err != nil {
		return nil, "", err
	}
	all := e.catalog.Load()
	names := all.names()
	start, found := slices.BinarySearch(names, after)
	if found {
		start++
	}
	end := min(start+limit, len(names))
	for _, name := range names[start:end] {
		stats, err := e.stats(ctx, p, all.byName[name])
		if err != nil {
			return nil, "", err
		}
		page = append(page, CollectionInfo{Collection: all.byName[name].described(), Stats: stats})
	}
	if end < len(names) {
		next = names[end-1]
	}
	return page, next, nil
}

// stats are the collection's numbers. What a principal may not see does not count for it,
// so those of a restricted one are counted afresh.
func (e *Engine) stats(ctx context.Context, p lode.Principal, c *collection) (lode.CollectionStats, error) {
	if p.SeesAll() {
		if err := c.await(ctx); err != nil {
			return lode.CollectionStats{}, err
		}
		return c.published.Load().stats, nil
	}
	var stats lode.CollectionStats
	err := e.scan(ctx, c.settings.ID, 0, func(_ *storage.Tx, d *document) (bool, error) {
		if d.maySee(p) {
			addStats(&stats, d.count(), +1)
		}
		return true, nil
	})
	return stats, err
}

// Tune changes what may change of a collection's settings, and returns them as they are then.
func (e *Engine) Tune(ctx context.Context, p lode.Principal, w lode.Write, name string, change lode.TuningChange) (lode.Collection, error) {
	c, err := e.open(p, name)
	at := e.now()
	if err == nil {
		var next lode.Tuning
		if next, err = change.Apply(*c.tuning.Load(), at); err == nil {
			err = checkSpoken(&next)
		}
	}
	return carry[lode.Collection](ctx, e, p, w, err, func() command { return &tune{Collection: c.settings.ID, Change: change, At: at} })
}

// DeleteCollection removes a collection with everything in it.
func (e *Engine) DeleteCollection(ctx context.Context, p lode.Principal, w lode.Write, name string) error {
	c, err := e.open(p, name)
	_, err = carry[done](ctx, e, p, w, err, func() command { return &deleteCollection{Collection: c.settings.ID} })
	return err
}
