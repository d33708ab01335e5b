package storage_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

func TestCluster(t *testing.T) {
	b := open(t)
	b.view(func(tx *storage.Tx) error {
		if id, ok := tx.Cluster(); ok {
			t.Errorf("new store belongs to %q", id)
		}
		_, err := tx.CollectionByName("docs")
		wantCode(t, err, lode.CodeNotFound)
		return nil
	})
	wantCode(t, b.Update(b.next(), func(tx *storage.Tx) error { return tx.PutCollection(collection(1, "docs")) }), lode.CodeUnavailable)
	b.start()
	init := func(id, key string) error {
		return b.Update(b.next(), func(tx *storage.Tx) error { return tx.InitCluster(id, []byte(key)) })
	}
	if err := init("cluster-1", "0123456789abcdef"); err != nil {
		t.Errorf("the same identity again: %v", err)
	}
	wantCode(t, init("cluster-2", "0123456789abcdef"), lode.CodeConflict)
	wantCode(t, init("cluster-1", "another key 12345"), lode.CodeConflict)
	wantCode(t, init("", "0123456789abcdef"), lode.CodeInvalid)
	wantCode(t, init("cluster-1", "short"), lode.CodeInvalid)
	b.reopen().view(func(tx *storage.Tx) error {
		if id, ok := tx.Cluster(); !ok || id != "cluster-1" {
			t.Errorf("got %q, %t", id, ok)
		}
		return nil
	})
}

func TestCollections(t *testing.T) {
	b := openReady(t)
	zebra, ant := b.addCollection("zebra"), b.addCollection("ant")
	if zebra != 2 || ant != 3 {
		t.Errorf("numbers %d and %d", zebra, ant)
	}
	b.view(func(tx *storage.Tx) error {
		got, err := tx.CollectionByName("zebra")
		if diff := cmp.Diff(collection(zebra, "zebra"), got); diff != "" || err != nil {
			t.Errorf("by name: %v\n%s", err, diff)
		}
		all, err := tx.Collections()
		if err != nil || len(all) != 3 || all[0].Name != "ant" || all[1].Name != "docs" || all[2].Name != "zebra" {
			t.Errorf("list: %v, %v", all, err)
		}
		_, err = tx.Collection(99)
		wantCode(t, err, lode.CodeNotFound)
		_, err = tx.CollectionByName("none")
		if wantCode(t, err, lode.CodeNotFound); !strings.Contains(err.Error(), `field "collection", value "none"`) {
			t.Errorf("message: %v", err)
		}
		return nil
	})
	wantCode(t, b.Update(b.next(), func(tx *storage.Tx) error { return tx.PutCollection(collection(9, "ant")) }), lode.CodeConflict)
	b.update(func(tx *storage.Tx) error { return tx.PutCollection(collection(ant, "bee")) })
	b.view(func(tx *storage.Tx) error {
		_, err := tx.CollectionByName("ant")
		wantCode(t, err, lode.CodeNotFound)
		_, err = tx.CollectionByName("bee")
		return err
	})
}

func TestDropCollectionReleasesEverything(t *testing.T) {
	b := openReady(t)
	empty := b.hash()
	other := b.addCollection("other")
	b.addDocument(other, "shared", "shared text\n")
	with := b.hash()
	gone := b.addCollection("gone")
	d := b.addDocument(gone, "shared", "shared text\n")
	b.addDocument(gone, "own", "own text\n")
	b.update(func(tx *storage.Tx) error {
		if _, err := accept(tx, gone, "pending", lode.HashOf([]byte("p")), 1); err != nil {
			return err
		}
		return tx.PutQuarantined(gone, d.No)
	})
	b.update(func(tx *storage.Tx) error { return tx.DropCollection(gone) })
	b.view(func(tx *storage.Tx) error {
		for text, want := range map[string]uint64{"shared text\n": 1, "own text\n": 0} {
			if refs, err := tx.BlobRefs(lode.HashOf(newContent(text).bronze)); err != nil || refs != want {
				t.Errorf("%q has %d references, %v", text, refs, err)
			}
		}
		_, err := tx.CollectionByName("gone")
		wantCode(t, err, lode.CodeNotFound)
		_, err = tx.Document(gone, d.No)
		wantCode(t, err, lode.CodeNotFound)
		return tx.Jobs(func(j lode.Job) error {
			t.Errorf("job left: %v", j)
			return nil
		})
	})
	wantCode(t, b.Update(b.next(), func(tx *storage.Tx) error { return tx.DropCollection(gone) }), lode.CodeNotFound)
	if with == empty || b.hash() == with {
		t.Error("the counters of what was given out should still differ")
	}
	if again := b.addCollection("gone"); again == gone {
		t.Error("a number was given out twice")
	}
}

func TestDocuments(t *testing.T) {
	b := openReady(t)
	d := b.addDocument(1, "x", "text\n")
	vector := &lode.Document{No: 50, Collection: 1, Kind: lode.KindVector, ID: "x", Newest: 1, Current: 1}
	b.update(func(tx *storage.Tx) error {
		for range 50 {
			if _, err := tx.NextDocNo(); err != nil {
				return err
			}
		}
		first, err := tx.NextRows(1, 1)
		if err != nil {
			return err
		}
		v := &lode.DocVersion{Doc: 50, Version: 1, State: lode.StateReady, Chunks: 1, FirstRow: first}
		if err := tx.Place(1, v); err != nil {
			return err
		}
		if err := tx.PutVersion(1, v); err != nil {
			return err
		}
		id := lode.ChunkID{Doc: 50, Version: 1}
		if err := tx.PutChunk(1, v, &lode.StagedChunk{Chunk: lode.Chunk{ID: id}, Vector: make([]byte, 4*dim)}); err != nil {
			return err
		}
		return tx.PutDocument(vector)
	})
	b.view(func(tx *storage.Tx) error {
		got, err := tx.FindDocument(1, lode.KindDocument, "x")
		if diff := cmp.Diff(d, got); diff != "" || err != nil {
			t.Errorf("document: %v\n%s", err, diff)
		}
		got, err = tx.FindDocument(1, lode.KindVector, "x")
		if diff := cmp.Diff(vector, got); diff != "" || err != nil {
			t.Errorf("vector: %v\n%s", err, diff)
		}
		for kind, word := range map[lode.Kind]string{lode.KindDocument: "document", lode.KindVector: "vector"} {
			_, err = tx.FindDocument(1, kind, "none")
			if wantCode(t, err, lode.CodeNotFound); !strings.Contains(err.Error(), `field "`+word+`", value "none"`) {
				t.Errorf("message: %v", err)
			}
		}
		_, err = tx.FindDocument(7, lode.KindDocument, "x")
		wantCode(t, err, lode.CodeNotFound)
		_, err = tx.Document(1, 99)
		wantCode(t, err, lode.CodeNotFound)
		return nil
	})
	put := func(d lode.Document) error {
		return b.Update(b.next(), func(tx *storage.Tx) error { return tx.PutDocument(&d) })
	}
	wantCode(t, put(lode.Document{No: 51, Collection: 1, Kind: lode.KindDocument, ID: "x"}), lode.CodeConflict)
	wantCode(t, put(lode.Document{No: 50, Collection: 1, Kind: lode.KindVector, ID: "y"}), lode.CodeConflict)
	wantCode(t, put(lode.Document{No: 51, Collection: 9, Kind: lode.KindVector, ID: "y"}), lode.CodeNotFound)
	wantCode(t, put(lode.Document{No: 51, Collection: 1, Kind: 9, ID: "y"}), lode.CodeInternal)
}

func TestDropDocumentReleasesEverything(t *testing.T) {
	b := openReady(t)
	b.addDocument(1, "stays", "same\n")
	before := b.hash()
	var segment []byte
	err := b.Raw(func(tx *bolt.Tx) error {
		segment = bytes.Clone(storage.Shelf(tx, 1, "segments").Get(storage.DocumentKey(1)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	d := b.addDocument(1, "goes", "same\n")
	b.update(func(tx *storage.Tx) (err error) { // a second version, quarantined, with leftovers
		if d, err = accept(tx, 1, "goes", lode.HashOf([]byte("v2")), 2); err != nil {
			return err
		}
		if err := stage(tx, d, newContent("v2")); err != nil {
			return err
		}
		return tx.PutQuarantined(1, d.No)
	})
	b.update(func(tx *storage.Tx) error { return tx.DropDocument(d) })
	b.update(func(tx *storage.Tx) error { // what is not given back by design
		if refs, _ := tx.BlobRefs(lode.HashOf([]byte("v2"))); refs != 0 {
			t.Errorf("%d references left", refs)
		}
		_, err := tx.FindDocument(1, lode.KindDocument, "goes")
		wantCode(t, err, lode.CodeNotFound)
		return nil
	})
	err = b.Raw(func(tx *bolt.Tx) error { // with the counters set back, nothing at all is left
		record, err := storage.EncodeRecord(0x23, map[int]int{1: 1})
		if err != nil {
			return err
		}
		if err := storage.Shelf(tx, 1, "segments").Put(storage.DocumentKey(1), segment); err != nil {
			return err
		}
		if err := storage.Shelf(tx, 1, "counters").Put([]byte("last row"), record); err != nil {
			return err
		}
		return tx.Bucket([]byte("cluster")).Put([]byte("last document"), record)
	})
	if err != nil {
		t.Fatal(err)
	}
	if b.hash() != before {
		t.Error("something is left of the document")
	}
	wantCode(t, b.Update(b.next(), func(tx *storage.Tx) error { return tx.DropDocument(d) }), lode.CodeNotFound)
}

func TestVersionsHoldTheirBlob(t *testing.T) {
	b := openReady(t)
	one, two := lode.HashOf([]byte("1")), lode.HashOf([]byte("2"))
	refs := func(want1, want2 uint64) {
		t.Helper()
		b.view(func(tx *storage.Tx) error {
			got1, err1 := tx.BlobRefs(one)
			got2, err2 := tx.BlobRefs(two)
			if got1 != want1 || got2 != want2 || err1 != nil || err2 != nil {
				t.Errorf("references %d and %d, want %d and %d", got1, got2, want1, want2)
			}
			return nil
		})
	}
	put := func(v lode.Version, blob lode.Hash) {
		t.Helper()
		b.update(func(tx *storage.Tx) error {
			return tx.PutVersion(1, &lode.DocVersion{Doc: 1, Version: v, State: lode.StatePending, Blob: blob})
		})
	}
	put(1, one)
	put(1, one)
	refs(1, 0)
	put(2, one)
	put(3, two)
	put(4, lode.Hash{})
	refs(2, 1)
	put(2, two)
	refs(1, 2)
	b.view(func(tx *storage.Tx) error {
		var seen []lode.Version
		err := tx.Versions(1, 1, func(v *lode.DocVersion) error {
			seen = append(seen, v.Version)
			return nil
		})
		if !slices.Equal(seen, []lode.Version{1, 2, 3, 4}) {
			t.Errorf("versions %v", seen)
		}
		return err
	})
	for v := range lode.Version(4) {
		b.update(func(tx *storage.Tx) error { return tx.DropVersion(1, 1, v+1) })
	}
	refs(0, 0)
	wantCode(t, b.Update(b.next(), func(tx *storage.Tx) error { return tx.DropVersion(1, 1, 1) }), lode.CodeNotFound)
}

func TestParts(t *testing.T) {
	b := openReady(t)
	long := strings.Repeat("a line of text\n", 300)
	d := b.addDocument(1, "x", long)
	want := newContent(long)
	check := func(tx *storage.Tx) error {
		v, err := tx.Version(1, d.No, 1)
		if err != nil {
			return err
		}
		raw, err := tx.SilverParts(1, v)
		if err != nil {
			return err
		}
		silver, err := storage.DecodeSilver(raw)
		if diff := cmp.Diff(want.silver, silver); diff != "" || err != nil {
			t.Errorf("silver: %v\n%s", err, diff)
		}
		n := uint32(0)
		err = tx.Chunks(1, v, func(s *lode.StagedChunk) error {
			one, err := tx.Chunk(1, v, n)
			if diff := cmp.Diff(one, s); diff != "" || err != nil {
				t.Errorf("chunk: %v\n%s", err, diff)
			}
			if s.Chunk.ID.Ordinal != n || s.Chunk.Text != want.chunks[n].Text {
				t.Errorf("chunk %d is %s", n, s.Chunk.ID)
			}
			n++
			return nil
		})
		if n != 300 || err != nil {
			t.Errorf("%d chunks, %v", n, err)
		}
		_, err = tx.Chunk(1, v, 300)
		wantCode(t, err, lode.CodeNotFound)
		none := &lode.DocVersion{Doc: d.No, Version: 2}
		_, err = tx.SilverParts(1, none)
		wantCode(t, err, lode.CodeNotFound)
		_, err = tx.Chunk(1, none, 0)
		wantCode(t, err, lode.CodeNotFound)
		return nil
	}
	b.view(check) // in memory
	b.flush()
	b.view(check) // in the growing segment
	b.seal(1)
	b.view(check) // in the sealed one
	b.flush()
	b = b.reopen()
	b.view(check)
}

// TestPartsBelongToAnEpoch stages a version twice.
func TestPartsBelongToAnEpoch(t *testing.T) {
	b := openReady(t)
	var d *lode.Document
	b.update(func(tx *storage.Tx) (err error) {
		if d, err = accept(tx, 1, "x", lode.Hash{}, 0); err != nil {
			return err
		}
		return stage(tx, d, newContent("one\ntwo\n"))
	})
	for _, flushed := range []bool{false, true} {
		if flushed {
			b.flush()
		}
		b.update(func(tx *storage.Tx) error { return stage(tx, d, newContent("one\ntwo\n")) }) // the same again
		err := b.Update(b.next(), func(tx *storage.Tx) error { return stage(tx, d, newContent("other\n")) })
		wantCode(t, err, lode.CodeConflict)
	}
	b.update(func(tx *storage.Tx) error { return restage(tx, d, newContent("other\n")) })
	b.view(func(tx *storage.Tx) error {
		v, err := tx.Version(1, d.No, 1)
		if err != nil {
			return err
		}
		rows := 0
		err = tx.Chunks(1, v, func(s *lode.StagedChunk) error {
			if rows++; s.Chunk.Text != "other\n" {
				t.Errorf("row %q", s.Chunk.Text)
			}
			return nil
		})
		if rows != 1 {
			t.Errorf("%d rows", rows)
		}
		return err
	})
	b.update(func(tx *storage.Tx) error {
		v, err := tx.Version(1, d.No, 1)
		if err != nil {
			return err
		}
		v.Epoch = 9
		for _, part := range []int{0, 2} {
			if err := tx.PutSilverPart(1, v, part, []byte("x")); err != nil {
				return err
			}
		}
		_, err = tx.SilverParts(1, v)
		wantCode(t, err, lode.CodeCorrupt)
		wantCode(t, tx.PutSilverPart(1, v, -1, nil), lode.CodeInvalid)
		v.Segment = 7
		wantCode(t, tx.PutSilverPart(1, v, 0, nil), lode.CodeInternal)
		v.Segment = 0
		wantCode(t, tx.PutSilverPart(1, v, 0, nil), lode.CodeInternal)
		return nil
	})
	b.update(func(tx *storage.Tx) error { return tx.DropDocument(d) })
}

func TestWhatIsReadMayBeKept(t *testing.T) {
	b := openReady(t)
	b.SkipSync()
	d := b.addDocument(1, "x", "text that is kept\n")
	var chunk *lode.StagedChunk
	var silver []byte
	var found *lode.Document
	b.view(func(tx *storage.Tx) error {
		v, err := tx.Version(1, d.No, 1)
		if err != nil {
			return err
		}
		if chunk, err = tx.Chunk(1, v, 0); err != nil {
			return err
		}
		if silver, err = tx.SilverParts(1, v); err != nil {
			return err
		}
		found, err = tx.Document(1, d.No)
		return err
	})
	vector := bytes.Clone(chunk.Vector)
	for i := range 50 {
		b.addDocument(1, numbered("other", i), "something else\n")
	}
	b.update(func(tx *storage.Tx) error { return tx.DropDocument(d) })
	b.close() // unmaps the file
	if _, err := storage.DecodeSilver(silver); err != nil || chunk.Chunk.Text != "text that is kept\n" || !bytes.Equal(chunk.Vector, vector) || found.ID != "x" {
		t.Errorf("changed: %v", err)
	}
}

// TestScansMayWrite drops and adds documents while they are listed.
func TestScansMayWrite(t *testing.T) {
	b := openReady(t)
	b.SkipSync()
	for i := range 300 {
		b.update(func(tx *storage.Tx) error {
			_, err := accept(tx, 1, numbered("doc", i), lode.Hash{}, 0)
			return err
		})
	}
	b.update(func(tx *storage.Tx) error {
		var seen []lode.DocNo
		err := tx.Documents(1, 0, func(d *lode.Document) (bool, error) {
			seen = append(seen, d.No)
			if d.No%3 == 0 {
				return true, nil
			}
			return true, tx.DropDocument(d)
		})
		if len(seen) != 300 || !slices.IsSorted(seen) {
			t.Errorf("saw %d documents", len(seen))
		}
		return err
	})
	b.view(func(tx *storage.Tx) error {
		var seen []lode.DocNo
		err := tx.Documents(1, 6, func(d *lode.Document) (bool, error) {
			seen = append(seen, d.No)
			return len(seen) < 3, nil
		})
		if !slices.Equal(seen, []lode.DocNo{9, 12, 15}) {
			t.Errorf("page after 6: %v", seen)
		}
		jobs := 0
		if err := tx.Jobs(func(lode.Job) error { jobs++; return nil }); jobs != 100 || err != nil {
			t.Errorf("%d jobs, %v", jobs, err)
		}
		return err
	})
	b.update(func(tx *storage.Tx) error { return tx.DropCollection(1) }) // these documents have no blobs to check
}

func TestJobsAndQuarantine(t *testing.T) {
	b := openReady(t)
	var d *lode.Document
	b.update(func(tx *storage.Tx) (err error) {
		d, err = accept(tx, 1, "bad", lode.Hash{}, 0)
		return err
	})
	jobs := func() (all []lode.Job) {
		b.view(func(tx *storage.Tx) error {
			return tx.Jobs(func(j lode.Job) error { all = append(all, j); return nil })
		})
		return all
	}
	if got := jobs(); !slices.Equal(got, []lode.Job{jobOf(d)}) {
		t.Errorf("jobs %v", got)
	}
	again := jobOf(d)
	again.Epoch = 2
	b.update(func(tx *storage.Tx) error { return tx.PutJob(again) })
	if got := jobs(); !slices.Equal(got, []lode.Job{again}) {
		t.Errorf("jobs after a restart of the job: %v", got)
	}
	b.update(func(tx *storage.Tx) error {
		v, err := tx.Version(1, d.No, 1)
		if err != nil {
			return err
		}
		v.State, v.Failure = lode.StateQuarantined, &lode.Failure{Stage: lode.StageParse, Code: lode.CodeMalformed, Reason: "bad\xffbytes", At: day}
		if err := tx.PutVersion(1, v); err != nil {
			return err
		}
		if err := tx.DropJob(jobOf(d)); err != nil {
			return err
		}
		return tx.PutQuarantined(1, d.No)
	})
	listed := func(after lode.DocNo) (all []lode.DocNo) {
		b.view(func(tx *storage.Tx) error {
			return tx.Quarantined(1, after, func(no lode.DocNo) (bool, error) { all = append(all, no); return true, nil })
		})
		return all
	}
	if got := listed(0); len(jobs()) != 0 || !slices.Equal(got, []lode.DocNo{d.No}) || listed(d.No) != nil || listed(^lode.DocNo(0)) != nil {
		t.Errorf("quarantine %v, jobs %v", got, jobs())
	}
	b.view(func(tx *storage.Tx) error {
		v, err := tx.Version(1, d.No, 1)
		if err == nil && v.Failure.Reason != "bad\xffbytes" {
			t.Errorf("reason %q", v.Failure.Reason)
		}
		return err
	})
	b.reopen().update(func(tx *storage.Tx) error {
		if err := tx.DropDocument(d); err != nil {
			return err
		}
		return tx.DropQuarantined(1, d.No)
	})
	wantCode(t, openReady(t).Store.Update(storage.Applied{Index: 99}, func(tx *storage.Tx) error { return tx.PutJob(lode.Job{Collection: 5}) }), lode.CodeNotFound)
}

// TestNoUserTextInKeys looks at every key of a catalogue.
func TestNoUserTextInKeys(t *testing.T) {
	b := openReady(t)
	b.addCollection("secretname")
	b.addDocument(1, "secretid", "secrettext\n")
	keys := 0
	var walk func(tx *bolt.Bucket) error
	walk = func(bucket *bolt.Bucket) error {
		return bucket.ForEach(func(k, v []byte) error {
			keys++
			if bytes.Contains(k, []byte("secret")) {
				t.Errorf("key %q", k)
			}
			if v == nil {
				return walk(bucket.Bucket(k))
			}
			return nil
		})
	}
	err := b.Raw(func(tx *bolt.Tx) error {
		return tx.ForEach(func(_ []byte, bucket *bolt.Bucket) error { return walk(bucket) })
	})
	err = errors.Join(err, b.RawSegment(1, 1, func(tx *bolt.Tx) error {
		return tx.ForEach(func(_ []byte, bucket *bolt.Bucket) error { return walk(bucket) })
	}))
	if err != nil || keys < 20 {
		t.Errorf("%d keys, %v", keys, err)
	}
}
