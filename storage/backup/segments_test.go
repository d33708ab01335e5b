package backup_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
	"github.com/lodedb/lode/storage/backup"
)

// segments returns what the catalogue says about the segments.
func (n *node) segments() (all []storage.Segment) {
	n.Helper()
	err := n.View(func(tx *storage.Tx) (err error) {
		all, err = tx.Segments(shelf)
		return err
	})
	if err != nil {
		n.Fatal(err)
	}
	return all
}

// TestIncrementalSegments uploads a sealed segment once, and of a growing one the pieces that
// have changed.
func TestIncrementalSegments(t *testing.T) {
	n := newNode(t, "c1")
	const count, size, piece = 40, 40_000, 16 << 10
	n.showAll(count, size)
	dir := t.TempDir()
	r := repository(t, backup.NewFolder(dir, nil), backup.Options{ChunkBytes: piece})
	first := create(t, r, n, backup.CreateOptions{})
	if want := int64(2 * count * 2 * size); first.UploadedBytes < want { // the bronze, and as much in segments
		t.Errorf("first: %+v, want %d bytes at least", first, want)
	}
	sealed := n.segments()[0].Hash.String()
	if info, err := os.Stat(filepath.Join(dir, "objects", sealed[:2], sealed)); err != nil || info.Size() < count*size {
		t.Errorf("the sealed segment is no object: %v", err)
	}
	n.show("one more", words(1000, size))
	next := create(t, r, n, backup.CreateOptions{})
	if limit := int64(count * size / 2); next.UploadedBytes < size || next.UploadedBytes > limit {
		t.Errorf("one document more: %+v, want %d bytes at most", next, limit)
	}
	n.seal()
	before := n.segments()
	after := create(t, r, n, backup.CreateOptions{})
	if limit := before[1].FileBytes + 16*piece; after.UploadedBytes > limit {
		t.Errorf("one segment sealed: %+v, want %d bytes at most", after, limit)
	}
	same := create(t, r, n, backup.CreateOptions{})
	if limit := int64(8 * piece); same.UploadedBytes > limit { // the catalogue, as bbolt lays it out
		t.Errorf("nothing changed: %+v, want %d bytes at most", same, limit)
	}
	for _, b := range []backup.Backup{first, next, after, same} {
		verify(t, r, b.ID)
	}
	got, _ := restore(t, r, "")
	if got.hash() != n.hash() {
		t.Error("what was restored differs")
	}
}

// TestForgedSegments refuses a manifest that is whole and lists other segments than the
// catalogue refers to.
func TestForgedSegments(t *testing.T) {
	n := newNode(t, "c1")
	n.showAll(2, 5000)
	r := repository(t, backup.NewFolder(t.TempDir(), nil), backup.Options{ChunkBytes: 4 << 10})
	old := create(t, r, n, backup.CreateOptions{})
	n.seal()
	n.show("third", words(50, 5000))
	b := create(t, r, n, backup.CreateOptions{})
	var former []backup.Segment // as of the older backup
	if _, err := backup.Forge(t.Context(), r, old.ID, func(s []backup.Segment) []backup.Segment {
		former = slices.Clone(s)
		return s
	}); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "x")
	for name, change := range map[string]func(s []backup.Segment) []backup.Segment{
		"none":             func([]backup.Segment) []backup.Segment { return nil },
		"one less":         func(s []backup.Segment) []backup.Segment { return s[:2] },
		"one more":         func(s []backup.Segment) []backup.Segment { s[2].ID++; return append(s, s[2]) },
		"twice":            func(s []backup.Segment) []backup.Segment { return append(s, s[2]) },
		"another order":    func(s []backup.Segment) []backup.Segment { slices.Reverse(s); return s },
		"another sealed":   func(s []backup.Segment) []backup.Segment { s[1].Hash, s[1].Bytes = s[0].Hash, s[0].Bytes; return s },
		"another number":   func(s []backup.Segment) []backup.Segment { s[2].ID = 77; return s },
		"other collection": func(s []backup.Segment) []backup.Segment { s[2].Collection = 77; return s },
		"growing":          func(s []backup.Segment) []backup.Segment { s[1] = former[1]; return s },
		"unknown state":    func(s []backup.Segment) []backup.Segment { s[2].State = 9; return s },
		"sealed in pieces": func(s []backup.Segment) []backup.Segment { s[0].Chunks = s[2].Chunks; return s },
		"a piece less":     func(s []backup.Segment) []backup.Segment { s[2].Chunks = s[2].Chunks[1:]; return s },
		"no bytes":         func(s []backup.Segment) []backup.Segment { s[2].Chunks, s[2].Bytes = nil, 0; return s },
	} {
		id, err := backup.Forge(t.Context(), r, b.ID, change)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = r.Verify(t.Context(), id); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("verify, %s: %v", name, err)
		}
		if _, err = r.Restore(t.Context(), id, target, backup.RestoreOptions{}); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("restore, %s: %v", name, err)
		}
		absent(t, target)
	}
	verify(t, r, b.ID)

	// What only the segment itself can tell stops a restore.
	for name, change := range map[string]func(s []backup.Segment) []backup.Segment{
		"pieces exchanged": func(s []backup.Segment) []backup.Segment {
			s[2].Chunks[0], s[2].Chunks[1] = s[2].Chunks[1], s[2].Chunks[0]
			return s
		},
		"another file": func(s []backup.Segment) []backup.Segment {
			s[2].Hash, s[2].Bytes, s[2].Chunks = former[1].Hash, former[1].Bytes, former[1].Chunks
			return s
		},
	} {
		id, err := backup.Forge(t.Context(), r, b.ID, change)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = r.Restore(t.Context(), id, target, backup.RestoreOptions{}); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("restore, %s: %v", name, err)
		}
		absent(t, target)
	}
}

// TestDamagedSegment refuses to back up a sealed segment that is not what its hash says, or
// that is missing.
func TestDamagedSegment(t *testing.T) {
	n := newNode(t, "c1")
	n.showAll(2, 5000)
	path := filepath.Join(n.dir, "segments", fmt.Sprintf("%s.segment", n.segments()[0].Hash))
	r := repository(t, backup.NewFolder(t.TempDir(), nil), backup.Options{})
	flip(t, path, 100, 1)
	_, err := r.Create(t.Context(), n.Store, backup.CreateOptions{})
	wantCode(t, err, lode.CodeCorrupt)
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	_, err = r.Create(t.Context(), n.Store, backup.CreateOptions{})
	wantCode(t, err, lode.CodeCorrupt)
	if listed, err := r.List(t.Context()); err != nil || len(listed) != 0 {
		t.Errorf("%+v, %v", listed, err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	flip(t, path, 100, 1)
	create(t, r, n, backup.CreateOptions{})
	verify(t, r, "")
}

// TestSegmentRetention removes the objects of segments with the last backup that has them.
func TestSegmentRetention(t *testing.T) {
	n := newNode(t, "c1")
	n.showAll(2, 5000)
	dir := t.TempDir()
	time := newClock()
	r := repository(t, backup.NewFolder(dir, nil), backup.Options{Clock: time.now, ChunkBytes: 4 << 10})
	create(t, r, n, backup.CreateOptions{})
	sealed := n.segments()[0].Hash.String()
	object := filepath.Join(dir, "objects", sealed[:2], sealed)
	for i := range 2 {
		n.drop(fmt.Sprintf("sealed-%d", i))
		n.drop(fmt.Sprintf("growing-%d", i))
	}
	last := create(t, r, n, backup.CreateOptions{})
	age(t, dir)
	for _, keep := range []int{2, 1} {
		if err := r.Prune(t.Context(), "node", keep); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(object); os.IsNotExist(err) != (keep == 1) {
			t.Errorf("keep %d: the sealed segment: %v", keep, err)
		}
	}
	if left := files(t, filepath.Join(dir, "objects")); len(left) != last.Objects {
		t.Errorf("%d objects for a backup of %d", len(left), last.Objects)
	}
	verify(t, r, "")
}

// TestMergesAreBackedUp restores backups made before, in and after a merge, and goes on with
// the merge in the one that was restored in the middle.
func TestMergesAreBackedUp(t *testing.T) {
	n := newNode(t, "c1")
	r := repository(t, backup.NewFolder(t.TempDir(), nil), backup.Options{})
	for i := range 2 {
		n.show(fmt.Sprint("doc", i), words(uint64(i), 4000))
		n.seal()
	}
	inputs := []lode.SegmentID{n.segments()[0].ID, n.segments()[1].ID}
	var id lode.SegmentID
	n.update(func(tx *storage.Tx) (err error) {
		id, err = tx.Merge(shelf, inputs)
		return err
	})
	n.drop("doc0")
	want := n.hash()
	middle := create(t, r, n, backup.CreateOptions{})
	verify(t, r, middle.ID)
	built, release, err := n.BuildSegment(t.Context(), shelf, id)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	end := func(tx *storage.Tx) error { return tx.PutSealed(shelf, id, built.Hash, built.Bytes) }
	n.update(end)
	merged := n.hash()
	after := create(t, r, n, backup.CreateOptions{})
	verify(t, r, after.ID)

	other, _ := restore(t, r, middle.ID)
	if other.hash() != want {
		t.Error("another state in the middle")
	}
	other.update(end) // built from the inputs that were restored
	if other.hash() != merged {
		t.Error("another state at the end of a restored merge")
	}
	if other, _ := restore(t, r, after.ID); other.hash() != merged {
		t.Error("another state after the merge")
	}
}
