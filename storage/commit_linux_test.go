package storage_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

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

func TestFullDiskChangesNothing(t *testing.T) {
	b := openReady(t)
	// Freed pages let the next update write without growing the file.
	b.update(func(tx *storage.Tx) error { return tx.PutSilverPart(1, 1, 1, 0, make([]byte, 100_000)) })
	b.update(func(tx *storage.Tx) error { return tx.DropParts(1, 1, 1) })
	b.update(func(*storage.Tx) error { return nil })
	before, at := b.hash(), b.Applied()
	piece := make([]byte, 10_000)
	put := func() error {
		return b.Update(b.next(), func(tx *storage.Tx) error { return tx.PutSilverPart(1, 1, 1, 0, piece) })
	}
	undo := redirect(t, filepath.Join(b.dir, "catalog.db"), unix.O_RDWR, "/dev/full")
	err := put()
	undo()
	wantCode(t, err, lode.CodeOverloaded)
	if b.hash() != before || b.Applied() != at {
		t.Error("the failed update left something behind")
	}
	if err := put(); err != nil {
		t.Errorf("after space was freed: %v", err)
	}
	b.update(func(tx *storage.Tx) error { return tx.DropParts(1, 1, 1) })
}

func TestFailingDiskStopsWrites(t *testing.T) {
	b := openReady(t)
	before := b.hash()
	path := filepath.Join(b.dir, "catalog.db")
	undo := redirect(t, path, unix.O_RDONLY, path)
	err := b.Update(b.next(), func(tx *storage.Tx) error { return tx.PutSilverPart(1, 1, 1, 0, []byte("x")) })
	undo()
	wantCode(t, err, lode.CodeInternal)
	wantCode(t, b.Update(b.next(), func(*storage.Tx) error { return nil }), lode.CodeUnavailable)
	if b.hash() != before {
		t.Error("the failed update left something behind")
	}
	b = b.reopen()
	if b.hash() != before {
		t.Error("the failed update left something behind on disk")
	}
	b.update(func(*storage.Tx) error { return nil })
}

// TestPagesDamagedWhileOpen overwrites the mapped file of an open store.
func TestPagesDamagedWhileOpen(t *testing.T) {
	b := openReady(t)
	for i := range 50 {
		b.update(func(tx *storage.Tx) error { return tx.PutSilverPart(1, lode.DocNo(i), 1, 0, make([]byte, 1000)) })
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
	err = b.Update(b.next(), func(tx *storage.Tx) error { return tx.DropParts(1, 1, 1) })
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
	b.update(func(tx *storage.Tx) error { // and writes go on
		for i := range lode.DocNo(50) {
			if err := tx.DropParts(1, i, 1); err != nil {
				return err
			}
		}
		return nil
	})
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
