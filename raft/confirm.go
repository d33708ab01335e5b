package raft

import (
	"sync"

	hraft "github.com/hashicorp/raft"
)

// confirming is a transport that knows which followers have lately accepted this node as their
// leader, by the moment their answer's question was sent.
//
// hashicorp/raft's VerifyLeader does not: it counts any answer that arrives after it was
// asked, also one to a heartbeat sent long before. A leader that was paused finds such answers
// waiting when it goes on, and would confirm itself although others have elected a new leader
// and acknowledged writes in the meantime.
type confirming struct {
	hraft.Transport

	mu struct {
		sync.Mutex
		sent     uint64                        // questions so far
		accepted map[hraft.ServerID]acceptance // the newest of each follower
		news     chan struct{}                 // closed at the next acceptance; nil when nobody waits
	}
}

// acceptance says that a follower was in a leader's term after a question was sent.
type acceptance struct{ sent, term uint64 }

var (
	_ hraft.WithPreVote = (*confirming)(nil)
	_ hraft.WithClose   = (*confirming)(nil)
)

func newConfirming(t hraft.Transport) *confirming {
	c := &confirming{Transport: t}
	c.mu.accepted = map[hraft.ServerID]acceptance{}
	return c
}

// AppendEntries notes when it was sent and whether the follower accepted the term: an answer
// in a later term is of one that knows another leader.
func (c *confirming) AppendEntries(id hraft.ServerID, target hraft.ServerAddress, args *hraft.AppendEntriesRequest, resp *hraft.AppendEntriesResponse) error {
	c.mu.Lock()
	c.mu.sent++
	sent := c.mu.sent
	c.mu.Unlock()
	err := c.Transport.AppendEntries(id, target, args, resp)
	if err == nil && resp.Term == args.Term {
		c.accept(id, acceptance{sent, args.Term})
	}
	return err
}

func (c *confirming) accept(id hraft.ServerID, a acceptance) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.accepted[id].sent < a.sent {
		c.mu.accepted[id] = a
	}
	if c.mu.news != nil {
		close(c.mu.news)
		c.mu.news = nil
	}
}

// now is the moment from which questions count.
func (c *confirming) now() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.sent
}

// accepts counts the voters, self included, that were in the term after a moment; news is
// closed when another one may be.
func (c *confirming) accepts(self hraft.ServerID, voters []hraft.ServerID, since, term uint64) (n int, news <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range voters {
		if a := c.mu.accepted[id]; id == self || a.sent > since && a.term == term {
			n++
		}
	}
	if c.mu.news == nil {
		c.mu.news = make(chan struct{})
	}
	return n, c.mu.news
}

// AppendEntriesPipeline is not offered: see maxRPCsInFlight.
func (c *confirming) AppendEntriesPipeline(hraft.ServerID, hraft.ServerAddress) (hraft.AppendPipeline, error) {
	return nil, hraft.ErrPipelineReplicationNotSupported
}

// RequestPreVote passes the question on.
func (c *confirming) RequestPreVote(id hraft.ServerID, target hraft.ServerAddress, args *hraft.RequestPreVoteRequest, resp *hraft.RequestPreVoteResponse) error {
	return c.Transport.(hraft.WithPreVote).RequestPreVote(id, target, args, resp)
}

// Close closes the transport.
func (c *confirming) Close() error {
	if t, ok := c.Transport.(hraft.WithClose); ok {
		return t.Close()
	}
	return nil
}
