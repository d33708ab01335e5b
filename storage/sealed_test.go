package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
)

// sealedStore is a store with a sealed segment, and the path of its file.
func sealedStore(t testing.TB, docs int) (b *bench, path string) {
	t.Helper()
	b = openReady(t)
	for i := range docs {
		b.addDocument(1, numbered("doc", i), strings.Repeat(numbered("text", i)+"\n", 5+i%3))
	}
	built := b.seal(1)
	b.flush()
	return b, filepath.Join(b.dir, "segments", built.Hash.String()+".segment")
}

func TestSealedSegmentReplacesTheGrowingOne(t *testing.T) {
	b, path := sealedStore(t, 30)
	want := b.hash()
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(b.dir, "segments", "*.growing")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
	if b = b.reopen(); b.hash() != want {
		t.Error("another state after reopening")
	}
	for i := range 30 { // the file goes with the last document in it
		b.update(func(tx *storage.Tx) error {
			d, err := tx.FindDocument(1, lode.KindDocument, lode.DocID(numbered("doc", i)))
			if err != nil {
				return err
			}
			return tx.DropDocument(d)
		})
	}
	b.flush()
	if left, _ := filepath.Glob(filepath.Join(b.dir, "segments", "*")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// TestFilesStayWhileTheyAreRead seals a segment and drops it under a long view.
func TestFilesStayWhileTheyAreRead(t *testing.T) {
	b := openReady(t)
	d := b.addDocument(1, "x", "one\ntwo\n")
	b.flush()
	read := func(sn *storage.Snapshot) {
		t.Helper()
		if n, err := storage.RowsAt(sn, 1, d.No); err != nil || n != 2 {
			t.Errorf("%d rows, %v", n, err)
		}
	}
	growing, err := b.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	b.seal(1)
	b.flush()
	read(growing)
	sealed, err := b.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	b.update(func(tx *storage.Tx) error { return tx.DropDocument(d) })
	b.flush()
	if _, err := b.SweepSegments(ctx); err != nil {
		t.Fatal(err)
	}
	read(sealed)
	read(growing)
	growing.Release()
	read(sealed)
	sealed.Release()
	if left, _ := filepath.Glob(filepath.Join(b.dir, "segments", "*")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
	if open, _ := b.OpenHandles(); open > 0 {
		t.Errorf("%d files are still open", open)
	}
}

// TestBuiltEarlyAndLate builds a segment before and after versions in it were dropped.
func TestBuiltEarlyAndLate(t *testing.T) {
	b := openReady(t)
	d := b.addDocument(1, "x", "one\ntwo\n")
	b.addDocument(1, "y", "three\n")
	var id lode.SegmentID
	b.update(func(tx *storage.Tx) (err error) {
		id, err = tx.Seal(1)
		return err
	})
	early, release, err := b.BuildSegment(ctx, 1, id)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if n, err := b.SweepSegments(ctx); n != 1 || err != nil { // nobody wants it
		t.Errorf("%d removed, %v", n, err)
	}
	b.update(func(tx *storage.Tx) error { return tx.DropDocument(d) })
	b.addDocument(1, "y", "another\n")
	b.flush()
	b = b.reopen()
	late, release, err := b.BuildSegment(ctx, 1, id)
	if err != nil || late != early {
		t.Fatalf("early %v, late %v, %v", early, late, err)
	}
	if n, err := b.SweepSegments(ctx); n != 0 || err != nil { // it is held
		t.Errorf("%d removed, %v", n, err)
	}
	wrong := b.Update(b.next(), func(tx *storage.Tx) error { return tx.PutSealed(1, id, lode.HashOf([]byte("x")), 1) })
	wantCode(t, wrong, lode.CodeCorrupt)
	b.update(func(tx *storage.Tx) error { return tx.PutSealed(1, id, late.Hash, late.Bytes) })
	release()
	b.view(func(tx *storage.Tx) error { // everything in it was dropped
		all, err := tx.Segments(1)
		if len(all) != 1 || all[0].ID == id {
			t.Errorf("segments %+v", all)
		}
		return err
	})
	wantCode(t, b.Update(b.next(), func(tx *storage.Tx) error { return tx.PutSealed(1, id, late.Hash, late.Bytes) }), lode.CodeNotFound)
	_, _, err = b.BuildSegment(ctx, 1, id)
	wantCode(t, err, lode.CodeConflict)
	b.flush()
	if _, err := b.SweepSegments(ctx); err != nil {
		t.Error(err)
	}
}

// TestEveryFlipInASealedSegment flips a bit in every region of the file: no read returns what
// was not written, and the checker finds each.
func TestEveryFlipInASealedSegment(t *testing.T) {
	b, path := sealedStore(t, 40)
	b.close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, silvers := map[lode.ChunkID]string{}, map[lode.DocNo]string{}
	read := func() error {
		f, err := storage.OpenSealed(vfs.OS, path)
		if err != nil {
			return err
		}
		defer f.Close()
		return f.Read(func(s *lode.StagedChunk) {
			got := fmt.Sprint(s)
			if want, known := rows[s.Chunk.ID]; known && want != got {
				t.Errorf("row %s is another", s.Chunk.ID)
			}
			rows[s.Chunk.ID] = got
		}, func(doc lode.DocNo, b []byte) {
			if want, known := silvers[doc]; known && want != string(b) {
				t.Errorf("silver of %d is another", doc)
			}
			silvers[doc] = string(b)
		})
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	n, found := len(rows), 0
	tries := 0
	for i := 0; i < len(whole); i += 1 + len(whole)/700 {
		tries++
		bad := bytes.Clone(whole)
		bad[i] ^= 1 << (i % 8)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		err := read()
		if err != nil {
			found++
			wantCode(t, err, lode.CodeCorrupt)
		}
		if tries%20 == 0 && !checkFinds(t, b.dir) {
			t.Errorf("byte %d: the checker does not find it", i)
		}
	}
	for i := 0; i < len(whole); i += 1 + len(whole)/200 {
		if err := os.WriteFile(path, whole[:i], 0o600); err != nil {
			t.Fatal(err)
		}
		wantCode(t, read(), lode.CodeCorrupt)
	}
	if len(rows) != n || found < tries*8/10 { // what is not found by reading is padding
		t.Errorf("%d rows of %d; %d flips of %d found", len(rows), n, found, tries)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if !checkFinds(t, b.dir) {
		t.Error("the checker does not miss the file")
	}
	s, err := storage.Open(b.dir, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.StateHash()
	wantCode(t, err, lode.CodeCorrupt)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func checkFinds(t *testing.T, dir string) (found bool) {
	t.Helper()
	if err := storage.CheckDir(ctx, dir, func(b storage.Breach) { found = found || !b.Benign }); err != nil {
		t.Error(err)
	}
	return found
}

// TestSealedSegmentUnderAnotherName puts a sound file where another belongs.
func TestSealedSegmentUnderAnotherName(t *testing.T) {
	b, first := sealedStore(t, 3)
	b.addDocument(1, "later", "later\n")
	second := b.seal(1)
	b.flush()
	b.close()
	content, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "segments", second.Hash.String()+".segment"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := storage.Open(b.dir, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.StateHash()
	wantCode(t, err, lode.CodeCorrupt)
}

// TestDamagedGrowingSegment zeroes pages and cuts the file.
func TestDamagedGrowingSegment(t *testing.T) {
	b := openReady(t)
	for i := range 40 {
		b.addDocument(1, numbered("doc", i), strings.Repeat("a line of text\n", 20))
	}
	want := b.hash()
	b.close()
	path := filepath.Join(b.dir, "segments", "1-1.growing")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(name string, bad []byte) (found bool) {
		t.Helper()
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		found = checkFinds(t, b.dir)
		s, err := storage.Open(b.dir, storage.Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer s.Close()
		h, err := s.StateHash()
		if err != nil {
			wantCode(t, err, lode.CodeCorrupt)
		} else if h != want {
			t.Errorf("%s: wrong rows are read", name)
		}
		if err != nil && !found {
			t.Errorf("%s: the checker does not find it", name)
		}
		return found
	}
	found := 0
	for page := 2; page < 60; page++ {
		bad := bytes.Clone(whole)
		clear(bad[page*4096+8 : (page+1)*4096])
		if try(fmt.Sprintf("page %d", page), bad) {
			found++
		}
	}
	for i := 9000; i < 60*4096; i += 4999 {
		bad := bytes.Clone(whole)
		bad[i] ^= 0x10
		if try(fmt.Sprintf("byte %d", i), bad) {
			found++
		}
	}
	if found < 40 {
		t.Errorf("%d found", found)
	}
	for _, size := range []int{40 * 4096, 3 * 4096, 8192, 4096, 100, 0} {
		if !try(fmt.Sprintf("cut to %d", size), whole[:size]) {
			t.Errorf("cut to %d bytes: not found", size)
		}
	}
}

func TestPlan(t *testing.T) {
	b := openReady(t)
	b.close()
	plan := filepath.Join(b.dir, "PLAN")
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("segments/a.fetch.tmp", "a")
	write("segments/b", "b")
	steps := [][2]string{{"segments/a.fetch.tmp", "segments/A"}, {"segments/gone", ""}, {"segments/b", ""}}
	for range 2 { // twice: what is done already is done
		if err := storage.WritePlan(b.dir, steps...); err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, b.dir, storage.Options{})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		_, errB := os.Stat(filepath.Join(b.dir, "segments", "b"))
		if got, err := os.ReadFile(filepath.Join(b.dir, "segments", "A")); string(got) != "a" || !errors.Is(errB, os.ErrNotExist) {
			t.Errorf("%q, %v, %v", got, err, errB)
		}
		if _, err := os.Stat(plan); !errors.Is(err, os.ErrNotExist) {
			t.Error("the plan is still there")
		}
	}
	refused := func(name string) {
		t.Helper()
		s, err := storage.Open(b.dir, storage.Options{})
		if err == nil {
			_ = s.Close()
			t.Errorf("%s: opened", name)
		}
		wantCode(t, err, lode.CodeCorrupt)
		if !checkFinds(t, b.dir) {
			t.Errorf("%s: not found", name)
		}
	}
	if err := storage.WritePlan(b.dir, [2]string{"../x", ""}); err != nil {
		t.Fatal(err)
	}
	refused("outside")
	if err := storage.WritePlan(b.dir, steps...); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(plan)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		write("PLAN", string(whole[:i]))
		refused("cut")
		bad := bytes.Clone(whole)
		bad[i] ^= 1
		write("PLAN", string(bad))
		refused("flipped")
	}
}

func FuzzSealed(f *testing.F) {
	_, path := sealedStore(f, 2)
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:64])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		fsys := vfs.NewMem()
		file, err := fsys.Create("/x")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(b); err != nil {
			t.Fatal(err)
		}
		s, err := storage.OpenSealed(fsys, "/x")
		if err == nil {
			err = s.Read(func(*lode.StagedChunk) {}, func(lode.DocNo, []byte) {})
		}
		if err != nil && !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("error without code: %v", err)
		}
	})
}
