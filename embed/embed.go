package embed

import (
	"context"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/provider"
)

// Kind says what a text is for. Some models embed questions differently from passages.
type Kind uint8

// The kinds of text.
const (
	Document Kind = iota // a passage that is stored
	Query                // a question that is asked
)

// Embedder turns texts into vectors. All methods may be called by many goroutines at once.
type Embedder interface {
	// Fingerprint identifies everything that vectors depend on: provider, model, revision,
	// dimensions, normalisation. It is the same for the life of the embedder. Vectors with
	// different fingerprints never mix.
	Fingerprint() string

	// Dim is the number of dimensions of every vector.
	Dim() int

	// Static reports whether the model knows words but not their context. Fusion trusts such
	// a model less.
	Static() bool

	// Embed returns one vector for each text, in order: as many as there are texts, each of
	// Dim finite numbers, not all zero. It is all or nothing: with an error the result is nil.
	// No texts give no vectors and no error. An empty text is a text.
	//
	// Errors are coded: [lode.CodeProvider] when the provider fails or cannot be reached, with
	// the reason; [lode.CodeInvalid] or [lode.CodeTooLarge] when a text cannot be embedded;
	// [lode.CodeCanceled] or [lode.CodeTimeout] when ctx ends first. They hold neither texts
	// nor secrets. The vectors belong to the caller; texts is not kept.
	Embed(ctx context.Context, kind Kind, texts []string) ([]lode.Vector, error)
}

// ContextError returns the coded error for a context that has ended, or nil.
func ContextError(ctx context.Context) error { return provider.ContextError(ctx, "embed texts") }
