package indextest

import (
	"context"
	"sync/atomic"
)

// Dying is a context that ends after it was asked a number of times whether it has: so tests reach
// every place where a search looks.
type Dying struct {
	context.Context
	Asked atomic.Int64
	after int64
}

// NewDying returns a context that ends after so many questions.
func NewDying(ctx context.Context, after int64) *Dying { return &Dying{Context: ctx, after: after} }

// Err implements [context.Context].
func (d *Dying) Err() error {
	if d.Asked.Add(1) > d.after {
		return context.Canceled
	}
	return nil
}
