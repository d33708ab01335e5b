package storage

import "github.com/lodedb/lode"

// PutWeights stores what words are worth in a collection, in the form of its embedder, under the
// hash that its settings name.
func (t *Tx) PutWeights(c lode.CollectionID, weights []byte) error {
	b, err := t.shelfForWrite(c, modelBucket)
	if err != nil {
		return err
	}
	settings, err := t.Collection(c)
	if err != nil {
		return err
	}
	if h := lode.HashOf(weights); settings.Embedder.Weights != h.String() {
		return lode.Errorf(lode.CodeInternal, "collection %d names weights %s, not %s", c, settings.Embedder.Weights, h)
	}
	return putRecord(b, kindWeights, weightsKey, &weightsRecord{Data: weights})
}

// Weights returns them; [lode.CodeNotFound] where a collection has none.
func (t *Tx) Weights(c lode.CollectionID) ([]byte, error) {
	b, err := t.shelf(c, modelBucket)
	if err != nil {
		return nil, err
	}
	r, err := getRecord[weightsRecord](b, kindWeights, weightsKey)
	if err == nil && r == nil {
		return nil, lode.NotFound("weights", c)
	}
	if err != nil {
		return nil, err
	}
	return r.Data, nil
}
