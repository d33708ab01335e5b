package vfs_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/lodedb/lode/internal/vfs"
)

// TestKeep: a pinned mapping is in memory as a whole, a cold one is not.
func TestKeep(t *testing.T) {
	const size = 4 << 20
	path := filepath.Join(t.TempDir(), "mapped-by-TestKeep")
	if err := os.WriteFile(path, bytes.Repeat([]byte{7}, size), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := vfs.Map(vfs.OS, path)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Keep(vfs.Pinned); err != nil {
		t.Skipf("SKIPPED: this process may not lock %d bytes: %v", size, err)
	}
	if got := resident(t, path); got < size {
		t.Errorf("%d bytes of a pinned mapping of %d are in memory", got, size)
	}
	if err := m.Keep(vfs.Cold); err != nil {
		t.Fatal(err)
	}
	if got := resident(t, path); got > size/2 {
		t.Errorf("%d bytes of a cold mapping of %d are in memory", got, size)
	}
	if b := m.Bytes(); b[0] != 7 || b[size-1] != 7 {
		t.Error("a cold mapping lost its content")
	}
	if err := m.Keep(vfs.Cached); err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(m)
}

// resident is how much of the mappings of a file is in memory.
func resident(t *testing.T, path string) (bytes int) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	within := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if first, _, ok := strings.Cut(line, " "); ok && strings.Contains(first, "-") {
			within = strings.HasSuffix(line, path)
		}
		var kib int
		if n, _ := fmt.Sscanf(line, "Rss: %d kB", &kib); n == 1 && within {
			bytes += kib << 10
		}
	}
	return bytes
}
