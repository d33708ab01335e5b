package raft

import "strconv"

// Stats is a moment of a node's life, for metrics and health pages.
type Stats struct {
	NodeID     string `json:"node_id"`
	State      string `json:"state"` // Follower, Candidate, Leader or Shutdown
	Leader     string `json:"leader,omitempty"`
	LeaderAddr string `json:"leader_addr,omitempty"`
	Term       uint64 `json:"term"`

	FirstIndex    uint64 `json:"first_index"` // of the log that is kept
	LastIndex     uint64 `json:"last_index"`
	CommitIndex   uint64 `json:"commit_index"`
	AppliedIndex  uint64 `json:"applied_index"` // by the machine
	SnapshotIndex uint64 `json:"snapshot_index"`

	Members []Member `json:"members"`

	LogBytes      int64 `json:"log_bytes"`      // since the last snapshot
	LogEntries    int64 `json:"log_entries"`    // since the last snapshot
	InflightBytes int64 `json:"inflight_bytes"` // of proposals, with their overhead

	Fatal string `json:"fatal,omitempty"` // why the node has stopped, empty while it runs
}

// Stats returns the node's state now.
func (n *Node) Stats() Stats {
	s := Stats{NodeID: n.opts.NodeID, State: n.raft.State().String(), Term: n.raft.CurrentTerm(), Members: n.Members()}
	s.Leader, s.LeaderAddr = n.Leader()
	s.LastIndex, s.CommitIndex = n.raft.LastIndex(), n.raft.CommitIndex()
	if first, err := n.store.FirstIndex(); err == nil {
		s.FirstIndex = first
	}
	s.AppliedIndex = n.fsm.applied.Load()
	s.SnapshotIndex, _ = strconv.ParseUint(n.raft.Stats()["last_snapshot_index"], 10, 64)
	s.LogBytes, s.LogEntries = n.store.sinceSnapshot()
	s.InflightBytes = n.inflight.Load()
	if err := n.stopped(); err != nil {
		s.Fatal = n.reason.Error()
	}
	return s
}
