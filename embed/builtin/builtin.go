package builtin

import (
	"context"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/table"
)

// The models.
const (
	LodeEnV1 = "lode-en-v1"
	HashV1   = "hash-v1"
)

// Options choose a model.
type Options struct {
	Model string // the default is that of [lode.DefaultEmbedder]

	// Weights are what words are worth in the collection, for lode-en-v1 alone. They are part of
	// the fingerprint. The default is none: all words count by the length of their rows.
	Weights *table.Weights
}

// EnsureDefaults fills what the caller left out.
func (o *Options) EnsureDefaults() {
	if o.Model == "" {
		o.Model = lode.DefaultEmbedder.Model
	}
}

// New returns the embedder of a model. A model that there is none of, and weights for a model that
// takes none, are [lode.CodeInvalid].
func New(o Options) (embed.Embedder, error) {
	o.EnsureDefaults()
	switch {
	case o.Model == LodeEnV1:
		return newTabled(o.Weights)
	case o.Model != HashV1:
		return nil, lode.Invalid("model", o.Model, "the built-in models are %s and %s", LodeEnV1, HashV1)
	case o.Weights != nil:
		return nil, lode.Invalid("weights", o.Model, "%s takes no weights of words", HashV1)
	}
	return newHashed(), nil
}

// embedAll calls one for each text, until ctx ends.
func embedAll(ctx context.Context, texts []string, one func(text string) lode.Vector) ([]lode.Vector, error) {
	out := make([]lode.Vector, len(texts))
	for i, text := range texts {
		if err := embed.ContextError(ctx); err != nil {
			return nil, err
		}
		out[i] = one(text)
	}
	if err := embed.ContextError(ctx); err != nil {
		return nil, err
	}
	return out, nil
}
