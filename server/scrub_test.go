package server_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/server"
)

// TestScrub: a byte of a sealed file that changes on the disk is found by the node itself, told,
// and put right from a backup; a node without one goes on and says what is damaged.
func TestScrub(t *testing.T) {
	for _, withBackup := range []bool{true, false} {
		cfg := server.Config{DataDir: t.TempDir(), ScrubEvery: time.Second, ScrubRate: 1 << 30}
		if withBackup {
			cfg.Backup.To = filepath.Join(t.TempDir(), "repository")
		}
		node, c := open(t, cfg)
		if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "v", Embedder: &v1.Embedder{Provider: "none", Dim: 2}}); err != nil {
			t.Fatal(err)
		}
		putAll(t, c, []v1.Point{{ID: "a", Vector: lode.Vector{1, 0}}, {ID: "b", Vector: lode.Vector{0, 1}}})
		if _, err := c.SealSegment(t.Context(), "v"); err != nil {
			t.Fatal(err)
		}
		if withBackup {
			if _, err := c.CreateBackup(t.Context(), false); err != nil {
				t.Fatal(err)
			}
		}
		before, url := flipByte(t, cfg.DataDir), node.URL()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			damaged, read := metrics(t, url)["lode_damaged_segments"], metrics(t, url)["lode_scrubbed_bytes_total"]
			repaired := withBackup && damaged == 0 && isWhole(t, cfg.DataDir, before)
			if read > 0 && (repaired || !withBackup && damaged == 1) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("with a backup %v: %v damaged, %v bytes read", withBackup, damaged, read)
			}
		}
		hits, err := c.SearchVectors(t.Context(), "v", v1.SearchVectors{Vector: lode.Vector{1, 0}})
		if withBackup && (err != nil || len(hits.Hits) != 2 || hits.Hits[0].DocumentID != "a") {
			t.Errorf("after the repair: %+v, %v", hits, err)
		}
		if err := node.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// sealedFile is the only sealed file of a node.
func sealedFile(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "segments", "*.segment"))
	if err != nil || len(files) != 1 {
		t.Fatalf("sealed files %v, %v", files, err)
	}
	return files[0]
}

// flipByte changes a byte in place, as a disk does, and returns the content of before.
func flipByte(t *testing.T, dir string) (before []byte) {
	t.Helper()
	path := sealedFile(t, dir)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	const at = 100
	_, err = f.WriteAt([]byte{before[at] ^ 1}, at)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return before
}

func isWhole(t *testing.T, dir string, want []byte) bool {
	t.Helper()
	got, err := os.ReadFile(sealedFile(t, dir))
	return err == nil && bytes.Equal(got, want)
}
