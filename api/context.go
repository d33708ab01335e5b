package api

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// requestContext is the context of a request. It knows the id, and the deadline as soon as the
// route is known. The deadline is a moment that [requestContext.Err] looks at; a timer is made
// for those alone who wait on Done. Few searches have one who does, and setting and stopping a
// timer would cost each of them what a hundred comparisons of vectors take.
type requestContext struct {
	context.Context // of the connection
	id              string
	deadline        time.Time // zero: none. It is set before anybody else has the context
	making          sync.Mutex
	timed           atomic.Pointer[timedContext] // nil: nobody waits
}

type timedContext struct {
	context.Context
	cancel context.CancelFunc
}

// end releases what Done has made. Everything else ends with the connection's context, which
// the server cancels when a request is answered.
func (c *requestContext) end() {
	if t := c.timed.Load(); t != nil {
		t.cancel()
	}
}

// Deadline implements [context.Context].
func (c *requestContext) Deadline() (time.Time, bool) {
	if at, ok := c.Context.Deadline(); ok && (c.deadline.IsZero() || at.Before(c.deadline)) {
		return at, true
	}
	return c.deadline, !c.deadline.IsZero()
}

// Done implements [context.Context].
func (c *requestContext) Done() <-chan struct{} {
	if c.deadline.IsZero() {
		return c.Context.Done()
	}
	c.making.Lock()
	defer c.making.Unlock()
	t := c.timed.Load()
	if t == nil {
		t = &timedContext{}
		t.Context, t.cancel = context.WithDeadline(c.Context, c.deadline)
		c.timed.Store(t)
	}
	return t.Done()
}

// Err implements [context.Context].
func (c *requestContext) Err() error {
	if t := c.timed.Load(); t != nil {
		return t.Err()
	}
	if err := c.Context.Err(); err != nil {
		return err
	}
	if !c.deadline.IsZero() && time.Until(c.deadline) <= 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// Value implements [context.Context]. That of the timer comes first: contexts made from this
// one find it there, and are cancelled by it without a goroutine.
func (c *requestContext) Value(key any) any {
	if _, ok := key.(requestIDKey); ok {
		return c.id
	}
	if t := c.timed.Load(); t != nil {
		return t.Value(key)
	}
	return c.Context.Value(key)
}
