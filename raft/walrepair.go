package raft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft-wal/metadb"
	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"

	"github.com/lodedb/lode"
)

// repairingMeta is raft-wal's catalogue of segments with two repairs at load that raft-wal
// v0.4.1 lacks, both about a process that dies between writing the last batch of a segment
// and cataloguing the next segment:
//
//   - A tail segment that was sealed on disk but is not yet sealed in the catalogue refuses
//     every further append. It is sealed in the catalogue here and a fresh tail is named.
//   - Bytes of a batch that was never committed stay behind the last commit, among them
//     perhaps the index that seals the segment, which raft-wal then believes. They are zeroed.
type repairingMeta struct {
	metadb.BoltMetaDB
	segmentBytes int
}

var _ types.MetaStore = (*repairingMeta)(nil)

// Load reads the catalogue and repairs the tail segment.
func (m *repairingMeta) Load(dir string) (types.PersistentState, error) {
	state, err := m.BoltMetaDB.Load(dir)
	if err != nil || len(state.Segments) == 0 {
		return state, err
	}
	tail := &state.Segments[len(state.Segments)-1]
	if !tail.SealTime.IsZero() {
		return state, nil
	}
	found, err := repairSegment(filepath.Join(dir, segment.FileName(*tail)))
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !found.sealed) {
		return state, nil
	}
	if err != nil {
		return state, err
	}
	tail.SealTime = time.Now()
	tail.MaxIndex = tail.BaseIndex + uint64(found.entries) - 1
	tail.IndexStart = uint64(found.indexStart)
	next := types.SegmentInfo{
		ID: state.NextSegmentID, BaseIndex: tail.MaxIndex + 1, MinIndex: tail.MaxIndex + 1,
		Codec: tail.Codec, CreateTime: time.Now(), SizeLimit: uint32(m.segmentBytes),
	}
	state.NextSegmentID++
	state.Segments = append(state.Segments, next)
	return state, m.CommitState(state)
}

// Layout of a raft-wal segment: a header, then frames of 8-byte heads (type, three zeros,
// length or CRC) and payloads padded to 8 bytes. A commit frame holds the CRC of everything
// since the commit before it.
const (
	segmentHeaderBytes = 32
	frameHeaderBytes   = 8
)

// tailState is what a tail segment holds.
type tailState struct {
	end        int64 // behind the last commit
	entries    int   // committed
	sealed     bool  // an index was committed
	indexStart int64
}

// repairSegment reads a tail segment, zeroes what follows its last commit, and tells what is
// committed. Only the very last batch can be torn: it was not acknowledged. Damage before a
// batch that is whole is corruption, and nothing is changed.
func repairSegment(path string) (tailState, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return tailState{}, err
	}
	found := scanCommits(data)
	if isZero(data[found.end:]) {
		return found, nil
	}
	if commitFollows(data[found.end:]) {
		return found, lode.Errorf(lode.CodeCorrupt, "log segment %s is damaged at offset %d and whole batches follow", filepath.Base(path), found.end)
	}
	return found, zeroBehind(path, found.end, int64(len(data)))
}

// scanCommits walks batches from the beginning up to the first that is not whole.
func scanCommits(data []byte) tailState {
	var found tailState
	for {
		offset := max(found.end, segmentHeaderBytes)
		if offset > int64(len(data)) {
			return found
		}
		b, ok := readBatch(data[offset:], crc32.Checksum(data[found.end:offset], castagnoli))
		if !ok {
			return found
		}
		if b.index > 0 {
			found.sealed, found.indexStart = true, offset+b.index
		}
		found.entries += b.entries
		found.end = offset + b.size
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batch is what one append wrote.
type batch struct {
	size    int64 // commit frame included
	entries int
	index   int64 // where the array of an index frame begins, 0 if there is none
}

// readBatch reads frames up to a commit frame and checks its CRC, which begins as given.
func readBatch(data []byte, crc uint32) (b batch, ok bool) {
	for b.size+frameHeaderBytes <= int64(len(data)) {
		head := data[b.size:]
		value := binary.LittleEndian.Uint32(head[4:])
		switch {
		case head[1]|head[2]|head[3] != 0:
			return b, false
		case head[0] == segment.FrameCommit:
			crc = crc32.Update(crc, castagnoli, data[:b.size])
			b.size += frameHeaderBytes
			return b, crc == value
		case head[0] == segment.FrameEntry:
			b.entries++
		case head[0] == segment.FrameIndex:
			b.index = b.size + frameHeaderBytes
		default:
			return b, false
		}
		b.size += frameHeaderBytes + (int64(value)+7)&^7
	}
	return b, false
}

// commitFollows reports whether a whole batch stands behind some commit frame in data.
func commitFollows(data []byte) bool {
	for i := 0; i+frameHeaderBytes <= len(data); i += frameHeaderBytes {
		if data[i] != segment.FrameCommit || data[i+1]|data[i+2]|data[i+3] != 0 {
			continue
		}
		if b, ok := readBatch(data[i+frameHeaderBytes:], 0); ok && b.entries > 0 {
			return true
		}
	}
	return false
}

func isZero(data []byte) bool {
	for _, b := range data {
		if b != 0 {
			return false
		}
	}
	return true
}

// zeroBehind zeroes a file from offset on and keeps its size.
func zeroBehind(path string, offset, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = errors.Join(f.Truncate(offset), f.Truncate(size), f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("repair log segment %s: %w", filepath.Base(path), err)
	}
	return nil
}
