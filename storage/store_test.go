package storage_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
)

func TestOpenMakesAFolderOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	b := openDir(t, dir)
	id := b.NodeID()
	if id == "" || b.Applied() != (storage.Applied{}) {
		t.Errorf("new folder: node %q, applied %v", id, b.Applied())
	}
	for _, name := range []string{"LOCK", "NODE", "catalog.db", "blobs", "raft"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if info, err := os.Stat(b.RaftDir()); err != nil || !info.IsDir() {
		t.Errorf("raft folder: %v", err)
	}
	b = b.reopen()
	if b.NodeID() != id {
		t.Errorf("node id changed from %s to %s", id, b.NodeID())
	}
}

func TestEverythingSurvivesReopening(t *testing.T) {
	b := openReady(t)
	d := b.addDocument(1, "a/b.txt", "one\ntwo\n")
	before, at := b.hash(), b.Applied()
	b = b.reopen()
	if b.Applied() != at {
		t.Errorf("applied %v, was %v", b.Applied(), at)
	}
	if b.hash() != before {
		t.Error("state differs")
	}
	b.view(func(tx *storage.Tx) error {
		got, err := tx.FindDocument(1, lode.KindDocument, "a/b.txt")
		if err != nil || got.No != d.No || got.Current != 1 || !got.CreatedAt.Equal(day) || !got.Metadata["f"].Equal(lode.FloatValue(0.1)) {
			t.Errorf("%+v, %v", got, err)
		}
		if tx.At() != at {
			t.Errorf("view is at %v", tx.At())
		}
		return nil
	})
}

func TestFailedUpdateChangesNothing(t *testing.T) {
	b := openReady(t)
	before, at := b.hash(), b.Applied()
	boom := errors.New("boom")
	err := b.Update(b.next(), func(tx *storage.Tx) error {
		if err := tx.DropCollection(1); err != nil {
			return err
		}
		return boom
	})
	if err != boom {
		t.Errorf("got %v", err)
	}
	if b.hash() != before || b.Applied() != at {
		t.Error("the failed update left something behind")
	}
}

func TestPanicInUpdateIsPassedOn(t *testing.T) {
	b := openReady(t)
	before := b.hash()
	func() {
		defer func() {
			if r := recover(); r != "bug" {
				t.Errorf("recovered %v", r)
			}
		}()
		_ = b.Update(b.next(), func(tx *storage.Tx) error {
			_ = tx.DropCollection(1)
			panic("bug")
		})
	}()
	if b.hash() != before {
		t.Error("the update that panicked left something behind")
	}
	b.addCollection("next") // and writes go on
}

func TestNothingIsAppliedTwice(t *testing.T) {
	b := openReady(t)
	at := b.Applied()
	for _, index := range []uint64{at.Index, at.Index - 1, 0} {
		err := b.Update(storage.Applied{Index: index, Term: 9}, func(*storage.Tx) error {
			t.Error("applied")
			return nil
		})
		wantCode(t, err, lode.CodeConflict)
	}
	b.reopen().update(func(*storage.Tx) error { return nil })
}

func TestViewRefusesToWrite(t *testing.T) {
	b := openReady(t)
	d := b.addDocument(1, "x", "text")
	b.view(func(tx *storage.Tx) error {
		_, nextCollection := tx.NextCollectionID()
		_, nextDoc := tx.NextDocNo()
		_, nextRows := tx.NextRows(1, 1)
		_, seal := tx.Seal(1)
		v := &lode.DocVersion{Doc: d.No, Version: 1, Segment: 1, Epoch: 1}
		for name, err := range map[string]error{
			"InitCluster": tx.InitCluster("cluster-1", []byte("0123456789abcdef")), "NextCollectionID": nextCollection,
			"PutCollection": tx.PutCollection(collection(1, "docs")), "DropCollection": tx.DropCollection(1),
			"NextDocNo": nextDoc, "NextRows": nextRows, "PutDocument": tx.PutDocument(d), "DropDocument": tx.DropDocument(d),
			"PutVersion":  tx.PutVersion(1, &lode.DocVersion{Doc: d.No, Version: 1}),
			"DropVersion": tx.DropVersion(1, d.No, 1), "PutChunk": tx.PutChunk(1, &lode.DocVersion{}, &lode.StagedChunk{}),
			"PutSilverPart": tx.PutSilverPart(1, v, 0, nil), "DropParts": tx.DropParts(1, v), "Place": tx.Place(1, &lode.DocVersion{}),
			"Seal": seal, "PutSealed": tx.PutSealed(1, 1, lode.Hash{}, 1),
			"PutJob": tx.PutJob(lode.Job{Collection: 1}), "DropJob": tx.DropJob(lode.Job{}),
			"PutQuarantined": tx.PutQuarantined(1, d.No), "DropQuarantined": tx.DropQuarantined(1, d.No),
		} {
			if !lode.IsCode(err, lode.CodeInternal) || !strings.Contains(err.Error(), "read transaction") {
				t.Errorf("%s: %v", name, err)
			}
		}
		return nil
	})
}

func TestSecondOpenerIsToldWhoHasTheFolder(t *testing.T) {
	b := open(t)
	_, err := storage.Open(b.dir, storage.Options{})
	wantCode(t, err, lode.CodeConflict)
	if err == nil || !strings.Contains(err.Error(), "is locked by process") {
		t.Errorf("got %v", err)
	}
	wantCode(t, storage.CheckDir(ctx, b.dir, func(storage.Breach) {}), lode.CodeConflict)
}

func TestClosedStore(t *testing.T) {
	b := openReady(t)
	b.close()
	b.close()
	for name, err := range map[string]error{
		"View":            b.View(func(*storage.Tx) error { return nil }),
		"Update":          b.Update(b.next(), func(*storage.Tx) error { return nil }),
		"RestoreSnapshot": b.RestoreSnapshot(strings.NewReader("")),
		"Check":           b.Check(ctx, func(storage.Breach) {}),
	} {
		if err == nil {
			t.Errorf("%s works on a closed store", name)
		}
	}
	if err := b.View(func(*storage.Tx) error { return nil }); !storage.IsClosed(err) {
		t.Errorf("got %v", err)
	}
}

func TestForeignFolderIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "letter.tmp")
	if err := os.WriteFile(path, []byte("dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := storage.Open(dir, storage.Options{})
	wantCode(t, err, lode.CodeConflict)
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
	wantCode(t, storage.CheckDir(ctx, dir, func(storage.Breach) {}), lode.CodeNotFound)
}

func TestLostFilesAreNotTakenForANewFolder(t *testing.T) {
	for name, remove := range map[string]string{"NODE": "NODE", "catalogue": "catalog.db"} {
		b := openReady(t)
		b.close()
		if err := os.Remove(filepath.Join(b.dir, remove)); err != nil {
			t.Fatal(err)
		}
		if _, err := storage.Open(b.dir, storage.Options{}); !lode.IsCode(err, lode.CodeCorrupt) || !strings.Contains(err.Error(), "missing") {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := open(t) // nothing applied, but raft has begun
	b.close()
	if err := errors.Join(os.Remove(filepath.Join(b.dir, "NODE")), os.WriteFile(filepath.Join(b.RaftDir(), "wal"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err := storage.Open(b.dir, storage.Options{})
	wantCode(t, err, lode.CodeCorrupt)
}

// TestInterruptedFirstOpen fails each changing call of the first open in turn: the error is
// clean, and the next open makes a sound folder of what is there.
func TestInterruptedFirstOpen(t *testing.T) {
	for _, fail := range []func(vfs.FS, int) *vfs.Failing{vfs.FailNth, vfs.FailFrom} {
		for n := 1; ; n++ {
			dir := filepath.Join(t.TempDir(), "data")
			fsys := fail(vfs.OS, n)
			s, err := storage.Open(dir, storage.Options{FS: fsys})
			if !fsys.Failed() {
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if n < 10 {
					t.Errorf("only %d calls were failed", n-1)
				}
				break
			}
			if !errors.Is(err, vfs.ErrInjected) {
				t.Fatalf("call %d: %v", n, err)
			}
			b := openDir(t, dir)
			b.start()
			if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) > 0 {
				t.Errorf("call %d left %q", n, left)
			}
			b.close()
		}
	}
}

func TestNodeFileSurvivesCrash(t *testing.T) {
	for n := 1; ; n++ {
		m := vfs.NewMem()
		failing := vfs.FailFrom(m, n)
		id, err := storage.CreateNode(failing, "/NODE")
		after := m.CrashClone()
		got, found, readErr := storage.ReadNode(after, "/NODE")
		if readErr != nil {
			t.Fatalf("call %d: NODE is half-made: %v", n, readErr)
		}
		if err == nil && got != id {
			t.Fatalf("NODE was lost: %q, %t", got, found)
		}
		if !failing.Failed() {
			return
		}
	}
}

func TestLeftoversAreRemoved(t *testing.T) {
	b := openReady(t)
	b.close()
	left := []string{"catalog.db.restore.tmp", "snapshot.123.tmp", "NODE.00000000.tmp", filepath.Join("blobs", "tmp", "abc.00000000.tmp")}
	for _, name := range left {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	openDir(t, b.dir)
	for _, name := range left {
		if _, err := os.Stat(filepath.Join(b.dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there", name)
		}
	}
}

func TestUnknownVersionsAreRefused(t *testing.T) {
	refused := func(name string, change func(b *bench)) {
		t.Helper()
		b := openReady(t)
		change(b)
		b.close()
		_, err := storage.Open(b.dir, storage.Options{})
		if !lode.IsCode(err, lode.CodeCorrupt) || !strings.Contains(err.Error(), "format version 77") {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused("NODE", func(b *bench) {
		node := strings.Replace(string(storage.FormatNode(b.NodeID())), "format 1", "format 77", 1)
		if err := os.WriteFile(filepath.Join(b.dir, "NODE"), []byte(node), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	refused("catalogue", func(b *bench) {
		record, err := storage.EncodeRecord(0x20, map[int]int{1: 77})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Raw(func(tx *bolt.Tx) error { return tx.Bucket([]byte("local")).Put([]byte("format"), record) }); err != nil {
			t.Fatal(err)
		}
	})
}

func TestDamagedNodeIsRefused(t *testing.T) {
	good := storage.FormatNode("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	if id, err := storage.ParseNode(good); err != nil || id != "6ba7b810-9dad-11d1-80b4-00c04fd430c8" {
		t.Fatalf("%q, %v", id, err)
	}
	for i := range good {
		bad := []byte(string(good))
		bad[i] ^= 1
		if _, err := storage.ParseNode(bad); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if _, err := storage.ParseNode(good[:i]); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
}

func TestFullCatalogueRefusesAndGoesOn(t *testing.T) {
	dir := t.TempDir()
	_, err := storage.Open(dir, storage.Options{MaxBytes: 1})
	wantCode(t, err, lode.CodeInvalid)
	s, err := storage.Open(dir, storage.Options{MaxBytes: storage.MinMaxBytes, FlushInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b := &bench{TB: t, Store: s, dir: dir}
	b.start()
	put := func(name string, bytes int) error {
		b.update(func(tx *storage.Tx) error {
			d, err := accept(tx, 1, name, lode.Hash{}, 0)
			if err != nil {
				return err
			}
			d.Readers = []string{strings.Repeat("r", bytes)}
			return tx.PutDocument(d)
		})
		return b.Flush()
	}
	docs := 0
	for ; docs < 20 && err == nil; docs++ {
		err = put(numbered("doc", docs), 8<<20)
	}
	wantCode(t, err, lode.CodeNoStorage)
	wantCode(t, b.Admit(1), lode.CodeNoStorage)
	if docs < 3 {
		t.Errorf("full after %d documents", docs)
	}
	for i := range docs { // what cannot be refused goes on, and makes space in the end
		b.update(func(tx *storage.Tx) error {
			d, err := tx.FindDocument(1, lode.KindDocument, lode.DocID(numbered("doc", i)))
			if err != nil {
				return err
			}
			return tx.DropDocument(d)
		})
	}
	want := b.hash()
	b.flush()
	if b.hash() != want || b.Flushed() != b.Applied() {
		t.Error("another state after space was freed")
	}
	b.update(func(tx *storage.Tx) error { return nil }) // freed pages can be used from the next flush on
	if err := put("again", 8<<20); err != nil {
		t.Errorf("after space was freed: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "catalog.db")); err != nil || info.Size() > storage.MinMaxBytes {
		t.Errorf("file has %d bytes, %v", info.Size(), err)
	}
}

func TestBrokenDiskStopsWrites(t *testing.T) {
	b := openReady(t)
	b.Break(errors.New("fdatasync: input/output error"))
	err := b.Update(b.next(), func(*storage.Tx) error { return nil })
	wantCode(t, err, lode.CodeUnavailable)
	b.view(func(tx *storage.Tx) error {
		_, err := tx.Collection(1)
		return err
	})
	b.reopen().update(func(*storage.Tx) error { return nil })
}

// TestDamagedPagesAreErrors zeroes pages of the catalogue and cuts its file: opening,
// checking and reading give coded errors, never a crash.
func TestDamagedPagesAreErrors(t *testing.T) {
	b := openReady(t)
	for i := range 100 {
		b.update(func(tx *storage.Tx) error {
			d, err := accept(tx, 1, numbered("doc", i), lode.Hash{}, 0)
			if err != nil {
				return err
			}
			d.Readers = []string{strings.Repeat("r", 2000)}
			return tx.PutDocument(d)
		})
	}
	b.close()
	path := filepath.Join(b.dir, "catalog.db")
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found, empty := 0, make([]byte, 4096-8)
	for page := range int64(70) {
		good := make([]byte, len(empty))
		if _, err := f.ReadAt(good, page*4096+8); err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(empty, page*4096+8); err != nil {
			t.Fatal(err)
		}
		if survive(t, b.dir) {
			found++
		}
		if _, err := f.WriteAt(good, page*4096+8); err != nil {
			t.Fatal(err)
		}
	}
	if found < 20 {
		t.Errorf("only %d of 70 damaged pages were found", found)
	}
	for _, size := range []int64{60 * 4096, 20 * 4096, 3 * 4096, 8192, 4096, 100, 0} {
		if err := f.Truncate(size); err != nil {
			t.Fatal(err)
		}
		if !survive(t, b.dir) {
			t.Errorf("a catalogue cut to %d bytes was not found", size)
		}
	}
}

// survive checks, opens, reads and closes a damaged folder and reports whether the check
// found that damage which comes before meaning.
func survive(t *testing.T, dir string) (found bool) {
	t.Helper()
	err := storage.CheckDir(ctx, dir, func(b storage.Breach) { found = found || b.Where == "catalog.db" })
	if err != nil {
		t.Errorf("check: %v", err)
	}
	s, err := storage.Open(dir, storage.Options{})
	if err != nil {
		if !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("open: %v", err)
		}
		return found
	}
	if _, err = s.StateHash(); err != nil && !lode.IsCode(err, lode.CodeCorrupt) {
		t.Errorf("read: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	return found
}
