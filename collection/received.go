package collection

import (
	"context"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/storage"
)

// Received returns when the bytes of each row were received, in the order asked for. Of storage it
// reads the version of each document once, and no text. It is [ErrViewGone] as [View.Rows] says.
func (v *View) Received(ctx context.Context, ids []lode.RowID) ([]time.Time, error) {
	times := make([]time.Time, len(ids))
	err := v.engine.store.View(func(tx *storage.Tx) error {
		known := map[lode.DocNo]time.Time{}
		for i, id := range ids {
			if i%stopEvery == 0 {
				if err := index.Stopped(ctx); err != nil {
					return err
				}
			}
			e := v.find(id)
			if e == nil {
				return ErrViewGone
			}
			at, ok := known[e.doc.No]
			if !ok {
				version, err := absent(tx.Version(e.doc.Collection, e.doc.No, e.doc.Current))
				if err != nil {
					return err
				}
				if version == nil {
					return ErrViewGone
				}
				at = version.ReceivedAt
				known[e.doc.No] = at
			}
			times[i] = at
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return times, nil
}
