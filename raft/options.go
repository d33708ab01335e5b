package raft

import (
	"log/slog"
	"net"
	"time"

	hraft "github.com/hashicorp/raft"

	"github.com/lodedb/lode"
)

// Defaults of [Options].
const (
	// DefaultAloneTimeout is the heartbeat and election timeout of a node that is alone:
	// nobody else can lead, so there is nothing to wait for.
	DefaultAloneTimeout = 100 * time.Millisecond
	// DefaultHeartbeatTimeout and DefaultLeaseTimeout hold in a cluster. They are long
	// enough that building an index on all cores causes no election.
	DefaultHeartbeatTimeout = 2 * time.Second
	DefaultLeaseTimeout     = time.Second

	DefaultMaxInflightBytes = 64 << 20
	DefaultSnapshotBytes    = 128 << 20
	// DefaultTrailingBytes of log stay behind a snapshot so that a follower which was away
	// for a while catches up from the log; DefaultAloneTrailingBytes when there is none.
	DefaultTrailingBytes      = 256 << 20
	DefaultAloneTrailingBytes = 1 << 20
	DefaultStoreTimeout       = 10 * time.Second
)

// Peer is one voter: a name that never changes and the host:port it listens on.
type Peer struct{ ID, Addr string }

// Options configures a [Node]. Dir, NodeID and Machine are required.
type Options struct {
	// Dir holds log, votes and snapshots. It is locked while the node is open.
	Dir string
	// NodeID is this node's name, unique in the cluster for ever.
	NodeID string
	// ClusterID is what the machine says of its cluster, empty while it knows none. A folder
	// whose log belongs to another cluster is refused. See [Node.SetCluster].
	ClusterID string
	Machine   StateMachine
	// Logger receives events. The default drops them.
	Logger *slog.Logger

	// Bind is the TCP host:port for other nodes. Empty: the node opens no port and is alone.
	Bind string
	// Advertise is the host:port that other nodes dial. The default is Bind.
	Advertise string
	// Peers are all initial voters, this node included, equal on all of them. They matter
	// once, when Dir is fresh. Empty: this node alone.
	Peers []Peer
	// Join keeps a fresh node from forming a cluster of its own: it waits until the leader
	// of an existing one adds it (see [Node.AddVoter]).
	Join bool

	// HeartbeatTimeout is how long a follower waits for its leader before it stands for
	// election. The default is DefaultAloneTimeout without Bind, DefaultHeartbeatTimeout with.
	HeartbeatTimeout time.Duration
	// LeaseTimeout is how long a leader stays one without hearing from a majority; at most
	// HeartbeatTimeout. The default is DefaultLeaseTimeout, or HeartbeatTimeout if shorter.
	LeaseTimeout time.Duration

	// MaxInflightBytes bounds proposals that wait for their outcome, each counted with its
	// size plus 4 KiB. The default is DefaultMaxInflightBytes.
	MaxInflightBytes int64
	// SnapshotBytes of new log cause a snapshot. The default is DefaultSnapshotBytes.
	SnapshotBytes int64
	// TrailingBytes of log, roughly, survive a snapshot. The default is DefaultTrailingBytes,
	// DefaultAloneTrailingBytes without Bind.
	TrailingBytes int64
	// StoreTimeout is the longest write or fsync of the log before the node gives up: a
	// leader whose disk hangs would otherwise lead for ever. The default is DefaultStoreTimeout.
	StoreTimeout time.Duration

	// OnAppend, unless nil, is told how long each append to the log took, sync included. It
	// must be quick.
	OnAppend func(time.Duration)

	// OnFatal is called once, in a goroutine of its own, when the node must not go on: the
	// log store failed or hangs, Apply panicked or returned [Fatal], or snapshots are
	// installed over and over. The node takes no proposals any more and its connections are
	// cut; the process should end and be started again. OnFatal may call Close. The default
	// panics, which ends the process.
	OnFatal func(error)

	// Hooks of the tests.
	transport    hraft.Transport
	segmentBytes int
	retain       int // snapshots
	minTrailing  int64
	drain        time.Duration
	wrapStore    func(durableStore) durableStore
}

// alone reports whether no other node can ever reach this one.
func (o *Options) alone() bool { return o.Bind == "" && o.transport == nil }

// EnsureDefaults fills what the caller left out.
func (o *Options) EnsureDefaults() {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.OnFatal == nil {
		o.OnFatal = func(err error) { panic(err) }
	}
	if o.OnAppend == nil {
		o.OnAppend = func(time.Duration) {}
	}
	heartbeat, trailing := DefaultHeartbeatTimeout, int64(DefaultTrailingBytes)
	if o.alone() {
		heartbeat, trailing = DefaultAloneTimeout, DefaultAloneTrailingBytes
	}
	setDefault(&o.HeartbeatTimeout, heartbeat)
	setDefault(&o.LeaseTimeout, min(DefaultLeaseTimeout, o.HeartbeatTimeout))
	setDefault(&o.MaxInflightBytes, DefaultMaxInflightBytes)
	setDefault(&o.SnapshotBytes, DefaultSnapshotBytes)
	setDefault(&o.TrailingBytes, trailing)
	setDefault(&o.StoreTimeout, DefaultStoreTimeout)
	setDefault(&o.segmentBytes, walSegmentBytes)
	setDefault(&o.drain, drainPatience)
	least, retain := int64(minTrailing), retainedSnapshots
	if o.alone() {
		least, retain = 1, retainedSnapshotsAlone
	}
	setDefault(&o.retain, retain)
	setDefault(&o.minTrailing, least)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate checks options after [Options.EnsureDefaults].
func (o *Options) Validate() error {
	switch {
	case o.Dir == "":
		return lode.Invalid("raft.dir", o.Dir, "a folder is required")
	case o.NodeID == "":
		return lode.Invalid("raft.node_id", o.NodeID, "a node id is required")
	case o.Machine == nil:
		return lode.Invalid("raft.machine", "nil", "a state machine is required")
	case o.HeartbeatTimeout < 10*time.Millisecond:
		return lode.Invalid("raft.heartbeat_timeout", o.HeartbeatTimeout, "must be at least 10ms")
	case o.LeaseTimeout < 10*time.Millisecond || o.LeaseTimeout > o.HeartbeatTimeout:
		return lode.Invalid("raft.lease_timeout", o.LeaseTimeout, "must be between 10ms and the heartbeat timeout %s", o.HeartbeatTimeout)
	case o.MaxInflightBytes < MaxCommandBytes+proposalOverhead:
		return lode.Invalid("raft.max_inflight_bytes", o.MaxInflightBytes, "must hold one command of %d bytes", MaxCommandBytes+proposalOverhead)
	case o.SnapshotBytes < 0:
		return lode.Invalid("raft.snapshot_bytes", o.SnapshotBytes, "must not be negative")
	case o.TrailingBytes < 0:
		return lode.Invalid("raft.trailing_bytes", o.TrailingBytes, "must not be negative")
	case o.StoreTimeout < 0:
		return lode.Invalid("raft.store_timeout", o.StoreTimeout, "must not be negative")
	}
	return o.validatePeers()
}

func (o *Options) validatePeers() error {
	if len(o.Peers) == 0 {
		if o.Join && o.alone() {
			return lode.Invalid("raft.join", o.Join, "a node that joins needs a bind address")
		}
		return nil
	}
	if o.Join {
		return lode.Invalid("raft.join", o.Join, "a node either joins a cluster or forms one with its peers")
	}
	if o.alone() && len(o.Peers) > 1 {
		return lode.Invalid("raft.bind", o.Bind, "%d peers need a bind address", len(o.Peers))
	}
	ids, addrs := map[string]bool{}, map[string]bool{}
	for _, p := range o.Peers {
		if p.ID == "" || ids[p.ID] || addrs[p.Addr] {
			return lode.Invalid("raft.peers", p.ID+"="+p.Addr, "ids and addresses must be present and different")
		}
		if _, _, err := net.SplitHostPort(p.Addr); err != nil && o.transport == nil {
			return lode.Invalid("raft.peers", p.ID+"="+p.Addr, "the address is not host:port")
		}
		ids[p.ID], addrs[p.Addr] = true, true
	}
	if !ids[o.NodeID] {
		return lode.Invalid("raft.peers", o.NodeID, "the peers do not include this node")
	}
	return nil
}
