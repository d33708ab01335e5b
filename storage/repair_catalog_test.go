package storage_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
)

// keeping is a log with snapshots.
func keeping(first, last uint64, snapshots ...storage.RepairSnapshot) func(string) (storage.RepairLog, error) {
	return func(string) (storage.RepairLog, error) {
		return storage.RepairLog{First: first, Last: last, Snapshots: snapshots}, nil
	}
}

func snapshotOf(t *testing.T, b *bench) storage.RepairSnapshot {
	t.Helper()
	var content bytes.Buffer
	at, err := b.WriteSnapshot(&content)
	if err != nil {
		t.Fatal(err)
	}
	return storage.RepairSnapshot{Name: "snapshot", Index: at.Index, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content.Bytes())), nil
	}, SetAside: func() error { return nil }}
}

func broken(s storage.RepairSnapshot, aside *int) storage.RepairSnapshot {
	open := s.Open
	s.Index++
	s.Open = func() (io.ReadCloser, error) {
		r, err := open()
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(r)
		b[len(b)/2] ^= 1
		return io.NopCloser(bytes.NewReader(b)), err
	}
	s.SetAside = func() error { *aside++; return nil }
	return s
}

// garble overwrites the pages in the middle of a catalogue.
func garble(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for i := 2 * 4096; i < len(b); i++ {
		b[i] = byte(i * 7)
	}
	return os.WriteFile(path, b, 0o600)
}

// TestRepairCatalogue loses the catalogue in every way and takes it from the newest snapshot
// that reads back whole.
func TestRepairCatalogue(t *testing.T) {
	b := sound(t)
	b.addCollection("second")
	b.addDocument(2, "a", "alpha\nbeta\n")
	b.addDocument(2, "b", "gamma\n")
	snap := snapshotOf(t, b)
	want := b.hash()
	b.seal(2) // after the snapshot: its growing file goes
	b.addDocument(2, "c", "delta\n")
	b.close()
	if _, err := os.Stat(filepath.Join(b.dir, "segments", "2-1.growing")); err == nil {
		t.Fatal("the growing file of the sealed segment is still there")
	}
	damages := map[string]func(string) error{"garbled": garble, "meta pages": func(path string) error { return errors.Join(flipByte(path, 20), flipByte(path, 4096+20)) }}
	for name, damage := range fileDamage {
		damages[name] = damage
	}
	delete(damages, "changed") // one of two meta pages, which bbolt mends
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			dir, aside := openCopyOf(t, b.dir), 0
			if err := damage(filepath.Join(dir, "catalog.db")); err != nil {
				t.Fatal(err)
			}
			report := repairs(t, dir, storage.RepairOptions{Log: keeping(3, 40, broken(snap, &aside), snap)})
			if report.Replay == nil || *report.Replay != snap.Index || aside != 1 {
				t.Errorf("%+v, %d snapshots set aside", report, aside)
			}
			kept, _ := filepath.Glob(filepath.Join(dir, "catalog.db.damaged-*"))
			if (len(kept) == 1) != (name != "gone") {
				t.Errorf("damaged file: %v", kept)
			}
			if hashOf(t, dir) != want {
				t.Error("the state has another hash than the snapshot")
			}
		})
	}
}

// TestRepairCatalogueRefuses changes nothing where the log does not lead back to the present.
func TestRepairCatalogueRefuses(t *testing.T) {
	b := sound(t)
	snap := snapshotOf(t, b)
	b.seal2(t)
	b.close()
	aside := 0
	failing := func(string) (storage.RepairLog, error) {
		return storage.RepairLog{First: 1, Last: 9, Damage: errors.New("torn")}, nil
	}
	for name, c := range map[string]struct {
		log  func(string) (storage.RepairLog, error)
		want string
	}{
		"no log":             {nil, "was not looked at"},
		"empty log":          {keeping(0, 0), "the log begins at entry 0"},
		"log begins later":   {keeping(5, 40), "the log begins at entry 5"},
		"gap":                {keeping(snap.Index+2, 40, snap), "the newest snapshot that reads back whole ends"},
		"broken snapshot":    {keeping(5, 40, broken(snap, &aside)), "no snapshot reads back whole"},
		"damaged log":        {failing, "torn"},
		"stage in a segment": {keeping(5, 40, snap), "1 versions were being staged in it"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := openCopyOf(t, b.dir)
			if err := garble(filepath.Join(dir, "catalog.db")); err != nil {
				t.Fatal(err)
			}
			before := tree(t, dir)
			report := mustRepair(t, dir, storage.RepairOptions{Log: c.log})
			if len(report.Left) != 1 || !strings.Contains(report.Left[0].Hint, c.want) || len(report.Repaired) > 0 {
				t.Errorf("%+v", report)
			}
			if after := tree(t, dir); after != before || aside > 0 {
				t.Errorf("the folder was changed:\n%s\n%s", before, after)
			}
		})
	}
}

// seal2 ends the stage of document 3 and seals the segment that it was in.
func (b *bench) seal2(t *testing.T) {
	t.Helper()
	b.update(func(tx *storage.Tx) error {
		d, err := tx.Document(1, 3)
		return errors.Join(err, tx.DropDocument(d))
	})
	b.seal(1)
}

// TestRepairEmptyCatalogue begins anew where the log has everything, and refuses a catalogue
// of another version and a folder in use.
func TestRepairEmptyCatalogue(t *testing.T) {
	b := sound(t)
	b.close()
	dir := openCopyOf(t, b.dir)
	if err := os.Remove(filepath.Join(dir, "catalog.db")); err != nil {
		t.Fatal(err)
	}
	if r := mustRepair(t, dir, storage.RepairOptions{Log: keeping(1, 20)}); r.Replay == nil || *r.Replay != 0 || len(r.Left) > 0 {
		t.Errorf("%+v", r)
	}
	fresh := openDir(t, dir)
	if fresh.Applied() != (storage.Applied{}) {
		t.Errorf("begins at %+v", fresh.Applied())
	}
	_, err := storage.Repair(ctx, dir, storage.RepairOptions{})
	wantCode(t, err, lode.CodeConflict)
	_, err = storage.Repair(ctx, t.TempDir(), storage.RepairOptions{})
	wantCode(t, err, lode.CodeNotFound)

	newer := openCopy(t, b.dir)
	err = newer.Raw(func(tx *bolt.Tx) error {
		record, err := storage.EncodeRecord(0x20, map[int]any{1: 99})
		return errors.Join(err, tx.Bucket([]byte("local")).Put([]byte("format"), record))
	})
	if err != nil {
		t.Fatal(err)
	}
	newer.close()
	before := tree(t, newer.dir)
	if r := mustRepair(t, newer.dir, storage.RepairOptions{Log: keeping(1, 20)}); len(r.Left) != 1 || !strings.Contains(r.Left[0].What, "format version 99") || tree(t, newer.dir) != before {
		t.Errorf("a catalogue of a newer lode: %+v", r)
	}
}

// TestRepairSurvivesAnyFailure fails the n-th call to the file system, for every n, and runs
// again: the outcome is that of a run in which nothing failed.
func TestRepairSurvivesAnyFailure(t *testing.T) {
	b := withSealed(t)
	want := hashOf(t, b.dir)
	s := openDir(t, b.dir)
	snap := snapshotOf(t, s)
	s.close()
	hash := lode.HashOf(newContent("gamma\n").bronze)
	ruin := func(dir string) error {
		return errors.Join(garble(filepath.Join(dir, "catalog.db")), flipByte(sealedPath(t, dir), 90), os.Truncate(blobFile(dir, hash), 20))
	}
	for n := 1; ; n++ {
		dir := openCopyOf(t, b.dir)
		if err := ruin(dir); err != nil {
			t.Fatal(err)
		}
		failing := vfs.FailNth(vfs.OS, n)
		o := storage.RepairOptions{Log: keeping(3, 40, snap), Fetch: contentOf(t, b.dir)}
		flawed := o
		flawed.FS = failing
		_, err := storage.Repair(ctx, dir, flawed)
		if failing.Failed() != (err != nil) {
			t.Errorf("call %d failed: %t, error: %v", n, failing.Failed(), err)
		}
		if r := mustRepair(t, dir, o); len(r.Left) > 0 {
			t.Errorf("call %d: %+v", n, r)
		}
		if left := offline(t, dir); len(left) > 0 || hashOf(t, dir) != want {
			t.Errorf("call %d: left %v", n, left)
		}
		if !failing.Failed() {
			if n < 15 {
				t.Errorf("only %d calls were made to fail", n-1)
			}
			return
		}
	}
}
