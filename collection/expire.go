package collection

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lodedb/lode"
)

// ExpireDue removes the documents that have expired, and returns how many it removed. They are
// found no more from the moment on that they expire; this gives their room back. Only one node of
// a cluster, its leader, needs to call it.
func (e *Engine) ExpireDue(ctx context.Context) (removed int, err error) {
	now := e.now()
	for _, c := range e.catalog.Load().byID {
		n, err := e.expireDue(ctx, c, now)
		if removed += n; err != nil && !lode.IsCode(err, lode.CodeNotFound) {
			return removed, fmt.Errorf("expire in collection %s: %w", c.settings.Name, err)
		}
	}
	return removed, nil
}

func (e *Engine) expireDue(ctx context.Context, c *collection, now time.Time) (removed int, err error) {
	if err := c.await(ctx); err != nil {
		return 0, err
	}
	s := c.published.Load()
	if s.expires == 0 || s.expires > now.UnixNano() {
		return 0, nil
	}
	nos := map[lode.Kind][]lode.DocNo{}
	s.docs.each(func(e *entry) bool {
		if e.expired(now.UnixNano()) {
			nos[e.doc.Kind] = append(nos[e.doc.Kind], e.doc.No)
		}
		return true
	})
	by := actorOf(lode.AllSeeing("expiry"))
	for kind, all := range nos {
		for part := range slices.Chunk(all, commandNos) {
			cmd := &deleteSelected{Collection: c.settings.ID, Selection: selection{Actor: by, Kind: kind, Nos: part}, ExpiredAt: &now, At: now}
			result, err := propose[selected](ctx, e, cmd)
			if removed += result.changed; err != nil {
				return removed, err
			}
		}
	}
	return removed, e.lookForExpiry(c)
}

// lookForExpiry finds anew when the next document expires, after those that had were removed.
func (e *Engine) lookForExpiry(c *collection) error {
	e.applyLock.Lock()
	defer e.applyLock.Unlock()
	if e.catalog.Load().byID[c.settings.ID] != c {
		return nil
	}
	c.segment.expires = 0
	c.segment.docs.each(func(found *entry) bool {
		c.segment.expire(found)
		return true
	})
	return c.publish()
}
