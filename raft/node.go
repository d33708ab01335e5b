package raft

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	hraft "github.com/hashicorp/raft"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

const (
	// maxAppendEntries bounds a batch: 32 commands of 512 KiB are 16 MiB, and raft queues up
	// to 128 batches for the machine.
	maxAppendEntries = 32
	// retainedSnapshots is one more than needed, for a follower that reads the older one. A
	// node that is alone has none, and its snapshots are whole catalogues.
	retainedSnapshots      = 2
	retainedSnapshotsAlone = 1

	hurryStep = time.Millisecond

	drainPatience = 5 * time.Second
	hungPatience  = 1 * time.Second
)

// Node is this process's part in the replicated log. All methods may be called at any time
// and from many goroutines.
type Node struct {
	opts  Options
	log   *slog.Logger
	alone bool

	lock     io.Closer
	snaps    *hraft.FileSnapshotStore
	trans    *confirming
	store    *logStore
	fsm      *fsm
	raft     *hraft.Raft
	started  chan struct{} // closed when raft is set
	shutdown func() hraft.Future

	gate     gate // proposals and reads
	inflight atomic.Int64

	naming   sync.Mutex
	identity identity // what the folder says; behind naming once open

	lead lead

	dead   chan struct{} // closed when the node must not go on
	reason error         // why, set before dead is closed
	kill   sync.Once

	ctx    context.Context // ends the goroutines below
	cancel context.CancelFunc
	wg     sync.WaitGroup
	once   struct {
		sync.Once
		err error
	}
}

// Open starts the node: it recovers the log, brings the machine to the newest snapshot if it
// is older, checks that the log continues where the machine stands, and joins the cluster
// that the folder knows. It returns when raft runs; who leads is not yet known (see
// [Node.WaitLeader]). The context bounds nothing but Open.
func Open(ctx context.Context, o Options) (*Node, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	n := &Node{opts: o, log: o.Logger, alone: o.alone(), started: make(chan struct{}), dead: make(chan struct{})}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.lead.init()
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(err, n.abandon())
	}
	return n, nil
}

func (n *Node) open(ctx context.Context) (err error) {
	if err := os.MkdirAll(n.opts.Dir, 0o700); err != nil {
		return fmt.Errorf("make raft folder: %w", err)
	}
	if n.lock, err = lockDir(n.opts.Dir); err != nil {
		return err
	}
	if err := n.checkIdentity(); err != nil {
		return err
	}
	logger := newBridge(n.log, n.alone)
	n.fsm = &fsm{machine: n.opts.Machine, fail: n.fail}
	trans, err := newTransport(&n.opts, logger)
	if err != nil {
		return err
	}
	n.trans = newConfirming(trans)
	var inner durableStore
	err = n.within("open the log", func() error {
		if n.snaps, err = openSnapshots(n.opts.Dir, n.opts.retain, logger); err != nil {
			return err
		}
		inner, err = openWAL(filepath.Join(n.opts.Dir, "wal"), n.opts.segmentBytes, logger)
		return err
	})
	if err != nil {
		return err
	}
	if n.opts.wrapStore != nil {
		inner = n.opts.wrapStore(inner)
	}
	n.store = newLogStore(inner, &n.opts, n.fail)
	if err := n.recover(ctx); err != nil {
		return err
	}
	return n.start(logger)
}

// within runs what libraries do on the disk, past every watch of single calls, and ends the
// node when it takes longer than a call may.
func (n *Node) within(what string, f func() error) error {
	answered := vfs.AfterRunning(n.opts.StoreTimeout, func() {
		n.fail(fmt.Errorf("%s: the disk did not answer within %s", what, n.opts.StoreTimeout))
	})
	defer answered()
	return f()
}

// start runs raft and the goroutines of the node.
func (n *Node) start(logger *bridge) (err error) {
	config := n.config(logger)
	n.raft, err = hraft.NewRaft(config, n.fsm, n.store, n.store, n.snaps, n.trans)
	if err != nil {
		return fmt.Errorf("start raft: %w", err)
	}
	n.shutdown = sync.OnceValue(n.raft.Shutdown)
	close(n.started)
	if err := n.checkMembership(); err != nil {
		return err
	}
	if err := n.within("write the identity of the log", func() error { return n.SetCluster(n.opts.ClusterID) }); err != nil {
		// The check is an extra; a disk that is full must not keep the node from starting.
		n.log.Warn("raft: the folder has no identity yet", "error", err)
	}
	n.store.armed.Store(true)
	if n.alone {
		n.hurry()
	}
	n.goFunc(n.watchLeadership)
	n.goFunc(n.announceLeadership)
	n.goFunc(n.takeSnapshots)
	select {
	case <-n.dead:
		return n.reason
	default:
		return nil
	}
}

func (n *Node) config(logger *bridge) *hraft.Config {
	c := hraft.DefaultConfig()
	c.LocalID = hraft.ServerID(n.opts.NodeID)
	c.Logger = logger
	c.HeartbeatTimeout = n.opts.HeartbeatTimeout + hurryStep
	c.ElectionTimeout = c.HeartbeatTimeout
	c.LeaderLeaseTimeout = n.opts.LeaseTimeout
	c.MaxAppendEntries = maxAppendEntries
	c.NotifyCh = n.lead.notify
	c.NoSnapshotRestoreOnStart = true
	c.NoLegacyTelemetry = true
	// Snapshots are taken by size, in takeSnapshots; raft's own count never triggers one.
	c.SnapshotThreshold = 1 << 62
	c.SnapshotInterval = 24 * time.Hour
	c.TrailingLogs = n.trailingLogs()
	return c
}

// hurry lets a node that is alone stand for election now instead of after its timeout: raft
// begins at once when its heartbeat timeout is made shorter.
func (n *Node) hurry() {
	c := n.raft.ReloadableConfig()
	c.HeartbeatTimeout -= hurryStep
	if err := n.raft.ReloadConfig(c); err != nil {
		n.log.Debug("raft: no early election", "error", err)
	}
}

func (n *Node) goFunc(f func()) {
	n.wg.Add(1)
	go func() {
		defer n.wg.Done()
		f()
	}()
}

// Fail stops the node for ever, as an error of its own disk would: nothing is acknowledged
// from now on, the other nodes hear nothing from this one, and Options.OnFatal is called. It
// is for those who see that what lies under the machine does not answer. It never waits.
func (n *Node) Fail(err error) { n.fail(err) }

// fail stops the node for ever. It never waits; it may be called by raft's own goroutines.
func (n *Node) fail(err error) {
	n.kill.Do(func() {
		n.reason = err
		n.fsm.dead.Store(true)
		close(n.dead)
		n.log.Error("raft: the node must stop", "node", n.opts.NodeID, "error", err)
		go func() {
			n.cut()
			select {
			case <-n.started:
				n.shutdown()
			default:
			}
			n.opts.OnFatal(err)
		}()
	})
}

// cut ends communication with other nodes, so that they elect another leader.
func (n *Node) cut() {
	_ = n.trans.Close()
}

// stopped returns why the node takes no calls, nil while it does.
func (n *Node) stopped() error {
	select {
	case <-n.dead:
		return lode.Errorf(lode.CodeUnavailable, "the node has stopped: %w", n.reason)
	default:
		return nil
	}
}

// Close finishes what is in flight, hands leadership to another node if there is one, and
// stops. It may be called twice.
func (n *Node) Close() error {
	n.once.Do(func() { n.once.err = n.close() })
	return n.once.err
}

func (n *Node) close() error {
	n.fsm.closing.Store(true)
	n.gate.close(n.patience())
	n.transferLeadership()
	raftEnded := make(chan struct{})
	ending := n.shutdown()
	go func() {
		defer close(raftEnded)
		_ = ending.Error() // waits for raft's goroutines and closes the transport
	}()
	n.cancel()
	release := func() error {
		<-raftEnded
		n.wg.Wait()
		return errors.Join(n.store.Close(), n.lock.Close())
	}
	if err := n.awaitEnd(raftEnded); err != nil {
		go func() { _ = release() }() // should the disk ever answer
		return err
	}
	return release()
}

// awaitEnd waits for raft, but not for ever when the log store hangs.
func (n *Node) awaitEnd(raftEnded <-chan struct{}) error {
	select {
	case <-raftEnded:
		return nil
	case <-n.dead:
	}
	select {
	case <-raftEnded:
		return nil
	case <-time.After(hungPatience):
		return lode.Errorf(lode.CodeUnavailable, "close raft: the log store hangs and its files stay open: %w", n.reason)
	}
}

func (n *Node) patience() time.Duration {
	if n.stopped() != nil {
		return hungPatience
	}
	return n.opts.drain
}

// abandon closes what a failed Open has opened.
func (n *Node) abandon() error {
	n.cancel()
	if n.shutdown != nil {
		_ = n.shutdown().Error()
	}
	n.wg.Wait()
	var errs []error
	if n.trans != nil {
		n.cut()
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	if n.lock != nil {
		errs = append(errs, n.lock.Close())
	}
	return errors.Join(errs...)
}
