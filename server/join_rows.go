package server

import (
	"context"
	"errors"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/retrieval"
)

// Received translates the sign that a row was replaced while the query ran.
func (v view) Received(ctx context.Context, ids []lode.RowID) ([]time.Time, error) {
	times, err := v.View.Received(ctx, ids)
	if errors.Is(err, collection.ErrViewGone) {
		return nil, retrieval.ErrViewGone
	}
	return times, err
}
