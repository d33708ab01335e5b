package storage_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
)

// mergeStore is a store with sealed segments of a number of documents each, whose text is
// their name.
func mergeStore(tb testing.TB, segments, docs int) *bench {
	tb.Helper()
	b := openReady(tb)
	for i := range segments {
		for j := range docs {
			id := numbered(numbered("doc", i), j)
			b.addDocument(1, id, id+"\nsecond line of "+id+"\n")
		}
		b.seal(1)
	}
	b.flush()
	return b
}

func (b *bench) drop(id string) {
	b.Helper()
	b.update(func(t *storage.Tx) error {
		d, err := t.FindDocument(1, lode.KindDocument, lode.DocID(id))
		if err != nil {
			return err
		}
		return t.DropDocument(d)
	})
}

func (b *bench) merge(inputs ...lode.SegmentID) (id lode.SegmentID) {
	b.Helper()
	b.update(func(t *storage.Tx) (err error) {
		id, err = t.Merge(1, inputs)
		return err
	})
	return id
}

// finish builds the file of a segment and names it.
func (b *bench) finish(id lode.SegmentID) storage.Built {
	b.Helper()
	built, release, err := b.BuildSegment(ctx, 1, id)
	if err != nil {
		b.Fatal(err)
	}
	defer release()
	b.update(func(t *storage.Tx) error { return t.PutSealed(1, id, built.Hash, built.Bytes) })
	return built
}

func (b *bench) segmentsOf(c lode.CollectionID) (all []storage.Segment) {
	b.Helper()
	b.view(func(t *storage.Tx) (err error) {
		all, err = t.Segments(c)
		return err
	})
	return all
}

// read returns everything that is shown of collection 1, with the segment that has it.
func (b *bench) read() (content []string, homes map[lode.SegmentID]int) {
	b.Helper()
	homes = map[lode.SegmentID]int{}
	b.view(func(t *storage.Tx) error {
		return t.Documents(1, 0, func(d *lode.Document) (bool, error) {
			v, err := t.Version(1, d.No, d.Current)
			if err != nil {
				return false, err
			}
			home, err := t.Home(1, v.Segment)
			if err != nil {
				return false, err
			}
			homes[home]++
			silver, err := t.SilverParts(1, v)
			if err != nil {
				return false, err
			}
			content = append(content, fmt.Sprintf("%s %x", d.ID, silver))
			one, err := t.Chunk(1, v, 1)
			if err != nil {
				return false, err
			}
			content = append(content, fmt.Sprint(one))
			return true, t.Chunks(1, v, func(s *lode.StagedChunk) error {
				content = append(content, fmt.Sprint(s))
				return nil
			})
		})
	})
	return content, homes
}

func (b *bench) sealedFiles() []string {
	b.Helper()
	left, err := filepath.Glob(filepath.Join(b.dir, "segments", "*"))
	if err != nil {
		b.Fatal(err)
	}
	return left
}

// TestMerge follows versions through two merges and out again.
func TestMerge(t *testing.T) {
	b := mergeStore(t, 4, 5)
	b.drop("doc-000-000") // before: its rows are not in the file
	want, _ := b.read()
	id := b.merge(1, 3, 2)
	if got, homes := b.read(); !slices.Equal(got, want) || homes[1] != 4 || homes[id] != 0 {
		t.Errorf("while merging: homes %v, or other content", homes)
	}
	b.drop("doc-001-000") // meanwhile: they are
	want, _ = b.read()
	built := b.finish(id)
	if built.Rows != 28 {
		t.Errorf("the file has %d rows", built.Rows)
	}
	check := func(when string, n int) {
		t.Helper()
		got, homes := b.read()
		if !slices.Equal(got, want) || homes[id] != n {
			t.Errorf("%s: homes %v, or other content", when, homes)
		}
	}
	check("merged", 13)
	all := b.segmentsOf(1)
	if len(all) != 2 || all[0].ID != 4 || all[1].ID != id || all[1].Members != 13 || all[1].Rows != 26 || all[1].FileRows != 28 {
		t.Errorf("segments %+v", all)
	}
	b.flush()
	if left := b.sealedFiles(); len(left) != 2 {
		t.Errorf("files %q", left)
	}
	b = b.reopen()
	check("reopened", 13)
	b.addDocument(1, "doc-002-001", "replaced\nreplaced\n") // a version in a growing segment again
	if d := b.segmentsOf(1); d[len(d)-1].State != storage.SegmentGrowing || d[1].Members != 12 {
		t.Errorf("segments %+v", d)
	}
	b.seal(1)
	b.flush()
	want, _ = b.read()
	id = b.merge(id, 4, 6)
	b.finish(id)
	check("merged again", 18)
	b.flush()
	if left := b.sealedFiles(); len(left) != 1 {
		t.Errorf("files %q", left)
	}
	b = b.reopen()
	check("reopened again", 18)
	for i := range 4 {
		for j := range 5 {
			if id := numbered(numbered("doc", i), j); id != "doc-000-000" && id != "doc-001-000" {
				b.drop(id)
			}
		}
	}
	if left := b.segmentsOf(1); len(left) != 0 {
		t.Errorf("left %+v", left)
	}
	b.flush()
	if left := b.sealedFiles(); len(left) != 0 {
		t.Errorf("files %q", left)
	}
}

// TestMergeIsFixedByItsEntry builds a merge at different moments, on nodes of which one has
// lost its file and one comes from a snapshot in the middle of it.
func TestMergeIsFixedByItsEntry(t *testing.T) {
	b := mergeStore(t, 2, 6)
	id := b.merge(1, 2)
	early, release, err := b.BuildSegment(ctx, 1, id)
	if err != nil {
		t.Fatal(err)
	}
	release()
	other := openDir(t, t.TempDir())
	other.fetchFrom(b)
	copyBlobs(b, other)
	if err := other.RestoreSnapshot(bytes.NewReader(b.snapshot())); err != nil {
		t.Fatal(err)
	}
	if n, err := b.SweepSegments(ctx); n != 1 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	for _, n := range []*bench{b, other} {
		n.drop("doc-000-003")
		n.addDocument(1, "doc-001-001", "another\nversion\n")
		n.flush()
	}
	b = b.reopen()
	late, release, err := b.BuildSegment(ctx, 1, id)
	if err != nil || late != early {
		t.Fatalf("early %v, late %v, %v", early, late, err)
	}
	defer release()
	wrong := b.Update(b.next(), func(tx *storage.Tx) error { return tx.PutSealed(1, id, lode.HashOf([]byte("x")), 1) })
	wantCode(t, wrong, lode.CodeCorrupt)
	for _, n := range []*bench{b, other} { // the other one builds it now
		n.update(func(tx *storage.Tx) error { return tx.PutSealed(1, id, late.Hash, late.Bytes) })
		n.update(func(tx *storage.Tx) error { return tx.PutSealed(1, id, late.Hash, late.Bytes) }) // once more
	}
	if b.hash() != other.hash() {
		t.Error("another state on the other node")
	}
	mine, _ := b.read()
	if theirs, _ := other.read(); !slices.Equal(mine, theirs) {
		t.Error("other content on the other node")
	}
}

// TestMergeOfWhatIsDropped drops everything in a merge before it ends.
func TestMergeOfWhatIsDropped(t *testing.T) {
	b := mergeStore(t, 2, 1)
	id := b.merge(1, 2)
	b.drop("doc-000-000")
	b.drop("doc-001-000")
	if all := b.segmentsOf(1); len(all) != 3 {
		t.Errorf("segments %+v", all)
	}
	b = b.reopen()
	built := b.finish(id)
	if built.Rows != 4 {
		t.Errorf("the file has %d rows", built.Rows)
	}
	if all := b.segmentsOf(1); len(all) != 0 {
		t.Errorf("left %+v", all)
	}
	b.flush()
	if _, err := b.SweepSegments(ctx); err != nil {
		t.Fatal(err)
	}
	if left := b.sealedFiles(); len(left) != 0 {
		t.Errorf("files %q", left)
	}
}

func TestDropMerge(t *testing.T) {
	b := mergeStore(t, 3, 1)
	id := b.merge(1, 2)
	b.drop("doc-000-000")
	want, _ := b.read()
	b.update(func(tx *storage.Tx) error { return tx.DropMerge(1, id) })
	if all := b.segmentsOf(1); len(all) != 2 || all[0].Into != 0 { // nothing was left of the first
		t.Errorf("segments %+v", all)
	}
	if got, _ := b.read(); !slices.Equal(got, want) {
		t.Error("other content")
	}
	b = b.reopen()
	again := b.merge(2, 3)
	if again == id {
		t.Errorf("the number %d was given out again", id)
	}
	b.finish(again)
	wantCode(t, b.Update(b.next(), func(tx *storage.Tx) error { return tx.DropMerge(1, again) }), lode.CodeConflict)
	wantCode(t, b.Update(b.next(), func(tx *storage.Tx) error { return tx.DropMerge(1, id) }), lode.CodeNotFound)
}

func TestMergeRefuses(t *testing.T) {
	b := mergeStore(t, 2, 1)
	b.addDocument(1, "growing", "x\ny\n")
	b.merge(1)
	for name, refused := range map[string]struct {
		inputs []lode.SegmentID
		code   lode.Code
	}{
		"nothing":       {nil, lode.CodeInvalid},
		"too many":      {make65(), lode.CodeInvalid},
		"none there":    {[]lode.SegmentID{2, 9}, lode.CodeNotFound},
		"one that grew": {[]lode.SegmentID{2, 3}, lode.CodeConflict},
		"a merging one": {[]lode.SegmentID{2, 4}, lode.CodeConflict},
		"one in use":    {[]lode.SegmentID{1, 2}, lode.CodeConflict},
	} {
		before := b.hash()
		err := b.Update(b.next(), func(tx *storage.Tx) error { _, err := tx.Merge(1, refused.inputs); return err })
		if !lode.IsCode(err, refused.code) || b.hash() != before {
			t.Errorf("%s: %v", name, err)
		}
	}
	b.view(func(tx *storage.Tx) error {
		_, err := tx.Merge(1, []lode.SegmentID{2})
		wantCode(t, err, lode.CodeInternal)
		_, err = tx.Home(1, 99)
		wantCode(t, err, lode.CodeNotFound)
		_, err = tx.MapSealed(1, 4)
		wantCode(t, err, lode.CodeConflict)
		return nil
	})
}

func make65() (all []lode.SegmentID) {
	for i := range 65 {
		all = append(all, lode.SegmentID(i+1))
	}
	return all
}

// TestInputsStayWhileTheyAreRead merges under a long view.
func TestInputsStayWhileTheyAreRead(t *testing.T) {
	b := mergeStore(t, 2, 1)
	before, err := b.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	b.finish(b.merge(1, 2))
	b.flush()
	if _, err := b.SweepSegments(ctx); err != nil {
		t.Fatal(err)
	}
	if n, err := storage.RowsAt(before, 1, 1); n != 2 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
	if left := b.sealedFiles(); len(left) != 3 {
		t.Errorf("files %q", left)
	}
	before.Release()
	if left := b.sealedFiles(); len(left) != 1 {
		t.Errorf("files %q", left)
	}
}

// TestSealAndMergeInOneFlush has a segment grow, sealed and merged between two flushes.
func TestSealAndMergeInOneFlush(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, storage.Options{FS: vfs.OS, FlushInterval: 1 << 40})
	b := &bench{TB: t, Store: s, dir: dir}
	b.start()
	for i := range 2 {
		id := numbered("doc", i)
		b.addDocument(1, id, id+"\nmore\n")
		if i == 1 {
			b.flush()
		}
		b.seal(1)
	}
	want, _ := b.read()
	b.finish(b.merge(1, 2))
	b.flush()
	if _, err := b.SweepSegments(ctx); err != nil { // files that no flush has ever named
		t.Fatal(err)
	}
	if left := b.sealedFiles(); len(left) != 1 || !strings.HasSuffix(left[0], ".segment") {
		t.Errorf("files %q", left)
	}
	if got, _ := b.read(); !slices.Equal(got, want) {
		t.Error("other content")
	}
	b.close()
	again := &bench{TB: t, Store: mustOpen(t, dir, storage.Options{}), dir: dir}
	if got, _ := again.read(); !slices.Equal(got, want) {
		t.Error("other content after reopening")
	}
	for _, br := range again.breaches() {
		t.Error(br)
	}
	again.close()
}

// TestRepairCountsMerges damages every count that a merge keeps.
func TestRepairCountsMerges(t *testing.T) {
	b := mergeStore(t, 3, 2)
	b.finish(b.merge(1, 2)) // 4
	b.merge(4, 3)           // 5
	b.drop("doc-001-001")
	want := b.hash()
	for id := range byte(5) {
		before := b.hash()
		damage(t, b, "segments", []byte{0, 0, 0, 0, 0, 0, 0, id + 1}, edit(kindSegment, func(s *storage.Segment) {
			s.Members, s.Rows = s.Members+3, s.Rows+5
		}))
		if b.hash() == before {
			t.Errorf("segment %d was not damaged", id+1)
		}
	}
	b.close()
	report, err := storage.Repair(ctx, b.dir, storage.RepairOptions{})
	if err != nil || len(report.Left) > 0 || len(report.Repaired) != 5 {
		t.Errorf("repaired %v, left %v: %v", report.Repaired, report.Left, err)
	}
	if b = openDir(t, b.dir); b.hash() != want {
		t.Error("another state")
	}
}
