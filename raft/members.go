package raft

import (
	"context"

	hraft "github.com/hashicorp/raft"

	"github.com/lodedb/lode"
)

// Member is a node of the cluster.
type Member struct {
	ID, Addr string
	Voter    bool
}

// Members returns the nodes of the cluster as this one knows them.
func (n *Node) Members() []Member {
	var members []Member
	for _, s := range n.raft.GetConfiguration().Configuration().Servers {
		members = append(members, Member{ID: string(s.ID), Addr: string(s.Address), Voter: s.Suffrage == hraft.Voter})
	}
	return members
}

// AddVoter adds a node, or changes the address of one. The leader must be asked. The new node
// should run already, opened with Join; its vote counts at once, so add one at a time.
func (n *Node) AddVoter(ctx context.Context, p Peer) error {
	if p.ID == "" || p.Addr == "" {
		return lode.Invalid("peer", p.ID+"="+p.Addr, "id and address are required")
	}
	if n.alone && p.ID != n.opts.NodeID {
		return lode.Invalid("raft.bind", n.opts.Bind, "a node without a bind address cannot have peers")
	}
	return n.wait(ctx, func() hraft.Future {
		return n.raft.AddVoter(hraft.ServerID(p.ID), hraft.ServerAddress(p.Addr), 0, enqueueStep)
	})
}

// RemoveMember removes a node; removing one that is not a member is no error. The leader must
// be asked. A node that is removed stops taking part; it may be the leader itself.
func (n *Node) RemoveMember(ctx context.Context, id string) error {
	return n.wait(ctx, func() hraft.Future { return n.raft.RemoveServer(hraft.ServerID(id), 0, enqueueStep) })
}

// correctAddress tells the cluster where this node, its only voter, listens now: it may have
// been alone, without an address, until it was started again to take in others.
func (n *Node) correctAddress() {
	members := n.Members()
	here := string(n.trans.LocalAddr())
	if len(members) != 1 || members[0].ID != n.opts.NodeID || members[0].Addr == here {
		return
	}
	if err := n.AddVoter(n.ctx, Peer{ID: n.opts.NodeID, Addr: here}); err != nil {
		n.log.Warn("raft: own address not updated", "address", here, "error", err)
	}
}
