package collection

import (
	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// maxCollections bounds the collections of a cluster: all of them are opened at start.
const maxCollections = 10_000

func (b *batch) initCluster(c *initCluster) (any, error) {
	if refusal := c.check(); refusal != nil {
		return refusal, nil
	}
	if id, ok := b.tx.Cluster(); ok {
		if id != c.ID {
			return lode.FieldError(lode.CodeConflict, "cluster", c.ID, "the node belongs to cluster %s", id), nil
		}
		return done{}, nil // the first key stays: outside ids are found by it
	}
	return done{}, b.tx.InitCluster(c.ID, c.IDKey)
}

func (c *initCluster) check() *lode.Error {
	if c.ID == "" {
		return lode.Invalid("cluster", c.ID, "cluster id must not be empty")
	}
	if len(c.IDKey) < storage.MinIDKeyBytes {
		return lode.Invalid("id_key", len(c.IDKey), "the id key must have at least %d bytes", storage.MinIDKeyBytes)
	}
	return nil
}

func (b *batch) createCollection(c *createCollection) (any, error) {
	old, err := absent(b.tx.CollectionByName(c.Collection.Name))
	if err != nil {
		return nil, err
	}
	if old != nil {
		return errCollectionExists(old.Name), nil
	}
	all, err := b.tx.Collections()
	if err != nil {
		return nil, err
	}
	if len(all) >= maxCollections {
		return lode.FieldError(lode.CodeTooLarge, "collection", c.Collection.Name, "there are %d collections, which is the limit", len(all)), nil
	}
	settings := c.Collection
	if settings.ID, err = b.tx.NextCollectionID(); err != nil {
		return nil, err
	}
	settings.BeginHistory(settings.CreatedAt)
	b.beginHistory(nil, &settings.Tuning)
	if len(c.Weights) > 0 {
		settings.Embedder.Weights = lode.HashOf(c.Weights).String()
	}
	if err := b.tx.PutCollection(&settings); err != nil {
		return nil, err
	}
	if len(c.Weights) > 0 {
		if err := b.tx.PutWeights(settings.ID, c.Weights); err != nil {
			return nil, err
		}
	}
	b.effects = append(b.effects, func(w *world) error {
		c := newCollection(settings, w.options)
		w.editCatalog().add(c)
		return c.publish()
	})
	return settings, nil
}

func errCollectionExists(name string) *lode.Error {
	return lode.FieldError(lode.CodeConflict, "collection", name, "a collection of this name exists already")
}

func (b *batch) deleteCollection(c *deleteCollection) (any, error) {
	settings, err := absent(b.tx.Collection(c.Collection))
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return errNoCollection(c.Collection), nil
	}
	if err := b.tx.DropCollection(c.Collection); err != nil {
		return nil, err
	}
	gone := *settings
	b.effects = append(b.effects, func(w *world) error {
		w.editCatalog().remove(gone.ID)
		return nil
	})
	b.tell(func(ev *Events) {
		if ev.Dropped != nil {
			ev.Dropped(gone)
		}
	})
	return done{}, nil
}

// tune changes what may change of a collection's settings, which shapes no data.
func (b *batch) tune(c *tune) (any, error) {
	settings, err := absent(b.tx.Collection(c.Collection))
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return errNoCollection(c.Collection), nil
	}
	next := *settings
	if next.Tuning, err = c.Change.Apply(settings.Tuning, c.At); err != nil {
		return coded(err), nil
	}
	b.beginHistory(settings.Tuning.HistoryFrom, &next.Tuning)
	return next, b.retune(&next)
}

// retune stores and shows settings of which the tuning changed.
func (b *batch) retune(next *lode.Collection) error {
	if err := b.tx.PutCollection(next); err != nil {
		return err
	}
	b.effects = append(b.effects, func(w *world) error {
		w.catalog.byID[next.ID].tuning.Store(&next.Tuning)
		return nil
	})
	return nil
}

// errNoCollection is the refusal of a command whose collection was dropped while the
// command was on its way through the log.
func errNoCollection(id lode.CollectionID) *lode.Error {
	return lode.NotFound("collection", id)
}

// absent turns "not found" into a nil pointer.
func absent[T any](v *T, err error) (*T, error) {
	if lode.IsCode(err, lode.CodeNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}
