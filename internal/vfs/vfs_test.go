package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/lodedb/lode/internal/vfs"
)

// eachFS runs a test on the real and on the memory file system.
func eachFS(t *testing.T, test func(t *testing.T, fsys vfs.FS, dir string)) {
	t.Run("os", func(t *testing.T) { test(t, vfs.OS, t.TempDir()) })
	t.Run("mem", func(t *testing.T) {
		fsys := vfs.NewMem()
		if err := vfs.MkdirDurable(fsys, "/data"); err != nil {
			t.Fatal(err)
		}
		test(t, fsys, "/data")
	})
}

func write(t *testing.T, fsys vfs.FS, path, content string) {
	t.Helper()
	err := vfs.WriteFile(fsys, path, func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, fsys vfs.FS, path string) string {
	t.Helper()
	b, err := vfs.ReadFile(fsys, path, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func names(t *testing.T, fsys vfs.FS, dir string) string {
	t.Helper()
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return strings.Join(list, " ")
}

func TestFileSystemsAgree(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys vfs.FS, dir string) {
		path := filepath.Join(dir, "a", "b", "file")
		if _, err := fsys.Create(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("create below a missing folder: %v", err)
		}
		if err := fsys.MkdirAll(filepath.Dir(path), vfs.DirPerm); err != nil {
			t.Fatal(err)
		}
		f, err := fsys.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("hello ")); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("world")); err != nil {
			t.Fatal(err)
		}
		part := make([]byte, 5)
		if n, err := f.ReadAt(part, 6); n != 5 || string(part) != "world" || err != nil {
			t.Errorf("read at 6: %q, %d, %v", part, n, err)
		}
		if n, err := f.ReadAt(part, 9); n != 2 || err != io.EOF {
			t.Errorf("read at 9: %d, %v", n, err)
		}
		if info, err := f.Stat(); err != nil || info.Size() != 11 || info.IsDir() {
			t.Errorf("stat: %v, %v", info, err)
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("second close: %v", err)
		}
		if _, err := fsys.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, vfs.FilePerm); !errors.Is(err, fs.ErrExist) {
			t.Errorf("exclusive open of a known file: %v", err)
		}
		readOnly, err := fsys.OpenFile(path, os.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readOnly.Write([]byte("x")); err == nil {
			t.Error("write to a file opened for reading")
		}
		if err := readOnly.Close(); err != nil {
			t.Fatal(err)
		}
		if err := fsys.Remove(filepath.Dir(path)); err == nil {
			t.Error("a folder that is not empty was removed")
		}
		if err := fsys.Rename(path, filepath.Join(dir, "moved")); err != nil {
			t.Fatal(err)
		}
		if got := read(t, fsys, filepath.Join(dir, "moved")); got != "hello world" {
			t.Errorf("after rename: %q", got)
		}
		if got := names(t, fsys, dir); got != "a moved" {
			t.Errorf("names: %q", got)
		}
		if err := fsys.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("remove of a missing file: %v", err)
		}
		if _, err := vfs.ReadFile(fsys, filepath.Join(dir, "moved"), 10); err == nil {
			t.Error("a file larger than the limit was read")
		}
	})
}

func TestAtomicFile(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys vfs.FS, dir string) {
		path := filepath.Join(dir, "file")
		write(t, fsys, path, "old")
		boom := errors.New("boom")
		err := vfs.WriteFile(fsys, path, func(w io.Writer) error {
			_, _ = io.WriteString(w, "half")
			return boom
		})
		if !errors.Is(err, boom) || read(t, fsys, path) != "old" || names(t, fsys, dir) != "file" {
			t.Errorf("after a failed write: %v, %q, %q", err, read(t, fsys, path), names(t, fsys, dir))
		}
		a, err := vfs.CreateAtomic(fsys, path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Write([]byte("new")); err != nil {
			t.Fatal(err)
		}
		if read(t, fsys, path) != "old" {
			t.Error("content changed before the commit")
		}
		if err := errors.Join(a.Commit(), a.Abort()); err != nil {
			t.Fatal(err)
		}
		if read(t, fsys, path) != "new" || names(t, fsys, dir) != "file" {
			t.Errorf("after commit: %q", names(t, fsys, dir))
		}
		if _, err := a.Write(nil); err == nil {
			t.Error("write after commit")
		}
		if err := a.Commit(); err == nil {
			t.Error("second commit")
		}
	})
}

func TestRemoveTemps(t *testing.T) {
	eachFS(t, func(t *testing.T, fsys vfs.FS, dir string) {
		write(t, fsys, filepath.Join(dir, "keep"), "x")
		for range 3 {
			if _, err := vfs.CreateAtomic(fsys, filepath.Join(dir, "lost")); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := vfs.RemoveTemps(fsys, dir); n != 3 || err != nil {
			t.Errorf("removed %d, %v", n, err)
		}
		if got := names(t, fsys, dir); got != "keep" {
			t.Errorf("left %q", got)
		}
	})
}

func TestMemCrashForgetsWhatWasNotSynced(t *testing.T) {
	m := vfs.NewMem()
	if err := vfs.MkdirDurable(m, "/d/e"); err != nil {
		t.Fatal(err)
	}
	put := func(name, content string, sync, syncDir bool) {
		f, err := m.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
		if sync {
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
		}
		if syncDir {
			if err := m.SyncDir(filepath.Dir(name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("/d/e/synced", "1", true, true)
	put("/d/e/bytes-lost", "2", false, true)
	put("/d/e/name-lost", "3", true, false)
	if err := m.Rename("/d/e/synced", "/d/e/renamed"); err != nil {
		t.Fatal(err)
	}
	crashed := m.CrashClone()
	if got := names(t, crashed, "/d/e"); got != "bytes-lost synced" {
		t.Errorf("after the crash: %q", got)
	}
	if got := read(t, crashed, "/d/e/bytes-lost"); got != "" {
		t.Errorf("bytes that were not synced: %q", got)
	}
	if got := read(t, crashed, "/d/e/synced"); got != "1" {
		t.Errorf("synced bytes: %q", got)
	}
	if err := m.SyncDir("/d/e"); err != nil {
		t.Fatal(err)
	}
	if got := names(t, m.CrashClone(), "/d/e"); got != "bytes-lost name-lost renamed" {
		t.Errorf("after the folder was synced: %q", got)
	}
}

// TestAtomicSurvivesCrash cuts the power after each changing call of an atomic replacement:
// the file has its old or its new content, and the new one once Commit has returned.
func TestAtomicSurvivesCrash(t *testing.T) {
	for seed := range uint64(20) {
		for n := 1; ; n++ {
			m := vfs.NewMem()
			write(t, m, "/file", "old content")
			failing := vfs.FailFrom(m, n)
			err := vfs.WriteFile(failing, "/file", func(w io.Writer) error {
				_, err := io.WriteString(w, "new content")
				return err
			})
			got := read(t, m.CrashCloneRand(rand.New(rand.NewPCG(seed, uint64(n)))), "/file")
			if got != "old content" && got != "new content" {
				t.Fatalf("seed %d, call %d: %q", seed, n, got)
			}
			if err == nil && got != "new content" {
				t.Fatalf("seed %d: committed content was lost", seed)
			}
			if failing.Failed() != (err != nil) {
				t.Fatalf("seed %d, call %d: failed %t, error %v", seed, n, failing.Failed(), err)
			}
			if !failing.Failed() {
				break
			}
		}
	}
}

// TestUnsyncedRenameIsLost is the negative control: without the sync of the file, the
// pattern write-and-rename loses content.
func TestUnsyncedRenameIsLost(t *testing.T) {
	m := vfs.NewMem()
	write(t, m, "/file", "old")
	f, err := m.Create("/file.tmp")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Close(), m.Rename("/file.tmp", "/file"), m.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, m.CrashClone(), "/file"); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestFailNthCountsOnlyChanges(t *testing.T) {
	m := vfs.NewMem()
	write(t, m, "/file", "x")
	f := vfs.FailNth(m, 1)
	if got := read(t, f, "/file"); got != "x" || f.Failed() {
		t.Errorf("reading counted: %q", got)
	}
	if err := f.Remove("/file"); !errors.Is(err, vfs.ErrInjected) || !f.Failed() {
		t.Errorf("first change: %v", err)
	}
	if err := f.Remove("/file"); err != nil {
		t.Errorf("second change: %v", err)
	}
}

func TestFailingWriteIsShort(t *testing.T) {
	m := vfs.NewMem()
	f, err := vfs.FailNth(m, 2).Create("/file")
	if err != nil {
		t.Fatal(err)
	}
	n, err := f.Write(bytes.Repeat([]byte("x"), 10))
	if n != 5 || !errors.Is(err, vfs.ErrInjected) {
		t.Errorf("%d, %v", n, err)
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "LOCK")
	lock, err := vfs.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = vfs.Lock(path)
	var locked *vfs.LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Fatalf("second lock: %v", err)
	}
	if !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("message: %v", err)
	}
	if err := errors.Join(lock.Close(), lock.Close()); err != nil {
		t.Fatal(err)
	}
	again, err := vfs.Lock(path)
	if err != nil {
		t.Fatalf("lock after close: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLockOfDeadProcess takes a lock whose file still names a process.
func TestLockOfDeadProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "LOCK")
	if err := os.WriteFile(path, []byte("999999999\n"), vfs.FilePerm); err != nil {
		t.Fatal(err)
	}
	lock, err := vfs.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("lock holds %q, %v", b, err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
}
