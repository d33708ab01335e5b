package collection

import (
	"context"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/storage"
)

// Texts calls fn with the texts that are embedded of every searchable chunk of documents and raw
// vectors that the principal may see, in order of documents, until fn returns an error.
func (e *Engine) Texts(ctx context.Context, p lode.Principal, name string, fn func(text string) error) error {
	c, err := e.open(p, name)
	if err != nil {
		return err
	}
	return e.scan(ctx, c.settings.ID, 0, func(tx *storage.Tx, d *document) (bool, error) {
		if d.current == nil || !d.maySee(p) || d.doc.Expired(e.options.Clock()) {
			return true, nil
		}
		return true, tx.ChunkTexts(c.settings.ID, d.current, func(s *lode.StagedChunk) error {
			if text := s.Chunk.EmbeddedText(d.current.Title); text != "" {
				return fn(text)
			}
			return index.Stopped(ctx)
		})
	})
}

// Weights returns what words are worth in a collection, as it was made with;
// [lode.CodeNotFound] where it was made without.
func (e *Engine) Weights(c lode.CollectionID) (weights []byte, err error) {
	err = e.store.View(func(tx *storage.Tx) error {
		weights, err = tx.Weights(c)
		return err
	})
	return weights, err
}
