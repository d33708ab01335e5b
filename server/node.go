package server

import (
	"context"
	"fmt"
	"runtime"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/index/distance"
	"github.com/lodedb/lode/raft"
	"github.com/lodedb/lode/storage"
)

// node answers for the node itself on the HTTP surface.
type node struct{ s *Server }

var _ api.Node = node{}

// Ready lists what keeps the node from serving.
func (n node) Ready(context.Context) []api.Reason {
	var reasons []api.Reason
	if err := n.s.Err(); err != nil {
		reasons = append(reasons, api.Reason{Name: "node", Detail: "stopping after a failure; the log says why"})
	}
	log := n.s.log()
	if log == nil {
		return append(reasons, api.Reason{Name: "disk", Detail: waitingForRoom})
	}
	if id, _ := log.Leader(); id == "" {
		return append(reasons, api.Reason{Name: "raft", Detail: "no leader"})
	}
	if !n.s.named() {
		return append(reasons, api.Reason{Name: "cluster", Detail: "the cluster has no name yet"})
	}
	if log.IsLeader() && !n.s.leading.Load() {
		reasons = append(reasons, api.Reason{Name: "pipeline", Detail: "pending documents are being found"})
	}
	return reasons
}

// Restrictions lists what the node does not do while it serves.
func (n node) Restrictions() []api.Reason {
	reasons := n.refusals()
	for _, c := range n.s.engine.Loading() {
		reasons = append(reasons, api.Reason{Name: "loading", Detail: fmt.Sprintf("collection %s is being loaded: %d %%; until then most questions about it wait", c.Name, c.Percent)})
	}
	return reasons
}

// refusals lists why writes that make the data grow are refused.
func (n node) refusals() []api.Reason {
	var reasons []api.Reason
	for _, r := range n.s.room.state().refusals {
		reasons = append(reasons, api.Reason{Name: r.what, Detail: r.err.Message})
	}
	return reasons
}

// named reports whether the log has given the cluster its name, the first entry of all.
func (s *Server) named() bool { return s.cluster() != "" }

// cluster is the cluster's name, empty while it has none.
func (s *Server) cluster() (name string) {
	err := s.store.View(func(tx *storage.Tx) error {
		name, _ = tx.Cluster()
		return nil
	})
	if err != nil {
		return ""
	}
	return name
}

// States of a node that found its disk full when it started: whether the data files hold all
// that the log does, or not.
const (
	waitingToRead  = "the disk is full, and the log holds writes that are not in the data files: the node waits for room to open its log"
	waitingForRoom = "the disk is full: the node serves reads of what it has, and waits for room to open its log"
)

var levels = map[string]raft.ReadLevel{
	v1.ConsistencyLocal: raft.Local, v1.ConsistencyLeader: raft.Leader, v1.ConsistencyLinearized: raft.Linearizable,
}

// Barrier waits until a read is as fresh as the level promises.
func (n node) Barrier(ctx context.Context, level string) error {
	if l, known := levels[level]; known {
		log := n.s.log()
		switch {
		case log != nil:
			return log.ReadBarrier(ctx, l)
		case l == raft.Local:
			return nil
		}
		return lode.Errorf(lode.CodeUnavailable, waitingForRoom).WithHint("free some of the disk")
	}
	return lode.Invalid(v1.QueryConsistency, level, "consistency must be local, leader or linearizable")
}

// Check walks storage and indexes.
func (n node) Check(ctx context.Context, report func(where, what string)) error {
	return n.s.engine.Check(ctx, report)
}

// Info describes the node.
func (n node) Info() api.Info {
	role := "follower"
	switch log := n.s.log(); {
	case log == nil:
		role = "read-only"
	case log.IsLeader():
		role = "leader"
	}
	return api.Info{
		NodeID: n.s.store.NodeID(), Version: n.s.cfg.Version, Commit: n.s.cfg.Commit,
		GoVersion: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		Kernel: distance.Kernel(), Role: role, StartedAt: n.s.started,
	}
}
