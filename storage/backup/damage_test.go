package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/raft"
	"github.com/lodedb/lode/storage"
	"github.com/lodedb/lode/storage/backup"
)

func containsSecret(s string) bool { return strings.Contains(s, "hunter2") }

// frozen is a state machine that has a store's state and keeps what comes later to itself.
type frozen struct {
	*storage.Store
	entries []raft.Entry
}

func (f *frozen) Apply(entries []raft.Entry) []any {
	f.entries = append(f.entries, entries...)
	return make([]any, len(entries))
}

func (f *frozen) Applied() (index, term uint64) {
	at := f.Store.Applied()
	return at.Index, at.Term
}
func (f *frozen) Snapshot() (raft.Snapshot, error) { return nil, errors.New("no cut") }
func (f *frozen) Restore(io.Reader) error          { return errors.New("the state was here already") }

// small is a repository with one small backup.
func small(t *testing.T) (dir string, r *backup.Repository, b backup.Backup) {
	t.Helper()
	n := newNode(t, "c1")
	n.fill(2, 60)
	n.showAll(1, 60)
	dir = t.TempDir()
	r = repository(t, backup.NewFolder(dir, nil), backup.Options{ChunkBytes: 4 << 10, Workers: 1})
	return dir, r, create(t, r, n, backup.CreateOptions{})
}

// TestEveryByte flips bytes of a small backup: all of its header, blobs and sealed segment,
// many of its manifest, and 1,000 places of everything. Each must be refused, by a restore
// before it made anything.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	dir, r, b := small(t)
	paths := files(t, dir)
	sealed := ""
	_, err := backup.Forge(t.Context(), r, b.ID, func(s []backup.Segment) []backup.Segment {
		sealed = s[0].Hash.String()
		return s
	})
	if err != nil {
		t.Fatal(err)
	}
	type place struct {
		path string
		at   int
	}
	var all, chosen []place
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for at := range content {
			all = append(all, place{path, at})
			if !strings.Contains(path, "objects") && at%3 == 0 || len(content) < 200 || strings.HasSuffix(path, sealed) {
				chosen = append(chosen, place{path, at})
			}
		}
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	for range 1000 {
		chosen = append(chosen, all[random.IntN(len(all))])
	}
	t.Logf("seed %d: %d of %d bytes", seed, len(chosen), len(all))
	target := filepath.Join(t.TempDir(), "x")
	for i, p := range chosen {
		bit := byte(1) << random.IntN(8)
		flip(t, p.path, p.at, bit)
		if _, err := r.Verify(t.Context(), b.ID); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("byte %d of %s: %v", p.at, p.path, err)
		}
		if i%20 == 0 {
			_, err := r.Restore(t.Context(), b.ID, target, backup.RestoreOptions{})
			if !lode.IsCode(err, lode.CodeCorrupt) {
				t.Errorf("restore with byte %d of %s: %v", p.at, p.path, err)
			}
			absent(t, target)
		}
		flip(t, p.path, p.at, bit)
	}
	verify(t, r, b.ID)
}

func flip(t *testing.T, path string, at int, bit byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], int64(at)); err != nil {
		t.Fatal(err)
	}
	b[0] ^= bit
	if _, err := f.WriteAt(b[:], int64(at)); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedFiles cuts, lengthens, swaps and removes files.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	dir, r, b := small(t)
	target := filepath.Join(t.TempDir(), "x")
	for _, path := range files(t, dir) {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string][]byte{
			"empty": {}, "half": whole[:len(whole)/2], "without its last byte": whole[:len(whole)-1],
			"longer": append(bytes.Clone(whole), 0), "zero": make([]byte, len(whole)), "missing": nil,
		} {
			if content == nil {
				err = os.Remove(path)
			} else {
				err = os.WriteFile(path, content, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			refused := func(what string, err error) {
				if !lode.IsCode(err, lode.CodeCorrupt) && !lode.IsCode(err, lode.CodeNotFound) {
					t.Errorf("%s of %s: %s: %v", what, path, name, err)
				}
			}
			_, err = r.Verify(t.Context(), b.ID)
			refused("verify", err)
			_, err = r.Restore(t.Context(), b.ID, target, backup.RestoreOptions{})
			refused("restore", err)
			absent(t, target)
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	verify(t, r, b.ID)
}

// TestHeal shows that a full backup makes damaged objects whole, and that an ordinary one
// replaces those that were cut.
func TestHeal(t *testing.T) {
	n := newNode(t, "c1")
	n.fill(3, 5000)
	dir := t.TempDir()
	r := repository(t, backup.NewFolder(dir, nil), backup.Options{})
	b := create(t, r, n, backup.CreateOptions{})
	objects := files(t, filepath.Join(dir, "objects"))
	if err := os.Truncate(objects[0], 30); err != nil {
		t.Fatal(err)
	}
	create(t, r, n, backup.CreateOptions{})
	verify(t, r, b.ID)
	flip(t, objects[1], 40, 4)
	create(t, r, n, backup.CreateOptions{})
	_, err := r.Verify(t.Context(), b.ID)
	wantCode(t, err, lode.CodeCorrupt)
	create(t, r, n, backup.CreateOptions{Full: true})
	verify(t, r, b.ID)
}

// TestDamagedSource refuses to back up a blob that is not what its hash says.
func TestDamagedSource(t *testing.T) {
	n := newNode(t, "c1")
	n.fill(2, 5000)
	h := n.put("victim", noise(9, 5000))
	path := filepath.Join(n.dir, "blobs", h.String()[:2], h.String())
	flip(t, path, 100, 1)
	dir := t.TempDir()
	r := repository(t, backup.NewFolder(dir, nil), backup.Options{})
	_, err := r.Create(t.Context(), n.Store, backup.CreateOptions{})
	wantCode(t, err, lode.CodeCorrupt)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err = r.Create(t.Context(), n.Store, backup.CreateOptions{})
	wantCode(t, err, lode.CodeCorrupt)
	if listed, err := r.List(t.Context()); err != nil || len(listed) != 0 {
		t.Errorf("%+v, %v", listed, err)
	}
	n.drop("victim")
	create(t, r, n, backup.CreateOptions{})
	verify(t, r, "")
}

// TestInterrupted fails every write of a backup in turn, for good. What was there before
// stays good, nothing half-made is listed, and the next backup succeeds.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	n := newNode(t, "c1")
	n.fill(4, 5000)
	disk := vfs.OS
	dir := t.TempDir()
	time := newClock()
	o := backup.Options{ChunkBytes: 64 << 10, Clock: time.now}
	good := create(t, repository(t, backup.NewFolder(dir, nil), o), n, backup.CreateOptions{})
	points := 0
	for step := 1; ; step++ {
		n.put(fmt.Sprintf("step-%d", step), noise(uint64(100+step), 300))
		failing := vfs.FailFrom(disk, step)
		_, err := repository(t, backup.NewFolder(dir, failing), o).Create(t.Context(), n.Store, backup.CreateOptions{Keep: 2})
		r := repository(t, backup.NewFolder(dir, nil), o)
		if !failing.Failed() {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		points++
		listed, listErr := r.List(t.Context())
		if listErr != nil || len(listed) == 0 {
			t.Fatalf("step %d: %+v, %v", step, listed, listErr)
		}
		for _, b := range listed {
			verify(t, r, b.ID)
		}
		if step%6 == 0 {
			good = create(t, r, n, backup.CreateOptions{Keep: 2})
			verify(t, r, good.ID)
		}
	}
	if points < 15 {
		t.Errorf("only %d points were tried", points)
	}
}

// TestCancelled stops a backup in the middle; its lock does not stay.
func TestCancelled(t *testing.T) {
	targets(t, func(t *testing.T, target backup.Target) {
		n := newNode(t, "c1")
		n.fill(20, 2000)
		ctx, cancel := context.WithCancel(t.Context())
		f := &flaky{Target: target, onPut: func(n int64, _ string) error {
			if n == 8 {
				cancel()
			}
			return nil
		}}
		_, err := repository(t, f, backup.Options{}).Create(ctx, n.Store, backup.CreateOptions{})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		r := repository(t, target, backup.Options{})
		if listed, err := r.List(t.Context()); err != nil || len(listed) != 0 {
			t.Errorf("%+v, %v", listed, err)
		}
		if err := r.Prune(t.Context(), "somebody-else", 1); err != nil {
			t.Error(err)
		}
		b := create(t, r, n, backup.CreateOptions{})
		if b.Uploaded == 0 || b.Uploaded == b.Objects {
			t.Errorf("what was uploaded before is not used: %+v", b)
		}
		verify(t, r, b.ID)
	})
}

// TestInterruptedRestore stops a restore at every read. The folder never appears.
func TestInterruptedRestore(t *testing.T) {
	t.Parallel()
	n := newNode(t, "c1")
	n.fill(5, 2000)
	dir := t.TempDir()
	create(t, repository(t, backup.NewFolder(dir, nil), backup.Options{ChunkBytes: 64 << 10}), n, backup.CreateOptions{})
	target := filepath.Join(t.TempDir(), "x")
	for at := int64(1); ; at++ {
		ctx, cancel := context.WithCancel(t.Context())
		cut := false
		f := &flaky{Target: backup.NewFolder(dir, nil), onOpen: func(n int64, _ string) error {
			if n >= at {
				cut = true
				cancel()
			}
			return nil
		}}
		_, err := repository(t, f, backup.Options{Workers: 1}).Restore(ctx, "", target, backup.RestoreOptions{})
		cancel()
		if !cut {
			if err != nil {
				t.Fatal(err)
			}
			if at < 8 {
				t.Errorf("only %d points were tried", at-1)
			}
			return
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("point %d: %v", at, err)
		}
		absent(t, target)
	}
}

// TestCrashedRestore leaves what a killed process leaves; the next restore removes it.
func TestCrashedRestore(t *testing.T) {
	n := newNode(t, "c1")
	n.fill(5, 2000)
	r := repository(t, backup.NewFolder(t.TempDir(), nil), backup.Options{})
	create(t, r, n, backup.CreateOptions{})
	target := filepath.Join(t.TempDir(), "x")
	half, err := storage.Open(target+".restore.tmp", storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Restore(t.Context(), "", target, backup.RestoreOptions{})
	wantCode(t, err, lode.CodeConflict) // it is still being written
	if err := half.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Restore(t.Context(), "", target, backup.RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	got, err := storage.Open(target, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if h, err := got.StateHash(); err != nil || h != n.hash() {
		t.Errorf("%s, %v", h, err)
	}
}
