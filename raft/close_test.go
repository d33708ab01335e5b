package raft_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lodedb/lode/raft"
)

// TestCloseAnswersEveryProposal: raft forgets commands that wait for a busy machine when it
// is shut down; their proposers must hear so nevertheless.
func TestCloseAnswersEveryProposal(t *testing.T) {
	l := newLedger(t, "")
	hold, held := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(held) })
	l.apply = func(raft.Entry) any {
		once()
		<-hold
		return nil
	}
	o := raft.Options{Dir: t.TempDir(), Machine: l}
	o.KeepDraining(50 * time.Millisecond)
	n := open(t, o)
	var callers sync.WaitGroup
	for i := range 100 {
		callers.Go(func() { _, _ = n.Propose(context.Background(), fmt.Append(nil, "c", i)) })
		time.Sleep(2 * time.Millisecond) // batches of their own
	}
	<-held
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = n.Close()
	}()
	time.Sleep(300 * time.Millisecond)
	close(hold)
	<-closed
	answered := make(chan struct{})
	go func() {
		callers.Wait()
		close(answered)
	}()
	select {
	case <-answered:
	case <-time.After(3 * time.Second):
		t.Error("callers of Propose wait although the node is closed")
	}
}
