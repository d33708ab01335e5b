package storage_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
	"github.com/lodedb/lode/storage"
)

// damage changes the record at a key of collection 1, or drops it when change returns nil.
func damage(t *testing.T, b *bench, bucket string, key []byte, change func([]byte) []byte) {
	t.Helper()
	err := b.Raw(func(tx *bolt.Tx) error {
		shelf := storage.Shelf(tx, 1, bucket)
		raw := shelf.Get(key)
		if raw == nil {
			t.Fatalf("no record at %s/%x", bucket, key)
		}
		changed := change(slices.Clone(raw))
		if changed == nil {
			return shelf.Delete(key)
		}
		return shelf.Put(key, changed)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func drop([]byte) []byte { return nil }

// damagePart is damage for a row or piece of silver in the growing segment 1 of collection 1;
// change is not shown the head of the record.
func damagePart(t *testing.T, b *bench, bucket string, key []byte, change func([]byte) []byte) {
	t.Helper()
	err := b.RawSegment(1, 1, func(tx *bolt.Tx) error {
		parts := tx.Bucket([]byte(bucket))
		raw := slices.Clone(parts.Get(key))
		if raw == nil {
			t.Fatalf("no record at %s/%x", bucket, key)
		}
		changed := change(slices.Clone(raw[storage.PartHeadBytes:]))
		if changed == nil {
			return parts.Delete(key)
		}
		return parts.Put(key, append(raw[:storage.PartHeadBytes:storage.PartHeadBytes], changed...))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// partKey is the key of a part of version 1 of a document, in epoch 1.
func partKey(doc lode.DocNo, part uint32) []byte {
	return storage.RowKey(&lode.DocVersion{Doc: doc, Version: 1, Epoch: 1}, part)
}

// edit changes a decoded record.
func edit[T any](kind seal.Kind, change func(*T)) func([]byte) []byte {
	return func(raw []byte) []byte {
		v := new(T)
		if err := storage.DecodeRecord(kind, raw, v); err != nil {
			panic(err)
		}
		change(v)
		raw, err := storage.EncodeRecord(kind, v)
		if err != nil {
			panic(err)
		}
		return raw
	}
}

const (
	kindDocument seal.Kind = 0x26
	kindRow      seal.Kind = 0x29
	kindSegment  seal.Kind = 0x2E
)

func TestSoundStoreHasNoBreach(t *testing.T) {
	b := sound(t)
	if all := b.breaches(); len(all) > 0 {
		t.Errorf("%v", all)
	}
	b.close()
	var all []storage.Breach
	if err := storage.CheckDir(ctx, b.dir, func(br storage.Breach) { all = append(all, br) }); err != nil || len(all) > 0 {
		t.Errorf("closed: %v, %v", all, err)
	}
	openDir(t, b.dir) // the check has let go of the folder
}

// sound has documents in every state: 1 ready, 2 ready, 3 pending, 4 quarantined.
func sound(t *testing.T) *bench {
	t.Helper()
	b := openReady(t)
	b.addDocument(1, "one", "one\ntwo\n")
	b.addDocument(1, "two", "three\nfour\nfive\n")
	h, release, err := b.Blobs().Put(ctx, []byte("pending"))
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	b.update(func(tx *storage.Tx) error {
		d, err := accept(tx, 1, "pending", h, len("pending"))
		if err != nil {
			return err
		}
		return stage(tx, d, newContent("half\nstaged\n"))
	})
	b.update(func(tx *storage.Tx) error {
		d, err := accept(tx, 1, "bad", h, len("pending"))
		if err != nil {
			return err
		}
		v, err := tx.Version(1, d.No, 1)
		if err != nil {
			return err
		}
		v.State = lode.StateQuarantined
		return errors.Join(tx.PutVersion(1, v), tx.DropJob(jobOf(d)), tx.PutQuarantined(1, d.No))
	})
	return b
}

// TestCheckFindsEveryBreach is the negative control of Check: each damage must be reported,
// online and offline.
func TestCheckFindsEveryBreach(t *testing.T) {
	original := sound(t)
	original.close()
	shelf := func(bucket string, key []byte, change func([]byte) []byte) func(*testing.T, *bench) {
		return func(t *testing.T, b *bench) { damage(t, b, bucket, key, change) }
	}
	parts := func(bucket string, key []byte, change func([]byte) []byte) func(*testing.T, *bench) {
		return func(t *testing.T, b *bench) { damagePart(t, b, bucket, key, change) }
	}
	rawSegment := func(fn func(*bolt.Tx) error) func(*testing.T, *bench) {
		return func(t *testing.T, b *bench) {
			if err := b.RawSegment(1, 1, fn); err != nil {
				t.Fatal(err)
			}
		}
	}
	update := func(fn func(*storage.Tx) error) func(*testing.T, *bench) {
		return func(t *testing.T, b *bench) { b.update(fn) }
	}
	raw := func(fn func(*bolt.Tx) error) func(*testing.T, *bench) {
		return func(t *testing.T, b *bench) {
			if err := b.Raw(fn); err != nil {
				t.Fatal(err)
			}
		}
	}
	file := func(change func(path string) error) func(*testing.T, *bench) {
		return func(t *testing.T, b *bench) {
			if err := change(blobFile(b.dir, lode.HashOf(newContent("one\ntwo\n").bronze))); err != nil {
				t.Fatal(err)
			}
		}
	}
	doc, version := storage.DocumentKey(1), storage.VersionKey(1, 1)
	row, member := partKey(1, 1), storage.MemberKey(1, 1, 1)
	editDoc := func(change func(*lode.Document)) func(*testing.T, *bench) {
		return shelf("documents", doc, edit(kindDocument, change))
	}
	editVersion := func(change func(*lode.DocVersion)) func(*testing.T, *bench) {
		return shelf("versions", version, edit(kindVersion, change))
	}
	editRow := func(change func(*lode.StagedChunk)) func(*testing.T, *bench) {
		return parts("rows", row, edit(kindRow, change))
	}
	editSegment := func(change func(*storage.Segment)) func(*testing.T, *bench) {
		return shelf("segments", storage.DocumentKey(1), edit(kindSegment, change))
	}
	firstOf := func(bucket string, change func(b *bolt.Bucket, k []byte) error) func(*testing.T, *bench) {
		return raw(func(tx *bolt.Tx) error {
			b := tx.Bucket([]byte(bucket))
			if b == nil {
				b = storage.Shelf(tx, 1, bucket)
			}
			k, _ := b.Cursor().First()
			return change(b, slices.Clone(k))
		})
	}
	remove := func(b *bolt.Bucket, k []byte) error { return b.Delete(k) }
	put := func(bucket string, key []byte, kind seal.Kind, v any) func(*testing.T, *bench) {
		return raw(func(tx *bolt.Tx) error {
			record, err := storage.EncodeRecord(kind, v)
			if err != nil {
				return err
			}
			if b := tx.Bucket([]byte(bucket)); b != nil {
				return b.Put(key, record)
			}
			return storage.Shelf(tx, 1, bucket).Put(key, record)
		})
	}
	type anyMap = map[int]any
	hash := lode.HashOf(newContent("one\ntwo\n").bronze)
	stranger := lode.HashOf([]byte("stranger"))
	number := func(n byte) []byte { return []byte{0, 0, 0, 0, 0, 0, 0, n} }

	for name, c := range map[string]struct {
		do   func(*testing.T, *bench)
		want string
	}{
		"record checksum":        {shelf("documents", doc, func(b []byte) []byte { b[18] ^= 1; return b }), "checksum"},
		"record not canonical":   {shelf("quarantine", storage.DocumentKey(4), func([]byte) []byte { return seal.Seal(0x2C, []byte("x")) }), "payload has 1 bytes"},
		"record of unknown form": {put("jobs", make([]byte, 20), 0x2B, anyMap{1: 1, 99: 1}), "decode"},
		"record not deterministic": {raw(func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("blobs")).Put(hash[:], seal.Seal(0x2D, []byte("\xa1\x01\x18\x01")))
		}), "canonical"},
		"key of wrong length":      {put("jobs", []byte("short"), 0x2B, &lode.Job{}), "key has 5 bytes"},
		"unknown key":              {put("local", []byte("odd"), 0x2B, &lode.Job{}), "key is unknown"},
		"unknown bucket":           {raw(func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("odd")); return err }), "bucket is unknown"},
		"bucket among records":     {raw(func(tx *bolt.Tx) error { _, err := tx.Bucket([]byte("jobs")).CreateBucket([]byte("odd")); return err }), "bucket among records"},
		"record among buckets":     {put("data", []byte("odd"), 0x2B, &lode.Job{}), "record among buckets"},
		"collection without name":  {firstOf("names", remove), "cannot be found by its name"},
		"name without collection":  {put("names", make([]byte, 16), 0x25, anyMap{1: "ghost", 2: 7}), "does not have that name"},
		"collection not given out": {put("cluster", []byte("last collection"), 0x23, anyMap{1: 0}), "was not given out"},
		"collection without data":  {raw(func(tx *bolt.Tx) error { return tx.Bucket([]byte("data")).DeleteBucket(number(1)) }), "has no data"},
		"collection without bucket": {raw(func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("data")).Bucket(number(1)).DeleteBucket([]byte("members"))
		}), "has no bucket members"},
		"data without collection":  {raw(func(tx *bolt.Tx) error { _, err := tx.Bucket([]byte("data")).CreateBucket(number(9)); return err }), "belongs to no collection"},
		"document without id":      {firstOf("ids", remove), "cannot be found by its id"},
		"id without document":      {put("ids", make([]byte, 16), 0x27, anyMap{1: 1, 2: "ghost", 3: 99}), "does not have that id"},
		"document under other key": {editDoc(func(d *lode.Document) { d.No = 9 }), "stands under key"},
		"document not given out":   {put("cluster", []byte("last document"), 0x23, anyMap{1: 0}), "was not given out"},
		"document without newest":  {editDoc(func(d *lode.Document) { d.Newest = 5 }), "has no version 5"},
		"document shows nothing":   {editDoc(func(d *lode.Document) { d.Current = 5 }), "shows version 5"},
		"document is gone":         {shelf("documents", doc, drop), "belongs to no document"},
		"version is gone":          {shelf("versions", version, drop), "has no version 1"},
		"version beyond newest":    {editDoc(func(d *lode.Document) { d.Newest, d.Current = 0, 0 }), "is newer than version 0"},
		"version under other key":  {editVersion(func(v *lode.DocVersion) { v.Doc = 2 }), "stands under key"},
		"version in no state":      {editVersion(func(v *lode.DocVersion) { v.State = "odd" }), "no known state"},
		"shown version not ready":  {editVersion(func(v *lode.DocVersion) { v.State = lode.StatePending }), "which is not ready"},
		"row is gone":              {parts("rows", row, drop), "has 1 rows, not 2"},
		"first row is gone":        {parts("rows", partKey(1, 0), drop), "row 0 is missing"},
		"row too many": {rawSegment(func(tx *bolt.Tx) error {
			return storage.EncodePayload(&lode.StagedChunk{Chunk: lode.Chunk{ID: lode.ChunkID{Doc: 1, Version: 1, Ordinal: 2}}}, func(payload []byte) error {
				return tx.Bucket([]byte("rows")).Put(partKey(1, 2), storage.MakePart(partKey(1, 2), 1, kindRow, payload))
			})
		}), "has 3 rows, not 2"},
		"row text": {editRow(func(s *lode.StagedChunk) { s.Chunk.Text = "tw0\n" }), "is not the silver text"},
		"row span": {editRow(func(s *lode.StagedChunk) { s.Chunk.Span.End = 99 }), "is not the silver text"},
		"row header": {editRow(func(s *lode.StagedChunk) {
			s.Chunk.Header = &lode.ChunkHeader{Span: lode.Span{End: 1}, Text: "x"}
		}), "is not the silver text"},
		"row vector":              {editRow(func(s *lode.StagedChunk) { s.Vector = s.Vector[4:] }), "vector has 12 bytes"},
		"row numbers":             {editVersion(func(v *lode.DocVersion) { v.FirstRow = 4 }), "another version has too"},
		"row not given out":       {editVersion(func(v *lode.DocVersion) { v.FirstRow = 90 }), "not given out"},
		"gold hash":               {editVersion(func(v *lode.DocVersion) { v.Gold = stranger }), "hash of the gold layer"},
		"silver hash":             {editVersion(func(v *lode.DocVersion) { v.Silver = stranger }), "hash of the silver layer"},
		"piece of silver is gone": {parts("silver", partKey(1, 0), drop), "piece 0 of the silver is missing"},
		"no silver at all": {rawSegment(func(tx *bolt.Tx) error {
			return errors.Join(tx.Bucket([]byte("silver")).Delete(partKey(1, 0)), tx.Bucket([]byte("silver")).Delete(partKey(1, 1)))
		}), "has no silver"},
		"silver does not decode":         {parts("silver", partKey(1, 1), func([]byte) []byte { return seal.Seal(0x2A, []byte("x")) }), "silver: "},
		"part of nothing":                {rawSegment(func(tx *bolt.Tx) error { return tx.Bucket([]byte("rows")).Put([]byte("short"), nil) }), "does not have its checksum"},
		"part of a stage":                {parts("rows", partKey(3, 0), func(b []byte) []byte { b[20] ^= 1; return b }), "checksum"},
		"growing segment without bucket": {rawSegment(func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte("rows")) }), "has no bucket rows"},
		"growing segment is gone": {func(t *testing.T, b *bench) {
			b.flush()
			_ = os.Remove(filepath.Join(b.dir, "segments", "1-1.growing"))
		}, "1-1"},
		"growing segment is another": {rawSegment(func(tx *bolt.Tx) error {
			record, err := storage.EncodeRecord(0x33, anyMap{1: 1, 2: 1, 3: 9})
			return errors.Join(err, tx.Bucket([]byte("local")).Put([]byte("format"), record))
		}), "the file is segment 1-9"},
		"growing segment is older": {rawSegment(func(tx *bolt.Tx) error {
			record, err := storage.EncodeRecord(0x21, anyMap{1: 1, 2: 1})
			return errors.Join(err, tx.Bucket([]byte("local")).Put([]byte("applied"), record))
		}), "older than the catalogue"},
		"segment is gone":          {shelf("segments", number(1), drop), "does not exist"},
		"segment in no state":      {editSegment(func(s *storage.Segment) { s.State = 9 }), "no known state"},
		"segment not given out":    {put("counters", []byte("last segment"), 0x23, anyMap{1: 0}), "was not given out"},
		"segment under other key":  {editSegment(func(s *storage.Segment) { s.ID = 9 }), "stands under key"},
		"pending is miscounted":    {editSegment(func(s *storage.Segment) { s.Pending++ }), "counts 2 pending"},
		"members are miscounted":   {editSegment(func(s *storage.Segment) { s.Members++ }), "counts 3 members"},
		"segment sealed too early": {editSegment(func(s *storage.Segment) { s.State = storage.SegmentSealed }), "is sealed with 1 pending"},
		"rows are miscounted":      {editSegment(func(s *storage.Segment) { s.Rows++ }), "its members have"},
		"growing leads away":       {editSegment(func(s *storage.Segment) { s.Into = 1 }), "leads to segment 1"},
		"merged into nothing":      {editSegment(func(s *storage.Segment) { s.State, s.Into = storage.SegmentMerged, 1 }), "which has no rows of others"},
		"merging nothing":          {editSegment(func(s *storage.Segment) { s.State = storage.SegmentMerging }), "is merging nothing"},
		"merging what is growing":  {editSegment(func(s *storage.Segment) { s.State, s.Inputs = storage.SegmentMerging, []lode.SegmentID{1} }), "is merging segment 1"},
		"taken by nobody":          {editSegment(func(s *storage.Segment) { s.State, s.Into = storage.SegmentSealed, 7 }), "which does not know of it"},
		"member is gone":           {shelf("members", member, drop), "has 1, and 2 versions"},
		"member is not shown":      {shelf("members", member, edit(0x2F, func(m *anyMap) { (*m)[1] = 7 })), "not shown or says otherwise"},
		"member was dropped":       {shelf("members", member, edit(0x2F, func(m *anyMap) { (*m)[4] = 7 })), "which was dropped"},
		"stray segment":            {func(t *testing.T, b *bench) { _ = os.WriteFile(filepath.Join(b.dir, "segments", "stray"), nil, 0o600) }, "is no segment"},
		"unknown segment": {func(t *testing.T, b *bench) {
			_ = os.WriteFile(filepath.Join(b.dir, "segments", stranger.String()+".segment"), nil, 0o600)
		}, "does not know this segment"},
		"partless with a place": {update(func(tx *storage.Tx) error {
			v, err := tx.Version(1, 4, 1)
			return errors.Join(err, tx.Place(1, v), tx.PutVersion(1, v))
		}), "has a place in segment"},
		"pending without job":      {update(func(tx *storage.Tx) error { return tx.DropJob(lode.Job{Collection: 1, Doc: 3, Version: 1}) }), "has no job"},
		"job of other epoch":       {update(func(tx *storage.Tx) error { return tx.PutJob(lode.Job{Collection: 1, Doc: 3, Version: 1, Epoch: 7}) }), "has epoch 7"},
		"job of ready version":     {update(func(tx *storage.Tx) error { return tx.PutJob(lode.Job{Collection: 1, Doc: 1, Version: 1, Epoch: 1}) }), "its version is ready"},
		"job without version":      {update(func(tx *storage.Tx) error { return tx.PutJob(lode.Job{Collection: 1, Doc: 99, Version: 1}) }), "has no version"},
		"job under other key":      {put("jobs", make([]byte, 20), 0x2B, &lode.Job{Collection: 1, Doc: 3, Version: 1, Epoch: 1}), "stands under key"},
		"quarantine not noted":     {update(func(tx *storage.Tx) error { return tx.DropQuarantined(1, 4) }), "noted in quarantine: false"},
		"quarantine noted wrongly": {update(func(tx *storage.Tx) error { return tx.PutQuarantined(1, 1) }), "noted in quarantine: true"},
		"quarantine of nothing":    {update(func(tx *storage.Tx) error { return tx.PutQuarantined(1, 99) }), "notes document 99"},
		"too many references":      {put("blobs", hash[:], 0x2D, anyMap{1: 2}), "has 2 references"},
		"reference is gone":        {raw(func(tx *bolt.Tx) error { return tx.Bucket([]byte("blobs")).Delete(hash[:]) }), "has no reference"},
		"reference to nothing":     {put("blobs", stranger[:], 0x2D, anyMap{1: 1}), "0 versions and evaluations refer to it"},
		"blob is gone":             {file(os.Remove), "does not exist"},
		"blob is cut":              {file(func(path string) error { return os.Truncate(path, 30) }), "announces"},
		"blob is another": {func(t *testing.T, b *bench) {
			_ = os.WriteFile(blobFile(b.dir, hash), sealedBlob(t, []byte("another")), 0o600)
		}, "other content"},
		"blob of another size": {editVersion(func(v *lode.DocVersion) { v.Size++ }), "its blob has 9"},
		"orphan blob":          {func(t *testing.T, b *bench) { _, release, _ := b.Blobs().Put(ctx, []byte("orphan")); release() }, "no version refers"},
		"stray file":           {func(t *testing.T, b *bench) { _ = os.WriteFile(filepath.Join(b.dir, "blobs", "stray"), nil, 0o600) }, "is no blob"},
		"silver against bronze": {func(t *testing.T, b *bench) {
			other := []byte("<one\ntw0\n")
			h, release, _ := b.Blobs().Put(ctx, other)
			defer release()
			b.update(func(tx *storage.Tx) error {
				v, err := tx.Version(1, 1, 1)
				if err != nil {
					return err
				}
				v.Blob = h
				return tx.PutVersion(1, v)
			})
		}, "silver and bronze bytes differ"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openCopy(t, original.dir)
			c.do(t, b)
			online := b.breaches()
			if !mentions(online, c.want) {
				t.Errorf("online: want %q among %v", c.want, online)
			}
			b.close()
			var offline []storage.Breach
			if err := storage.CheckDir(ctx, b.dir, func(br storage.Breach) { offline = append(offline, br) }); err != nil {
				t.Fatal(err)
			}
			if !mentions(offline, c.want) {
				t.Errorf("offline: want %q among %v", c.want, offline)
			}
		})
	}
}

// openCopy opens a copy of a closed folder that may be damaged: it is not checked at the end.
func openCopy(t *testing.T, dir string) *bench {
	t.Helper()
	b := &bench{TB: t, dir: t.TempDir()}
	if err := os.CopyFS(b.dir, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	s, err := storage.Open(b.dir, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	b.Store = s
	return b
}

func mentions(all []storage.Breach, want string) bool {
	return slices.ContainsFunc(all, func(b storage.Breach) bool { return strings.Contains(b.String(), want) })
}

func TestCheckOfDamagedNodeFile(t *testing.T) {
	b := openReady(t)
	b.close()
	if err := os.WriteFile(filepath.Join(b.dir, "NODE"), []byte("odd"), 0o600); err != nil {
		t.Fatal(err)
	}
	var all []storage.Breach
	if err := storage.CheckDir(ctx, b.dir, func(br storage.Breach) { all = append(all, br) }); err != nil || len(all) != 1 || all[0].Where != "NODE" {
		t.Errorf("%v, %v", all, err)
	}
	if err := os.Remove(filepath.Join(b.dir, "catalog.db")); err != nil {
		t.Fatal(err)
	}
	if err := storage.CheckDir(ctx, b.dir, func(br storage.Breach) { all = append(all, br) }); err != nil || !mentions(all, "catalog.db is missing") {
		t.Errorf("%v, %v", all, err)
	}
}

func TestCheckCanBeLeft(t *testing.T) {
	b := sound(t)
	left, cancel := context.WithCancel(ctx)
	cancel()
	if err := b.Check(left, func(storage.Breach) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestCheckBesideUpdates checks while documents come and go and blobs are swept: a sound
// store has no breach at any moment.
func TestCheckBesideUpdates(t *testing.T) {
	b := openReady(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 30 {
			d := b.addDocument(1, numbered("doc", i%5), numbered("text", i))
			if i%3 == 0 {
				b.update(func(tx *storage.Tx) error { return tx.DropDocument(d) })
			}
			if _, err := b.SweepBlobs(ctx); err != nil {
				t.Error(err)
			}
		}
	}()
	for {
		for _, br := range b.breaches() {
			if !br.Benign {
				t.Error(br)
			}
		}
		select {
		case <-done:
			return
		default:
		}
	}
}
