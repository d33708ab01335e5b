package raft_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/raft"
)

// TestReadKept reads what a stopped node keeps, damages each part, and reads again.
func TestReadKept(t *testing.T) {
	dir := t.TempDir()
	l := newLedger(t, filepath.Join(dir, "machine"))
	o := raft.Options{Dir: filepath.Join(dir, "raft"), Machine: l, TrailingBytes: 1}
	o.UseSegments(4 << 10)
	o.KeepTrailing(10)
	o.KeepSnapshots(2)
	n := open(t, o)
	grow := func(from, to int) {
		for i := from; i < to; i++ {
			propose(t, n, fmt.Sprintf("command %d %s", i, strings.Repeat("x", 200)))
		}
	}
	grow(0, 60)
	if k := kept(t, t.TempDir()); k.Last != 0 || k.Damage != nil || len(k.Snapshots) != 0 {
		t.Errorf("an empty folder keeps %+v", k)
	}
	for _, end := range []int{90, 120} {
		if err := n.Snapshot(within(t, 10*time.Second)); err != nil {
			t.Fatal(err)
		}
		grow(end-30, end)
	}
	last, _ := l.Applied()
	mustClose(t, n)

	k := kept(t, o.Dir)
	if k.Damage != nil || k.Last != last || len(k.Snapshots) != 2 || k.Snapshots[0].Index <= k.Snapshots[1].Index {
		t.Fatalf("last %d: %+v", last, k)
	}
	if newest := k.Snapshots[0]; k.First <= 1 || k.First > newest.Index+1 || newest.Index >= last {
		t.Errorf("the log has %d to %d behind %d", k.First, k.Last, newest.Index)
	}
	again := newLedger(t, "")
	r, err := k.Snapshots[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Restore(r); err != nil || r.Close() != nil {
		t.Error(err)
	}
	if at, _ := again.Applied(); at == 0 || at > k.Snapshots[0].Index {
		t.Errorf("the snapshot of %d holds entry %d", k.Snapshots[0].Index, at)
	}

	segments := files(t, o.Dir, "wal", "*.wal")
	slices.Sort(segments)
	spoil(t, segments[len(segments)-2], 600, func() {
		if k := kept(t, o.Dir); k.Damage == nil || k.Last >= last {
			t.Errorf("a segment in the middle is damaged: %+v", k)
		}
	})
	moved := segments[len(segments)-2] + ".away"
	if err := os.Rename(segments[len(segments)-2], moved); err != nil {
		t.Fatal(err)
	}
	if k := kept(t, o.Dir); !lode.IsCode(k.Damage, lode.CodeCorrupt) {
		t.Errorf("a segment is missing: %+v", k)
	}
	if err := os.Rename(moved, segments[len(segments)-2]); err != nil {
		t.Fatal(err)
	}

	spoil(t, filepath.Join(o.Dir, "snapshots", k.Snapshots[0].ID, "state.bin"), 5, func() {
		if _, err := k.Snapshots[0].Open(); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("a damaged snapshot: %v", err)
		}
	})
	if err := k.Snapshots[0].SetAside(); err != nil {
		t.Fatal(err)
	}
	if left := kept(t, o.Dir).Snapshots; len(left) != 1 || left[0].ID != k.Snapshots[1].ID {
		t.Errorf("after it was set aside: %+v", left)
	}
}

func kept(t *testing.T, dir string) *raft.Kept {
	t.Helper()
	k, err := raft.ReadKept(dir)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// spoil damages a file while fn runs.
func spoil(t *testing.T, path string, at int64, fn func()) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	was := make([]byte, 1)
	if _, err := f.ReadAt(was, at); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{was[0] ^ 1}, at); err != nil {
		t.Fatal(err)
	}
	fn()
	if _, err := f.WriteAt(was, at); err != nil {
		t.Fatal(err)
	}
}
