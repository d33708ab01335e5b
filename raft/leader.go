package raft

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	hraft "github.com/hashicorp/raft"
)

// lead is what a node knows about its own leadership.
type lead struct {
	notify chan bool // raft writes here, and blocks when it is full
	kick   chan struct{}

	settled  atomic.Uint64 // the term in which the machine is known to have caught up
	settling chan struct{} // held by the one who makes it so

	mu struct {
		sync.Mutex
		raft      bool // raft's last word
		announced bool // what subscribers were told
		closed    bool
		subs      []chan bool
	}
}

func (l *lead) init() {
	l.notify = make(chan bool, 64)
	l.kick = make(chan struct{}, 1)
	l.settling = make(chan struct{}, 1)
}

// Leader returns name and address of the leader, empty when none is known.
func (n *Node) Leader() (id, addr string) {
	a, i := n.raft.LeaderWithID()
	return string(i), string(a)
}

// IsLeader reports whether this node believes to be the leader. Use [Node.ReadBarrier] where
// that is not enough.
func (n *Node) IsLeader() bool { return n.stopped() == nil && n.raft.State() == hraft.Leader }

// leaderPoll is how often WaitLeader looks.
const leaderPoll = 2 * time.Millisecond

// WaitLeader returns when a leader is known and, if it is this node, when its machine holds
// everything that was ever committed.
func (n *Node) WaitLeader(ctx context.Context) error {
	tick := time.NewTicker(leaderPoll)
	defer tick.Stop()
	for {
		id, _ := n.Leader()
		if id == n.opts.NodeID {
			if _, err := n.settledTerm(ctx); err == nil {
				return nil
			}
		} else if id != "" {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for a leader: %w", ended(ctx))
		case <-n.dead:
			return n.stopped()
		}
	}
}

// LeaderChanges returns a channel that tells whether this node leads: at once, and after each
// change. It says true only when the machine has caught up with everything that was committed
// before. A slow reader misses intermediate changes, never the last one. Each call returns a
// channel of its own; all are closed by Close.
func (n *Node) LeaderChanges() <-chan bool {
	l := &n.lead
	l.mu.Lock()
	defer l.mu.Unlock()
	c := make(chan bool, 1)
	c <- l.mu.announced && !l.mu.closed
	if l.mu.closed {
		close(c)
		return c
	}
	l.mu.subs = append(l.mu.subs, c)
	return c
}

// watchLeadership empties raft's channel, whatever the rest of the node is doing.
func (n *Node) watchLeadership() {
	for {
		select {
		case leads := <-n.lead.notify:
			n.lead.mu.Lock()
			n.lead.mu.raft = leads
			n.lead.mu.Unlock()
			select {
			case n.lead.kick <- struct{}{}:
			default:
			}
		case <-n.ctx.Done():
			return
		}
	}
}

// announceLeadership tells subscribers, after it has waited for the machine.
func (n *Node) announceLeadership() {
	defer n.closeSubscriptions()
	for {
		select {
		case <-n.lead.kick:
		case <-n.ctx.Done():
			return
		case <-n.dead:
			n.announce(false)
			return
		}
		for n.leads() && n.ctx.Err() == nil && n.stopped() == nil {
			if _, err := n.settledTerm(n.ctx); err == nil {
				n.correctAddress()
				break
			}
			sleep(n.ctx, leaderPoll)
		}
		n.announce(n.leads() && n.ctx.Err() == nil)
	}
}

func (n *Node) leads() bool {
	n.lead.mu.Lock()
	defer n.lead.mu.Unlock()
	return n.lead.mu.raft
}

func (n *Node) announce(leads bool) {
	l := &n.lead
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.announced == leads {
		return
	}
	l.mu.announced = leads
	n.log.Info("raft: leadership", "node", n.opts.NodeID, "leader", leads, "term", n.raft.CurrentTerm())
	for _, c := range l.mu.subs {
		select {
		case <-c: // what the reader has not seen yet is out of date
		default:
		}
		c <- leads
	}
}

func (n *Node) closeSubscriptions() {
	n.lead.mu.Lock()
	defer n.lead.mu.Unlock()
	n.lead.mu.closed = true
	for _, c := range n.lead.mu.subs {
		close(c)
	}
	n.lead.mu.subs = nil
}

// transferLeadership hands over to another voter before this one stops, so that the cluster
// need not wait for a timeout.
func (n *Node) transferLeadership() {
	if n.stopped() != nil || n.raft.State() != hraft.Leader || len(n.Members()) < 2 {
		return
	}
	done := make(chan error, 1)
	go func() { done <- n.raft.LeadershipTransfer().Error() }()
	select {
	case err := <-done:
		n.log.Debug("raft: leadership handed over", "error", err)
	case <-time.After(drainPatience):
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
