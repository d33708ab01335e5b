package storage_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
)

func (b *bench) snapshot() []byte {
	b.Helper()
	var w bytes.Buffer
	at, err := b.WriteSnapshot(&w)
	if err != nil || at != b.Applied() {
		b.Fatalf("snapshot at %v: %v", at, err)
	}
	return w.Bytes()
}

// copyBlobs brings the blobs of one node to another, as the nodes of a cluster do themselves.
func copyBlobs(from, to *bench) {
	from.Helper()
	if err := os.CopyFS(filepath.Join(to.dir, "blobs"), os.DirFS(filepath.Join(from.dir, "blobs"))); err != nil {
		from.Fatal(err)
	}
}

func TestSnapshot(t *testing.T) {
	from := openReady(t)
	for i := range 20 {
		from.addDocument(1, numbered("doc", i), "one\ntwo\n"+numbered("text", i))
	}
	image := from.snapshot()
	want, at := from.hash(), from.Applied()
	from.addDocument(1, "later", "later\n")

	to := openReady(t)
	to.addDocument(1, "replaced", "replaced\n")
	node := to.NodeID()
	to.fetchFrom(from)
	if err := to.RestoreSnapshot(iotest.HalfReader(bytes.NewReader(image))); err != nil {
		t.Fatal(err)
	}
	if to.hash() != want || to.Applied() != at || to.NodeID() != node {
		t.Errorf("restored to %v, want %v", to.Applied(), at)
	}
	copyBlobs(from, to)
	to = to.reopen()
	if to.hash() != want || to.Applied() != at {
		t.Error("the restored state did not survive reopening")
	}
	to.addDocument(1, "later", "later\n")
	if to.hash() != from.hash() {
		t.Error("the same log after a restore leads elsewhere")
	}
	if left, _ := filepath.Glob(filepath.Join(to.dir, "*.tmp")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

func TestDamagedSnapshotChangesNothing(t *testing.T) {
	from := openReady(t)
	from.addDocument(1, "x", "text\n")
	image := from.snapshot()
	b := openReady(t)
	b.addDocument(1, "mine", "my text\n")
	b.fetchFrom(from)
	want, at := b.hash(), b.Applied()
	refused := func(name string, r io.Reader, code lode.Code) {
		t.Helper()
		wantCode(t, b.RestoreSnapshot(r), code)
		if b.hash() != want || b.Applied() != at {
			t.Fatalf("%s: the old state is gone", name)
		}
	}
	for i := 0; i < len(image); i += 1 + len(image)/60 {
		bad := bytes.Clone(image)
		bad[i] ^= 4
		refused("flipped", bytes.NewReader(bad), lode.CodeCorrupt)
		refused("cut", bytes.NewReader(image[:i]), lode.CodeCorrupt)
	}
	refused("reader fails", io.MultiReader(bytes.NewReader(image[:len(image)/2]), iotest.ErrReader(errors.New("reset"))), lode.CodeInternal)
	refused("not a snapshot", strings.NewReader("hello, this is no snapshot"), lode.CodeCorrupt)
	b.addCollection("next")
	b.reopen()
}

// TestSnapshotOfDamagedState seals a catalogue with a bad record correctly: checksums of the
// frame are right, the content is refused all the same.
func TestSnapshotOfDamagedState(t *testing.T) {
	from := openReady(t)
	d := from.addDocument(1, "x", "text\n")
	damage(t, from, "documents", storage.DocumentKey(d.No), func(b []byte) []byte { b[20] ^= 1; return b })
	image := from.snapshot()
	from.close()
	b := openReady(t)
	b.fetchFrom(from)
	err := b.RestoreSnapshot(bytes.NewReader(image))
	if !lode.IsCode(err, lode.CodeCorrupt) || !strings.Contains(err.Error(), "documents") {
		t.Errorf("got %v", err)
	}
}

// TestRestoreFailsCleanly fails each changing call that goes through our file system.
func TestRestoreFailsCleanly(t *testing.T) {
	from := openReady(t)
	from.addDocument(1, "x", "text\n")
	image, newHash := from.snapshot(), from.hash()
	for n := 1; ; n++ {
		dir := t.TempDir()
		b := openDir(t, dir)
		b.start()
		oldHash := b.hash()
		b.close()
		copyBlobs(from, b)
		failing := &countdown{FS: vfs.OS, left: -1}
		s, err := storage.Open(dir, storage.Options{FS: failing, Fetch: fetchOf(from)})
		if err != nil {
			t.Fatal(err)
		}
		failing.left = n
		err = s.RestoreSnapshot(bytes.NewReader(image))
		failed := failing.left == 0
		if failed != (err != nil) {
			t.Fatalf("call %d: failed %t, error %v", n, failed, err)
		}
		h, hashErr := s.StateHash()
		if hashErr != nil || h != oldHash && h != newHash {
			t.Errorf("call %d: neither the old nor the new state: %v", n, hashErr)
		}
		halfway := lode.IsCode(s.Update(storage.Applied{Index: 99, Term: 1}, func(*storage.Tx) error { return errors.New("no") }), lode.CodeUnavailable)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		again := openDir(t, dir)
		if got := again.hash(); got != h && !(halfway && got == newHash) {
			t.Errorf("call %d: another state after reopening", n)
		}
		if !failed {
			return
		}
	}
}

// countdown fails the rename or sync of a folder at which left reaches 0.
type countdown struct {
	vfs.FS
	left int
}

func (c *countdown) hit() error {
	if c.left > 0 {
		if c.left--; c.left == 0 {
			return vfs.ErrInjected
		}
	}
	return nil
}

func (c *countdown) Rename(from, to string) error {
	if err := c.hit(); err != nil {
		return err
	}
	return c.FS.Rename(from, to)
}

func (c *countdown) SyncDir(name string) error {
	if err := c.hit(); err != nil {
		return err
	}
	return c.FS.SyncDir(name)
}

// TestRestoreBesideViews restores again and again while views and updates run.
func TestRestoreBesideViews(t *testing.T) {
	b := openReady(t)
	b.addDocument(1, "x", "text\n")
	image := b.snapshot()
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				err := b.View(func(tx *storage.Tx) error {
					_, err := tx.FindDocument(1, lode.KindDocument, "x")
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 10 {
		if err := b.RestoreSnapshot(bytes.NewReader(image)); err != nil {
			t.Error(err)
		}
		b.addCollection(numbered("c", int(b.Applied().Index)))
		if _, err := b.WriteSnapshot(io.Discard); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	readers.Wait()
}

func TestSnapshotWriterErrors(t *testing.T) {
	b := openReady(t)
	boom := errors.New("boom")
	if _, err := b.WriteSnapshot(failingWriter{boom}); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(b.dir, "*.tmp")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestStateHash(t *testing.T) {
	one, two := openReady(t), openReady(t)
	if one.NodeID() == two.NodeID() {
		t.Error("two nodes have one id")
	}
	same := func(step string) {
		t.Helper()
		if one.hash() != two.hash() {
			t.Errorf("%s: the same log leads to different states", step)
		}
	}
	both := func(fn func(b *bench)) { fn(one); fn(two) }
	same("start")
	seen := map[lode.Hash]string{one.hash(): "start"}
	step := func(name string, fn func(b *bench)) {
		t.Helper()
		both(fn)
		same(name)
		if before, dup := seen[one.hash()]; dup {
			t.Errorf("%s did not change the hash since %s", name, before)
		}
		seen[one.hash()] = name
	}
	step("collection", func(b *bench) { b.addCollection("c") })
	step("document", func(b *bench) { b.addDocument(1, "x", "one\ntwo\n") })
	step("quarantine", func(b *bench) { b.update(func(tx *storage.Tx) error { return tx.PutQuarantined(2, 9) }) })
	step("rows", func(b *bench) {
		b.update(func(tx *storage.Tx) error { _, err := tx.NextRows(2, 3); return err })
	})
	step("silver", func(b *bench) {
		b.update(func(tx *storage.Tx) error { return stageSilver(tx, "s", 0, []byte("x")) })
	})
	step("drop", func(b *bench) {
		b.update(func(tx *storage.Tx) error { return tx.DropCollection(2) })
	})
	before := one.hash()
	one.update(func(*storage.Tx) error { return nil }) // positions in the log are each node's own
	if one.hash() != before {
		t.Error("an entry that changes nothing changed the hash")
	}
	one.update(func(tx *storage.Tx) error { return stageSilver(tx, "s", 1, []byte("x")) })
	two.update(func(tx *storage.Tx) error { return stageSilver(tx, "s", 1, []byte("xy")) })
	if one.hash() == two.hash() {
		t.Error("different states have one hash")
	}
	both(func(b *bench) {
		b.update(func(tx *storage.Tx) error {
			d, err := tx.FindDocument(1, lode.KindDocument, "s")
			if err != nil {
				return err
			}
			return tx.DropDocument(d)
		})
	})
}

func FuzzSnapshot(f *testing.F) {
	b := openReady(f)
	image := b.snapshot()
	f.Add(image[:200])
	f.Add(image)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		head, catalog, err := storage.OpenSnapshot(bytes.NewReader(b))
		if err == nil {
			var n int64
			n, err = io.Copy(io.Discard, catalog)
			if err == nil && n != head.Bytes {
				t.Errorf("%d bytes announced, %d held", head.Bytes, n)
			}
		}
		if err != nil && !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("error without code: %v", err)
		}
	})
}

// TestSnapshotIsOfItsMoment: updates between taking and writing are not in a snapshot, and
// one that is never written keeps nobody from closing the store.
func TestSnapshotIsOfItsMoment(t *testing.T) {
	b := openReady(t)
	b.addDocument(1, "before", "before\n")
	want, at := b.hash(), b.Applied()
	sn, err := b.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer sn.Release()
	for i := range 50 { // more than fits on pages that were free before
		b.addDocument(1, numbered("after", i), "after\n")
	}
	var image bytes.Buffer
	if err := sn.Write(&image); err != nil || sn.At() != at {
		t.Fatalf("snapshot of %v at %v: %v", sn.At(), at, err)
	}
	wantCode(t, sn.Write(&image), lode.CodeUnavailable)
	to := openReady(t)
	to.fetchFrom(b)
	if err := to.RestoreSnapshot(&image); err != nil {
		t.Fatal(err)
	}
	if to.hash() != want || to.Applied() != at {
		t.Errorf("restored to %v, want %v", to.Applied(), at)
	}
	copyBlobs(b, to)

	for name, end := range map[string]func(){
		"restore": func() {
			if err := b.RestoreSnapshot(bytes.NewReader(b.snapshot())); err != nil {
				t.Error(err)
			}
		},
		"close": func() { b = b.reopen() },
	} {
		left, err := b.Snapshot()
		if err != nil {
			t.Fatal(name, err)
		}
		end()
		wantCode(t, left.Write(&image), lode.CodeUnavailable)
		left.Release()
	}
}

// TestSegmentFromTheFuture: a growing segment that came with a snapshot holds later entries too.
// What the node flushes until it has applied them does not make it forget: the next snapshot
// may rely on them.
func TestSegmentFromTheFuture(t *testing.T) {
	b, to := openReady(t), openReady(t)
	b.addDocument(1, "first", "first\n")
	first, err := b.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer first.Release()
	for i := range 5 {
		b.addDocument(1, numbered("later", i), "later\n")
	}
	var image bytes.Buffer
	if err := first.Write(&image); err != nil {
		t.Fatal(err)
	}
	to.fetchFrom(b)
	if err := to.RestoreSnapshot(&image); err != nil {
		t.Fatal(err)
	}
	copyBlobs(b, to)
	to.addDocument(1, numbered("later", 0), "later\n") // as the log says, and flushed by the restore
	if err := to.RestoreSnapshot(bytes.NewReader(b.snapshot())); err != nil {
		t.Fatal(err)
	}
	if to.hash() != b.hash() {
		t.Error("the states differ")
	}
	to.view(func(tx *storage.Tx) error {
		return tx.Documents(1, 0, func(d *lode.Document) (bool, error) {
			v, err := tx.Version(1, d.No, d.Newest)
			if err == nil {
				_, err = tx.Chunk(1, v, 0)
			}
			return true, err
		})
	})
}
