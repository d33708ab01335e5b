package raft

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	hraft "github.com/hashicorp/raft"

	"github.com/lodedb/lode"
)

// SeedOptions says how a raft folder begins that has no log of its own. All are required.
type SeedOptions struct {
	NodeID      string // the only voter
	Index, Term uint64 // of the last entry that the state holds
	// State writes what [StateMachine].Restore reads.
	State func(io.Writer) error
}

// Seed makes the raft folder of a node whose state was not made by a log that lies here: a
// restored backup. It writes what a node has that took a snapshot and dropped its log: the
// term, and a snapshot up to the entry with this node as the only voter. [Open] continues
// behind it, and other nodes that join are sent the snapshot. The folder must be empty.
func Seed(dir string, o SeedOptions) error {
	if o.NodeID == "" || o.Index == 0 || o.Term == 0 || o.State == nil {
		return lode.Invalid("seed", fmt.Sprintf("%s at entry %d of term %d", o.NodeID, o.Index, o.Term), "node id, index, term and state are required")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make raft folder: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look into raft folder: %w", err)
	}
	if len(entries) > 0 {
		return lode.Errorf(lode.CodeConflict, "raft folder %s holds %s, a log can begin in an empty folder only", dir, entries[0].Name())
	}
	lock, err := lockDir(dir)
	if err != nil {
		return err
	}
	err = errors.Join(seedTerm(dir, o.Term), seedSnapshot(dir, &o))
	if err = errors.Join(err, lock.Close()); err != nil {
		return fmt.Errorf("seed raft folder %s: %w", dir, err)
	}
	return nil
}

// seedTerm keeps the node from electing itself in a term below that of its last entry.
func seedTerm(dir string, term uint64) error {
	store, err := openWAL(filepath.Join(dir, "wal"), walSegmentBytes, newBridge(slog.New(slog.DiscardHandler), true))
	if err != nil {
		return err
	}
	return errors.Join(store.SetUint64(keyCurrentTerm, term), store.Close())
}

func seedSnapshot(dir string, o *SeedOptions) error {
	snaps, err := openSnapshots(dir, retainedSnapshotsAlone, newBridge(slog.New(slog.DiscardHandler), true))
	if err != nil {
		return err
	}
	address, transport := hraft.NewInmemTransport(hraft.ServerAddress(o.NodeID)) // as a node alone has it
	defer transport.Close()
	voters := hraft.Configuration{Servers: []hraft.Server{{Suffrage: hraft.Voter, ID: hraft.ServerID(o.NodeID), Address: address}}}
	const configurationIndex = 1 // nothing but a log entry could tell another
	sink, err := snaps.Create(hraft.SnapshotVersionMax, o.Index, o.Term, voters, configurationIndex, transport)
	if err != nil {
		return fmt.Errorf("create snapshot: %w", err)
	}
	if err := o.State(sink); err != nil {
		return errors.Join(fmt.Errorf("write snapshot: %w", err), sink.Cancel())
	}
	return sink.Close()
}
