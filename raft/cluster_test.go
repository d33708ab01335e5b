package raft_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	hraft "github.com/hashicorp/raft"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/raft"
)

// cluster is some nodes in this process over raft's in-memory transport.
type cluster struct {
	t      *testing.T
	peers  []raft.Peer
	nodes  map[string]*member
	adjust func(*raft.Options)
}

type member struct {
	*raft.Node
	ledger *ledger
	dir    string
	trans  *hraft.InmemTransport
	cut    bool
}

func newCluster(t *testing.T, size int, adjust func(*raft.Options)) *cluster {
	t.Helper()
	c := &cluster{t: t, nodes: map[string]*member{}, adjust: adjust}
	for i := range size {
		id := string(rune('a' + i))
		c.peers = append(c.peers, raft.Peer{ID: id, Addr: "addr-" + id})
	}
	for _, p := range c.peers {
		c.start(p, t.TempDir(), raft.Options{Peers: c.peers})
	}
	return c
}

// start opens a node and connects it to all others.
func (c *cluster) start(p raft.Peer, dir string, o raft.Options) *member {
	c.t.Helper()
	m := &member{dir: dir, ledger: newLedger(c.t, filepath.Join(dir, "machine"))}
	_, m.trans = hraft.NewInmemTransportWithTimeout(hraft.ServerAddress(p.Addr), 100*time.Millisecond)
	c.nodes[p.ID] = m
	c.connect()
	o.Dir, o.NodeID, o.Machine = dir, p.ID, m.ledger
	o.HeartbeatTimeout, o.LeaseTimeout = 250*time.Millisecond, 200*time.Millisecond
	o.UseTransport(m.trans)
	if c.adjust != nil {
		c.adjust(&o)
	}
	m.Node = openOnly(c.t, o)
	c.t.Cleanup(m.trans.DisconnectAll) // no handing over to nodes that are closed already
	return m
}

func (c *cluster) connect() {
	for _, a := range c.nodes {
		for _, b := range c.nodes {
			if a.cut || b.cut {
				a.trans.Disconnect(b.trans.LocalAddr())
			} else {
				a.trans.Connect(b.trans.LocalAddr(), b.trans)
			}
		}
	}
}

func (c *cluster) cutOff(m *member, cut bool) {
	m.cut = cut
	c.connect()
}

func (c *cluster) stop(id string) (m *member) {
	c.t.Helper()
	m = c.nodes[id]
	mustClose(c.t, m.Node)
	delete(c.nodes, id)
	for _, other := range c.nodes {
		other.trans.Disconnect(m.trans.LocalAddr())
	}
	return m
}

// leader waits for one that can be read from, among nodes that are not cut off.
func (c *cluster) leader() *member {
	c.t.Helper()
	var found *member
	eventually(c.t, "there is a leader", func() bool {
		for _, m := range c.nodes {
			if !m.cut && m.IsLeader() && m.ReadBarrier(within(c.t, time.Second), raft.Linearizable) == nil {
				found = m
			}
		}
		return found != nil
	})
	return found
}

func (c *cluster) follower() *member {
	c.t.Helper()
	leader := c.leader()
	for _, p := range c.peers {
		if m := c.nodes[p.ID]; m != nil && m != leader {
			return m
		}
	}
	c.t.Fatal("no follower")
	return nil
}

// converge waits until all nodes hold the same.
func (c *cluster) converge() {
	c.t.Helper()
	leader := c.leader()
	for id, m := range c.nodes {
		eventually(c.t, "node "+id+" holds what the leader holds", func() bool { return m.ledger.now().Chain == leader.ledger.now().Chain })
	}
}

func idOf(m *member) string { return m.Stats().NodeID }

func TestFailover(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, nil)
	leader, follower := c.leader(), c.follower()
	propose(t, leader.Node, "one", "two")
	hint := fmt.Sprintf("the leader is %s at addr-%s", idOf(leader), idOf(leader))
	for what, err := range map[string]error{
		"propose":      second(follower.Propose(context.Background(), []byte("x"))),
		"leader":       follower.ReadBarrier(context.Background(), raft.Leader),
		"linearizable": follower.ReadBarrier(context.Background(), raft.Linearizable),
	} {
		if !lode.IsCode(err, lode.CodeUnavailable) || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s on a follower: %v", what, err)
		}
	}
	if err := follower.ReadBarrier(context.Background(), raft.Local); err != nil {
		t.Error(err)
	}
	changes := follower.LeaderChanges()
	if <-changes {
		t.Error("a follower was told that it leads")
	}

	gone := idOf(leader)
	start := time.Now()
	c.stop(gone)
	propose(t, c.leader().Node, "three")
	t.Logf("new leader after %v", time.Since(start))
	c.converge()
	old := c.start(raft.Peer{ID: gone, Addr: "addr-" + gone}, leader.dir, raft.Options{Peers: c.peers})
	propose(t, c.leader().Node, "four")
	c.converge()
	if old.ledger.applyCalls() > 3 {
		t.Errorf("%d entries applied again", old.ledger.applyCalls())
	}
	for id, m := range c.nodes {
		if s := m.Stats(); len(s.Members) != 3 {
			t.Errorf("node %s: %+v", id, s)
		}
	}
}

func second(_ any, err error) error { return err }

func TestPartition(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, nil)
	old := c.leader()
	propose(t, old.Node, "before")
	term := old.Stats().Term

	// A follower that hears nobody does not push the term up: pre-vote is on.
	follower := c.follower()
	c.cutOff(follower, true)
	time.Sleep(1200 * time.Millisecond)
	if got := follower.Stats().Term; got != term {
		t.Errorf("a follower alone went from term %d to %d", term, got)
	}
	c.cutOff(follower, false)
	propose(t, c.leader().Node, "healed")
	if got := old.Stats().Term; got != term || !old.IsLeader() {
		t.Errorf("its return cost an election: term %d, was %d", got, term)
	}

	// A leader that hears nobody neither confirms writes nor reads.
	c.cutOff(old, true)
	time.Sleep(100 * time.Millisecond) // a heartbeat that was under way may still confirm it
	if err := old.ReadBarrier(within(t, 5*time.Second), raft.Linearizable); !lode.IsCode(err, lode.CodeUnavailable) {
		t.Errorf("linearizable read on a leader alone: %v", err)
	}
	_, err := old.Propose(within(t, 5*time.Second), []byte("lost?"))
	if code := lode.CodeOf(err); code != lode.CodeUnavailable && code != lode.CodeOutcomeUnknown {
		t.Errorf("write on a leader alone: %v", err)
	}
	propose(t, c.leader().Node, "after")
	c.cutOff(old, false)
	c.converge()
	if got := old.ledger.now(); got.Counts["after"] != 1 || got.Counts["lost?"] > 1 {
		t.Errorf("state %+v", got)
	}
}

func TestOutcomeUnknown(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, nil)
	leader := c.leader()
	c.cutOff(leader, true)
	if _, err := leader.Propose(within(t, 5*time.Second), []byte("x")); !lode.IsCode(err, lode.CodeOutcomeUnknown) {
		t.Errorf("leadership lost under way: %v", err)
	}
}

// TestFollowerFarBehind brings back a node, and adds one, whose entries the log has no more.
func TestFollowerFarBehind(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, func(o *raft.Options) { o.TrailingBytes = 1; o.KeepTrailing(10); o.UseSegments(2 << 10) })
	behind := c.stop(idOf(c.follower()))
	leader := c.leader()
	var wg sync.WaitGroup
	for w := range 32 {
		wg.Go(func() {
			for i := range 10 {
				if _, err := leader.Propose(context.Background(), fmt.Appendf(nil, "%d/%d", w, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := leader.Snapshot(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	if s := leader.Stats(); s.FirstIndex < 100 {
		t.Fatalf("the log begins at %d still", s.FirstIndex)
	}
	for _, p := range c.peers {
		if c.nodes[p.ID] == nil {
			back := c.start(p, behind.dir, raft.Options{Peers: c.peers})
			propose(t, c.leader().Node, "more")
			c.converge()
			if calls := back.ledger.applyCalls(); calls > 200 {
				t.Errorf("%d entries applied: it was no snapshot", calls)
			}
			// What was installed survives a restart.
			c.stop(p.ID)
			c.start(p, behind.dir, raft.Options{Peers: c.peers})
			propose(t, c.leader().Node, "and more")
			c.converge()
		}
	}
	d := raft.Peer{ID: "d", Addr: "addr-d"}
	fresh := c.start(d, t.TempDir(), raft.Options{Join: true})
	if err := c.leader().AddVoter(within(t, 5*time.Second), d); err != nil {
		t.Fatal(err)
	}
	c.converge()
	if len(fresh.Members()) != 4 {
		t.Errorf("members %+v", fresh.Members())
	}
	if err := c.leader().RemoveMember(within(t, 5*time.Second), "d"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the removed node is out", func() bool { return len(c.leader().Members()) == 3 })
	c.stop("d")
	propose(t, c.leader().Node, "without d")
}

// TestNewLeaderCatchesUp makes a node the leader whose machine has not applied everything.
func TestNewLeaderCatchesUp(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, nil)
	leader, next := c.leader(), c.follower()
	hold := make(chan struct{})
	next.ledger.mu.Lock()
	next.ledger.apply = func(raft.Entry) any { <-hold; return nil }
	next.ledger.mu.Unlock()
	propose(t, leader.Node, "one", "two", "three")
	changes := next.LeaderChanges()
	<-changes
	if err := leader.Raft().LeadershipTransferToServer(hraft.ServerID(idOf(next)), next.trans.LocalAddr()).Error(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it leads", next.IsLeader)
	for _, level := range []raft.ReadLevel{raft.Leader, raft.Linearizable} {
		if err := next.ReadBarrier(within(t, 50*time.Millisecond), level); !lode.IsCode(err, lode.CodeTimeout) {
			t.Errorf("%v read while the machine is behind: %v", level, err)
		}
	}
	if err := next.ReadBarrier(context.Background(), raft.Local); err != nil {
		t.Error(err)
	}
	select {
	case v := <-changes:
		t.Errorf("announced %v while the machine is behind", v)
	default:
	}
	close(hold)
	for _, level := range []raft.ReadLevel{raft.Linearizable, raft.Leader} {
		if err := next.ReadBarrier(within(t, 5*time.Second), level); err != nil || next.ledger.count("three") != 1 {
			t.Errorf("%v read: %v, state %+v", level, err, next.ledger.now())
		}
	}
	if !<-changes {
		t.Error("not announced")
	}
	mustClose(t, next.Node)
	for v := range changes {
		if v {
			t.Error("a closed node leads")
		}
	}
	if _, open := <-next.LeaderChanges(); !open {
		t.Error("a channel of a closed node says nothing")
	}
}

// TestLinearizableReads reads on whichever node will, while leadership moves: a read sees
// every write that was acknowledged before it began.
func TestLinearizableReads(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, nil)
	c.leader()
	ctx, cancel := context.WithCancel(context.Background())
	var acked struct {
		sync.Mutex
		commands []string
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			for _, m := range c.nodes {
				command := fmt.Sprint("w", i)
				if _, err := m.Propose(ctx, []byte(command)); err == nil {
					acked.Lock()
					acked.commands = append(acked.commands, command)
					acked.Unlock()
					break
				}
			}
		}
	})
	reads := 0
	for id, m := range c.nodes {
		wg.Go(func() {
			for ctx.Err() == nil {
				acked.Lock()
				before := slices.Clone(acked.commands)
				acked.Unlock()
				if m.ReadBarrier(ctx, raft.Linearizable) != nil {
					time.Sleep(2 * time.Millisecond)
					continue
				}
				seen := m.ledger.now().Counts
				for _, command := range before {
					if seen[command] == 0 {
						t.Errorf("node %s does not see %s", id, command)
						return
					}
				}
				acked.Lock()
				reads++
				acked.Unlock()
			}
		})
	}
	for range 4 {
		time.Sleep(150 * time.Millisecond)
		_ = c.leader().Raft().LeadershipTransfer().Error()
	}
	cancel()
	wg.Wait()
	t.Logf("%d writes, %d reads", len(acked.commands), reads)
	if len(acked.commands) == 0 || reads == 0 {
		t.Error("nothing happened")
	}
}

// TestTCP runs three nodes over TCP; the disk of the leader hangs, and the others go on.
func TestTCP(t *testing.T) {
	t.Parallel()
	var peers []raft.Peer
	for _, id := range []string{"a", "b", "c"} {
		peers = append(peers, raft.Peer{ID: id, Addr: freeAddr(t)})
	}
	type tcpNode struct {
		*raft.Node
		store  *faultyStore
		ledger *ledger
	}
	nodes := map[string]tcpNode{}
	for _, p := range peers {
		o := raft.Options{Dir: t.TempDir(), NodeID: p.ID, Machine: newLedger(t, ""), Bind: p.Addr, Peers: peers, StoreTimeout: 200 * time.Millisecond,
			HeartbeatTimeout: 300 * time.Millisecond, LeaseTimeout: 200 * time.Millisecond, OnFatal: func(error) {}}
		s := withFaultyStore(&o)
		n, err := raft.Open(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		nodes[p.ID] = tcpNode{n, s, o.Machine.(*ledger)}
	}
	leader := func() (id string) {
		eventually(t, "there is a leader", func() bool {
			for i, n := range nodes {
				if n.IsLeader() && n.ReadBarrier(within(t, time.Second), raft.Linearizable) == nil {
					id = i
				}
			}
			return id != ""
		})
		return id
	}
	first := leader()
	propose(t, nodes[first].Node, "over TCP")
	hang := make(chan struct{})
	nodes[first].store.set(nil, hang)
	if _, err := nodes[first].Propose(context.Background(), []byte("hangs")); !lode.IsCode(err, lode.CodeOutcomeUnknown) {
		t.Errorf("propose: %v", err)
	}
	start := time.Now()
	next := leader()
	t.Logf("%s follows %s after %v", next, first, time.Since(start))
	if next == first {
		t.Error("a leader with a hung disk leads on")
	}
	propose(t, nodes[next].Node, "onward")
	close(hang)
	for _, n := range nodes {
		mustClose(t, n.Node)
	}
	if nodes[next].ledger.count("over TCP") != 1 {
		t.Error("a command was lost")
	}
}

// TestAloneThenCluster starts a node alone, then with an address, and adds a second one.
func TestAloneThenCluster(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "machine")
	n := open(t, raft.Options{Dir: dir, Machine: newLedger(t, path)})
	propose(t, n, "alone")
	if err := n.AddVoter(context.Background(), raft.Peer{ID: "b", Addr: "127.0.0.1:1"}); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("a peer for a node without an address: %v", err)
	}
	mustClose(t, n)
	short := func(o raft.Options) raft.Options {
		o.HeartbeatTimeout, o.LeaseTimeout = 300*time.Millisecond, 200*time.Millisecond
		return o
	}
	a := raft.Peer{ID: "a", Addr: freeAddr(t)}
	b := raft.Peer{ID: "b", Addr: freeAddr(t)}
	n = open(t, short(raft.Options{Dir: dir, Machine: newLedger(t, path), Bind: a.Addr}))
	eventually(t, "its address is known", func() bool { return n.Members()[0].Addr == a.Addr })
	second := newLedger(t, "")
	joined := openOnly(t, short(raft.Options{Dir: t.TempDir(), NodeID: "b", Machine: second, Bind: b.Addr, Join: true}))
	if err := n.AddVoter(within(t, 5*time.Second), b); err != nil {
		t.Fatal(err)
	}
	propose(t, n, "together")
	eventually(t, "b has all", func() bool { return second.count("alone") == 1 && second.count("together") == 1 })
	if id, addr := joined.Leader(); id != "a" || addr != a.Addr {
		t.Errorf("leader %s at %s", id, addr)
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestEndlessInstallsStopTheNode builds hashicorp/raft issue 697: a deposed leader whose
// uncommitted tail reaches past the new leader's snapshot gets that snapshot for ever. The
// node notices and stops; started again, it catches up.
func TestEndlessInstallsStopTheNode(t *testing.T) {
	t.Parallel()
	fatal := make(chan error, 3)
	c := newCluster(t, 3, func(o *raft.Options) {
		o.TrailingBytes = 1
		o.KeepTrailing(1)
		o.UseSegments(2 << 10)
		o.OnFatal = func(err error) { fatal <- err }
	})
	old := c.leader()
	propose(t, old.Node, "common")
	c.cutOff(old, true)
	write := func(m *member, writers, each int, name string) {
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					_, _ = m.Propose(within(t, 10*time.Second), fmt.Appendf(nil, "%s/%d/%d", name, w, i))
				}
			})
		}
		wg.Wait()
	}
	write(old, 1000, 1, "lost")
	if last := old.Stats().LastIndex; last < 150 {
		t.Skipf("the deposed leader took %d entries only, on a busy machine", last)
	}
	next := c.leader()
	write(next, 10, 8, "kept")
	if err := next.Snapshot(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	c.cutOff(old, false)
	select {
	case err := <-fatal:
		if !strings.Contains(err.Error(), "without progress") {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Skip("the snapshot went in at once: raft may have mended issue 697")
	}
	id := idOf(old)
	c.stop(id)
	c.start(raft.Peer{ID: id, Addr: "addr-" + id}, old.dir, raft.Options{Peers: c.peers})
	propose(t, c.leader().Node, "healed")
	c.converge()
}
