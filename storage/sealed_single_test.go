package storage_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
)

// readSingles reads every row of a sealed file by itself; fail hears what is refused.
func readSingles(t *testing.T, f *storage.Sealed, want map[lode.ChunkID]string, fail func(error)) {
	t.Helper()
	f.ReadSingles(func(s *lode.StagedChunk, err error) {
		if err != nil {
			wantCode(t, err, lode.CodeCorrupt)
			fail(err)
			return
		}
		got := fmt.Sprint(s)
		if known, ok := want[s.Chunk.ID]; ok && known != got {
			t.Errorf("row %s is another", s.Chunk.ID)
		}
		want[s.Chunk.ID] = got
	})
}

// TestSingleRowsAreTheRows: read one by one and read in order, they are the same, also where
// a vector lies in two blocks.
func TestSingleRowsAreTheRows(t *testing.T) {
	b := flipStore(t)
	want := b.learn()
	if refused, wrong := b.compare(want); refused+wrong > 0 {
		t.Errorf("%d refused, %d wrong", refused, wrong)
	}
	b.each(func(tx *storage.Tx, v *lode.DocVersion) {
		for i := range v.Chunks {
			s, err := tx.ChunkText(1, v, uint32(i))
			if err != nil {
				t.Fatal(err)
			}
			if s.Vector != nil || valueOf(s) != want.rows[s.Chunk.ID][:len(valueOf(s))] {
				t.Fatalf("row %s without its vector is another", s.Chunk.ID)
			}
		}
		_, err := tx.Chunk(1, v, uint32(v.Chunks))
		wantCode(t, err, lode.CodeNotFound)
		_, err = tx.ChunkText(1, v, uint32(v.Chunks))
		wantCode(t, err, lode.CodeNotFound)
	})
	for _, dim := range []int{3, 4096, 20_000} { // with several rows to a block and several blocks to a row
		if err := storage.CheckVectorSums(dim, 40); err != nil {
			t.Errorf("dimension %d: %v", dim, err)
		}
	}
}

// TestFlipsUnderTheMapping flips bits of a file of which every block was checked before, and is
// mapped still: no single read returns what was not written.
func TestFlipsUnderTheMapping(t *testing.T) {
	b, path := sealedStore(t, 40)
	b.close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[lode.ChunkID]string{}
	f, err := storage.OpenSealed(vfs.OS, path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	readSingles(t, f, want, func(err error) { t.Fatal(err) })
	n, tries, found := len(want), 0, 0
	for at := int64(0); at < f.RowsEnd(); at += 1 + int64(len(whole))/1500 {
		flip(t, path, at, 1<<(at%8))
		refused := false
		readSingles(t, f, want, func(error) { refused = true })
		flip(t, path, at, 1<<(at%8))
		tries++
		if refused {
			found++
		}
	}
	readSingles(t, f, want, func(err error) { t.Errorf("all is whole again, and a read is refused: %v", err) })
	if len(want) != n || found < tries*8/10 { // the rest are heads, which were checked before
		t.Errorf("%d rows of %d; %d flips of %d found", len(want), n, found, tries)
	}
}

// TestCutUnderTheMapping cuts a file that is mapped: reads say so, in views and in updates,
// and the store goes on.
func TestCutUnderTheMapping(t *testing.T) {
	b := flipStore(t)
	v := b.versionOf("p2-699")
	read := func() error {
		return b.View(func(tx *storage.Tx) error { _, err := tx.Chunk(1, v, 0); return err })
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	path := b.sealedPath(0)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	wantCode(t, read(), lode.CodeCorrupt)
	wantCode(t, b.Update(b.next(), func(tx *storage.Tx) error { _, err := tx.Chunk(1, v, 0); return err }), lode.CodeCorrupt)
	b.update(func(tx *storage.Tx) error { return nil })
	if found, err := b.Damaged(); err != nil || len(found) != 1 {
		t.Errorf("damaged: %v, %v", found, err)
	}
	if err := b.ReplaceSealed(ctx, b.segmentsOf(1)[0].Hash, bytes.NewReader(whole)); err != nil {
		t.Fatal(err)
	}
	if err := read(); err != nil {
		t.Errorf("replaced, and refused: %v", err)
	}
}

// TestCondemnedVectorsAreRefused: what the scrubber has found on the disk is refused to reads
// of single rows also where memory has it whole, until the file is replaced.
func TestCondemnedVectorsAreRefused(t *testing.T) {
	b := flipStore(t)
	path := b.sealedPath(0)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := b.learn()
	if refused, wrong := b.compare(want); refused+wrong > 0 { // touches everything
		t.Fatal(refused, wrong)
	}
	flip(t, path, 64+70_000, 4)
	if _, err := b.Scrub(ctx, storage.ScrubOptions{BytesPerSecond: 1 << 40}); err != nil {
		t.Fatal(err)
	}
	flip(t, path, 64+70_000, 4)
	if refused, wrong := b.compare(want); refused == 0 || wrong > 0 {
		t.Errorf("%d refused, %d wrong", refused, wrong)
	}
	v := b.versionOf("p2-150")
	b.view(func(tx *storage.Tx) error {
		_, err := tx.Chunk(1, v, 0)
		wantCode(t, err, lode.CodeCorrupt)
		_, err = tx.ChunkText(1, v, 0) // needs no vector
		return err
	})
	if err := b.ReplaceSealed(ctx, b.segmentsOf(1)[0].Hash, bytes.NewReader(whole)); err != nil {
		t.Fatal(err)
	}
	if refused, wrong := b.compare(want); refused+wrong > 0 {
		t.Errorf("replaced: %d refused, %d wrong", refused, wrong)
	}
}

// TestSingleRowsBesideReplacements reads rows in several goroutines while the files under them
// are closed, damaged, scrubbed and replaced.
func TestSingleRowsBesideReplacements(t *testing.T) {
	b := flipStore(t)
	want, hash, path := b.learn(), b.segmentsOf(1)[0].Hash, b.sealedPath(0)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []*lode.DocVersion
	b.each(func(_ *storage.Tx, v *lode.DocVersion) { all = append(all, v) })
	stop, readers := make(chan struct{}), sync.WaitGroup{}
	for g := range 3 {
		readers.Go(func() {
			for i := g; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				v := all[i*7%len(all)]
				err := b.View(func(tx *storage.Tx) error {
					s, err := tx.Chunk(1, v, 0)
					if err == nil && valueOf(s) != want.rows[s.Chunk.ID] {
						t.Errorf("row %s is another", s.Chunk.ID)
					}
					return err
				})
				if err != nil && !lode.IsCode(err, lode.CodeCorrupt) {
					t.Error(err)
				}
			}
		})
	}
	for i := range steps(10, 100) {
		flip(t, path, int64(64+i*5000), 1)
		_, err := b.Scrub(ctx, storage.ScrubOptions{BytesPerSecond: 1 << 40})
		if err == nil {
			err = b.ReplaceSealed(ctx, hash, io.Reader(bytes.NewReader(whole)))
		}
		if err != nil {
			t.Error(err)
		}
		b.ForgetSealed()
	}
	close(stop)
	readers.Wait()
	if refused, wrong := b.compare(want); refused+wrong > 0 {
		t.Errorf("%d refused, %d wrong after all", refused, wrong)
	}
}

// versionOf is the version that is shown of a point.
func (b *bench) versionOf(id lode.DocID) (v *lode.DocVersion) {
	b.Helper()
	b.view(func(t *storage.Tx) error {
		d, err := t.FindDocument(1, lode.KindVector, id)
		if err == nil {
			v, err = t.Version(1, d.No, d.Current)
		}
		return err
	})
	return v
}

// sealedPath is the file of a segment of collection 1.
func (b *bench) sealedPath(i int) string {
	b.Helper()
	return filepath.Join(b.dir, "segments", b.segmentsOf(1)[i].Hash.String()+".segment")
}

// TestFindVersion finds every version, and none that is not there, however the numbers lie.
func TestFindVersion(t *testing.T) {
	const seed = 20261127
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for round := range 60 {
		var all []lode.DocVersion
		doc := lode.DocNo(1 + rnd.Uint64N(1<<rnd.IntN(60)))
		for len(all) < round {
			for v := range 1 + rnd.IntN(3) {
				all = append(all, lode.DocVersion{Doc: doc, Version: lode.Version(2 * (v + 1)), FirstRow: lode.RowID(len(all))})
			}
			doc += lode.DocNo(1 + rnd.Uint64N(1<<rnd.IntN(1+round%50))) // dense, or with wide gaps
		}
		for i, v := range all {
			if at, ok := storage.FindVersion(all, v.Doc, v.Version); !ok || at != lode.RowID(i) {
				t.Fatalf("version %d of %d of %d is found at %d, %v", i, len(all), v.Doc, at, ok)
			}
			for _, other := range []lode.DocVersion{{Doc: v.Doc, Version: v.Version + 1}, {Doc: v.Doc, Version: 1}, {Doc: v.Doc - 1, Version: 9}, {Doc: v.Doc + 1, Version: 9}} {
				if _, ok := storage.FindVersion(all, other.Doc, other.Version); ok {
					t.Fatalf("version %d of %d is not there, and found", other.Version, other.Doc)
				}
			}
		}
		if _, ok := storage.FindVersion(all, 0, 1); ok {
			t.Fatal("found in front of all")
		}
	}
}
