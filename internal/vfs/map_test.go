package vfs_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/lodedb/lode/internal/vfs"
)

// TestMap: a mapping is the file, on every file system, and outlives its name.
func TestMap(t *testing.T) {
	content := bytes.Repeat([]byte("silt "), 5000)
	for name, fsys := range map[string]vfs.FS{"machine": vfs.OS, "watched": vfs.Watched(vfs.OS, &vfs.Watch{Limit: time.Minute, Late: func(vfs.Call, time.Duration) {}}), "memory": vfs.NewMem()} {
		for _, want := range [][]byte{content, {}} {
			path := filepath.Join(t.TempDir(), "f")
			if err := fsys.MkdirAll(filepath.Dir(path), vfs.DirPerm); err != nil {
				t.Fatal(err)
			}
			f, err := fsys.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write(want); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			m, err := vfs.Map(fsys, path)
			if err != nil {
				t.Fatal(name, err)
			}
			if err := fsys.Remove(path); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(m.Bytes(), want) {
				t.Errorf("%s: %d bytes of %d, or others", name, len(m.Bytes()), len(want))
			}
			runtime.KeepAlive(m)
		}
	}
	if _, err := vfs.Map(vfs.OS, filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Errorf("a missing file: %v", err)
	}
}

// TestMapOpen: what was read of the file before, and that it is closed and gone, is all the same.
func TestMapOpen(t *testing.T) {
	want := []byte("washed ore")
	for name, fsys := range map[string]vfs.FS{"machine": vfs.OS, "memory": vfs.NewMem()} {
		path := filepath.Join(t.TempDir(), "f")
		if err := fsys.MkdirAll(filepath.Dir(path), vfs.DirPerm); err != nil {
			t.Fatal(err)
		}
		f, err := fsys.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(want); err != nil { // the next byte to read is behind it
			t.Fatal(err)
		}
		m, err := vfs.MapOpen(f)
		if err != nil {
			t.Fatal(name, err)
		}
		if err := errors.Join(f.Close(), fsys.Remove(path)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.Bytes(), want) {
			t.Errorf("%s: %q", name, m.Bytes())
		}
		runtime.KeepAlive(m)
	}
}
