package raft_test

import (
	"sync"
	"testing"
	"time"

	hraft "github.com/hashicorp/raft"

	"github.com/lodedb/lode/raft"
)

// late is a transport whose answers can be kept back after the followers have given them, as
// those in the socket of a process that is paused.
type late struct {
	*hraft.InmemTransport
	mu   sync.Mutex
	hold chan struct{} // nil: answers come at once
	held int
}

func (l *late) AppendEntries(id hraft.ServerID, target hraft.ServerAddress, args *hraft.AppendEntriesRequest, resp *hraft.AppendEntriesResponse) error {
	err := l.InmemTransport.AppendEntries(id, target, args, resp)
	l.mu.Lock()
	hold := l.hold
	if hold != nil && err == nil {
		l.held++
	}
	l.mu.Unlock()
	if hold != nil && err == nil {
		<-hold
	}
	return err
}

func (l *late) AppendEntriesPipeline(hraft.ServerID, hraft.ServerAddress) (hraft.AppendPipeline, error) {
	return nil, hraft.ErrPipelineReplicationNotSupported
}

// TestOldAnswersConfirmNobody: a leader that was paused finds answers to heartbeats that were
// sent before others elected a new leader and wrote. They must not let it serve a
// linearizable read. raft's own question is taken in by them, which is the negative control.
func TestOldAnswersConfirmNobody(t *testing.T) {
	t.Parallel()
	paused := &late{}
	c := newCluster(t, 3, func(o *raft.Options) {
		// The pause is shorter than the old leader's lease: its timers do not help.
		o.HeartbeatTimeout, o.LeaseTimeout = time.Second, time.Second
		if o.NodeID == "a" {
			o.HeartbeatTimeout, o.LeaseTimeout = 8*time.Second, 8*time.Second
			paused.InmemTransport = o.Transport().(*hraft.InmemTransport)
			o.UseTransport(paused)
		}
	})
	a := c.nodes["a"]
	if leader := c.leader(); leader != a {
		if err := leader.Raft().LeadershipTransferToServer("a", a.trans.LocalAddr()).Error(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a leads", func() bool { return a.ReadBarrier(within(t, time.Second), raft.Linearizable) == nil })
	}
	propose(t, a.Node, "before")
	paused.mu.Lock()
	paused.hold = make(chan struct{})
	paused.mu.Unlock()
	eventually(t, "answers of both followers wait", func() bool {
		paused.mu.Lock()
		defer paused.mu.Unlock()
		return paused.held >= 2
	})
	c.cutOff(a, true)
	next := c.leader()
	propose(t, next.Node, "by the new leader")

	read := make(chan error, 1)
	go func() { read <- a.ReadBarrier(within(t, 3*time.Second), raft.Linearizable) }()
	fooled := a.Raft().VerifyLeader()
	time.Sleep(100 * time.Millisecond) // for both to have asked
	close(paused.hold)
	if err := fooled.Error(); err != nil {
		t.Errorf("raft's own question was answered %v: the case is not built", err)
	}
	if err := <-read; err == nil {
		t.Errorf("the old leader serves a linearizable read: %d of the new leader's write", a.ledger.count("by the new leader"))
	}
}
