package storage_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
)

// modelDocument is what a document must look like.
type modelDocument struct {
	no      lode.DocNo
	text    string // "" while no version is shown
	newest  lode.Version
	pending bool
	failed  bool
}

// machine runs the same random operations on two stores and on maps. The second store is
// never closed and never restored; both must always hold the same state.
type machine struct {
	one, two *bench
	names    map[lode.CollectionID]string
	docs     map[lode.CollectionID]map[string]*modelDocument
	lastDoc  lode.DocNo
	lastCol  lode.CollectionID
}

func (m *machine) both(fn func(*storage.Tx) error) {
	m.one.update(fn)
	m.two.update(fn)
}

func (m *machine) pick(t *rapid.T) lode.CollectionID {
	if len(m.names) == 0 {
		t.Skip("no collection")
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(m.names))).Draw(t, "collection")
}

func (m *machine) addCollection(t *rapid.T) {
	name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
	for _, taken := range m.names {
		if taken == name {
			t.Skip("taken")
		}
	}
	m.lastCol++
	m.both(func(tx *storage.Tx) error {
		id, err := tx.NextCollectionID()
		if err != nil || id != m.lastCol {
			return fmt.Errorf("collection %d, want %d: %w", id, m.lastCol, err)
		}
		return tx.PutCollection(collection(id, name))
	})
	m.names[m.lastCol], m.docs[m.lastCol] = name, map[string]*modelDocument{}
}

func (m *machine) dropCollection(t *rapid.T) {
	c := m.pick(t)
	m.both(func(tx *storage.Tx) error { return tx.DropCollection(c) })
	delete(m.names, c)
	delete(m.docs, c)
}

// submit begins a new version and stages a part of it, on top of whatever is there.
func (m *machine) submit(t *rapid.T) {
	c := m.pick(t)
	id := rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "id")
	d := m.docs[c][id]
	if d != nil && d.pending {
		t.Skip("busy")
	}
	layers := newContent(m.text(t))
	h := m.putBlob(layers.bronze)
	m.both(func(tx *storage.Tx) error {
		doc, err := accept(tx, c, id, h, len(layers.bronze))
		if err != nil {
			return err
		}
		if err := tx.DropQuarantined(c, doc.No); err != nil {
			return err
		}
		return stage(tx, doc, layers)
	})
	if d == nil {
		m.lastDoc++
		d = &modelDocument{no: m.lastDoc}
		m.docs[c][id] = d
	}
	d.newest, d.pending, d.failed = d.newest+1, true, false
}

func (m *machine) text(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"ore\n", "gold and silver\n", "lode\n", "ü\n"}), 0, 6).Draw(t, "lines"), "")
}

func (m *machine) putBlob(content []byte) (h lode.Hash) {
	for _, b := range []*bench{m.one, m.two} {
		var release func()
		var err error
		if h, release, err = b.Blobs().Put(ctx, content); err != nil {
			b.Fatal(err)
		}
		release()
	}
	return h
}

func (m *machine) pickPending(t *rapid.T) (lode.CollectionID, string, *modelDocument) {
	c := m.pick(t)
	for _, id := range slices.Sorted(maps.Keys(m.docs[c])) {
		if d := m.docs[c][id]; d.pending {
			return c, id, d
		}
	}
	t.Skip("nothing pending")
	return 0, "", nil
}

// finish commits a pending version with other content than was staged first.
func (m *machine) finish(t *rapid.T) {
	c, id, d := m.pickPending(t)
	layers := newContent(m.text(t))
	h := m.putBlob(layers.bronze)
	m.both(func(tx *storage.Tx) error {
		doc, err := tx.FindDocument(c, lode.KindDocument, lode.DocID(id))
		if err != nil {
			return err
		}
		v, err := tx.Version(c, doc.No, doc.Newest)
		if err != nil {
			return err
		}
		v.Blob, v.Size = h, int64(len(layers.bronze))
		if err := tx.PutVersion(c, v); err != nil {
			return err
		}
		if err := restage(tx, doc, layers); err != nil {
			return err
		}
		if doc.Current == 0 && doc.Newest > 1 { // what failed before
			if err := tx.DropVersion(c, doc.No, doc.Newest-1); err != nil && !lode.IsCode(err, lode.CodeNotFound) {
				return err
			}
		}
		return commit(tx, doc, layers)
	})
	d.pending, d.text = false, layers.silver.Text
}

func (m *machine) fail(t *rapid.T) {
	c, _, d := m.pickPending(t)
	m.both(func(tx *storage.Tx) error {
		v, err := tx.Version(c, d.no, d.newest)
		if err != nil {
			return err
		}
		v.State = lode.StateQuarantined
		if err := tx.DropParts(c, v); err != nil {
			return err
		}
		if err := tx.PutVersion(c, v); err != nil {
			return err
		}
		if err := tx.DropJob(lode.Job{Collection: c, Doc: d.no, Version: d.newest}); err != nil {
			return err
		}
		return tx.PutQuarantined(c, d.no)
	})
	d.pending, d.failed = false, true
}

func (m *machine) dropDocument(t *rapid.T) {
	c := m.pick(t)
	id := rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "id")
	if m.docs[c][id] == nil {
		t.Skip("no such document")
	}
	m.both(func(tx *storage.Tx) error {
		d, err := tx.FindDocument(c, lode.KindDocument, lode.DocID(id))
		if err != nil {
			return err
		}
		return tx.DropDocument(d)
	})
	delete(m.docs[c], id)
}

func (m *machine) reopen(*rapid.T) {
	m.one.close()
	m.one = openFast(m.one.TB, m.one.dir)
}

// openFast opens a folder that forgets everything in a power cut, which these tests have
// none of.
func openFast(tb testing.TB, dir string) *bench {
	tb.Helper()
	b := &bench{TB: tb, dir: dir}
	s, err := storage.Open(dir, storage.Options{FS: unsyncedFS{vfs.OS}, Fetch: b.fetch})
	if err != nil {
		tb.Fatal(err)
	}
	s.SkipSync()
	b.Store = s
	return b
}

type unsyncedFS struct{ vfs.FS }

func (unsyncedFS) SyncDir(string) error { return nil }

func (f unsyncedFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	file, err := f.FS.OpenFile(name, flag, perm)
	return unsyncedFile{file}, err
}

type unsyncedFile struct{ vfs.File }

func (unsyncedFile) Sync() error { return nil }

func (m *machine) restore(*rapid.T) {
	image := m.two.snapshot()
	m.one.fetchFrom(m.two)
	if err := m.one.RestoreSnapshot(bytes.NewReader(image)); err != nil {
		m.one.Fatal(err)
	}
	m.one.SkipSync()
}

func (m *machine) sweep(*rapid.T) {
	if _, err := m.one.SweepBlobs(ctx); err != nil {
		m.one.Fatal(err)
	}
	if _, err := m.one.SweepSegments(ctx); err != nil {
		m.one.Fatal(err)
	}
}

// seal closes the growing segment and puts what waits for its file, merges too, each store
// with what it built itself.
func (m *machine) seal(t *rapid.T) {
	c := m.pick(t)
	m.both(func(tx *storage.Tx) error {
		if _, err := tx.Seal(c); !lode.IsCode(err, lode.CodeConflict) {
			return err
		}
		return nil
	})
	m.buildAll(c)
}

func (m *machine) buildAll(c lode.CollectionID) {
	for _, s := range m.segments(c) {
		if s.State != storage.SegmentSealing && s.State != storage.SegmentMerging || !s.Closed() {
			continue
		}
		var last storage.Built
		for _, b := range []*bench{m.two, m.one} {
			built, release, err := b.BuildSegment(ctx, c, s.ID)
			if err != nil || b == m.one && built != last {
				b.Fatalf("segment %d: %v, the other built %v: %v", s.ID, built, last, err)
			}
			b.update(func(tx *storage.Tx) error { return tx.PutSealed(c, s.ID, built.Hash, built.Bytes) })
			release()
			last = built
		}
	}
}

func (m *machine) segments(c lode.CollectionID) (all []storage.Segment) {
	m.one.view(func(tx *storage.Tx) (err error) {
		all, err = tx.Segments(c)
		return err
	})
	return all
}

// merge begins a merge of sealed segments; seal ends it, or giveUp.
func (m *machine) merge(t *rapid.T) {
	c := m.pick(t)
	var inputs []lode.SegmentID
	for _, s := range m.segments(c) {
		if s.State == storage.SegmentSealed && s.Into == 0 && rapid.Bool().Draw(t, "input") {
			inputs = append(inputs, s.ID)
		}
	}
	if len(inputs) == 0 {
		t.Skip("nothing to merge")
	}
	m.both(func(tx *storage.Tx) error { _, err := tx.Merge(c, inputs); return err })
	if rapid.Bool().Draw(t, "build") {
		m.buildAll(c)
	}
}

func (m *machine) giveUp(t *rapid.T) {
	c := m.pick(t)
	for _, s := range m.segments(c) {
		if s.State == storage.SegmentMerging {
			m.both(func(tx *storage.Tx) error { return tx.DropMerge(c, s.ID) })
		}
	}
}

// check compares both stores with the maps and with each other.
func (m *machine) check(t *rapid.T) {
	if m.one.hash() != m.two.hash() {
		t.Fatal("the two stores differ")
	}
	for _, br := range m.one.breaches() {
		if !br.Benign {
			t.Fatal(br)
		}
	}
	m.one.view(func(tx *storage.Tx) error {
		all, err := tx.Collections()
		if err != nil || len(all) != len(m.names) {
			t.Fatalf("%d collections, want %d: %v", len(all), len(m.names), err)
		}
		jobs := 0
		for c, name := range m.names {
			col, err := tx.CollectionByName(name)
			if err != nil || col.ID != c {
				t.Fatalf("collection %q: %v", name, err)
			}
			jobs += m.checkDocuments(t, tx, c)
		}
		return tx.Jobs(func(lode.Job) error {
			if jobs--; jobs < 0 {
				t.Fatal("a job too many")
			}
			return nil
		})
	})
}

func (m *machine) checkDocuments(t *rapid.T, tx *storage.Tx, c lode.CollectionID) (pending int) {
	listed := 0
	err := tx.Documents(c, 0, func(got *lode.Document) (bool, error) {
		listed++
		want := m.docs[c][string(got.ID)]
		if want == nil || want.no != got.No || want.newest != got.Newest {
			t.Fatalf("document %+v, want %+v", got, want)
		}
		if want.pending {
			pending++
		}
		if got.Current == 0 {
			return true, nil
		}
		v, err := tx.Version(c, got.No, got.Current)
		if err != nil {
			return false, err
		}
		raw, err := tx.SilverParts(c, v)
		if err != nil {
			return false, err
		}
		silver, err := storage.DecodeSilver(raw)
		if err != nil || silver.Text != want.text {
			t.Fatalf("text %q, want %q: %v", silver.Text, want.text, err)
		}
		return true, nil
	})
	if err != nil || listed != len(m.docs[c]) {
		t.Fatalf("%d documents, want %d: %v", listed, len(m.docs[c]), err)
	}
	failed := 0
	err = tx.Quarantined(c, 0, func(lode.DocNo) (bool, error) { failed++; return true, nil })
	for _, d := range m.docs[c] {
		if d.failed {
			failed--
		}
	}
	if err != nil || failed != 0 {
		t.Fatalf("quarantine is off by %d: %v", failed, err)
	}
	return pending
}

func TestModel(t *testing.T) {
	empty, parent := open(t), t.TempDir()
	empty.close()
	stores := 0
	fresh := func() *bench {
		stores++
		dir := filepath.Join(parent, strconv.Itoa(stores))
		if err := os.CopyFS(dir, os.DirFS(empty.dir)); err != nil {
			t.Fatal(err)
		}
		return openFast(t, dir)
	}
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{one: fresh(), two: fresh(), names: map[lode.CollectionID]string{}, docs: map[lode.CollectionID]map[string]*modelDocument{}}
		defer func() { m.one.close(); m.two.close() }()
		m.both(func(tx *storage.Tx) error { return tx.InitCluster("cluster-1", []byte("0123456789abcdef")) })
		rt.Repeat(map[string]func(*rapid.T){
			"":               m.check,
			"addCollection":  m.addCollection,
			"dropCollection": m.dropCollection,
			"submit":         m.submit,
			"submitAgain":    m.submit,
			"finish":         m.finish,
			"finishAgain":    m.finish,
			"fail":           m.fail,
			"dropDocument":   m.dropDocument,
			"reopen":         m.reopen,
			"restore":        m.restore,
			"sweep":          m.sweep,
			"seal":           m.seal,
			"merge":          m.merge,
			"mergeAgain":     m.merge,
			"giveUp":         m.giveUp,
			"putSet":         m.putSet,
			"dropSet":        m.dropSet,
			"judge":          m.judge,
		})
	})
}
