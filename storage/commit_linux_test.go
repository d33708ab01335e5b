package storage_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// redirect makes writes of an open file go elsewhere until undo is called: it exchanges what
// stands behind the file's descriptor.
func redirect(t *testing.T, path string, flag int, to string) (undo func()) {
	t.Helper()
	fd := -1
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if target, _ := os.Readlink("/proc/self/fd/" + e.Name()); target == path {
			fd, _ = strconv.Atoi(e.Name())
		}
	}
	if fd < 0 {
		t.Fatalf("%s is not open", path)
	}
	saved, err := unix.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	other, err := unix.Open(to, flag, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Dup3(other, fd, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.Dup3(saved, fd, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		_ = unix.Close(saved)
		_ = unix.Close(other)
	}
}

// makeRoom frees pages in the files, so that the next flush writes without growing them.
func makeRoom(t *testing.T, b *bench) {
	t.Helper()
	for _, size := range []int{3_000_000, 0} {
		fill := func(tx *bolt.Tx) error { return tx.Bucket([]byte("local")).Put([]byte("room"), make([]byte, size)) }
		if size == 0 {
			fill = func(tx *bolt.Tx) error { return tx.Bucket([]byte("local")).Delete([]byte("room")) }
		}
		if err := errors.Join(b.Raw(fill), b.RawSegment(1, 1, fill)); err != nil {
			t.Fatal(err)
		}
	}
	b.update(func(tx *storage.Tx) error { return stageSilver(tx, "room", 0, []byte("x")) })
	b.flush() // pages of the last transaction but one are free
}

// TestFullDisk fills the disk under the catalogue and under a growing segment: updates go on
// in memory, new work is refused, and everything arrives once there is space.
func TestFullDisk(t *testing.T) {
	for _, name := range []string{"catalog.db", "segments/1-1.growing"} {
		b := openReady(t)
		b.addDocument(1, "x", "text\n")
		makeRoom(t, b)
		at, flushed := b.Applied(), b.Flushed()
		if at != flushed {
			t.Fatalf("flushed to %v of %v", flushed, at)
		}
		undo := redirect(t, filepath.Join(b.dir, name), unix.O_RDWR, "/dev/full")
		b.addDocument(1, "y", strings.Repeat("more text\n", 3000))
		wantCode(t, b.Flush(), lode.CodeNoStorage)
		wantCode(t, b.Flush(), lode.CodeNoStorage)
		wantCode(t, b.Admit(1), lode.CodeNoStorage)
		if b.Flushed() != flushed {
			t.Errorf("%s: flushed to %v", name, b.Flushed())
		}
		b.addDocument(1, "z", "deletes and completions go on\n")
		want := b.hash()
		undo()
		b.flush()
		if err := b.Admit(1); err != nil || b.hash() != want || b.Flushed() != b.Applied() {
			t.Errorf("%s: after space was freed: %v", name, err)
		}
		if b = b.reopen(); b.hash() != want {
			t.Errorf("%s: another state after reopening", name)
		}
	}
}

// TestFullDiskHeals waits for the flusher to find space by itself.
func TestFullDiskHeals(t *testing.T) {
	b := openReady(t)
	b.addDocument(1, "y", "text\n")
	makeRoom(t, b)
	undo := redirect(t, filepath.Join(b.dir, "catalog.db"), unix.O_RDWR, "/dev/full")
	b.update(func(tx *storage.Tx) error { return stageSilver(tx, "x", 0, make([]byte, 100_000)) })
	wantCode(t, b.Flush(), lode.CodeNoStorage)
	b.addCollection("later")
	undo()
	for start := time.Now(); b.Flushed() != b.Applied() || b.Admit(1) != nil; time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > 10*time.Second {
			t.Fatalf("flushed to %v of %v", b.Flushed(), b.Applied())
		}
	}
}

// TestFailingDiskStopsWrites makes a write fail so that nobody knows what was written.
func TestFailingDiskStopsWrites(t *testing.T) {
	for _, name := range []string{"catalog.db", "segments/1-1.growing"} {
		told := make(chan error, 2)
		dir := t.TempDir()
		s, err := storage.Open(dir, storage.Options{FlushInterval: time.Hour, Failed: func(err error) { told <- err }})
		if err != nil {
			t.Fatal(err)
		}
		b := &bench{TB: t, Store: s, dir: dir}
		b.start()
		b.addDocument(1, "x", "text\n")
		b.flush()
		before, at := b.hash(), b.Applied()
		path := filepath.Join(dir, name)
		undo := redirect(t, path, unix.O_RDONLY, path)
		b.addDocument(1, "y", "more\n")
		wantCode(t, b.Flush(), lode.CodeInternal)
		undo()
		wantCode(t, b.Update(b.next(), func(*storage.Tx) error { return nil }), lode.CodeUnavailable)
		wantCode(t, b.Flush(), lode.CodeUnavailable)
		wantCode(t, b.Admit(1), lode.CodeNoStorage)
		select {
		case err := <-told:
			wantCode(t, err, lode.CodeInternal)
		case <-time.After(10 * time.Second):
			t.Errorf("%s: nobody was told", name)
		}
		b.close()
		if b = openDir(t, dir); b.hash() != before || b.Applied() != at {
			t.Errorf("%s: the failed flush left something behind", name)
		}
		b.addDocument(1, "y", "more\n")
		if len(told) > 0 {
			t.Errorf("%s: told twice", name)
		}
	}
}

// TestPagesDamagedWhileOpen overwrites the mapped file of an open store.
func TestPagesDamagedWhileOpen(t *testing.T) {
	b := openReady(t)
	for i := range 50 {
		b.addDocument(1, numbered("doc", i), strings.Repeat("text\n", 200))
	}
	image := b.snapshot()
	path := filepath.Join(b.dir, "catalog.db")
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(bytes.Repeat([]byte{0xA5}, 60*4096), 2*4096); err != nil {
		t.Fatal(err)
	}
	_, err = b.StateHash()
	wantCode(t, err, lode.CodeCorrupt)
	err = b.Update(b.next(), func(tx *storage.Tx) error { return tx.DropVersion(1, 1, 1) })
	wantCode(t, err, lode.CodeCorrupt)
	wantCode(t, b.Update(b.next(), func(*storage.Tx) error { return nil }), lode.CodeUnavailable)
	if all := b.breaches(); len(all) == 0 || all[0].Where != "catalog.db" {
		t.Errorf("breaches %v", all)
	}
	if err := f.Truncate(3 * 4096); err != nil {
		t.Fatal(err)
	}
	_, err = b.StateHash()
	wantCode(t, err, lode.CodeCorrupt)
	if err := b.RestoreSnapshot(bytes.NewReader(image)); err != nil {
		t.Fatalf("restore over a damaged catalogue: %v", err)
	}
	for i := range 50 { // and writes go on
		b.addDocument(1, numbered("doc", i), "another text\n")
	}
}

// TestMappingCostsNoMemory opens a store and measures what the large mapping costs.
func TestMappingCostsNoMemory(t *testing.T) {
	resident := func() int {
		b, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			t.Fatal(err)
		}
		pages, err := strconv.Atoi(strings.Fields(string(b))[1])
		if err != nil {
			t.Fatal(err)
		}
		return pages * os.Getpagesize()
	}
	before := resident()
	openReady(t)
	if grown := resident() - before; grown > 16<<20 {
		t.Errorf("resident memory grew by %d bytes", grown)
	}
}
