package raft

import (
	"context"
	"errors"
	"fmt"
	"time"

	hraft "github.com/hashicorp/raft"

	"github.com/lodedb/lode"
)

const (
	// proposalOverhead is what a proposal counts beside its bytes; it bounds the number of
	// tiny ones.
	proposalOverhead = 4 << 10
	// enqueueStep is how long raft may take to accept a command before its context is looked
	// at again. While raft has not accepted, the command is certainly not in the log.
	enqueueStep = 20 * time.Millisecond
	// lastWord is how long after the end of its context a proposal is still waited for, so
	// that one that raft never accepted is not reported as unknown.
	lastWord = 2 * enqueueStep
)

// Propose appends a command to the log, waits until it is committed and applied here, and
// returns the machine's result for it; a result that is an error is returned as the error.
// The command must not be modified afterwards, even when the context has ended.
//
// Codes of the other errors: CodeTooLarge and CodeOverloaded; CodeUnavailable (this node is
// not the leader, and the hint names it, or the node stops); CodeTimeout and CodeCanceled (the
// context ended before raft took the command). After all of these the command is not in the
// log and never will be. After CodeOutcomeUnknown it may be: leadership was lost, the context
// ended or the node stopped while the command was under way.
func (n *Node) Propose(ctx context.Context, command []byte) (any, error) {
	if len(command) > MaxCommandBytes {
		return nil, lode.FieldError(lode.CodeTooLarge, "command", len(command), "a log entry holds at most %d bytes", MaxCommandBytes)
	}
	size := int64(len(command)) + proposalOverhead
	if n.inflight.Add(size) > n.opts.MaxInflightBytes {
		n.inflight.Add(-size)
		return nil, lode.Errorf(lode.CodeOverloaded, "commands of %d bytes wait for the log already", n.opts.MaxInflightBytes).
			WithHint("try again in a moment, with fewer requests at a time")
	}
	if !n.gate.enter() {
		n.inflight.Add(-size)
		return nil, errStopping
	}
	p := &proposal{done: make(chan struct{})}
	go func() {
		defer n.gate.leave()
		defer close(p.done)
		defer n.inflight.Add(-size) // before the caller goes on with the next
		n.carry(ctx, p, command)
	}()
	return n.await(ctx, p)
}

// proposal is a command on its way and, once done is closed, what became of it.
type proposal struct {
	done   chan struct{}
	result any
	err    error
}

// carry gives a command to raft and stays with it until raft answers, which may be later than
// the caller cares for.
func (n *Node) carry(ctx context.Context, p *proposal, command []byte) {
	for {
		if p.err = n.stopped(); p.err != nil {
			return
		}
		if p.err = ended(ctx); p.err != nil {
			return
		}
		future := n.raft.ApplyLog(hraft.Log{Data: command}, enqueueStep)
		err := future.Error()
		if errors.Is(err, hraft.ErrEnqueueTimeout) {
			continue
		}
		if p.err = n.translate(err); p.err == nil {
			p.result = future.Response()
		}
		return
	}
}

func (n *Node) await(ctx context.Context, p *proposal) (any, error) {
	select {
	case <-p.done:
		return p.outcome()
	case <-ctx.Done():
	case <-n.dead:
	case <-n.ctx.Done(): // raft shuts down and may forget the command
	}
	select {
	case <-p.done:
		return p.outcome()
	case <-time.After(lastWord):
	}
	if err := n.stopped(); err != nil {
		return nil, unknown(err)
	}
	if err := context.Cause(ctx); err != nil {
		return nil, unknown(err)
	}
	return nil, unknown(errStopping)
}

func (p *proposal) outcome() (any, error) {
	if p.err != nil {
		return nil, p.err
	}
	if err, ok := p.result.(error); ok {
		return nil, err
	}
	return p.result, nil
}

// translate gives raft's errors our codes.
func (n *Node) translate(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, hraft.ErrNotLeader):
		return n.notLeader()
	case errors.Is(err, hraft.ErrLeadershipTransferInProgress):
		return lode.Errorf(lode.CodeUnavailable, "leadership is being handed over").WithHint("try again in a moment")
	}
	return unknown(err)
}

// notLeader says where the leader is.
func (n *Node) notLeader() error {
	e := lode.Errorf(lode.CodeUnavailable, "node %s is not the leader", n.opts.NodeID)
	if id, addr := n.Leader(); id != "" {
		return e.WithHint(fmt.Sprintf("the leader is %s at %s", id, addr))
	}
	return e.WithHint("no leader is known; try again in a moment")
}

// unknown wraps why nobody can say whether a command was or will be applied.
func unknown(err error) error {
	return lode.Errorf(lode.CodeOutcomeUnknown, "the command may or may not take effect: %w", err)
}

// ended returns a coded error once a context has ended.
func ended(ctx context.Context) error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return lode.Errorf(lode.CodeTimeout, "the deadline passed before the log answered: %w", err)
	default:
		return lode.Errorf(lode.CodeCanceled, "the caller left before the log answered: %w", err)
	}
}
