package raft

import (
	"sync"
	"time"
)

// gate counts calls that raft must answer before it is shut down: hashicorp/raft forgets
// some of its futures at shutdown and their waiters would wait for ever.
type gate struct {
	mu struct {
		sync.Mutex
		inside int
		closed bool
		empty  chan struct{} // closed when the last one leaves a closed gate
	}
}

// enter reports whether the gate is open, and counts the caller until leave.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.closed {
		return false
	}
	g.mu.inside++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.inside--; g.mu.inside == 0 && g.mu.closed {
		close(g.mu.empty)
	}
}

// close lets nobody in any more and waits until all have left, or for the given time.
func (g *gate) close(patience time.Duration) {
	g.mu.Lock()
	if !g.mu.closed {
		g.mu.closed, g.mu.empty = true, make(chan struct{})
		if g.mu.inside == 0 {
			close(g.mu.empty)
		}
	}
	empty := g.mu.empty
	g.mu.Unlock()
	select {
	case <-empty:
	case <-time.After(patience):
	}
}
