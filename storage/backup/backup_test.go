package backup_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/raft"
	"github.com/lodedb/lode/storage"
	"github.com/lodedb/lode/storage/backup"
)

func TestMain(m *testing.M) {
	if os.Getenv(childDoes) != "" {
		if err := child(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// TestRoundTrip backs a node up while documents come and go, segments are sealed and blobs
// are swept. What is restored has the state hash that the node had at the backup's entry,
// every blob of it, and a log that begins there.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	targets(t, func(t *testing.T, target backup.Target) {
		n := newNode(t, "c1")
		n.fill(40, 3000)
		n.put("large", noise(1000, 9<<20)) // goes in parts where there are parts
		n.showAll(10, 3000)
		ctx, stop := context.WithCancel(t.Context())
		n.hashes = map[uint64]lode.Hash{n.Applied().Index: n.hash()}
		var busy sync.WaitGroup
		busy.Add(2)
		go func() {
			defer busy.Done()
			for i := 0; ctx.Err() == nil; i++ {
				n.put(fmt.Sprintf("later-%d", i), noise(uint64(5000+i), 500))
				n.show(fmt.Sprintf("shown-%d", i), words(uint64(6000+i), 500))
				n.drop(fmt.Sprintf("later-%d", i))
				if i < 40 {
					n.drop(fmt.Sprintf("doc-%d", i))
				}
				if i%5 == 4 {
					n.seal()
				}
			}
		}()
		go func() {
			defer busy.Done()
			for ctx.Err() == nil {
				if _, err := n.SweepBlobs(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}()
		r := repository(t, target, backup.Options{})
		var made []backup.Backup
		for range 4 {
			b := create(t, r, n, backup.CreateOptions{Product: "v1"})
			time.Sleep(2 * time.Millisecond) // ids are to the millisecond
			made = append(made, b)
		}
		stop()
		busy.Wait()
		for _, b := range made {
			verify(t, r, b.ID)
			got, restored := restore(t, r, b.ID)
			if hash := got.hash(); hash != n.hashes[b.Index] {
				t.Errorf("backup at entry %d has state %s, the node had %s", b.Index, hash, n.hashes[b.Index])
			}
			if got.Applied() != (storage.Applied{Index: b.Index, Term: 3}) || restored.Cluster != "c1" || b.Product != "v1" {
				t.Errorf("restored %+v at %v", restored, got.Applied())
			}
		}
		if made[0].Uploaded == 0 || made[0].Bytes < 9<<20 {
			t.Errorf("first backup: %+v", made[0])
		}
		listed, err := r.List(t.Context())
		if err != nil || len(listed) != len(made) || listed[0].ID != made[len(made)-1].ID || listed[0].CatalogHash != made[len(made)-1].CatalogHash {
			t.Errorf("listed %+v, %v", listed, err)
		}
	})
}

// TestRestoredLog demands that the restored folder has a log that continues.
func TestRestoredLog(t *testing.T) {
	n := newNode(t, "c1")
	n.fill(3, 100)
	r := repository(t, backup.NewFolder(t.TempDir(), nil), backup.Options{})
	b := create(t, r, n, backup.CreateOptions{})
	got, restored := restore(t, r, "")
	m := &frozen{Store: got.Store}
	log, err := raft.Open(t.Context(), raft.Options{Dir: got.RaftDir(), NodeID: got.NodeID(), Machine: m, OnFatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if err := log.WaitLeader(t.Context()); err != nil {
		t.Fatal(err)
	}
	if stats := log.Stats(); stats.Term <= b.Term || stats.SnapshotIndex != b.Index || stats.Members[0].ID != restored.NewNode {
		t.Errorf("%+v", stats)
	}
	if _, err := log.Propose(t.Context(), []byte("x")); err != nil || m.entries[0].Index <= b.Index {
		t.Errorf("%v: %+v", err, m.entries)
	}
}

// TestIncremental uploads only what changed.
func TestIncremental(t *testing.T) {
	t.Parallel()
	targets(t, func(t *testing.T, target backup.Target) {
		n := newNode(t, "c1")
		n.fill(20, 200_000)
		counted := &flaky{Target: target}
		r := repository(t, counted, backup.Options{ChunkBytes: 16 << 10})
		first := create(t, r, n, backup.CreateOptions{})
		if first.Uploaded != first.Objects || first.UploadedBytes != first.Bytes {
			t.Errorf("first: %+v", first)
		}
		before := counted.puts.Load()
		same := create(t, r, n, backup.CreateOptions{})
		if same.Uploaded != 0 || counted.puts.Load()-before != 2 { // lock and manifest
			t.Errorf("nothing changed: %+v, %d files written", same, counted.puts.Load()-before)
		}
		n.put("new", noise(77, 50_000))
		next := create(t, r, n, backup.CreateOptions{})
		if next.UploadedBytes < 50_000 || next.UploadedBytes > 50_000+12*16<<10 {
			t.Errorf("one new document: %+v", next)
		}
		full := create(t, r, n, backup.CreateOptions{Full: true})
		if full.Uploaded != full.Objects {
			t.Errorf("full: %+v", full)
		}
		for _, b := range []backup.Backup{first, same, next, full} {
			verify(t, r, b.ID)
		}
	})
}

// TestForeign keeps clusters apart.
func TestForeign(t *testing.T) {
	dir := t.TempDir()
	r := repository(t, backup.NewFolder(dir, nil), backup.Options{})
	one, two := newNode(t, "c1"), newNode(t, "c2")
	one.fill(1, 10)
	two.fill(1, 10)
	b := create(t, r, one, backup.CreateOptions{})
	before := files(t, dir)
	_, err := r.Create(t.Context(), two.Store, backup.CreateOptions{})
	wantCode(t, err, lode.CodeConflict)
	if after := files(t, dir); len(after) != len(before) {
		t.Errorf("a refused backup left %v", after)
	}
	target := filepath.Join(t.TempDir(), "x")
	_, err = r.Restore(t.Context(), "", target, backup.RestoreOptions{Cluster: "c2"})
	wantCode(t, err, lode.CodeConflict)
	absent(t, target)

	// A manifest of another cluster that was copied here is refused, as is one under another name.
	other := t.TempDir()
	r2 := repository(t, backup.NewFolder(other, nil), backup.Options{})
	b2 := create(t, r2, two, backup.CreateOptions{})
	copyTree(t, other, dir, "objects", "backups")
	_, err = r.Verify(t.Context(), b2.ID)
	wantCode(t, err, lode.CodeCorrupt)
	_, err = r.Restore(t.Context(), b2.ID, target, backup.RestoreOptions{})
	wantCode(t, err, lode.CodeCorrupt)
	absent(t, target)
	renamed := b.ID[:len(b.ID)-16] + "0123456789abcdef"
	if err := os.Rename(filepath.Join(dir, "backups", b.ID), filepath.Join(dir, "backups", renamed)); err != nil {
		t.Fatal(err)
	}
	_, err = r.Verify(t.Context(), renamed)
	wantCode(t, err, lode.CodeCorrupt)
	listed, err := r.List(t.Context())
	if err != nil || len(listed) != 2 || listed[0].Damaged == "" || listed[1].Damaged == "" {
		t.Errorf("%+v, %v", listed, err)
	}
}

func copyTree(t *testing.T, from, to string, folders ...string) {
	t.Helper()
	for _, folder := range folders {
		for _, path := range files(t, filepath.Join(from, folder)) {
			name, err := filepath.Rel(from, path)
			if err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(to, name), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestRestoreOverData never touches a folder that holds anything.
func TestRestoreOverData(t *testing.T) {
	n := newNode(t, "c1")
	n.fill(2, 10)
	r := repository(t, backup.NewFolder(t.TempDir(), nil), backup.Options{})
	create(t, r, n, backup.CreateOptions{})
	_, err := r.Restore(t.Context(), "", n.dir, backup.RestoreOptions{})
	wantCode(t, err, lode.CodeConflict)
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = r.Restore(t.Context(), "", other, backup.RestoreOptions{})
	wantCode(t, err, lode.CodeConflict)
	if left := files(t, other); len(left) != 1 {
		t.Errorf("the folder holds %v", left)
	}
	empty := t.TempDir() // an empty folder is as good as none
	if _, err := r.Restore(t.Context(), "", empty, backup.RestoreOptions{}); err != nil {
		t.Error(err)
	}
	_, err = r.Restore(t.Context(), "20260101T000000.000Z-0123456789abcdef", filepath.Join(other, "x"), backup.RestoreOptions{})
	wantCode(t, err, lode.CodeNotFound)
	_, err = r.Verify(t.Context(), "../../etc/passwd")
	wantCode(t, err, lode.CodeInvalid)
}

// TestLocate demands a clear refusal of what is no location, without its secrets.
func TestLocate(t *testing.T) {
	for _, location := range []string{
		"", "ftp://host/x", "s3://", "s3://key:hunter2@bucket/x", "s3://bucket?endpoint=ftp://x", "s3://bucket?endpoint=http://u:hunter2@h",
		"s3://bucket?colour=red", "s3://bucket?path_style=perhaps", "file://host/x", "file:///x?y=z",
	} {
		_, err := backup.Locate(location, backup.Credentials{})
		wantCode(t, err, lode.CodeInvalid)
		if err != nil && containsSecret(err.Error()) {
			t.Errorf("%q", err)
		}
	}
	for location, shown := range map[string]string{
		"file:///var/backups/lode":         "/var/backups/lode",
		"/var/backups/lode":                "/var/backups/lode",
		"s3://bucket/a/b?region=eu-west-1": "s3://bucket/a/b",
	} {
		target, err := backup.Locate(location, backup.Credentials{})
		if err != nil || target.String() != shown {
			t.Errorf("%s: %v, %v", location, target, err)
		}
	}
}
