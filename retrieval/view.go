package retrieval

import (
	"context"
	"errors"
	"time"

	"github.com/lodedb/lode"
)

// inOneView has a question answered from one view, and from a new one while rows of it go away.
func (r *Retriever) inOneView(ctx context.Context, p lode.Principal, collection string, asOf time.Time, answer func(View) error) error {
	if err := p.Validate(); err != nil {
		return err
	}
	for range maxViews {
		view, err := r.o.View(ctx, p, collection, asOf)
		if err == nil {
			err = answer(view)
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrViewGone) {
			return coded(ctx, err)
		}
		r.o.Logger.Debug("view is gone, taking a new one", "collection", collection)
	}
	return errViewsGone()
}
