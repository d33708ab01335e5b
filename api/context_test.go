package api

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestRequestContext: it ends as one of context.WithTimeout does, for those who wait on it, for
// those who look, and for contexts made from it.
func TestRequestContext(t *testing.T) {
	for name, look := range map[string]func(*requestContext) error{
		"looks": func(c *requestContext) error { time.Sleep(time.Until(c.deadline)); return c.Err() },
		"waits": func(c *requestContext) error { <-c.Done(); return c.Err() },
		"waits on a child": func(c *requestContext) error {
			child, cancel := context.WithCancel(c)
			defer cancel()
			<-child.Done()
			return child.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				c := &requestContext{Context: t.Context(), id: "one", deadline: began.Add(time.Minute)}
				defer c.end()
				if at, ok := c.Deadline(); !ok || at != c.deadline || c.Err() != nil || requestID(c) != "one" {
					t.Errorf("deadline %v %v, error %v, id %q", at, ok, c.Err(), requestID(c))
				}
				if err := look(c); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
			})
		})
	}
}

// TestRequestContextIsCancelled when the caller leaves, before and after somebody waits, and when
// the request is answered.
func TestRequestContextIsCancelled(t *testing.T) {
	for name, c := range map[string]struct {
		wait bool
		end  func(*requestContext, context.CancelFunc)
	}{
		"caller left":                    {false, func(_ *requestContext, leave context.CancelFunc) { leave() }},
		"caller left, somebody waits":    {true, func(_ *requestContext, leave context.CancelFunc) { leave() }},
		"request ended, somebody waits":  {true, func(c *requestContext, _ context.CancelFunc) { c.end() }},
		"caller left and request ended.": {true, func(c *requestContext, leave context.CancelFunc) { leave(); c.end() }},
	} {
		parent, leave := context.WithCancel(t.Context())
		ctx := &requestContext{Context: parent, deadline: time.Now().Add(time.Hour)}
		var done <-chan struct{}
		if c.wait {
			done = ctx.Done()
		}
		if err := ctx.Err(); err != nil {
			t.Errorf("%s: %v at first", name, err)
		}
		c.end(ctx, leave)
		if c.wait {
			<-done
		}
		if err := ctx.Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		leave()
	}
}
