package server

import (
	"context"
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
	if id, _ := n.s.raft.Leader(); id == "" {
		return append(reasons, api.Reason{Name: "raft", Detail: "no leader"})
	}
	if !n.s.named() {
		return append(reasons, api.Reason{Name: "cluster", Detail: "the cluster has no name yet"})
	}
	if n.s.raft.IsLeader() && !n.s.leading.Load() {
		reasons = append(reasons, api.Reason{Name: "pipeline", Detail: "pending documents are being found"})
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

// Barrier waits until a read is as fresh as the level promises.
func (n node) Barrier(ctx context.Context, level string) error {
	switch level {
	case v1.ConsistencyLocal:
		return n.s.raft.ReadBarrier(ctx, raft.Local)
	case v1.ConsistencyLeader:
		return n.s.raft.ReadBarrier(ctx, raft.Leader)
	case v1.ConsistencyLinearized:
		return n.s.raft.ReadBarrier(ctx, raft.Linearizable)
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
	if n.s.raft.IsLeader() {
		role = "leader"
	}
	return api.Info{
		NodeID: n.s.store.NodeID(), Version: n.s.cfg.Version, Commit: n.s.cfg.Commit,
		GoVersion: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		Kernel: distance.Kernel(), Role: role, StartedAt: n.s.started,
	}
}
