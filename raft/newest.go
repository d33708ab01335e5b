package raft

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	hraft "github.com/hashicorp/raft"
	"github.com/hashicorp/raft-wal/metadb"
	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// Kept is what the raft folder of a stopped node keeps for a machine that has lost its
// state: snapshots, and the log behind them.
type Kept struct {
	// First and Last are the entries of the log that read back whole, one behind the other;
	// 0 when there are none.
	First, Last uint64
	// Damage says why the log ends at Last although more of it was written; nil: it does not.
	Damage error
	// Snapshots are newest first. They have not been read yet.
	Snapshots []KeptSnapshot
}

// KeptSnapshot is a snapshot of everything up to an entry.
type KeptSnapshot struct {
	ID          string
	Index, Term uint64
	dir         string
	store       *hraft.FileSnapshotStore
}

// ReadKept reads a raft folder that no node has open, and changes nothing that a node would
// look at. A folder without a log or without snapshots has none.
func ReadKept(dir string) (*Kept, error) {
	k := &Kept{}
	if err := k.readLog(filepath.Join(dir, "wal")); err != nil {
		return nil, fmt.Errorf("read the log below %s: %w", dir, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "snapshots")); errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	const all = 1 << 20
	store, err := hraft.NewFileSnapshotStoreWithLogger(dir, all, newBridge(slog.New(slog.DiscardHandler), true))
	if err != nil {
		return nil, fmt.Errorf("open snapshots: %w", err)
	}
	metas, err := store.List()
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	for _, m := range metas {
		k.Snapshots = append(k.Snapshots, KeptSnapshot{ID: m.ID, Index: m.Index, Term: m.Term, dir: dir, store: store})
	}
	return k, nil
}

// Open reads the whole snapshot once, compares its checksum and returns it from its
// beginning. One that is damaged is [lode.CodeCorrupt].
func (s *KeptSnapshot) Open() (io.ReadCloser, error) {
	_, r, err := s.store.Open(s.ID)
	if err != nil {
		return nil, lode.Errorf(lode.CodeCorrupt, "snapshot %s: %w", s.ID, err)
	}
	return r, nil
}

// SetAside keeps raft from ever reading the snapshot again. Its files stay, in the folder
// raft/<id>.damaged, until somebody removes them.
func (s *KeptSnapshot) SetAside() error {
	snapshots := filepath.Join(s.dir, "snapshots")
	if err := os.Rename(filepath.Join(snapshots, s.ID), filepath.Join(s.dir, s.ID+".damaged")); err != nil {
		return fmt.Errorf("set snapshot aside: %w", err)
	}
	return errors.Join(vfs.OS.SyncDir(s.dir), vfs.OS.SyncDir(snapshots))
}

// readLog finds out which entries the log holds. It reads every segment: their batches
// have checksums.
func (k *Kept) readLog(dir string) error {
	segments, err := logSegments(dir)
	if err != nil {
		return err
	}
	for i := range segments {
		s := &segments[i]
		if k.Last > 0 && s.BaseIndex != k.Last+1 {
			k.Damage = lode.Errorf(lode.CodeCorrupt, "log entries %d to %d are missing", k.Last+1, s.BaseIndex-1)
			return nil
		}
		if err := k.readSegment(filepath.Join(dir, segment.FileName(*s)), s); err != nil || k.Damage != nil {
			return err
		}
	}
	return nil
}

// logSegments reads the catalogue of the log in a copy of it: opening it would write to it.
func logSegments(dir string) (_ []types.SegmentInfo, err error) {
	content, err := os.ReadFile(filepath.Join(dir, metadb.FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp("", "lode-log-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	if err := os.WriteFile(filepath.Join(temp, metadb.FileName), content, vfs.FilePerm); err != nil {
		return nil, err
	}
	var meta metadb.BoltMetaDB
	state, err := meta.Load(temp)
	return state.Segments, errors.Join(err, meta.Close())
}

// readSegment adds the entries of one segment.
func (k *Kept) readSegment(path string, s *types.SegmentInfo) error {
	data, err := os.ReadFile(path)
	sealed := !s.SealTime.IsZero()
	if errors.Is(err, fs.ErrNotExist) {
		if sealed {
			k.Damage = lode.Errorf(lode.CodeCorrupt, "log segment %s is missing", filepath.Base(path))
		}
		return nil // the tail is named before it is made
	}
	if err != nil {
		return err
	}
	found := scanCommits(data)
	last := s.BaseIndex + uint64(found.entries) - 1
	switch {
	case sealed && last < s.MaxIndex, !sealed && commitFollows(data[found.end:]):
		k.Damage = lode.Errorf(lode.CodeCorrupt, "log segment %s is damaged at offset %d", filepath.Base(path), found.end)
	case sealed:
		last = s.MaxIndex // what follows was taken back
	}
	if last < s.MinIndex {
		return nil
	}
	if k.First == 0 {
		k.First = s.MinIndex
	}
	k.Last = last
	return nil
}
