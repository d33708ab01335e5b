package collection

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/storage"
)

const (
	// pastKept is how many states of the past are held in memory, each as large as its collection
	// was then: the questions of one conversation are mostly about one.
	pastKept = 2
	// pastIdle is how long one is held that nobody asks.
	pastIdle = time.Minute
)

// pastStates holds collections as they were at earlier times.
type pastStates struct {
	loading sync.Mutex // one is made at a time: each uses all cores
	mu      struct {
		sync.Mutex
		states []*pastState // the one that was asked last at the end
		closed bool
	}
}

// pastState is a collection as it was at a time. It is out of date when something is applied that
// was true at that time, and, for a principal that does not see everything, when readers changed:
// who may see the past is who may see it now.
type pastState struct {
	of   *collection
	at   time.Time
	past *collection // nil until it is loaded
	idle *time.Timer // drops it

	// Guarded by pastStates.mu.
	stale      bool
	restricted bool
}

// find returns the state of a collection at a time that answers a principal, nil where there is
// none yet.
func (s *pastStates) find(c *collection, at time.Time, p lode.Principal) *collection {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.mu.states, func(x *pastState) bool {
		return x.of == c && x.at.Equal(at) && x.past != nil && !x.stale && (p.SeesAll() || !x.restricted)
	})
	if i < 0 {
		return nil
	}
	x := s.mu.states[i]
	s.mu.states = append(slices.Delete(s.mu.states, i, i+1), x)
	x.idle.Reset(pastIdle)
	return x.past
}

// add holds a state that is going to be loaded, in the place of what it replaces and of the one
// that was asked least lately. What is applied from now on may put it out of date.
func (s *pastStates) add(x *pastState) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.closed {
		return errClosed()
	}
	for i := 0; i < len(s.mu.states); {
		if old := s.mu.states[i]; old.of == x.of && old.at.Equal(x.at) || len(s.mu.states) >= pastKept {
			s.dropAt(i)
			continue
		}
		i++
	}
	x.idle = time.AfterFunc(pastIdle, func() { s.drop(x) })
	s.mu.states = append(s.mu.states, x)
	return nil
}

// loaded lets the state answer.
func (s *pastStates) loaded(x *pastState, past *collection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.past = past
}

func (s *pastStates) drop(x *pastState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.mu.states, x); i >= 0 {
		s.dropAt(i)
	}
}

func (s *pastStates) dropAt(i int) {
	x := s.mu.states[i]
	x.idle.Stop()
	s.mu.states = slices.Delete(s.mu.states, i, i+1)
}

// close drops everything, for good.
func (s *pastStates) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.closed = true
	for len(s.mu.states) > 0 {
		s.dropAt(0)
	}
}

// turn puts states out of date that what was applied concerns.
func (s *pastStates) turn(all map[lode.CollectionID]turned) {
	if len(all) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.mu.states {
		t := all[x.of.settings.ID]
		x.stale = x.stale || !t.since.IsZero() && !t.since.After(x.at)
		x.restricted = x.restricted || t.restricted
	}
}

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
	if err := c.hadHistory(at, e.now()); err != nil {
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
func (c *collection) hadHistory(at, now time.Time) error {
	tuning := c.tuning.Load()
	if tuning.History == 0 || tuning.HistoryFrom == nil {
		return lode.Invalid("as_of", at.Format(time.RFC3339Nano), "collection %s keeps no history", c.settings.Name).
			WithHint("set history to how long it should, as 7d; it begins then")
	}
	start := now.Add(-time.Duration(tuning.History))
	if tuning.HistoryFrom.After(start) {
		start = *tuning.HistoryFrom
	}
	switch {
	case at.Before(start):
		return lode.Invalid("as_of", at.Format(time.RFC3339Nano), "the history of collection %s begins at %s", c.settings.Name, start.Format(time.RFC3339Nano))
	case at.After(now):
		return lode.Invalid("as_of", at.Format(time.RFC3339Nano), "as_of is in the future")
	}
	return nil
}

func (e *Engine) pastOf(ctx context.Context, c *collection, at time.Time, p lode.Principal) (*collection, error) {
	if past := e.past.find(c, at, p); past != nil {
		return past, nil
	}
	e.past.loading.Lock()
	defer e.past.loading.Unlock()
	if past := e.past.find(c, at, p); past != nil { // somebody else was waiting for the same
		return past, nil
	}
	if err := index.Stopped(ctx); err != nil {
		return nil, err
	}
	if err := e.options.Memory(usageOf(c.settings.Name, c.published.Load()).heap()); err != nil {
		return nil, err
	}
	x := &pastState{of: c, at: at}
	if err := e.past.add(x); err != nil {
		return nil, err
	}
	past, err := e.loadPast(ctx, c, at)
	if err != nil {
		e.past.drop(x)
		return nil, fmt.Errorf("load collection %s as of %s: %w", c.settings.Name, at.Format(time.RFC3339Nano), err)
	}
	e.past.loaded(x, past)
	return past, nil
}

// loadPast makes the state of a collection at a time.
func (e *Engine) loadPast(ctx context.Context, c *collection, at time.Time) (*collection, error) {
	past := newCollection(c.described(), &e.options)
	err := e.store.View(func(tx *storage.Tx) error {
		if err := e.present(tx, c); err != nil {
			return err
		}
		segments, err := tx.Segments(c.settings.ID)
		if err != nil {
			return err
		}
		l := &loader{ctx: ctx, tx: tx, c: past, segments: segments, progress: new(progress), workers: runtime.GOMAXPROCS(0), asOf: &at}
		if l.graphs, err = e.loadGraphs(tx, &c.settings, segments); err != nil {
			return err
		}
		return l.load()
	})
	if err != nil {
		return nil, err
	}
	return past, past.publish()
}

// shownAt reports whether a document that is shown was so, as it is, at a time.
func shownAt(d *lode.Document, at time.Time) bool { return d.Shown == nil || !d.Shown.At.After(at) }

// ended adds what was shown at the loader's time and is not any more.
func (l *loader) ended() error {
	had := map[lode.DocNo]*storage.Past{}  // what was shown at that time
	last := map[lode.DocNo]*storage.Past{} // what was shown last, of these
	err := l.tx.Past(l.c.settings.ID, 0, func(p *storage.Past) (bool, error) {
		no := p.Document.No
		switch {
		case had[no] != nil:
			last[no] = p
		case p.Until.At.After(*l.asOf) && shownAt(&p.Document, *l.asOf):
			had[no], last[no] = p, p
		}
		return true, l.ctx.Err()
	})
	if err != nil {
		return err
	}
	for no, p := range had {
		if err := l.endedOne(p, last[no]); err != nil {
			return fmt.Errorf("document %d: %w", no, err)
		}
	}
	return nil
}

func (l *loader) endedOne(p, last *storage.Past) error {
	doc := &p.Document
	v, err := l.tx.Version(doc.Collection, doc.No, doc.Current)
	if err != nil || v.Chunks == 0 {
		return err
	}
	readers, waiting := last.Document.Readers, last.Waiting
	if now, err := numbered(l.tx, doc.Collection, doc.No); err != nil {
		return err
	} else if now != nil {
		readers, waiting = now.doc.Readers, now.waitingReaders()
	}
	if slices.Equal(readers, doc.Readers) {
		readers = nil // asked already
	}
	d := document{doc: doc, newest: v, current: v}
	addStats(&l.c.segment.stats, d.count(), +1)
	l.found = append(l.found, l.shownOf(doc, v, both(readers, waiting)))
	l.rows += v.Chunks
	return nil
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
