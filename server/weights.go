package server

import (
	"context"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/builtin"
)

// CreateCollection counts the words of another collection first, where their worth is to be taken
// from there.
func (d documents) CreateCollection(ctx context.Context, p lode.Principal, w lode.Write, c lode.Collection, idfFrom string) (lode.Collection, error) {
	if err := d.rerankers.check(c); err != nil {
		return c, err
	}
	if idfFrom == "" {
		return d.Engine.CreateCollection(ctx, p, w, c)
	}
	c.EnsureDefaults()
	if c.Embedder.Provider != lode.ProviderBuiltin || c.Embedder.Model != builtin.LodeEnV1 {
		return c, lode.Invalid("idf_from", idfFrom, "the embedder %s/%s does not weigh words", c.Embedder.Provider, c.Embedder.Model).
			WithHint("only builtin/" + builtin.LodeEnV1 + " does")
	}
	weights, err := d.weigh(ctx, p, idfFrom)
	if err != nil {
		return c, err
	}
	return d.CreateWeighted(ctx, p, w, c, weights)
}

// leastWeighed is the fewest texts whose words can be weighed.
const leastWeighed = 20

// weigh counts the words of a collection's texts that the principal may see.
func (d documents) weigh(ctx context.Context, p lode.Principal, name string) ([]byte, error) {
	t, err := builtin.Table()
	if err != nil {
		return nil, err
	}
	counter := t.NewCounter()
	err = d.Texts(ctx, p, name, func(text string) error {
		counter.Add(text)
		return nil
	})
	switch {
	case lode.IsCode(err, lode.CodeNotFound):
		return nil, lode.Invalid("idf_from", name, "there is no collection of this name")
	case err != nil:
		return nil, err
	case counter.Texts() < leastWeighed:
		return nil, lode.Invalid("idf_from", name, "the collection has %d texts; what words are worth shows in %d or more", counter.Texts(), leastWeighed)
	}
	return counter.WeightsWithin(collection.MaxWeightsBytes).MarshalBinary()
}

// weighted opens the built-in model with the weights of a collection.
func (e *embedders) weighted(c lode.Collection) (embed.Embedder, error) {
	t, err := builtin.Table()
	if err != nil {
		return nil, err
	}
	stored, err := e.weights(c.ID)
	if err != nil {
		return nil, err
	}
	weights, err := t.ParseWeights(stored)
	if err != nil {
		return nil, err
	}
	return builtin.New(builtin.Options{Model: c.Embedder.Model, Weights: weights})
}
