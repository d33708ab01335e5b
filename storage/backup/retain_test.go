package backup_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage/backup"
)

// age makes every object of a folder older than the grace.
func age(t *testing.T, dir string) {
	t.Helper()
	old := time.Now().Add(-48 * time.Hour)
	for _, path := range files(t, filepath.Join(dir, "objects")) {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRetention keeps the newest backups and exactly the objects that they need.
func TestRetention(t *testing.T) {
	n := newNode(t, "c1")
	dir := t.TempDir()
	time := newClock()
	r := repository(t, backup.NewFolder(dir, nil), backup.Options{Clock: time.now})
	var made []backup.Backup
	for i := range 5 {
		id := string(rune('a' + i))
		n.put(id, noise(uint64(i), 4000))
		made = append(made, create(t, r, n, backup.CreateOptions{Keep: 3}))
		n.drop(id) // its blob is in one backup only
		age(t, dir)
	}
	listed, err := r.List(t.Context())
	if err != nil || len(listed) != 3 || listed[0].ID != made[4].ID || listed[2].ID != made[2].ID {
		t.Fatalf("%+v, %v", listed, err)
	}
	objects := map[string]bool{}
	if err := r.Prune(t.Context(), "node", 2); err != nil {
		t.Fatal(err)
	}
	for _, b := range made[3:] {
		verify(t, r, b.ID)
	}
	for _, path := range files(t, filepath.Join(dir, "objects")) {
		objects[filepath.Base(path)] = true
	}
	if gone := lode.HashOf(noise(0, 4000)).String(); objects[gone] {
		t.Error("an object that no backup needs is still there")
	}
	if want := made[3].Objects + made[4].Objects; len(objects) > want {
		t.Errorf("%d objects for backups of %d", len(objects), want)
	}
	if err := r.Prune(t.Context(), "node", 0); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("keep nothing: %v", err)
	}
}

// TestGrace leaves young objects alone, whoever may need them.
func TestGrace(t *testing.T) {
	n := newNode(t, "c1")
	n.fill(1, 100)
	dir := t.TempDir()
	time := newClock()
	r := repository(t, backup.NewFolder(dir, nil), backup.Options{Clock: time.now})
	b := create(t, r, n, backup.CreateOptions{})
	if err := os.Remove(filepath.Join(dir, "backups", b.ID)); err != nil { // as if it were not finished
		t.Fatal(err)
	}
	n.drop("doc-0")
	create(t, r, n, backup.CreateOptions{})
	orphan := filepath.Join(dir, "objects", lode.HashOf(noise(0, 100)).String()[:2], lode.HashOf(noise(0, 100)).String())
	for _, gone := range []bool{false, true} {
		if err := r.Prune(t.Context(), "node", 1); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(orphan); os.IsNotExist(err) != gone {
			t.Errorf("gone %v: %v", gone, err)
		}
		age(t, dir)
	}
	verify(t, r, "")
}

// TestPruneBesideDamage removes nothing while it cannot know what is needed.
func TestPruneBesideDamage(t *testing.T) {
	n := newNode(t, "c1")
	n.fill(1, 100)
	dir := t.TempDir()
	time := newClock()
	r := repository(t, backup.NewFolder(dir, nil), backup.Options{Clock: time.now})
	create(t, r, n, backup.CreateOptions{})
	n.drop("doc-0")
	second := create(t, r, n, backup.CreateOptions{})
	age(t, dir)
	flip(t, filepath.Join(dir, "backups", second.ID), 50, 1)
	before := len(files(t, dir))
	err := r.Prune(t.Context(), "node", 1)
	wantCode(t, err, lode.CodeCorrupt)
	if after := len(files(t, dir)); after != before {
		t.Errorf("%d files became %d", before, after)
	}
}

// TestLock lets one writer in at a time. A node takes over what it left behind itself;
// others wait for the end of the lock.
func TestLock(t *testing.T) {
	targets(t, func(t *testing.T, target backup.Target) {
		one, other := newNode(t, "c1"), newNode(t, "c1")
		clock := newClock()
		o := backup.Options{Clock: clock.now, LockTTL: time.Hour}
		inside, finish := make(chan struct{}), make(chan struct{})
		f := &flaky{Target: target, onPut: func(n int64, _ string) error {
			if n == 3 {
				close(inside)
				<-finish
			}
			return nil
		}}
		done := make(chan error)
		go func() {
			_, err := repository(t, f, o).Create(t.Context(), one.Store, backup.CreateOptions{})
			done <- err
		}()
		<-inside
		r := repository(t, target, o)
		_, err := r.Create(t.Context(), other.Store, backup.CreateOptions{})
		wantCode(t, err, lode.CodeConflict)
		wantCode(t, r.Prune(t.Context(), "operator", 1), lode.CodeConflict)
		// The same node again, as after a kill: the first run notices and writes no manifest.
		create(t, r, one, backup.CreateOptions{})
		close(finish)
		wantCode(t, <-done, lode.CodeConflict)
		if listed, err := r.List(t.Context()); err != nil || len(listed) != 1 {
			t.Errorf("%+v, %v", listed, err)
		}
		create(t, r, other, backup.CreateOptions{})

		// A lock that nobody removes ends by itself.
		if err := backup.LeaveLock(t.Context(), r, other.NodeID()); err != nil {
			t.Fatal(err)
		}
		_, err = r.Create(t.Context(), one.Store, backup.CreateOptions{})
		wantCode(t, err, lode.CodeConflict)
		clock.forward(2 * time.Hour)
		create(t, r, one, backup.CreateOptions{})
	})
}
