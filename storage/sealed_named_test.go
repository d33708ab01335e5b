package storage_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// spacedStore is a store with a collection that has named spaces, and points in it of which every
// third has vectors there.
func spacedStore(t *testing.T) (b *bench, want map[int]lode.StagedChunk) {
	b = openReady(t)
	settings := collection(0, "spaced")
	settings.Vectors = []lode.VectorSpace{{Name: "title", Dim: 2, Metric: lode.Dot}, {Name: "words", Sparse: true}}
	b.update(func(tx *storage.Tx) (err error) {
		if settings.ID, err = tx.NextCollectionID(); err != nil {
			return err
		}
		return tx.PutCollection(settings)
	})
	want = map[int]lode.StagedChunk{}
	for i := range 300 {
		b.update(func(tx *storage.Tx) error {
			no, err := tx.NextDocNo()
			if err != nil {
				return err
			}
			row, err := tx.NextRows(settings.ID, 1)
			if err != nil {
				return err
			}
			d := &lode.Document{No: no, Collection: settings.ID, Kind: lode.KindVector, ID: lode.DocID(numbered("p", i)), Newest: 1, Current: 1, CreatedAt: day, UpdatedAt: day}
			v := &lode.DocVersion{Doc: no, Version: 1, State: lode.StateReady, Chunks: 1, FirstRow: row, ReceivedAt: day, UpdatedAt: day}
			s := lode.StagedChunk{Chunk: lode.Chunk{ID: lode.ChunkID{Doc: no, Version: 1}}, Vector: lode.AppendVector(nil, lode.Vector{1, 2, 3, float32(i)})}
			v.Gold = lode.GoldHash([]lode.Chunk{s.Chunk})
			if i%3 == 0 {
				n := lode.NamedVectors{Dense: map[string]lode.Vector{"title": {1, float32(i)}}}
				if i%2 == 0 {
					n.Sparse = map[string]lode.SparseVector{"words": {Indices: []uint32{uint32(i), 7000}, Values: []float32{1, -2}}}
				}
				s.Vectors, s.Sparse = n.Pack()
				want[i] = s
			}
			if err := tx.Place(settings.ID, v); err != nil {
				return err
			}
			if err := tx.PutChunk(settings.ID, v, &s); err != nil {
				return err
			}
			if err := tx.PutDocument(d); err != nil {
				return err
			}
			return tx.PutVersion(settings.ID, v)
		})
	}
	return b, want
}

// TestNamedVectors: vectors in named spaces are the same in a growing and in a sealed segment.
func TestNamedVectors(t *testing.T) {
	b, want := spacedStore(t)
	same := func(when string) {
		t.Helper()
		b.view(func(tx *storage.Tx) error {
			for i, s := range want {
				v, err := tx.Version(2, s.Chunk.ID.Doc, 1)
				if err != nil {
					return err
				}
				if got, err := tx.Chunk(2, v, 0); err != nil || !reflect.DeepEqual(*got, s) {
					t.Errorf("%s: row %d is %+v, want %+v (%v)", when, i, got, s, err)
				}
			}
			return nil
		})
	}
	same("growing")
	b.seal(2)
	sealed := b.hash()
	same("sealed")
	b.flush()
	rows, err := b.MapSealed(2, 1)
	if err != nil {
		t.Fatal(err)
	}
	got := map[int]lode.StagedChunk{}
	err = rows.Named(ctx, func(row int, s *lode.StagedChunk) error {
		with := *s
		with.Vector = want[row].Vector
		got[row] = with
		return nil
	})
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%d rows have named vectors, want %d (%v)", len(got), len(want), err)
	}
	if found := b.breaches(); len(found) > 0 {
		t.Errorf("breaches: %v", found)
	}
	b = b.reopen()
	if same("reopened"); b.hash() != sealed {
		t.Error("another state after reopening")
	}
}

// TestDamagedNamedVectors: a byte that changed on the disk is found.
func TestDamagedNamedVectors(t *testing.T) {
	b, _ := spacedStore(t)
	built := b.seal(2)
	b.flush()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(b.dir)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "segments", built.Hash.String()+".segment")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[64+300*16+1000] ^= 1 // behind head and vectors
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged, err := storage.Open(dir, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer damaged.Close()
	rows, err := damaged.MapSealed(2, 1)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, rows.Named(ctx, func(int, *lode.StagedChunk) error { return nil }), lode.CodeCorrupt)
}

// TestNamedVectorsAreChecked: the checker compares them with the collection.
func TestNamedVectorsAreChecked(t *testing.T) {
	b, _ := spacedStore(t)
	put := func(spaces []lode.VectorSpace) (before []lode.VectorSpace) {
		b.update(func(tx *storage.Tx) error {
			settings, err := tx.Collection(2)
			if err != nil {
				return err
			}
			changed := *settings
			before, changed.Vectors = settings.Vectors, spaces
			return tx.PutCollection(&changed)
		})
		return before
	}
	defer put(put(nil))
	if found := b.breaches(); len(found) != 100 {
		t.Errorf("%d breaches, want one for each of 100 rows: %v", len(found), found[:min(3, len(found))])
	}
}
