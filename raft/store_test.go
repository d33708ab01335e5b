package raft_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	hraft "github.com/hashicorp/raft"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/raft"
)

// faultyStore fails or hangs when told to.
type faultyStore struct {
	raft.DurableStore
	mu     sync.Mutex
	err    error
	hang   chan struct{}
	stores atomic.Int64
}

func (s *faultyStore) fault() error {
	s.mu.Lock()
	err, hang := s.err, s.hang
	s.mu.Unlock()
	if hang != nil {
		<-hang
	}
	return err
}

func (s *faultyStore) set(err error, hang chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.hang = err, hang
}

func (s *faultyStore) StoreLogs(logs []*hraft.Log) error {
	if err := s.fault(); err != nil {
		return err
	}
	s.stores.Add(1)
	return s.DurableStore.StoreLogs(logs)
}

func (s *faultyStore) GetLog(i uint64, l *hraft.Log) error {
	if err := s.fault(); err != nil {
		return err
	}
	return s.DurableStore.GetLog(i, l)
}

func withFaultyStore(o *raft.Options) *faultyStore {
	s := &faultyStore{}
	o.UseStore(func(inner raft.DurableStore) raft.DurableStore { s.DurableStore = inner; return s })
	return s
}

func TestHungStoreStopsTheNode(t *testing.T) {
	t.Parallel()
	fatal := make(chan error, 2)
	o := raft.Options{Dir: t.TempDir(), NodeID: "a", Machine: newLedger(t, ""), StoreTimeout: 150 * time.Millisecond, OnFatal: func(err error) { fatal <- err }}
	s := withFaultyStore(&o)
	n, err := raft.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.WaitLeader(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	propose(t, n, "before")
	changes := n.LeaderChanges()
	for !<-changes { // it may not be announced yet
	}
	hang := make(chan struct{})
	s.set(nil, hang)
	start := time.Now()
	if _, err := n.Propose(context.Background(), []byte("hangs")); !lode.IsCode(err, lode.CodeOutcomeUnknown) {
		t.Errorf("propose: %v", err)
	}
	select {
	case err := <-fatal:
		if took := time.Since(start); took < 100*time.Millisecond || !strings.Contains(err.Error(), "did not answer within 150ms") {
			t.Errorf("after %v: %v", took, err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the node goes on with a hung disk")
	}
	if _, err := n.Propose(context.Background(), []byte("after")); !lode.IsCode(err, lode.CodeUnavailable) {
		t.Errorf("propose after: %v", err)
	}
	if n.IsLeader() || <-changes {
		t.Error("still the leader")
	}
	if s := n.Stats(); s.Fatal == "" {
		t.Errorf("stats %+v", s)
	}
	if err := n.Close(); !lode.IsCode(err, lode.CodeUnavailable) {
		t.Errorf("close while the disk hangs: %v", err)
	}
	close(hang) // lets raft's goroutine end
	eventually(t, "the folder is free", func() bool {
		n, err := raft.Open(context.Background(), raft.Options{Dir: o.Dir, NodeID: "a", Machine: newLedger(t, "")})
		return err == nil && n.Close() == nil
	})
}

func TestFailingStoreStopsTheNode(t *testing.T) {
	fatal := make(chan error, 2)
	dir := t.TempDir()
	o := raft.Options{Dir: dir, Machine: newLedger(t, ""), OnFatal: func(err error) { fatal <- err }}
	s := withFaultyStore(&o)
	n := open(t, o)
	propose(t, n, "before")
	disk := errors.New("input/output error")
	s.set(disk, nil)
	if _, err := n.Propose(context.Background(), []byte("lost")); !lode.IsCode(err, lode.CodeOutcomeUnknown) {
		t.Errorf("propose: %v", err)
	}
	if err := <-fatal; !errors.Is(err, disk) {
		t.Errorf("fatal: %v", err)
	}
	// A disk that works again changes nothing: what a failed fsync left behind is not known.
	s.set(nil, nil)
	stores := s.stores.Load()
	if _, err := n.Propose(context.Background(), []byte("after")); !lode.IsCode(err, lode.CodeUnavailable) {
		t.Errorf("propose after: %v", err)
	}
	mustClose(t, n)
	if got := s.stores.Load(); got != stores {
		t.Errorf("%d writes after the failure", got-stores)
	}
	o = raft.Options{Dir: dir, Machine: newLedger(t, "")}
	propose(t, open(t, o), "a new process goes on")
}

func TestFailingStoreFailsOpen(t *testing.T) {
	o := raft.Options{Dir: t.TempDir(), NodeID: "a", Machine: newLedger(t, ""), OnFatal: func(err error) { t.Errorf("fatal: %v", err) }}
	s := withFaultyStore(&o)
	disk := errors.New("input/output error")
	s.set(disk, nil)
	if _, err := raft.Open(context.Background(), o); !errors.Is(err, disk) {
		t.Errorf("open: %v", err)
	}
}

// TestInterruptedBootstrap starts a node that died between its two first writes.
func TestInterruptedBootstrap(t *testing.T) {
	o := raft.Options{Dir: t.TempDir(), NodeID: "a", Machine: newLedger(t, "")}
	s := withFaultyStore(&o)
	s.set(errors.New("killed"), nil) // the log entry, not the term before it
	if _, err := raft.Open(context.Background(), o); err == nil {
		t.Fatal("opened")
	}
	propose(t, open(t, raft.Options{Dir: o.Dir, Machine: newLedger(t, "")}), "works")
}
