package raft_test

import (
	"testing"
	"time"
)

// TestSnapshotAfterMembershipChange: raft refuses a snapshot while a change of the members is
// newer than the last entry that the machine was given. Ours is given all of them.
func TestSnapshotAfterMembershipChange(t *testing.T) {
	c := newCluster(t, 3, nil)
	leader := c.leader()
	propose(t, leader.Node, "one")
	gone := c.follower()
	id := idOf(gone)
	if err := leader.RemoveMember(within(t, 5*time.Second), id); err != nil {
		t.Fatal(err)
	}
	before := leader.Stats().SnapshotIndex
	if err := leader.Snapshot(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	if after := leader.Stats().SnapshotIndex; after <= before {
		t.Errorf("the snapshot ends at entry %d, the one before at %d", after, before)
	}
	if n := len(leader.Stats().Members); n != 2 {
		t.Errorf("%d members", n)
	}
}
