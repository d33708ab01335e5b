package raft_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/raft"
)

// TestFailEndsAHungMachine: whoever sees that the machine's disk hangs ends the node, although
// Apply never returns: nothing is acknowledged any more, and Close does not wait.
func TestFailEndsAHungMachine(t *testing.T) {
	t.Parallel()
	hang, hangs := make(chan struct{}), make(chan struct{})
	l := newLedger(t, "")
	l.apply = func(e raft.Entry) any {
		if string(e.Data) == "hangs" {
			close(hangs)
			<-hang
		}
		return nil
	}
	fatal := make(chan error, 2)
	n, err := raft.Open(context.Background(), raft.Options{Dir: t.TempDir(), NodeID: "a", Machine: l, OnFatal: func(err error) { fatal <- err }})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.WaitLeader(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	propose(t, n, "before")
	answer := make(chan error, 1)
	go func() {
		_, err := n.Propose(context.Background(), []byte("hangs"))
		answer <- err
	}()
	<-hangs
	disk := errors.New("the disk does not answer")
	n.Fail(disk)
	n.Fail(errors.New("again"))
	if err := <-answer; !lode.IsCode(err, lode.CodeOutcomeUnknown) || !errors.Is(err, disk) {
		t.Errorf("the command that hangs: %v", err)
	}
	if err := <-fatal; err != disk {
		t.Errorf("fatal: %v", err)
	}
	if _, err := n.Propose(context.Background(), []byte("after")); !lode.IsCode(err, lode.CodeUnavailable) {
		t.Errorf("a later command: %v", err)
	}
	start := time.Now()
	if err := n.Close(); !errors.Is(err, disk) {
		t.Errorf("close: %v", err)
	}
	if took := time.Since(start); took > 8*time.Second {
		t.Errorf("close took %v", took)
	}
	close(hang)
	eventually(t, "the machine's goroutine ends", func() bool { return l.applyCalls() >= 2 })
	if len(fatal) > 0 {
		t.Errorf("told twice: %v", <-fatal)
	}
}
