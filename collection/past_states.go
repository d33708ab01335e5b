package collection

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
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
	loading chan struct{} // holds a token while one is made, one at a time: each uses all cores
	mu      struct {
		sync.Mutex
		states []*pastState // the one that was asked last at the end
		closed bool
		loads  context.Context // of loads; it ends when they must not go on
		stop   context.CancelFunc
	}
}

func (s *pastStates) open() {
	s.loading = make(chan struct{}, 1)
	s.mu.loads, s.mu.stop = context.WithCancel(context.Background())
}

// begin waits until a state may be made, and returns the context to make it in. The caller calls
// done when it is made.
func (s *pastStates) begin(ctx context.Context) (loads context.Context, done func(), err error) {
	s.mu.Lock()
	loads = s.mu.loads
	s.mu.Unlock()
	select {
	case s.loading <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, index.Stopped(ctx)
	case <-loads.Done():
		return nil, nil, errPastStopped()
	}
	done = func() { <-s.loading }
	if err := errors.Join(ctx.Err(), loads.Err()); err != nil { // the token may have come first
		done()
		if loads.Err() != nil {
			return nil, nil, errPastStopped()
		}
		return nil, nil, index.Stopped(ctx)
	}
	return loads, done, nil
}

func errPastStopped() *lode.Error {
	return lode.Errorf(lode.CodeUnavailable, "the state of the past is not loaded: the node shuts down, or takes the state of another").WithHint("ask again later")
}

// pastState is a collection as it was at a time. It is out of date when something is applied that
// was true at that time, and, for a principal that does not see everything, when readers changed:
// who may see the past is who may see it now.
type pastState struct {
	of   *collection
	at   time.Time
	past *collection // nil until it is loaded
	idle *time.Timer // drops it; nil until it is loaded

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
	same := func(old *pastState) bool { return old.of == x.of && old.at.Equal(x.at) }
	for i := slices.IndexFunc(s.mu.states, same); i >= 0; i = slices.IndexFunc(s.mu.states, same) {
		s.dropAt(i)
	}
	for len(s.mu.states) >= pastKept {
		s.dropAt(0)
	}
	s.mu.states = append(s.mu.states, x)
	return nil
}

// loaded lets the state answer, from now on until nobody has asked it for a while.
func (s *pastStates) loaded(x *pastState, past *collection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.mu.states, x) {
		return // everything was dropped meanwhile
	}
	x.past = past
	x.idle = time.AfterFunc(pastIdle, func() { s.drop(x) })
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
	if x.idle != nil {
		x.idle.Stop()
	}
	s.mu.states = slices.Delete(s.mu.states, i, i+1)
}

// pause drops everything and gives up what is being made, and nothing is made until resume is
// called.
func (s *pastStates) pause() (resume func()) {
	s.mu.Lock()
	s.mu.stop()
	s.mu.Unlock()
	s.loading <- struct{}{} // what is being made has ended
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.mu.states) > 0 {
		s.dropAt(0)
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.mu.closed {
			s.mu.loads, s.mu.stop = context.WithCancel(context.Background())
		}
		<-s.loading
	}
}

// close drops everything, for good.
func (s *pastStates) close() {
	s.mu.Lock()
	s.mu.closed = true
	s.mu.Unlock()
	s.pause()()
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
