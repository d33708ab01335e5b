package collection

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// A collection with a history keeps what it showed: before a document is shown in another
// version or described in other words, and before it goes, what is shown is noted with the log
// entry and the time of the change ([storage.Past]), and a version that is not shown any more
// stays where it lies. Searches of the present know nothing of it. Questions about the past are
// answered by [Engine.ViewAsOf].

// beginHistory notes with which log entry a history begins that there was not before.
func (b *batch) beginHistory(before *time.Time, t *lode.Tuning) {
	switch {
	case t.HistoryFrom == nil:
		t.HistorySince = 0
	case before == nil:
		t.HistorySince = b.tx.Entry()
	}
}

// begins notes since when a document is shown.
func (b *batch) begins(next *document, at time.Time) error {
	_, err := b.turn(nil, next, at, false)
	return err
}

// described notes what was said of a document until now, unless next says it of a version that
// is not shown yet.
func (b *batch) described(old, next *document, at time.Time) error {
	if next.current == nil || next.hasWaiting() {
		return nil
	}
	_, err := b.turn(old, next, at, false)
	return err
}

// replaced takes the version that is shown out of the present.
func (b *batch) replaced(old, next *document, at time.Time) error {
	kept, err := b.turn(old, next, at, true)
	if err != nil || kept {
		return err
	}
	return b.dropVersion(old, old.current)
}

// gone notes what was shown of a document that is being deleted.
func (b *batch) gone(old *document, at time.Time) error {
	if old.current == nil {
		return nil
	}
	_, err := b.turn(old, nil, at, true)
	return err
}

// turn notes what was shown of a document, of which next is shown from now on; either may be nil.
// With left the version that was shown is not any more; it is kept, or the caller drops it.
func (b *batch) turn(old, next *document, at time.Time, left bool) (kept bool, err error) {
	one := next
	if one == nil {
		one = old
	}
	settings, err := b.tx.Collection(one.doc.Collection)
	if err != nil || settings.Tuning.History == 0 {
		return false, err
	}
	now := lode.Moment{Index: b.tx.Entry(), At: at}
	if old != nil && !shownAt(old.doc, at, &settings.Tuning) {
		now.At = old.doc.Shown.At // clocks of two leaders
	}
	if next != nil {
		next.doc.Shown = &now
	}
	b.note(settings.ID, now.At)
	switch {
	case old == nil:
		return false, nil
	case old.doc.Shown == nil || old.doc.Shown.Index != now.Index:
		p := storage.Past{Document: *old.doc, Waiting: old.waitingReaders(), Until: now, Left: left, Gone: next == nil}
		if !left && next.current.URI != old.current.URI {
			p.URI = &old.current.URI
			b.note(settings.ID, *settings.Tuning.HistoryFrom) // states that are held read it where it lies
		}
		return left, b.tx.PutPast(&p)
	case !left:
		return false, nil // it was shown at no moment
	}
	return b.tx.LeavePast(settings.ID, old.doc.No, old.doc.Current)
}

// turned is what a batch changed of a collection with a history.
type turned struct {
	since      time.Time // what was true from then on is not any more; zero: nothing
	restricted bool      // readers of a document are others now
}

func (b *batch) note(id lode.CollectionID, at time.Time) {
	n := b.turned[id]
	if n.since.IsZero() || at.Before(n.since) {
		n.since = at
	}
	b.setTurned(id, n)
}

func (b *batch) setTurned(id lode.CollectionID, n turned) {
	if b.turned == nil {
		b.turned = map[lode.CollectionID]turned{}
	}
	b.turned[id] = n
}

// restricted notes that other principals may see a document now.
func (b *batch) restricted(before, after *document) {
	if before == nil || after == nil {
		return
	}
	if slices.Equal(before.doc.Readers, after.doc.Readers) && slices.Equal(before.waitingReaders(), after.waitingReaders()) {
		return
	}
	n := b.turned[after.doc.Collection]
	n.restricted = true
	b.setTurned(after.doc.Collection, n)
}

const (
	// pruneItems is the most records of the past that one command forgets.
	pruneItems = 2048
	// pruneGrace is how long records stay when they cannot be asked for any more: a question may
	// still be reading what they keep.
	pruneGrace = time.Minute
)

// pruneHistory forgets what is past. A history that is longer by now than when it was proposed
// has lost a part of what it should have: it begins later then.
func (b *batch) pruneHistory(c *pruneHistory) (any, error) {
	settings, err := b.collection(c.Collection)
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return errNoCollection(c.Collection), nil
	}
	n, err := b.tx.PrunePast(c.Collection, c.Until, historyBegan(&settings.Tuning), pruneItems)
	if err != nil {
		return nil, err
	}
	if from := settings.Tuning.HistoryFrom; from == nil || !from.Before(c.Until) {
		return n, nil
	}
	next := *settings
	next.Tuning.HistoryFrom = &c.Until
	return n, b.retune(&next)
}

// historyBegan is the log entry of which everything earlier may be forgotten at any time.
func historyBegan(t *lode.Tuning) uint64 {
	if t.History == 0 {
		return math.MaxUint64
	}
	return t.HistorySince
}

// PruneHistory forgets what histories keep no longer, and returns how much that was. Only one
// node of a cluster, its leader, needs to call it.
func (e *Engine) PruneHistory(ctx context.Context) (pruned int, err error) {
	for _, c := range e.catalog.Load().byID {
		n, err := e.pruneDue(ctx, c)
		if pruned += n; err != nil && !lode.IsCode(err, lode.CodeNotFound) {
			return pruned, fmt.Errorf("prune the history of collection %s: %w", c.settings.Name, err)
		}
	}
	return pruned, nil
}

func (e *Engine) pruneDue(ctx context.Context, c *collection) (pruned int, err error) {
	until := e.now()
	tuning := c.tuning.Load()
	if tuning.History > 0 {
		until = until.Add(-time.Duration(tuning.History) - pruneGrace)
	}
	for n := pruneItems; n == pruneItems && err == nil; {
		var due bool
		if due, err = e.hasPast(c, until, historyBegan(tuning)); !due || err != nil {
			return pruned, err
		}
		n, err = propose[int](ctx, e, &pruneHistory{Collection: c.settings.ID, Until: until})
		pruned += n
	}
	return pruned, err
}

// hasPast reports whether the oldest that is kept ended at a time or before, or before a log entry.
func (e *Engine) hasPast(c *collection, until time.Time, before uint64) (due bool, err error) {
	err = e.store.View(func(tx *storage.Tx) error {
		if err := e.present(tx, c); err != nil {
			return err
		}
		return tx.Past(c.settings.ID, 0, func(p *storage.Past) (bool, error) {
			due = !p.Until.At.After(until) || p.Until.Index < before
			return false, nil
		})
	})
	return due, err
}
