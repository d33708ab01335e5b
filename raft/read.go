package raft

import (
	"context"
	"errors"
	"time"

	hraft "github.com/hashicorp/raft"

	"github.com/lodedb/lode"
)

// ReadLevel says how fresh the state is that a read will see. See the levels.
type ReadLevel int

// The read levels, from cheap to strict.
const (
	// Local promises nothing about freshness: the read sees what this node has applied, which
	// on a follower, or on a leader that was replaced without knowing it, may be old. It
	// costs nothing and works without a leader.
	Local ReadLevel = iota
	// Leader promises that this node believes to be the leader and has applied everything
	// that earlier leaders committed and everything it has acknowledged itself. Clients that
	// read where they write see their own writes. For at most the lease timeout after it was
	// replaced unknowingly, a leader may serve reads that miss its successor's writes. It
	// costs nothing but one log entry per term.
	Leader
	// Linearizable promises that the read sees every write that anybody had acknowledged
	// before the read began. It costs one exchange with a majority of the voters, shared by
	// concurrent reads, and a short wait for the machine; on a node that is alone it costs
	// about nothing.
	Linearizable
)

// String returns local, leader or linearizable.
func (l ReadLevel) String() string {
	switch l {
	case Local:
		return "local"
	case Leader:
		return "leader"
	case Linearizable:
		return "linearizable"
	}
	return "unknown"
}

// ParseReadLevel reads what [ReadLevel.String] wrote; "" is Local.
func ParseReadLevel(s string) (ReadLevel, error) {
	for _, l := range []ReadLevel{Local, Leader, Linearizable} {
		if s == l.String() {
			return l, nil
		}
	}
	if s == "" {
		return Local, nil
	}
	return Local, lode.Invalid("read_level", s, "use local, leader or linearizable")
}

// ReadBarrier returns when a read of the machine that begins now keeps the level's promise.
// It fails with CodeUnavailable where this node cannot keep it, with a hint that names the
// leader, and with CodeTimeout or CodeCanceled when the context ends.
func (n *Node) ReadBarrier(ctx context.Context, level ReadLevel) error {
	switch level {
	case Local:
		return nil
	case Leader, Linearizable:
	default:
		return lode.Invalid("read_level", int(level), "use local, leader or linearizable")
	}
	term, err := n.settledTerm(ctx)
	if err != nil || level == Leader {
		return err
	}
	commit := n.raft.CommitIndex()
	// Nobody can replace a node that nobody can reach.
	if !n.alone {
		if err := n.confirm(ctx, term); err != nil {
			return err
		}
	}
	if n.raft.State() != hraft.Leader || n.raft.CurrentTerm() != term {
		return n.notLeader()
	}
	return n.waitApplied(ctx, commit)
}

// confirm returns once a majority has accepted this node as the leader of a term, each in
// answer to a question that was sent after confirm was called: until then none of them had
// voted for another, so no other leader had committed anything.
func (n *Node) confirm(ctx context.Context, term uint64) error {
	since := n.trans.now()
	self := hraft.ServerID(n.opts.NodeID)
	for {
		// Asking raft sends heartbeats at once, and fails when leadership is known to be lost.
		if err := n.wait(ctx, n.raft.VerifyLeader); err != nil {
			return err
		}
		var voters []hraft.ServerID
		for _, s := range n.raft.GetConfiguration().Configuration().Servers {
			if s.Suffrage == hraft.Voter {
				voters = append(voters, s.ID)
			}
		}
		accepted, news := n.trans.accepts(self, voters, since, term)
		if accepted > len(voters)/2 {
			return nil
		}
		select {
		case <-news:
		case <-time.After(confirmPause):
		case <-ctx.Done():
			return ended(ctx)
		case <-n.dead:
			return n.stopped()
		case <-n.ctx.Done():
			return errStopping
		}
	}
}

// confirmPause is how long an answer is awaited before followers are asked again.
const confirmPause = 20 * time.Millisecond

// settledTerm returns the term that this node leads, once the machine has everything that was
// committed in earlier terms.
func (n *Node) settledTerm(ctx context.Context) (uint64, error) {
	if err := n.stopped(); err != nil {
		return 0, err
	}
	term := n.raft.CurrentTerm()
	if n.raft.State() != hraft.Leader {
		return 0, n.notLeader()
	}
	if n.lead.settled.Load() == term {
		return term, nil
	}
	select {
	case n.lead.settling <- struct{}{}:
		defer func() { <-n.lead.settling }()
	case <-ctx.Done():
		return 0, ended(ctx)
	case <-n.dead:
		return 0, n.stopped()
	}
	if n.lead.settled.Load() == term {
		return term, nil
	}
	return term, n.settle(ctx, term)
}

// settle appends a barrier and waits until the machine has passed it.
func (n *Node) settle(ctx context.Context, term uint64) error {
	var barrier hraft.Future
	err := n.wait(ctx, func() hraft.Future {
		barrier = n.raft.Barrier(enqueueStep)
		return barrier
	})
	if err != nil {
		return err
	}
	if n.raft.State() != hraft.Leader || n.raft.CurrentTerm() != term {
		return n.notLeader()
	}
	if f, ok := barrier.(hraft.IndexFuture); ok {
		n.fsm.seen.raise(f.Index()) // entries that raft does not show to the machine
	}
	n.lead.settled.Store(term)
	return nil
}

// wait waits for one of raft's futures; the gate stays occupied until raft has answered.
func (n *Node) wait(ctx context.Context, ask func() hraft.Future) error {
	if !n.gate.enter() {
		return errStopping
	}
	answer := make(chan error, 1)
	go func() {
		defer n.gate.leave()
		for {
			err := ask().Error()
			if !errors.Is(err, hraft.ErrEnqueueTimeout) || ctx.Err() != nil || n.stopped() != nil {
				answer <- err
				return
			}
		}
	}()
	select {
	case err := <-answer:
		if e := ended(ctx); err != nil && e != nil {
			return e
		}
		if err != nil {
			return n.notLeader()
		}
		return nil
	case <-ctx.Done():
		return ended(ctx)
	case <-n.dead:
		return n.stopped()
	case <-n.ctx.Done(): // raft shuts down and may forget the question
		return errStopping
	}
}

// waitApplied waits until the machine holds everything up to an index.
func (n *Node) waitApplied(ctx context.Context, index uint64) error {
	for n.fsm.seen.load() < index {
		risen := n.fsm.seen.rise()
		if n.fsm.seen.load() >= index {
			return nil
		}
		select {
		case <-risen:
		case <-ctx.Done():
			return ended(ctx)
		case <-n.dead:
			return n.stopped()
		case <-n.ctx.Done():
			return errStopping
		case <-time.After(time.Second):
			// Leadership may be gone, and with it the promise that the index is reached.
			if n.raft.State() != hraft.Leader {
				return n.notLeader()
			}
		}
	}
	return nil
}
