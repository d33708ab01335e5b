package bm25_test

import "context"

// dying is a context that ends after it was asked a number of times.
type dying struct {
	context.Context
	left int
}

func (d *dying) Err() error {
	d.left--
	if d.left < 0 {
		return context.Canceled
	}
	return nil
}
