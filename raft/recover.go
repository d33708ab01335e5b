package raft

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	hraft "github.com/hashicorp/raft"

	"github.com/lodedb/lode"
)

// openSnapshots opens Dir/snapshots and removes what an interrupted snapshot left.
func openSnapshots(dir string, retain int, logger *bridge) (*hraft.FileSnapshotStore, error) {
	left, err := filepath.Glob(filepath.Join(dir, "snapshots", "*.tmp"))
	if err != nil {
		return nil, fmt.Errorf("list unfinished snapshots: %w", err)
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			return nil, fmt.Errorf("remove unfinished snapshot: %w", err)
		}
	}
	snaps, err := hraft.NewFileSnapshotStoreWithLogger(dir, retain, logger)
	if err != nil {
		return nil, fmt.Errorf("open snapshots: %w", err)
	}
	return snaps, nil
}

// logRange is what a node's folder holds: log entries first to last (0, 0: none) behind a
// snapshot of everything up to snapshot (0: none).
type logRange struct{ first, last, snapshot uint64 }

// recover brings log, snapshots and machine together before raft starts. The machine alone
// says what is applied; raft would start from its newest snapshot.
func (n *Node) recover(ctx context.Context) error {
	metas, err := n.snaps.List()
	if err != nil {
		return fmt.Errorf("list snapshots: %w", err)
	}
	r, err := n.logRange(metas)
	if err != nil {
		return err
	}
	applied, term := n.opts.Machine.Applied()
	if err := n.checkRange(r, applied, term); err != nil {
		return err
	}
	if applied < r.snapshot && !n.onlyHousekeeping(applied, r) {
		if err := n.restore(ctx, metas[0]); err != nil {
			return err
		}
	}
	if err := n.dropCovered(r); err != nil {
		return err
	}
	if err := n.bootstrap(r, applied); err != nil {
		return err
	}
	n.fsm.begin(r.snapshot)
	return ctx.Err()
}

func (n *Node) logRange(metas []*hraft.SnapshotMeta) (r logRange, err error) {
	if len(metas) > 0 {
		r.snapshot = metas[0].Index
	}
	if r.first, err = n.store.FirstIndex(); err != nil {
		return r, err
	}
	r.last, err = n.store.LastIndex()
	return r, err
}

// checkRange refuses folders that do not belong together. Without it raft would panic over a
// missing entry, or number new commands from 1 and the machine would skip them all.
func (n *Node) checkRange(r logRange, applied, term uint64) error {
	corrupt := func(format string, args ...any) error {
		return lode.Errorf(lode.CodeCorrupt, "raft folder "+n.opts.Dir+": "+format, args...).
			WithHint("restore the raft folder and the data folder from the same moment, or let this node join afresh with both folders empty")
	}
	switch end := max(r.last, r.snapshot); {
	case r.last > 0 && r.first > r.snapshot+1:
		return corrupt("log entries %d to %d are missing: the log begins at %d and the newest snapshot ends at %d", r.snapshot+1, r.first-1, r.first, r.snapshot)
	case end < applied:
		return corrupt("the log ends at entry %d, but the data holds entries up to %d", end, applied)
	case term == 0 || applied < r.first || applied > r.last || applied == 0:
		return nil
	}
	var l hraft.Log
	if err := n.store.GetLog(applied, &l); err != nil {
		return err
	}
	if l.Term != term {
		return corrupt("entry %d is of term %d in the log and of term %d in the data", applied, l.Term, term)
	}
	return nil
}

// onlyHousekeeping reports whether the log shows that no command lies between the machine
// and the newest snapshot: then the machine is as new as the snapshot.
func (n *Node) onlyHousekeeping(applied uint64, r logRange) bool {
	if r.first == 0 || r.first > applied+1 || r.last < r.snapshot {
		return false
	}
	for i := applied + 1; i <= r.snapshot; i++ {
		var l hraft.Log
		if err := n.store.GetLog(i, &l); err != nil || l.Type == hraft.LogCommand {
			return false
		}
	}
	return true
}

// restore loads the newest snapshot into a machine that is older.
func (n *Node) restore(ctx context.Context, meta *hraft.SnapshotMeta) error {
	n.log.Info("raft: restoring snapshot", "index", meta.Index, "bytes", meta.Size)
	_, r, err := n.snaps.Open(meta.ID)
	if err != nil {
		return lode.Errorf(lode.CodeCorrupt, "open snapshot %s: %w", meta.ID, err)
	}
	err = n.opts.Machine.Restore(&cancelable{ctx: ctx, r: r})
	if err = errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("restore snapshot %s: %w", meta.ID, err)
	}
	if applied, _ := n.opts.Machine.Applied(); applied > meta.Index {
		return lode.Errorf(lode.CodeCorrupt, "snapshot %s up to entry %d left the machine at entry %d", meta.ID, meta.Index, applied)
	}
	return nil
}

// cancelable is a reader that ends with a context.
type cancelable struct {
	ctx context.Context
	r   interface{ Read([]byte) (int, error) }
}

func (c *cancelable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// dropCovered empties a log that ends before the newest snapshot. A node that dies while it
// installs a snapshot leaves one, and a log without holes could never be continued.
func (n *Node) dropCovered(r logRange) error {
	if r.last == 0 || r.last >= r.snapshot {
		return nil
	}
	return n.store.DeleteRange(r.first, r.last)
}

// The name under which raft keeps its term in the stable store.
var keyCurrentTerm = []byte("CurrentTerm")

// bootstrap writes the first configuration of a fresh cluster. raft has a function for it,
// which refuses to go on where a crash has interrupted it; this one does.
func (n *Node) bootstrap(r logRange, applied uint64) error {
	if n.opts.Join || r.last > 0 || r.snapshot > 0 || applied > 0 {
		return nil
	}
	term, err := n.store.GetUint64(keyCurrentTerm)
	if err != nil || term > 1 {
		return err // a member already that has received nothing yet
	}
	var c hraft.Configuration
	for _, p := range n.voters() {
		c.Servers = append(c.Servers, hraft.Server{Suffrage: hraft.Voter, ID: hraft.ServerID(p.ID), Address: hraft.ServerAddress(p.Addr)})
	}
	n.log.Info("raft: forming a cluster", "voters", len(c.Servers))
	if err := n.store.SetUint64(keyCurrentTerm, 1); err != nil {
		return err
	}
	return n.store.StoreLog(&hraft.Log{Index: 1, Term: 1, Type: hraft.LogConfiguration, Data: hraft.EncodeConfiguration(c)})
}

func (n *Node) voters() []Peer {
	if len(n.opts.Peers) > 0 {
		return n.opts.Peers
	}
	return []Peer{{ID: n.opts.NodeID, Addr: string(n.trans.LocalAddr())}}
}

// checkMembership refuses a node that is alone under a name which the cluster in its folder
// does not know: it would wait for a leader for ever.
func (n *Node) checkMembership() error {
	if !n.alone {
		return nil
	}
	servers := n.raft.GetConfiguration().Configuration().Servers
	var names []string
	for _, s := range servers {
		names = append(names, string(s.ID))
	}
	if len(servers) == 1 && names[0] == n.opts.NodeID {
		return nil
	}
	return lode.Invalid("raft.node_id", n.opts.NodeID, "the folder belongs to %s, which this node alone is not", strings.Join(names, ", "))
}
