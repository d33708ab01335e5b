package server_test

import (
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/server"
)

// usedFolder is the folder of a node that was closed.
func usedFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	node, err := server.Open(t.Context(), server.Config{DataDir: dir, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	mustCreate(t, connect(t, node.URL()), "docs")
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// sums are the hashes of what a folder keeps, without what a start may write: the PID in a
// lock and the reserve.
func sums(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	all := map[string][32]byte{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "LOCK" || d.Name() == "RESERVE" {
			return err
		}
		b, err := os.ReadFile(path)
		all[strings.TrimPrefix(path, dir)] = sha256.Sum256(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestMixedFolders: parts of two nodes in one folder are refused with both names, and nothing
// in it changes.
func TestMixedFolders(t *testing.T) {
	for _, c := range []struct{ part, field string }{
		{"raft", "raft.node_id"}, {"NODE", "raft.node_id"}, {"catalog.db", "raft.cluster_id"},
	} {
		t.Run(c.part, func(t *testing.T) {
			dir, other := usedFolder(t), usedFolder(t)
			if err := os.RemoveAll(filepath.Join(dir, c.part)); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(other, c.part), filepath.Join(dir, c.part)); err != nil {
				t.Fatal(err)
			}
			before := sums(t, dir)
			_, err := server.Open(t.Context(), server.Config{DataDir: dir, Listen: "127.0.0.1:0"})
			var coded *lode.Error
			if !errors.As(err, &coded) || coded.Code != lode.CodeConflict || coded.Field != c.field || coded.Value == "" || coded.Hint == "" {
				t.Errorf("got %v", err)
			}
			after := sums(t, dir)
			for path, sum := range after {
				if before[path] != sum {
					t.Errorf("%s has changed", path)
				}
			}
			if len(before) != len(after) {
				t.Errorf("%d files before, %d after", len(before), len(after))
			}
		})
	}
}

// TestCopiedFolder: a whole copy is a node like the original, as after a move; the original is
// refused only while it is in use.
func TestCopiedFolder(t *testing.T) {
	dir := usedFolder(t)
	copied := filepath.Join(t.TempDir(), "copied")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	_, c := open(t, server.Config{DataDir: copied})
	if _, err := c.GetCollection(t.Context(), "docs"); err != nil {
		t.Error(err)
	}
	_, err := server.Open(t.Context(), server.Config{DataDir: copied, Listen: "127.0.0.1:0"})
	if !lode.IsCode(err, lode.CodeConflict) || !strings.Contains(err.Error(), "locked by process") {
		t.Errorf("started twice: %v", err)
	}
}
