package raft_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/raft"
)

func TestAloneProposesAndRestarts(t *testing.T) {
	dir := t.TempDir()
	l := newLedger(t, filepath.Join(dir, "machine"))
	n := open(t, raft.Options{Dir: dir, Machine: l})
	propose(t, n, "one", "two", "three")
	if !n.IsLeader() {
		t.Error("not the leader")
	}
	before := l.now()
	mustClose(t, n)
	mustClose(t, n)
	if _, err := n.Propose(context.Background(), []byte("x")); !lode.IsCode(err, lode.CodeUnavailable) {
		t.Errorf("propose after close: %v", err)
	}

	again := newLedger(t, filepath.Join(dir, "machine"))
	n = open(t, raft.Options{Dir: dir, Machine: again})
	if again.applyCalls() != 0 {
		t.Errorf("%d entries were applied twice", again.applyCalls())
	}
	if got := again.now(); got.Chain != before.Chain {
		t.Errorf("state %+v, want %+v", got, before)
	}
	propose(t, n, "four")
}

// TestReplay restarts with machines of all ages: each gets exactly what it misses.
func TestReplay(t *testing.T) {
	dir := t.TempDir()
	var old []string // a copy of the machine's file after each command
	l := newLedger(t, filepath.Join(dir, "machine"))
	n := open(t, raft.Options{Dir: dir, Machine: l})
	for i := range 10 {
		propose(t, n, fmt.Sprint("command ", i))
		copyTo := filepath.Join(dir, fmt.Sprint("machine-", i))
		b, err := os.ReadFile(filepath.Join(dir, "machine"))
		if err = errors.Join(err, os.WriteFile(copyTo, b, 0o600)); err != nil {
			t.Fatal(err)
		}
		old = append(old, copyTo)
	}
	want := l.now().Chain
	mustClose(t, n)
	for i, path := range append(old, filepath.Join(dir, "none")) {
		m := newLedger(t, path)
		n := open(t, raft.Options{Dir: dir, Machine: m})
		missing := 9 - i
		if missing < 0 {
			missing = 10
		}
		if m.applyCalls() != missing || m.now().Chain != want {
			t.Errorf("machine %s: %d entries replayed, want %d; equal end: %v", path, m.applyCalls(), missing, m.now().Chain == want)
		}
		mustClose(t, n)
	}
}

func TestResultsReachTheirProposers(t *testing.T) {
	l := newLedger(t, "")
	n := open(t, raft.Options{Dir: t.TempDir(), Machine: l})
	const writers, each = 64, 40
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				c := fmt.Sprintf("%d/%d", w, i)
				if got, err := n.Propose(context.Background(), []byte(c)); err != nil || got != "ok "+c {
					t.Errorf("propose %s: %v, %v", c, got, err)
				}
			}
		})
	}
	wg.Wait()
	if got := l.now(); len(got.Counts) != writers*each {
		t.Errorf("%d commands, want %d", len(got.Counts), writers*each)
	}
	if s := n.Stats(); s.InflightBytes != 0 || s.State != "Leader" || s.Leader != "a" || s.AppliedIndex != l.now().Index || len(s.Members) != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestErrorsOfTheMachineAreReturned(t *testing.T) {
	l := newLedger(t, "")
	want := lode.NotFound("collection", "docs")
	l.apply = func(e raft.Entry) any {
		if string(e.Data) == "bad" {
			return want
		}
		return nil
	}
	n := open(t, raft.Options{Dir: t.TempDir(), Machine: l})
	if _, err := n.Propose(context.Background(), []byte("bad")); !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
	propose(t, n, "good")
}

func TestLimits(t *testing.T) {
	l := newLedger(t, "")
	n := open(t, raft.Options{Dir: t.TempDir(), Machine: l, MaxInflightBytes: 600 << 10})
	if _, err := n.Propose(context.Background(), make([]byte, raft.MaxCommandBytes+1)); !lode.IsCode(err, lode.CodeTooLarge) {
		t.Errorf("oversize: %v", err)
	}
	if _, err := n.Propose(context.Background(), make([]byte, raft.MaxCommandBytes)); err != nil {
		t.Errorf("largest: %v", err)
	}
	hold := make(chan struct{})
	l.mu.Lock()
	l.apply = func(raft.Entry) any { <-hold; return nil }
	l.mu.Unlock()
	first := make(chan error, 1)
	go func() {
		_, err := n.Propose(context.Background(), make([]byte, 400<<10))
		first <- err
	}()
	eventually(t, "the first proposal is under way", func() bool { return n.Stats().InflightBytes > 400<<10 })
	if _, err := n.Propose(context.Background(), make([]byte, 300<<10)); !lode.IsCode(err, lode.CodeOverloaded) {
		t.Errorf("overload: %v", err)
	}
	// A caller that leaves does not know, and what it holds stays counted.
	if _, err := n.Propose(within(t, 20*time.Millisecond), make([]byte, 10)); !lode.IsCode(err, lode.CodeOutcomeUnknown) {
		t.Errorf("caller left: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := n.Propose(ctx, make([]byte, 10)); !lode.IsCode(err, lode.CodeCanceled) {
		t.Errorf("caller had left before: %v", err)
	}
	close(hold)
	if err := <-first; err != nil {
		t.Error(err)
	}
	eventually(t, "nothing is in flight", func() bool { return n.Stats().InflightBytes == 0 })
}

// TestLargeBatches makes batches larger than a log segment.
func TestLargeBatches(t *testing.T) {
	dir := t.TempDir()
	l := newLedger(t, filepath.Join(dir, "machine"))
	o := raft.Options{Dir: dir, Machine: l}
	o.UseSegments(1 << 20)
	n := open(t, o)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if _, err := n.Propose(context.Background(), bytes.Repeat([]byte{byte(i)}, raft.MaxCommandBytes)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	want := l.now().Chain
	mustClose(t, n)
	fresh := newLedger(t, "")
	o.Machine = fresh
	open(t, o)
	if fresh.now().Chain != want {
		t.Error("replay ended elsewhere")
	}
}

func TestFatalResultsAndPanics(t *testing.T) {
	for name, fault := range map[string]func(raft.Entry) any{
		"fatal": func(raft.Entry) any { return raft.Fatal{Err: errors.New("command of version 9")} },
		"panic": func(raft.Entry) any { panic("command of version 9") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := newLedger(t, filepath.Join(dir, "machine"))
			l.apply = func(e raft.Entry) any {
				if string(e.Data) == "bad" {
					return fault(e)
				}
				return nil
			}
			fatal := make(chan error, 2)
			n := open(t, raft.Options{Dir: dir, Machine: l, OnFatal: func(err error) { fatal <- err }})
			propose(t, n, "good")
			if _, err := n.Propose(context.Background(), []byte("bad")); !lode.IsCode(err, lode.CodeOutcomeUnknown) || !strings.Contains(err.Error(), "version 9") {
				t.Errorf("propose: %v", err)
			}
			if err := <-fatal; !strings.Contains(err.Error(), "version 9") {
				t.Errorf("fatal: %v", err)
			}
			if _, err := n.Propose(context.Background(), []byte("good too")); !lode.IsCode(err, lode.CodeUnavailable) {
				t.Errorf("propose after: %v", err)
			}
			if err := n.ReadBarrier(context.Background(), raft.Linearizable); !lode.IsCode(err, lode.CodeUnavailable) {
				t.Errorf("read after: %v", err)
			}
			mustClose(t, n)
			if l.count("good") != 1 || l.count("good too") != 0 {
				t.Errorf("state %+v", l.now())
			}
			// A program that knows the command goes on where this one stopped.
			next := newLedger(t, filepath.Join(dir, "machine"))
			open(t, raft.Options{Dir: dir, Machine: next})
			if next.count("bad") != 1 || next.applyCalls() != 1 {
				t.Errorf("after the upgrade: %+v", next.now())
			}
		})
	}
}

func TestSnapshotsBySize(t *testing.T) {
	dir := t.TempDir()
	l := newLedger(t, filepath.Join(dir, "machine"))
	o := raft.Options{Dir: dir, Machine: l, SnapshotBytes: 1 << 20, TrailingBytes: 256 << 10}
	o.UseSegments(64 << 10)
	n := open(t, o)
	for i := range 300 {
		propose(t, n, fmt.Sprintf("%d %s", i, bytes.Repeat([]byte("x"), 16<<10)))
	}
	eventually(t, "the log is short", func() bool { s := n.Stats(); return s.SnapshotIndex > 200 && s.LogBytes < 2<<20 })
	if s := n.Stats(); s.FirstIndex < 200 || s.FirstIndex > s.SnapshotIndex {
		t.Errorf("log begins at %d, snapshot at %d", s.FirstIndex, s.SnapshotIndex)
	}
	if got := files(t, dir, "snapshots", "*"); len(got) == 0 || len(got) > 2 {
		t.Errorf("snapshots %q", got)
	}
	want, stored := l.now().Chain, n.Stats().LogBytes
	mustClose(t, n)

	empty := newLedger(t, "") // older than the snapshot: restored, then replayed
	o.Machine = empty
	n = open(t, o)
	if empty.now().Chain != want || empty.applyCalls() > 100 {
		t.Errorf("after %d entries on top of the snapshot the state differs: %v", empty.applyCalls(), empty.now().Chain != want)
	}
	if got := n.Stats().LogBytes; got < stored || got > stored+64<<10 {
		t.Errorf("%d bytes since the snapshot before, %d after the restart", stored, got)
	}
	propose(t, n, "on")
}

// TestSnapshotBehindTheMachine restores nothing when only raft's own entries are missing.
func TestSnapshotBehindTheMachine(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "machine")
	n := open(t, raft.Options{Dir: dir, Machine: newLedger(t, path)})
	propose(t, n, "one")
	mustClose(t, n)
	n = open(t, raft.Options{Dir: dir, Machine: newLedger(t, path)}) // a new term: raft adds entries
	if err := n.Snapshot(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s := n.Stats(); s.SnapshotIndex <= s.AppliedIndex {
		t.Fatalf("snapshot %d, applied %d: the test needs raft's entries between them", s.SnapshotIndex, s.AppliedIndex)
	}
	mustClose(t, n)
	l := newLedger(t, path)
	l.restore = func() { t.Error("restored for nothing") }
	n = open(t, raft.Options{Dir: dir, Machine: l})
	propose(t, n, "two")
	if err := errors.Join(n.Snapshot(context.Background()), n.Snapshot(context.Background())); err != nil {
		t.Error(err)
	}
}

func TestFoldersThatDoNotBelongTogether(t *testing.T) {
	make10 := func(t *testing.T, snapshot bool) string {
		dir := t.TempDir()
		o := raft.Options{Dir: dir, Machine: newLedger(t, filepath.Join(dir, "machine")), TrailingBytes: 1}
		n := open(t, o)
		for i := range 10 {
			propose(t, n, fmt.Sprint(i))
		}
		if snapshot {
			if err := n.Snapshot(context.Background()); err != nil {
				t.Fatal(err)
			}
			propose(t, n, "last")
		}
		mustClose(t, n)
		return dir
	}
	reopen := func(t *testing.T, dir string, m *ledger, want string) {
		t.Helper()
		n, err := raft.Open(context.Background(), raft.Options{Dir: dir, NodeID: "a", Machine: m})
		if err == nil {
			mustClose(t, n)
		}
		if !lode.IsCode(err, lode.CodeCorrupt) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	t.Run("no raft folder", func(t *testing.T) {
		dir := make10(t, false)
		m := newLedger(t, filepath.Join(dir, "machine"))
		if err := os.RemoveAll(filepath.Join(dir, "wal")); err != nil {
			t.Fatal(err)
		}
		reopen(t, dir, m, "the log ends at entry 0")
	})
	t.Run("data of another time", func(t *testing.T) {
		dir := make10(t, false)
		m := newLedger(t, "")
		m.saved = ledgerState{Index: 500, Term: 2}
		reopen(t, dir, m, "the data holds entries up to 500")
	})
	t.Run("data of another cluster", func(t *testing.T) {
		dir := make10(t, false)
		m := newLedger(t, "")
		m.saved = ledgerState{Index: 5, Term: 77}
		reopen(t, dir, m, "of term 77 in the data")
	})
	t.Run("snapshots lost", func(t *testing.T) {
		dir := make10(t, true)
		m := newLedger(t, filepath.Join(dir, "machine"))
		if err := os.RemoveAll(filepath.Join(dir, "snapshots")); err != nil {
			t.Fatal(err)
		}
		reopen(t, dir, m, "are missing")
	})
	t.Run("snapshot damaged", func(t *testing.T) {
		dir := make10(t, true)
		state := files(t, dir, "snapshots", "*", "state.bin")
		if err := os.WriteFile(state[len(state)-1], []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		reopen(t, dir, newLedger(t, ""), "CRC")
	})
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, raft.Options{Dir: dir, Machine: newLedger(t, "")})
	_, err := raft.Open(context.Background(), raft.Options{Dir: dir, NodeID: "a", Machine: newLedger(t, "")})
	if !lode.IsCode(err, lode.CodeConflict) {
		t.Errorf("got %v", err)
	}
}

func TestReadyFast(t *testing.T) {
	dir := t.TempDir()
	for _, what := range []string{"fresh", "again"} {
		best := time.Hour
		for range 3 {
			start := time.Now()
			n := open(t, raft.Options{Dir: dir, Machine: newLedger(t, "")})
			best = min(best, time.Since(start))
			mustClose(t, n)
			if what == "fresh" {
				dir = t.TempDir()
			}
		}
		t.Logf("%s: ready in %v", what, best)
		if best > 200*time.Millisecond {
			t.Errorf("%s: ready in %v", what, best)
		}
	}
}

func TestOptions(t *testing.T) {
	ok := raft.Options{Dir: "d", NodeID: "a", Machine: newLedger(t, "")}
	cluster := ok
	cluster.Bind, cluster.Peers = "127.0.0.1:0", []raft.Peer{{ID: "a", Addr: "127.0.0.1:1"}, {ID: "b", Addr: "127.0.0.1:2"}}
	for _, good := range []raft.Options{ok, cluster} {
		good.EnsureDefaults()
		if err := good.Validate(); err != nil {
			t.Error(err)
		}
	}
	f := func(field string, change func(o *raft.Options)) {
		t.Helper()
		o := cluster
		change(&o)
		o.EnsureDefaults()
		var e *lode.Error
		if err := o.Validate(); !errors.As(err, &e) || e.Code != lode.CodeInvalid || e.Field != field {
			t.Errorf("want an error about %s, got %v", field, err)
		}
	}
	f("raft.dir", func(o *raft.Options) { o.Dir = "" })
	f("raft.node_id", func(o *raft.Options) { o.NodeID = "" })
	f("raft.machine", func(o *raft.Options) { o.Machine = nil })
	f("raft.heartbeat_timeout", func(o *raft.Options) { o.HeartbeatTimeout = 1 })
	f("raft.lease_timeout", func(o *raft.Options) { o.LeaseTimeout = time.Minute })
	f("raft.max_inflight_bytes", func(o *raft.Options) { o.MaxInflightBytes = 10 })
	f("raft.snapshot_bytes", func(o *raft.Options) { o.SnapshotBytes = -1 })
	f("raft.trailing_bytes", func(o *raft.Options) { o.TrailingBytes = -1 })
	f("raft.store_timeout", func(o *raft.Options) { o.StoreTimeout = -1 })
	f("raft.bind", func(o *raft.Options) { o.Bind = "" })
	f("raft.join", func(o *raft.Options) { o.Join = true })
	f("raft.join", func(o *raft.Options) { o.Peers, o.Bind, o.Join = nil, "", true })
	f("raft.peers", func(o *raft.Options) { o.NodeID = "c" })
	f("raft.peers", func(o *raft.Options) { o.Peers = append(o.Peers[:1:1], o.Peers[0]) })
	f("raft.peers", func(o *raft.Options) { o.Peers = append(o.Peers[:1:1], raft.Peer{ID: "b", Addr: "nowhere"}) })
	bad := cluster
	bad.Dir, bad.Bind = t.TempDir(), "127.0.0.1:99999"
	if _, err := raft.Open(context.Background(), bad); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("bind: %v", err)
	}
	bad.Bind = "0.0.0.0:0"
	if _, err := raft.Open(context.Background(), bad); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("advertise: %v", err)
	}
}
