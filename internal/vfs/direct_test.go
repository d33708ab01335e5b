package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/lodedb/lode/internal/vfs"
)

// TestDirect reads at any offset what is there, on every file system, and to the end.
func TestDirect(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	content := make([]byte, 600_001)
	for i := range content {
		content[i] = byte(rnd.Uint32())
	}
	for name, fsys := range map[string]vfs.FS{"machine": vfs.OS, "memory": vfs.NewMem()} {
		path := filepath.Join(t.TempDir(), "f")
		if err := fsys.MkdirAll(filepath.Dir(path), vfs.DirPerm); err != nil {
			t.Fatal(err)
		}
		err := vfs.WriteFile(fsys, path, func(w io.Writer) error { _, err := w.Write(content); return err })
		if err != nil {
			t.Fatal(err)
		}
		f, err := vfs.OpenDirect(fsys, path)
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			at, n := rnd.IntN(len(content)+10), rnd.IntN(300_000)
			want := content[min(at, len(content)):min(at+n, len(content))]
			got := make([]byte, n)
			read, err := f.ReadAt(got, int64(at))
			if read != len(want) || !bytes.Equal(got[:read], want) || (err == nil) != (read == n) || err != nil && !errors.Is(err, io.EOF) {
				t.Fatalf("%s: %d bytes at %d: %d read, %v", name, n, at, read, err)
			}
		}
		t.Logf("%s: direct to the end: %t", name, f.Direct)
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := vfs.OpenDirect(vfs.OS, filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("opened a missing file")
	}
}
