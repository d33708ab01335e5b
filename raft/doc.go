// Package raft is the replicated log of Lode: commands go in on the leader, and every node's
// state machine gets the same committed commands in the same order, once each.
//
// # What it owns
//
// The log and the votes on disk, snapshots of the machine, elections, replication, membership,
// and the read levels. It drives a [StateMachine] that it declares; what a command means is
// the machine's business. hashicorp/raft, its log store and its transport do the work and are
// imported nowhere else.
//
// # Using it
//
//	node, err := raft.Open(ctx, raft.Options{Dir: dir, NodeID: "a", Machine: m, OnFatal: stop})
//	err = node.WaitLeader(ctx)                          // elected, machine caught up
//	result, err := node.Propose(ctx, command)           // on the leader; durable and applied
//	err = node.ReadBarrier(ctx, raft.Linearizable)      // then read the machine
//	err = node.Close()
//
// One node without a Bind address is a cluster of one voter: it opens no port, elects itself
// at once and goes through the same log as a cluster.
//
// # What it promises
//
// A command that [Node.Propose] acknowledged is in the logs of a majority, synced to disk, and
// applied by this node's machine: kill -9 and power loss take nothing back. A command that it
// refused is not in the log. Only CodeOutcomeUnknown leaves that open.
//
// The machine alone says what is applied ([StateMachine].Applied, stored in the same
// transaction as the data). At start, entries that it has are skipped; a machine that is older
// than the newest snapshot is restored from it; a log and a machine that do not belong together
// are refused with CodeCorrupt before anything is applied.
//
// The node fails stop. An error or a hang of the disk, a panic in Apply, a result of type
// [Fatal]: from then on nothing is written, applied or acknowledged, the other nodes hear
// nothing from this one, and Options.OnFatal is called. Only a new process may go on, from what
// is on the disk.
//
// # Read levels
//
// [Local], [Leader] and [Linearizable]; each says what it promises and what it costs.
//
// # Files
//
//	Dir/LOCK           flock of the process that has the folder open
//	Dir/wal/           hashicorp/raft-wal: *.wal segments of 4 MiB, wal-meta.db with segment list, term and vote
//	Dir/snapshots/     hashicorp/raft file snapshots: <term>-<index>-<ms>/{meta.json,state.bin}, the last two
//
// Formats inside wal and snapshots are those of raft-wal v0.4.1 and hashicorp/raft v1.8.0
// (protocol 3, snapshot version 1). DESIGN.md holds settings, reasons and trade-offs.
package raft
