package raft

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	hclog "github.com/hashicorp/go-hclog"
	hraft "github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"
	"github.com/hashicorp/raft-wal/types"

	"github.com/lodedb/lode"
)

const testSegment = 4 << 10

// deadMeta stops cataloguing at a moment, as a process does that is killed.
type deadMeta struct {
	metadb.BoltMetaDB
	dead bool
}

func (m *deadMeta) CommitState(s types.PersistentState) error {
	if m.dead {
		return errors.New("killed")
	}
	return m.BoltMetaDB.CommitState(s)
}

func entry(i uint64) *hraft.Log {
	return &hraft.Log{Index: i, Term: 1, Data: fmt.Appendf(nil, "%d %s", i, bytes.Repeat([]byte{7}, 500))}
}

// killedInRotation makes a log whose tail is sealed on disk and not in the catalogue, and
// returns its last index.
func killedInRotation(t *testing.T, dir string) uint64 {
	t.Helper()
	meta := &deadMeta{}
	w, err := wal.Open(dir, wal.WithSegmentSize(testSegment), wal.WithLogger(hclog.NewNullLogger()), wal.WithMetaStore(meta))
	if err != nil {
		t.Fatal(err)
	}
	meta.dead = true
	var last uint64
	for i := uint64(1); ; i++ {
		if err := w.StoreLog(entry(i)); err != nil {
			break // the segment before is full and its rotation failed
		}
		last = i
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return last
}

func checkLog(t *testing.T, s hraft.LogStore, last uint64) {
	t.Helper()
	if got, err := s.LastIndex(); err != nil || got != last {
		t.Fatalf("last index %d, %v, want %d", got, err, last)
	}
	for i := uint64(1); i <= last; i++ {
		var l hraft.Log
		if err := s.GetLog(i, &l); err != nil || !bytes.Equal(l.Data, entry(i).Data) {
			t.Fatalf("entry %d: %v", i, err)
		}
	}
}

// TestRepairSealedTail shows the defect of raft-wal v0.4.1 and that it is repaired.
func TestRepairSealedTail(t *testing.T) {
	dir := t.TempDir()
	last := killedInRotation(t, dir)
	bare, err := wal.Open(dir, wal.WithSegmentSize(testSegment), wal.WithLogger(hclog.NewNullLogger()))
	if err != nil {
		t.Fatal(err)
	}
	if err := bare.StoreLog(entry(last + 1)); !errors.Is(err, wal.ErrSealed) {
		t.Errorf("raft-wal alone: %v; if it can append now, the repair may go", err)
	}
	if err := bare.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s, err := openWAL(dir, testSegment, hclog.NewNullLogger())
		if err != nil {
			t.Fatal(err)
		}
		checkLog(t, s, last)
		for range 20 {
			last++
			if err := s.StoreLog(entry(last)); err != nil {
				t.Fatal(err)
			}
		}
		checkLog(t, s, last)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRepairTornTail cuts the last write of a log at many places: what was acknowledged
// before it is there, and the log goes on.
func TestRepairTornTail(t *testing.T) {
	for name, acked := range map[string]uint64{"in a segment": 3, "in the write that seals": 6} {
		t.Run(name, func(t *testing.T) {
			whole := t.TempDir()
			s := reopen(t, whole)
			for i := range acked {
				if err := s.StoreLog(entry(i + 1)); err != nil {
					t.Fatal(err)
				}
			}
			path := tailPath(t, whole)
			before := readFile(t, path)
			if err := s.StoreLogs([]*hraft.Log{entry(acked + 1), entry(acked + 2)}); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			after := readFile(t, path)
			first, end := differs(before, after)
			meta := readFile(t, filepath.Join(whole, metadb.FileName))
			for cut := first + 8; cut < end; cut += 72 {
				dir := t.TempDir()
				torn := append(bytes.Clone(after[:cut]), before[min(cut, len(before)):]...)
				writeFile(t, filepath.Join(dir, filepath.Base(path)), torn)
				writeFile(t, filepath.Join(dir, metadb.FileName), meta)
				if name != "in a segment" {
					sealedInCatalogue(t, dir, whole, path)
				}
				s := reopen(t, dir)
				checkLog(t, s, acked)
				for i := acked + 1; i < acked+12; i++ {
					if err := s.StoreLog(entry(i)); err != nil {
						t.Fatalf("cut at %d: %v", cut, err)
					}
				}
				checkLog(t, s, acked+11)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// sealedInCatalogue takes the rotation out of a catalogue: the write that seals was not over.
func sealedInCatalogue(t *testing.T, dir, whole, path string) {
	t.Helper()
	var m metadb.BoltMetaDB
	state, err := m.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	tail := state.Segments[0]
	tail.SealTime, tail.MaxIndex, tail.IndexStart = types.SegmentInfo{}.SealTime, 0, 0
	state.Segments = []types.SegmentInfo{tail}
	if err := errors.Join(m.CommitState(state), m.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestDamageIsNotRepaired flips bytes of acknowledged batches that others follow.
func TestDamageIsNotRepaired(t *testing.T) {
	dir := t.TempDir()
	s := reopen(t, dir)
	for i := range uint64(6) {
		if err := s.StoreLog(entry(i + 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := tailPath(t, dir)
	good := readFile(t, path)
	for _, offset := range []int{33, 32, 36, 100, 540, 570, 600, 1500} {
		bad := bytes.Clone(good)
		bad[offset] ^= 0x55
		writeFile(t, path, bad)
		_, err := openWAL(dir, testSegment, hclog.NewNullLogger())
		if !lode.IsCode(err, lode.CodeCorrupt) || !strings.Contains(fmt.Sprint(err), "whole batches follow") {
			t.Errorf("byte %d: %v", offset, err)
		}
		if !bytes.Equal(readFile(t, path), bad) {
			t.Errorf("byte %d: the file was changed", offset)
		}
	}
	writeFile(t, path, good)
	s = reopen(t, dir)
	checkLog(t, s, 6)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func FuzzScanCommits(f *testing.F) {
	dir := f.TempDir()
	s, err := openWAL(dir, testSegment, hclog.NewNullLogger())
	if err != nil {
		f.Fatal(err)
	}
	for i := range uint64(4) {
		if err := s.StoreLog(&hraft.Log{Index: i + 1, Data: []byte("x")}); err != nil {
			f.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		f.Fatal(err)
	}
	b := readFile(f, tailPath(f, dir))
	f.Add(b[:512])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		found := scanCommits(data)
		if found.end > int64(len(data)) || found.indexStart > found.end {
			t.Errorf("%+v of %d bytes", found, len(data))
		}
		commitFollows(data[found.end:])
	})
}

func reopen(t *testing.T, dir string) durableStore {
	t.Helper()
	s, err := openWAL(dir, testSegment, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tailPath(tb testing.TB, dir string) string {
	tb.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*.wal"))
	if err != nil || len(found) != 1 {
		tb.Fatalf("segments %q, %v", found, err)
	}
	return found[0]
}

func readFile(tb testing.TB, path string) []byte {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func writeFile(tb testing.TB, path string, b []byte) {
	tb.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		tb.Fatal(err)
	}
}

// differs returns the range in which b is not a.
func differs(a, b []byte) (first, end int) {
	a = append(bytes.Clone(a), make([]byte, max(0, len(b)-len(a)))...)
	first, end = -1, 0
	for i := range b {
		if a[i] != b[i] {
			if first < 0 {
				first = i
			}
			end = i + 1
		}
	}
	return first &^ 7, end
}
