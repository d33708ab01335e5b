package collection

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

// DefaultEarlyRows is a good value of [Options].EarlyRows: fewer rows are loaded in less time
// than a node takes to start.
const DefaultEarlyRows = 50_000

// publication is what searches of a collection see.
type publication struct {
	now   atomic.Pointer[snapshot]
	ready chan struct{} // closed at the first Store
	want  func()        // hurries who loads; nil where nobody lingers
}

// Load returns the newest snapshot. There is none while the collection is being loaded: then
// it waits. Who can be called off waits in [collection.await] before.
func (p *publication) Load() *snapshot {
	if s := p.now.Load(); s != nil {
		return s
	}
	if p.want != nil {
		p.want()
	}
	<-p.ready
	return p.now.Load()
}

// Store is called by one goroutine at a time.
func (p *publication) Store(s *snapshot) {
	if p.now.Swap(s) == nil {
		close(p.ready)
	}
}

// loading is the state of a collection that is loaded in the background. What is applied
// meanwhile is in storage at once, and waits here to change what is in memory.
type loading struct {
	progress *progress
	early    atomic.Pointer[earlyRows] // nil: nothing can be answered before everything is loaded
	queued   []func(*segment) error    // guarded by the engine's applyLock
	over     bool                      // likewise: nothing is queued any more
	wanted   chan struct{}             // closed when somebody waits
	want     func()                    // closes it
	asked    atomic.Int64              // questions that are being answered early
	done     chan struct{}             // closed when the collection is loaded, or never will be
	err      error                     // why it never will be, once done is closed
}

const (
	// lingerFor is how long a load leaves the cores to the rest of a start, and to the first
	// question, unless somebody waits for it.
	lingerFor = 100 * time.Millisecond
	// A load stands back while questions are answered early, for a while at a time.
	standBack, standBackSteps = 200 * time.Microsecond, 25
)

// linger waits until the load should begin.
func (w *loading) linger(ctx context.Context) {
	select {
	case <-w.wanted:
	case <-ctx.Done():
	case <-time.After(lingerFor):
	}
}

// standBack lets questions come first.
func (w *loading) standBack() {
	for n := 0; w != nil && w.asked.Load() > 0 && n < standBackSteps; n++ {
		time.Sleep(standBack)
	}
}

// progress counts half rows: each is counted when it is found, and when it is in place.
type progress struct {
	total int64 // rows
	done  atomic.Int64
}

func (p *progress) percent() int {
	if p.total == 0 {
		return 100
	}
	return int(min(100, 50*p.done.Load()/p.total))
}

// postpone makes the collection one that is loaded later.
func (l *loader) postpone() (*loading, error) {
	w := &loading{progress: l.progress, wanted: make(chan struct{}), done: make(chan struct{})}
	w.want = sync.OnceFunc(func() { close(w.wanted) })
	l.c.published.want = w.want
	early, err := l.earlyRows()
	w.early.Store(early)
	return w, err
}

// queue keeps a change for the time when everything is loaded. It is false when that has come.
func (w *loading) queue(change func(*segment) error) bool {
	if w == nil || w.over {
		return false
	}
	w.early.Store(nil) // what could be answered from is out of date
	w.queued = append(w.queued, change)
	return true
}

// end lets everybody go on who waits.
func (w *loading) end(err error) {
	w.over, w.err, w.queued = true, err, nil
	w.early.Store(nil)
	close(w.done)
}

// await waits until the collection is loaded. An error says why it is not.
func (c *collection) await(ctx context.Context) error {
	if c.loading == nil {
		return nil
	}
	select {
	case <-c.loading.done:
		return c.loading.err
	default:
	}
	c.loading.want()
	select {
	case <-c.loading.done:
		return c.loading.err
	case <-ctx.Done():
		return index.Stopped(ctx)
	}
}

// Await waits until every collection that was there at the start is loaded.
func (e *Engine) Await(ctx context.Context) error {
	for _, c := range e.catalog.Load().byID {
		if err := c.await(ctx); err != nil && !lode.IsCode(err, lode.CodeNotFound) {
			return err
		}
	}
	return nil
}

// Loading is a collection that is being loaded.
type Loading struct {
	Name    string
	Percent int
}

// Loading lists the collections that are being loaded since the start, by name: the node
// serves them, but most of what it is asked about them waits.
func (e *Engine) Loading() []Loading {
	var all []Loading
	catalog := e.catalog.Load()
	for _, name := range catalog.names() {
		if c := catalog.byName[name]; c.isLoading() {
			all = append(all, Loading{name, c.loading.progress.percent()})
		}
	}
	return all
}

func (c *collection) isLoading() bool { return c.published.now.Load() == nil }

// tellEvery is how often the log is told how far a load is.
const tellEvery = 5 * time.Second

// loadLater loads what a start has not waited for.
func (e *Engine) loadLater(later []*loader) error {
	for _, l := range later {
		if err := e.loadOne(l); err != nil {
			return fmt.Errorf("load collection %s: %w", l.c.settings.Name, err)
		}
	}
	return nil
}

func (e *Engine) loadOne(l *loader) error {
	l.c.loading.linger(l.ctx)
	begun, name := time.Now(), l.c.settings.Name
	defer e.tell(l)()
	if err := l.load(); err != nil {
		return err
	}
	if err := e.catchUp(l.c); err != nil {
		return err
	}
	e.options.Logger.Info("a collection is loaded", "collection", name, "rows", len(l.c.published.Load().rows), "took", time.Since(begun).Round(time.Millisecond))
	return nil
}

// tell reports how far a load is, until stop is called.
func (e *Engine) tell(l *loader) (stop func()) {
	ctx, cancel := context.WithCancel(l.ctx)
	e.loads.all.Go(func() {
		ticker := time.NewTicker(tellEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				e.options.Logger.Info("a collection is being loaded", "collection", l.c.settings.Name, "percent", l.progress.percent())
			}
		}
	})
	return cancel
}

// catchUp applies what has waited, and shows the collection.
func (e *Engine) catchUp(c *collection) error {
	e.applyLock.Lock()
	defer e.applyLock.Unlock()
	if e.catalog.Load().byID[c.settings.ID] != c {
		e.giveUp(c, lode.NotFound("collection", c.settings.Name))
		return nil
	}
	for _, change := range c.loading.queued {
		if err := change(&c.segment); err != nil {
			return err
		}
	}
	if err := c.publish(); err != nil {
		return err
	}
	c.loading.end(nil)
	return nil
}

// giveUp leaves a collection empty that nobody may ask any more.
func (e *Engine) giveUp(c *collection, err error) {
	c.segment = newCollection(c.settings, &e.options).segment
	_ = c.publish() // an empty one
	c.loading.end(err)
}

// endLoads ends what is left of loads when one of them failed, or the engine is closed.
func (e *Engine) endLoads(later []*loader, err error) {
	if err == nil || len(later) == 0 {
		return
	}
	stopped := errClosed()
	fails := !errors.Is(err, context.Canceled)
	if fails {
		stopped = lode.Errorf(lode.CodeUnavailable, "the node has stopped: %w", err)
	}
	e.applyLock.Lock()
	if fails {
		e.applyLock.failed = err
	}
	for _, l := range later {
		if !l.c.loading.over {
			e.giveUp(l.c, stopped)
		}
	}
	e.applyLock.Unlock()
	if fails {
		e.options.Logger.Error("state machine stopped", "error", err)
		e.options.Failed(Fatal{Err: err})
	}
}
