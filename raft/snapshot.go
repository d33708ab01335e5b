package raft

import (
	"context"
	"errors"
	"fmt"
	"time"

	hraft "github.com/hashicorp/raft"
)

const (
	// snapshotRetry is how long a snapshot that failed, or that came too early, is put off.
	snapshotRetry = 10 * time.Second
	// minTrailing entries stay in the log of a cluster at least: too few of them and a
	// deposed leader may need a snapshot it can never finish (hashicorp/raft issue 697).
	minTrailing = 1000
	maxTrailing = 1 << 20
	// typicalEntryBytes stands in for the mean before there is one.
	typicalEntryBytes = 4 << 10
)

// takeSnapshots takes one each time enough log has gathered. Counting entries, as raft does,
// says nothing about size: entries have between 50 bytes and 512 KiB.
func (n *Node) takeSnapshots() {
	for {
		select {
		case <-n.store.due:
		case <-n.ctx.Done():
			return
		}
		if bytes, _ := n.store.sinceSnapshot(); bytes < n.opts.SnapshotBytes {
			continue
		}
		if err := n.snapshot(); err != nil && n.ctx.Err() == nil && n.stopped() == nil {
			n.log.Warn("raft: snapshot put off", "error", err)
			sleep(n.ctx, snapshotRetry)
			n.store.remind()
		}
	}
}

// Snapshot makes the machine durable in a snapshot now and shortens the log. Nothing new to
// put into one is no error. The node takes snapshots on its own; call this before a backup.
func (n *Node) Snapshot(ctx context.Context) error {
	if err := n.stopped(); err != nil {
		return err
	}
	if !n.gate.enter() {
		return errStopping
	}
	done := make(chan error, 1)
	go func() {
		defer n.gate.leave()
		done <- n.snapshot()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ended(ctx)
	}
}

func (n *Node) snapshot() error {
	bytes, entries := n.store.sinceSnapshot()
	n.adaptTrailing()
	start := time.Now()
	err := n.raft.Snapshot().Error()
	if errors.Is(err, hraft.ErrNothingNewToSnapshot) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("take snapshot: %w", err)
	}
	n.store.covered(bytes, entries)
	n.log.Info("raft: snapshot taken", "log_bytes", bytes, "entries", entries, "took", time.Since(start))
	return nil
}

// adaptTrailing keeps the log behind a snapshot at about TrailingBytes.
func (n *Node) adaptTrailing() {
	c := n.raft.ReloadableConfig()
	c.TrailingLogs = n.trailingLogs()
	if err := n.raft.ReloadConfig(c); err != nil {
		n.log.Warn("raft: trailing log not adapted", "error", err)
	}
}

func (n *Node) trailingLogs() uint64 {
	mean := int64(typicalEntryBytes)
	if bytes, entries := n.store.sinceSnapshot(); entries > 0 {
		mean = max(bytes/entries, 1)
	}
	return uint64(min(max(n.opts.TrailingBytes/mean, n.opts.minTrailing), maxTrailing))
}
