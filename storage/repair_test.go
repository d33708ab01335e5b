package storage_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
)

// offline lists what the checker finds in a closed folder and a sweep would not remove.
func offline(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := storage.CheckDir(ctx, dir, func(b storage.Breach) {
		if !b.Benign {
			all = append(all, b.String())
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// tree is the content of a folder, without the lock.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "LOCK" {
			return err
		}
		content, err := os.ReadFile(path)
		fmt.Fprintf(&all, "%s %x\n", path, sha256.Sum256(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func mustRepair(t *testing.T, dir string, o storage.RepairOptions) storage.RepairReport {
	t.Helper()
	report, err := storage.Repair(ctx, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// repairs is the whole course: the checker finds the damage, a dry run tells what would be
// done and changes nothing, the repair does just that, the checker finds nothing any more,
// a second repair has nothing to do.
func repairs(t *testing.T, dir string, o storage.RepairOptions) storage.RepairReport {
	t.Helper()
	if len(offline(t, dir)) == 0 {
		t.Fatal("the check does not see the damage")
	}
	before := tree(t, dir)
	dry := o
	dry.DryRun = true
	planned := mustRepair(t, dir, dry)
	if after := tree(t, dir); after != before {
		t.Fatalf("a dry run changed the folder:\n%s\n%s", before, after)
	}
	if len(planned.Repaired) == 0 || len(planned.Left) > 0 {
		t.Fatalf("planned: %+v", planned)
	}
	done := mustRepair(t, dir, o)
	if len(done.Repaired) != len(planned.Repaired) || len(done.Left) > 0 {
		t.Errorf("planned %+v, done %+v", planned, done)
	}
	if left := offline(t, dir); len(left) > 0 {
		t.Errorf("left after the repair: %v", left)
	}
	if again := mustRepair(t, dir, o); len(again.Repaired)+len(again.Left) > 0 {
		t.Errorf("a second repair finds %+v", again)
	}
	return done
}

// hashOf opens a folder for its state hash.
func hashOf(t *testing.T, dir string) lode.Hash {
	t.Helper()
	b := openDir(t, dir)
	defer b.close()
	return b.hash()
}

// TestRepairDerived breaks each kind of derived record. Afterwards the state is the one from
// before, byte by byte.
func TestRepairDerived(t *testing.T) {
	original := sound(t)
	original.addCollection("other")
	original.putSet(1, "support", "content")
	original.judge(1, "q", 10)
	original.close()
	want := hashOf(t, original.dir)
	type anyMap = map[int]any
	hash, stranger := lode.HashOf(newContent("one\ntwo\n").bronze), lode.HashOf([]byte("stranger"))
	in := func(name string, fn func(*bolt.Bucket) error) func(*bolt.Tx) error {
		return func(tx *bolt.Tx) error {
			if b := tx.Bucket([]byte(name)); b != nil {
				return fn(b)
			}
			return fn(storage.Shelf(tx, 1, name))
		}
	}
	put := func(name string, key []byte, kind seal.Kind, v any) func(*bolt.Tx) error {
		return in(name, func(b *bolt.Bucket) error {
			record, err := storage.EncodeRecord(kind, v)
			return errors.Join(err, b.Put(key, record))
		})
	}
	clear := func(name string) func(*bolt.Tx) error {
		return in(name, func(b *bolt.Bucket) error {
			c := b.Cursor()
			for k, _ := c.First(); k != nil; k, _ = c.Next() {
				if err := c.Delete(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	flip := func(name string) func(*bolt.Tx) error {
		return in(name, func(b *bolt.Bucket) error {
			k, v := b.Cursor().First()
			v = slices.Clone(v)
			v[len(v)-1] ^= 1
			return b.Put(slices.Clone(k), v)
		})
	}
	segment := func(change func(*storage.Segment)) func(*bolt.Tx) error {
		return in("segments", func(b *bolt.Bucket) error {
			key := storage.DocumentKey(1)
			return b.Put(key, edit(kindSegment, change)(slices.Clone(b.Get(key))))
		})
	}
	cases := map[string]func(*bolt.Tx) error{
		"name to nothing":         put("names", make([]byte, 16), 0x25, anyMap{1: "ghost", 2: 7}),
		"id to nothing":           put("ids", make([]byte, 16), 0x27, anyMap{1: 1, 2: "ghost", 3: 99}),
		"key of another length":   put("jobs", []byte("short"), 0x2B, &lode.Job{}),
		"job of another epoch":    put("jobs", storage.JobKey(lode.Job{Collection: 1, Doc: 3, Version: 1}), 0x2B, &lode.Job{Collection: 1, Doc: 3, Version: 1, Epoch: 9}),
		"job of a ready version":  put("jobs", storage.JobKey(lode.Job{Collection: 1, Doc: 1, Version: 1}), 0x2B, &lode.Job{Collection: 1, Doc: 1, Version: 1, Epoch: 1}),
		"job of nothing":          put("jobs", storage.JobKey(lode.Job{Collection: 5, Doc: 1, Version: 1}), 0x2B, &lode.Job{Collection: 5, Doc: 1, Version: 1, Epoch: 1}),
		"too many references":     put("blobs", hash[:], 0x2D, anyMap{1: 2}),
		"reference to nothing":    put("blobs", stranger[:], 0x2D, anyMap{1: 1}),
		"note without quarantine": in("quarantine", func(b *bolt.Bucket) error { return b.Put(storage.DocumentKey(1), seal.Seal(0x2C, nil)) }),
		"pending miscounted":      segment(func(s *storage.Segment) { s.Pending += 3 }),
		"members miscounted":      segment(func(s *storage.Segment) { s.Members-- }),
		"member that is none":     put("members", storage.MemberKey(1, 3, 1), 0x2F, anyMap{1: 1, 2: 1, 3: 1}),
		"member was dropped": in("members", func(b *bolt.Bucket) error {
			return b.Put(storage.MemberKey(1, 1, 1), edit(0x2F, func(m *anyMap) { (*m)[4] = 7 })(slices.Clone(b.Get(storage.MemberKey(1, 1, 1)))))
		}),
		"bucket is gone": func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("data")).Bucket([]byte{0, 0, 0, 0, 0, 0, 0, 1}).DeleteBucket([]byte("ids"))
		},
	}
	for _, name := range []string{"names", "jobs", "blobs", "ids", "members", "quarantine", "feedback order"} {
		cases[name+" are gone"], cases[name+" do not decode"] = clear(name), flip(name)
	}
	for name, damage := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openCopy(t, original.dir)
			if err := b.Raw(damage); err != nil {
				t.Fatal(err)
			}
			b.close()
			repairs(t, b.dir, storage.RepairOptions{})
			if got := hashOf(t, b.dir); got != want {
				t.Errorf("the state has another hash")
			}
		})
	}
}

// TestRepairLeavesWhatIsNotDerived reports damage that only another copy can mend, and does
// not take what leads to it for damage too.
func TestRepairLeavesWhatIsNotDerived(t *testing.T) {
	original := sound(t)
	original.close()
	flip := func(b []byte) []byte { b[18] ^= 1; return b }
	for name, c := range map[string]struct {
		do   func(*testing.T, *bench)
		want string
	}{
		"document": {func(t *testing.T, b *bench) { damage(t, b, "documents", storage.DocumentKey(3), flip) }, "checksum"},
		"version":  {func(t *testing.T, b *bench) { damage(t, b, "versions", storage.VersionKey(1, 1), flip) }, "checksum"},
		"row":      {func(t *testing.T, b *bench) { damagePart(t, b, "rows", partKey(1, 1), drop) }, "has 1 rows, not 2"},
		"growing segment": {func(t *testing.T, b *bench) {
			b.flush()
			_ = os.Remove(filepath.Join(b.dir, "segments", "1-1.growing"))
		}, "1-1"},
	} {
		t.Run(name, func(t *testing.T) {
			b := openCopy(t, original.dir)
			c.do(t, b)
			b.close()
			before := tree(t, b.dir)
			report := mustRepair(t, b.dir, storage.RepairOptions{})
			if len(report.Repaired) > 0 || before != tree(t, b.dir) {
				t.Errorf("something was repaired: %+v", report.Repaired)
			}
			var what []string
			for _, u := range report.Left {
				if what = append(what, u.String()); u.Hint == "" {
					t.Errorf("no hint for %v", u)
				}
			}
			if !strings.Contains(strings.Join(what, "\n"), c.want) {
				t.Errorf("want %q among %q", c.want, what)
			}
		})
	}
}

// withSealed has a sealed segment, a growing one and blobs.
func withSealed(t *testing.T) *bench {
	t.Helper()
	b := sound(t)
	b.addCollection("second")
	b.addDocument(2, "a", "alpha\nbeta\n")
	b.addDocument(2, "b", "gamma\n")
	b.seal(2)
	b.addDocument(2, "c", "delta\n")
	b.close()
	return b
}

func sealedPath(t *testing.T, dir string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "segments", "*.segment"))
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return all[0]
}

// contentOf fetches from a whole folder by hash.
func contentOf(t *testing.T, dir string) func(context.Context, lode.Hash) (io.ReadCloser, error) {
	return func(_ context.Context, h lode.Hash) (io.ReadCloser, error) {
		if b, err := os.ReadFile(filepath.Join(dir, "segments", h.String()+".segment")); err == nil {
			return io.NopCloser(bytes.NewReader(b)), nil
		}
		blobs, err := storage.NewBlobs(vfs.OS, filepath.Join(dir, "blobs"))
		if err != nil {
			return nil, err
		}
		b, err := blobs.Get(ctx, h)
		return io.NopCloser(bytes.NewReader(b)), err
	}
}

var fileDamage = map[string]func(path string) error{
	"gone":    os.Remove,
	"cut":     func(path string) error { return os.Truncate(path, 30) },
	"empty":   func(path string) error { return os.Truncate(path, 0) },
	"changed": func(path string) error { return flipByte(path, 70) },
}

func flipByte(path string, at int) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b[min(at, len(b)-1)] ^= 1
	return os.WriteFile(path, b, 0o600)
}

// TestRepairFiles loses sealed segments and blobs, with and without a place to fetch from.
func TestRepairFiles(t *testing.T) {
	original := withSealed(t)
	want := hashOf(t, original.dir)
	segment := func(dir string) string { return sealedPath(t, dir) }
	blob := func(dir string) string { return blobFile(dir, lode.HashOf(newContent("alpha\nbeta\n").bronze)) }
	for kind, path := range map[string]func(string) string{"segment": segment, "blob": blob} {
		for name, damage := range fileDamage {
			t.Run(kind+" "+name, func(t *testing.T) {
				dir := openCopyOf(t, original.dir)
				if err := damage(path(dir)); err != nil {
					t.Fatal(err)
				}
				alone := mustRepair(t, dir, storage.RepairOptions{})
				if len(alone.Repaired) > 0 || len(alone.Left) != 1 || !strings.Contains(alone.Left[0].Hint, "--from") {
					t.Errorf("without a backup: %+v", alone)
				}
				wrong := func(context.Context, lode.Hash) (io.ReadCloser, error) {
					return io.NopCloser(strings.NewReader("other")), nil
				}
				if r := mustRepair(t, dir, storage.RepairOptions{Fetch: wrong}); len(r.Repaired) > 0 || len(r.Left) != 1 {
					t.Errorf("with other content: %+v", r)
				}
				lacks := func(_ context.Context, h lode.Hash) (io.ReadCloser, error) { return nil, lode.NotFound("object", h) }
				if r := mustRepair(t, dir, storage.RepairOptions{Fetch: lacks}); len(r.Repaired) > 0 || len(r.Left) != 1 {
					t.Errorf("from a backup that lacks it: %+v", r)
				}
				repairs(t, dir, storage.RepairOptions{Fetch: contentOf(t, original.dir)})
				if hashOf(t, dir) != want {
					t.Error("the state has another hash")
				}
			})
		}
	}
}

// TestRepairListsOrphans names what nothing refers to, unless the log may be about to.
func TestRepairListsOrphans(t *testing.T) {
	original := withSealed(t)
	if r := mustRepair(t, original.dir, storage.RepairOptions{}); len(r.Orphans)+len(r.Repaired)+len(r.Left) > 0 || r.Replay != nil {
		t.Errorf("a whole folder: %+v", r)
	}
	dir := openCopyOf(t, original.dir)
	for _, name := range []string{filepath.Join("blobs", "stray"), filepath.Join("segments", lode.HashOf(nil).String()+".segment")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := tree(t, dir)
	if r := mustRepair(t, dir, storage.RepairOptions{}); len(r.Orphans) != 2 || len(r.Repaired)+len(r.Left) > 0 {
		t.Errorf("%+v", r)
	}
	if r := mustRepair(t, dir, storage.RepairOptions{Log: keeping(1, 1000)}); len(r.Orphans) > 0 || r.Replay == nil {
		t.Errorf("with a log that goes on: %+v", r)
	}
	if tree(t, dir) != before {
		t.Error("an orphan was touched")
	}
}

// TestRepairFinishesPlan finishes a change that was interrupted, and refuses a plan that does
// not read back.
func TestRepairFinishesPlan(t *testing.T) {
	original := withSealed(t)
	dir := openCopyOf(t, original.dir)
	catalog, moved := filepath.Join(dir, "catalog.db"), filepath.Join(dir, "catalog.db.restore.tmp")
	step := map[int]any{1: "catalog.db.restore.tmp", 2: "catalog.db"}
	record, err := storage.EncodeRecord(0x37, map[int]any{1: 1, 2: "restore", 3: []any{step}})
	if err := errors.Join(err, os.Rename(catalog, moved), os.WriteFile(filepath.Join(dir, "PLAN"), record, 0o600)); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	if r := mustRepair(t, dir, storage.RepairOptions{DryRun: true}); len(r.Repaired) != 1 || tree(t, dir) != before {
		t.Errorf("dry run: %+v", r)
	}
	if r := mustRepair(t, dir, storage.RepairOptions{}); len(r.Repaired) != 1 || len(r.Left) > 0 || len(offline(t, dir)) > 0 {
		t.Errorf("%+v", r)
	}
	if err := os.WriteFile(filepath.Join(dir, "PLAN"), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := mustRepair(t, dir, storage.RepairOptions{}); len(r.Left) != 1 || r.Left[0].Where != "PLAN" {
		t.Errorf("a torn plan: %+v", r)
	}
}

func openCopyOf(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}
