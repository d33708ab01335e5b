package storage_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// walked is what a batch says of a document: itself and where its rows are.
func walked(d *lode.Document, newest, current *lode.DocVersion) string {
	of := func(v *lode.DocVersion) string {
		if v == nil {
			return "none"
		}
		return fmt.Sprint(v.Doc, v.Version, v.State, v.Epoch, v.Size, v.Title, v.Chunks, v.FirstRow, v.Segment, v.Metadata, v.Readers, v.ExpiresAt)
	}
	return fmt.Sprintf("%+v newest %s current %s", *d, of(newest), of(current))
}

// TestDocumentBatches: batches hold what documents and versions say one by one, in order, also
// of a document with two versions, of one that was dropped, and behind the end of a batch.
func TestDocumentBatches(t *testing.T) {
	b := openReady(t)
	for i := range 5 {
		b.addDocument(1, numbered("d", i), fmt.Sprintf("text %d\nmore", i))
	}
	b.flush() // some lie in the files, others above them
	again := newContent("another text")
	b.update(func(tx *storage.Tx) error {
		_, err := accept(tx, 1, numbered("d", 1), lode.Hash{}, len(again.bronze))
		return err
	})
	b.update(func(tx *storage.Tx) error {
		d, err := tx.FindDocument(1, lode.KindDocument, lode.DocID(numbered("d", 2)))
		if err != nil {
			return err
		}
		return tx.DropDocument(d)
	})
	b.update(func(tx *storage.Tx) error {
		for i := range 1200 {
			if _, err := accept(tx, 1, numbered("e", i), lode.Hash{}, i); err != nil {
				return err
			}
		}
		return nil
	})
	b.view(func(tx *storage.Tx) error {
		var want, got []string
		err := tx.Documents(1, 0, func(d *lode.Document) (bool, error) {
			newest, err := tx.Version(1, d.No, d.Newest)
			current := newest
			if err == nil && d.Current != d.Newest {
				if current = nil; d.Current != 0 {
					current, err = tx.Version(1, d.No, d.Current)
				}
			}
			want = append(want, walked(d, newest, current))
			return true, err
		})
		if err != nil {
			return err
		}
		err = tx.DocumentBatches(1, func(batch *storage.DocumentBatch) error {
			defer batch.Release()
			return batch.Decode(func(d *lode.Document, newest, current *lode.DocVersion) error {
				got = append(got, walked(d, newest, current))
				return nil
			})
		})
		if !slices.Equal(got, want) || len(got) != 1204 {
			t.Errorf("%d documents, want %d:\n%.2000s\nwant\n%.2000s", len(got), len(want), fmt.Sprint(got), fmt.Sprint(want))
		}
		return err
	})
}

// TestVersionOf: rows of a sealed segment lead to the versions that they are of, also where
// these do not lie in the order of documents; those of a growing one are listed.
func TestVersionOf(t *testing.T) {
	b := openReady(t)
	docs := map[lode.DocNo]*lode.Document{}
	for i := range 6 {
		d := b.addDocument(1, numbered("d", i), "one\ntwo\nthree")
		docs[d.No] = d
	}
	replaced := b.addDocument(1, numbered("d", 0), "four\nfive") // its rows come last, its number first
	docs[replaced.No] = replaced
	grown := func() (all []lode.DocVersion) {
		t.Helper()
		b.view(func(tx *storage.Tx) (err error) {
			all, err = tx.Grown(1, 1)
			return err
		})
		return all
	}
	want := map[lode.RowID]lode.DocNo{}
	for _, v := range grown() {
		for i := range v.Chunks {
			want[v.FirstRow+lode.RowID(i)] = v.Doc
		}
	}
	b.seal(1)
	rows, err := b.MapSealed(1, 1)
	if err != nil || rows.Rows != len(want) || len(want) == 0 {
		t.Fatalf("%d rows, want %d: %v", rows.Rows, len(want), err)
	}
	for row := range rows.Rows {
		v, ok := rows.VersionOf(row)
		id := v.First + lode.RowID(row-v.At)
		if !ok || want[id] != v.Doc || row < v.At || row >= v.At+v.Rows {
			t.Errorf("row %d is of %+v, %v", row, v, ok)
		}
		delete(want, id)
	}
	if v, ok := rows.VersionOf(rows.Rows); ok || len(want) > 0 {
		t.Errorf("a row behind the last is of %+v; nobody has %v", v, want)
	}
}
