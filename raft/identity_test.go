package raft_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/raft"
)

// ownedBy makes a folder with the log of a node and a cluster.
func ownedBy(t *testing.T, node, cluster string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	n := open(t, raft.Options{Dir: dir, NodeID: node, Machine: newLedger(t, "")})
	propose(t, n, "one")
	if err := n.SetCluster(cluster); err != nil {
		t.Fatal(err)
	}
	mustClose(t, n)
	return dir
}

// contents is every file of a folder, LOCK aside, which holds a PID for the time being.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "LOCK" {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestForeignFolderIsRefused: the log of another node or cluster is refused with both names,
// and not a byte of the folder changes.
func TestForeignFolderIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, node, cluster string
		field, says         string
	}{
		{"other node", "b", "c1", "raft.node_id", "holds the log of node a"},
		{"other cluster", "a", "c2", "raft.cluster_id", "holds the log of cluster c1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := ownedBy(t, "a", "c1")
			before := contents(t, dir)
			_, err := raft.Open(context.Background(), raft.Options{Dir: dir, NodeID: c.node, ClusterID: c.cluster, Machine: newLedger(t, "")})
			var coded *lode.Error
			if !errors.As(err, &coded) || coded.Code != lode.CodeConflict || coded.Field != c.field || coded.Hint == "" || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
			for path, b := range contents(t, dir) {
				if before[path] != b {
					t.Errorf("%s has changed", path)
				}
				delete(before, path)
			}
			if len(before) > 0 {
				t.Errorf("files are gone: %v", before)
			}
			for _, known := range []string{"", "c1"} {
				n := open(t, raft.Options{Dir: dir, ClusterID: known, Machine: newLedger(t, "")})
				propose(t, n, "its own node goes on")
				mustClose(t, n)
			}
		})
	}
}

// TestFolderWithoutIdentity: a folder of a version that wrote none is known by its members,
// and gets one.
func TestFolderWithoutIdentity(t *testing.T) {
	dir := ownedBy(t, "a", "c1")
	path := filepath.Join(dir, "IDENTITY")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err := raft.Open(context.Background(), raft.Options{Dir: dir, NodeID: "b", Machine: newLedger(t, "")})
	if !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(err.Error(), "belongs to a") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the node that was refused has left its name")
	}
	mustClose(t, open(t, raft.Options{Dir: dir, ClusterID: "c1", Machine: newLedger(t, "")}))
	b, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(b), "lode raft folder\nformat 1\nnode a\ncluster c1\ncrc32c ") {
		t.Errorf("%q, %v", b, err)
	}
}

func TestSetCluster(t *testing.T) {
	dir := ownedBy(t, "a", "c1")
	n := open(t, raft.Options{Dir: dir, Machine: newLedger(t, "")})
	if err := n.SetCluster("c1"); err != nil {
		t.Error(err)
	}
	if err := n.SetCluster("c2"); !lode.IsCode(err, lode.CodeConflict) {
		t.Errorf("got %v", err)
	}
}

func TestDamagedIdentity(t *testing.T) {
	dir := ownedBy(t, "a", "c1")
	path := filepath.Join(dir, "IDENTITY")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "hello", string(whole[:len(whole)/2]), string(whole) + "x",
		strings.Replace(string(whole), "node a", "node b", 1), strings.Replace(string(whole), "format 1", "format 2", 1),
	} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := raft.Open(context.Background(), raft.Options{Dir: dir, NodeID: "a", Machine: newLedger(t, "")})
		if !lode.IsCode(err, lode.CodeCorrupt) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}
