package collection

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/storage"
)

// ViewAsOf is a view of a collection as it was at a time within its history: what was shown then,
// with the metadata of then. Who may see a row is decided twice, by its readers of then and by
// those of its document now, or at the end for one that is gone. The zero time is now.
//
// The first question about a time loads the collection as a start does, and takes as long and as
// much memory; those that follow within a minute find it there. A time for which there is no
// history is [lode.CodeInvalid].
func (e *Engine) ViewAsOf(ctx context.Context, p lode.Principal, name string, at time.Time) (*View, error) {
	if at.IsZero() {
		return e.View(ctx, p, name)
	}
	if err := index.Stopped(ctx); err != nil {
		return nil, err
	}
	c, err := e.open(p, name)
	if err != nil {
		return nil, err
	}
	if err := c.await(ctx); err != nil {
		return nil, err
	}
	if err := hadHistory(c.settings.Name, c.tuning.Load(), at, e.now()); err != nil {
		return nil, err
	}
	past, err := e.pastOf(ctx, c, at, p)
	if err != nil {
		return nil, err
	}
	v := e.viewOf(p, past)
	v.now = at.UnixNano()
	return v, nil
}

// pastChunk is Chunk about the past.
func (e *Engine) pastChunk(ctx context.Context, p lode.Principal, name string, id lode.ChunkID, at time.Time) (lode.Row, error) {
	v, err := e.ViewAsOf(ctx, p, name, at)
	if err != nil {
		return lode.Row{}, err
	}
	missing := lode.NotFound("chunk", id)
	var version *lode.DocVersion
	err = e.store.View(func(tx *storage.Tx) error {
		version, err = absent(tx.Version(v.Collection().ID, id.Doc, id.Version))
		return err
	})
	if err != nil {
		return lode.Row{}, err
	}
	if version == nil || int(id.Ordinal) >= version.Chunks {
		return lode.Row{}, missing
	}
	rows, err := v.Rows(ctx, []lode.RowID{version.FirstRow + lode.RowID(id.Ordinal)}, true)
	if errors.Is(err, ErrViewGone) {
		return lode.Row{}, missing
	}
	if err != nil {
		return lode.Row{}, err
	}
	return rows[0], nil
}

// hadHistory refuses a time that is not within the history.
func hadHistory(collection string, tuning *lode.Tuning, at, now time.Time) error {
	if tuning.History == 0 || tuning.HistoryFrom == nil {
		return lode.Invalid("as_of", at.Format(time.RFC3339Nano), "collection %s keeps no history", collection).
			WithHint("set history to how long it should, as 7d; it begins then")
	}
	start := now.Add(-time.Duration(tuning.History))
	if tuning.HistoryFrom.After(start) {
		start = *tuning.HistoryFrom
	}
	switch {
	case at.Before(start):
		return lode.Invalid("as_of", at.Format(time.RFC3339Nano), "the history of collection %s begins at %s", collection, start.Format(time.RFC3339Nano))
	case at.After(now):
		return lode.Invalid("as_of", at.Format(time.RFC3339Nano), "as_of is in the future")
	}
	return nil
}

// pastOf returns the state of a collection at a time, which it loads where nobody has asked for it
// lately. The load goes on when the caller leaves: who asks again finds it.
func (e *Engine) pastOf(ctx context.Context, c *collection, at time.Time, p lode.Principal) (*collection, error) {
	if past := e.past.find(c, at, p); past != nil {
		return past, nil
	}
	loads, done, err := e.past.begin(ctx)
	if err != nil {
		return nil, err
	}
	if past := e.past.find(c, at, p); past != nil { // somebody else was waiting for the same
		done()
		return past, nil
	}
	type loaded struct {
		past *collection
		err  error
	}
	result := make(chan loaded, 1)
	go func() {
		defer done()
		past, err := e.addPast(loads, c, at)
		result <- loaded{past, err}
	}()
	select {
	case l := <-result:
		return l.past, l.err
	case <-ctx.Done():
		return nil, index.Stopped(ctx)
	}
}

// addPast loads a state, and holds it. Nothing else is loaded meanwhile.
func (e *Engine) addPast(ctx context.Context, c *collection, at time.Time) (*collection, error) {
	now := usageOf(c.settings.Name, c.published.Load())
	if err := e.options.Memory(now.heap()); err != nil {
		return nil, err
	}
	x := &pastState{of: c, at: at}
	if err := e.past.add(x); err != nil {
		return nil, err
	}
	past, err := e.loadPast(ctx, c, at, now)
	if err != nil {
		e.past.drop(x)
		if ctx.Err() != nil {
			return nil, errPastStopped()
		}
		return nil, fmt.Errorf("load collection %s as of %s: %w", c.settings.Name, at.Format(time.RFC3339Nano), err)
	}
	e.past.loaded(x, past)
	return past, nil
}

// loadPast makes the state of a collection at a time. now is what it takes in memory now.
func (e *Engine) loadPast(ctx context.Context, c *collection, at time.Time, now Usage) (*collection, error) {
	var past *collection
	err := e.store.View(func(tx *storage.Tx) error {
		settings, err := e.withHistory(tx, c, at)
		if err != nil {
			return err
		}
		past = newCollection(*settings, &e.options)
		segments, err := tx.Segments(c.settings.ID)
		if err != nil {
			return err
		}
		l := &loader{ctx: ctx, e: e, tx: tx, c: past, segments: segments, progress: new(progress), workers: runtime.GOMAXPROCS(0), asOf: &at}
		l.admit = func(rows int) error {
			if rows <= now.Rows {
				return nil // asked before
			}
			return e.options.Memory(now.heapOf(rows, c.settings.Dim))
		}
		if l.files, err = e.openFiles(tx, &c.settings, segments); err != nil {
			return err
		}
		return l.load()
	})
	if err != nil {
		return nil, err
	}
	return past, past.publish()
}

// withHistory returns the settings of the state that is about to be read. It asks again whether a
// time is within the history: that may have been pruned while the question was waiting.
func (e *Engine) withHistory(tx *storage.Tx, c *collection, at time.Time) (*lode.Collection, error) {
	settings, err := absent(tx.Collection(c.settings.ID))
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return nil, lode.NotFound("collection", c.settings.Name)
	}
	return settings, hadHistory(settings.Name, &settings.Tuning, at, e.now())
}

// shownAt reports whether a document that is shown was so, as it is, at a time of the history. What
// was shown before the history began was so.
func shownAt(d *lode.Document, at time.Time, t *lode.Tuning) bool {
	return d.Shown == nil || d.Shown.Index < t.HistorySince || !d.Shown.At.After(at)
}

// dated takes back what became of a document after the loader's time and did not show: another
// version was on its way.
func (l *loader) dated(doc *lode.Document, v *lode.DocVersion) {
	if !doc.UpdatedAt.After(*l.asOf) {
		return
	}
	was := []time.Time{v.UpdatedAt, v.ReceivedAt}
	if doc.Shown != nil {
		was = append([]time.Time{doc.Shown.At}, was...)
	}
	for _, at := range was {
		if doc.UpdatedAt = at; !at.After(*l.asOf) {
			return
		}
	}
}

// endedOne is a document that was shown at the loader's time and is not any more.
type endedOne struct {
	had  *storage.Past // what was shown
	last *storage.Past // what was shown last
	uri  *string       // where it had another then
}

// ended adds what was shown at the loader's time and is not any more.
func (l *loader) ended() error {
	all, err := l.readEnded()
	if err != nil {
		return err
	}
	var heirs map[outsideID]lode.DocNo
	for no, one := range all {
		if one.last.Gone {
			heirs = noteHeir(heirs, &one.had.Document)
		}
		if one.uri != nil {
			if l.c.uris == nil {
				l.c.uris = map[lode.DocNo]string{}
			}
			l.c.uris[no] = *one.uri
		}
	}
	for no, one := range all {
		if err := l.addEnded(one, all, heirs); err != nil {
			return fmt.Errorf("document %d: %w", no, err)
		}
	}
	return nil
}

func (l *loader) readEnded() (map[lode.DocNo]*endedOne, error) {
	all, tuning := map[lode.DocNo]*endedOne{}, l.c.tuning.Load()
	err := l.tx.Past(l.c.settings.ID, tuning.HistorySince, func(p *storage.Past) (bool, error) {
		doc := &p.Document
		one := all[doc.No]
		switch {
		case one != nil:
			one.last = p
		case p.Until.At.After(*l.asOf) && shownAt(doc, *l.asOf, tuning):
			one = &endedOne{had: p, last: p}
			all[doc.No] = one
		default:
			return true, l.ctx.Err()
		}
		if one.uri == nil && doc.Current == one.had.Document.Current {
			one.uri = p.URI
		}
		return true, l.ctx.Err()
	})
	return all, err
}

func (l *loader) addEnded(one *endedOne, all map[lode.DocNo]*endedOne, heirs map[outsideID]lode.DocNo) error {
	doc := &one.had.Document
	v, err := l.tx.Version(doc.Collection, doc.No, doc.Current)
	if err != nil || v.Chunks == 0 {
		return err
	}
	readers, waiting := one.last.Document.Readers, one.last.Waiting
	if now, err := numbered(l.tx, doc.Collection, doc.No); err != nil {
		return err
	} else if now != nil {
		readers, waiting = now.doc.Readers, now.waitingReaders()
	} else if had, err := l.hasHeir(doc, all, heirs); had || err != nil {
		return err
	}
	if slices.Equal(readers, doc.Readers) {
		readers = nil // asked already
	}
	l.dated(doc, v)
	d := document{doc: doc, newest: v, current: v}
	addStats(&l.c.segment.stats, d.count(), +1)
	l.found = append(l.found, l.shownOf(doc, v, both(readers, waiting)))
	l.rows += v.Chunks
	return nil
}

// outsideID is the id of a document or raw vector.
type outsideID struct {
	kind lode.Kind
	id   lode.DocID
}

// noteHeir notes which of the documents that had an id one after the other came last.
func noteHeir(heirs map[outsideID]lode.DocNo, d *lode.Document) map[outsideID]lode.DocNo {
	if heirs == nil {
		heirs = map[outsideID]lode.DocNo{}
	}
	id := outsideID{d.Kind, d.ID}
	heirs[id] = max(heirs[id], d.No)
	return heirs
}

// hasHeir reports whether another document with the id of one that is gone was shown at the loader's
// time. That is so where the clock of a leader was behind that of the one before: the one that
// came later counts, for an id names one document.
func (l *loader) hasHeir(doc *lode.Document, all map[lode.DocNo]*endedOne, heirs map[outsideID]lode.DocNo) (bool, error) {
	if heirs[outsideID{doc.Kind, doc.ID}] > doc.No {
		return true, nil
	}
	heir, err := absent(l.tx.FindDocument(doc.Collection, doc.Kind, doc.ID))
	if err != nil || heir == nil || heir.Current == 0 {
		return false, err
	}
	return all[heir.No] != nil || shownAt(heir, *l.asOf, l.c.tuning.Load()), nil
}

// nobody is a label that no principal has.
const nobody = "\x00"

// both are labels that admit only principals whom two sets of labels admit; where both sets name
// some they admit those alone that have a label in both.
func both(a, b []string) []string {
	if len(a) == 0 || len(b) == 0 {
		return append(a[:len(a):len(a)], b...)
	}
	var in []string
	for _, label := range a {
		if slices.Contains(b, label) {
			in = append(in, label)
		}
	}
	if in == nil {
		return []string{nobody}
	}
	return in
}
