package storage_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
)

// entry is a log entry: what it does depends on the state alone.
type entry func(*storage.Tx) error

// world is a store that can be thrown away at any moment and opened as a crash left it.
type world struct {
	testing.TB
	rnd   *rand.Rand
	store *storage.Store
	open  func() *storage.Store
	// image takes what is in the files now; the world opens from there after crash.
	image func()
}

// memoryWorld has everything in memory. A power cut takes what was not synced.
func memoryWorld(tb testing.TB, rnd *rand.Rand) *world {
	w := &world{TB: tb, rnd: rnd}
	fsys, memory := vfs.NewMem(), storage.NewMemory()
	w.open = func() *storage.Store {
		return mustOpen(tb, "/data", storage.Options{FS: fsys, Memory: memory, FlushInterval: time.Hour})
	}
	w.image = func() { fsys, memory = fsys.CrashClone(), storage.CloneMemory(memory) }
	w.store = w.open()
	return w
}

// boltWorld has its files in a folder that is copied while it is open.
func boltWorld(tb testing.TB, rnd *rand.Rand) *world {
	w := &world{TB: tb, rnd: rnd}
	parent, n := tb.TempDir(), 0
	dir := filepath.Join(parent, "0")
	w.open = func() *storage.Store {
		s := mustOpen(tb, dir, storage.Options{FS: unsyncedFS{vfs.OS}, FlushInterval: time.Hour})
		s.SkipSync()
		return s
	}
	w.image = func() {
		n++
		left := filepath.Join(parent, strconv.Itoa(n))
		if err := os.CopyFS(left, os.DirFS(dir)); err != nil {
			tb.Fatal(err)
		}
		dir = left
	}
	w.store = w.open()
	return w
}

func mustOpen(tb testing.TB, dir string, o storage.Options) *storage.Store {
	tb.Helper()
	s, err := storage.Open(dir, o)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// apply applies the log from where the store is, in runs of random length.
func (w *world) apply(log []entry) {
	w.Helper()
	for at := int(w.store.Applied().Index); at < len(log); {
		run := min(len(log)-at, 1+w.rnd.IntN(4))
		err := w.store.Update(storage.Applied{Index: uint64(at + run), Term: 1}, func(t *storage.Tx) error {
			for i := range run {
				t.SetEntry(uint64(at + i + 1))
				if err := log[at+i](t); err != nil {
					return fmt.Errorf("entry %d: %w", at+i+1, err)
				}
			}
			return nil
		})
		if err != nil {
			w.Fatal(err)
		}
		at += run
	}
}

func (w *world) flush() {
	w.Helper()
	if err := w.store.Flush(); err != nil {
		w.Fatal(err)
	}
}

// crash throws the store away, between flushes or in the middle of one, and opens what is
// left.
func (w *world) crash() {
	w.Helper()
	switch w.rnd.IntN(3) {
	case 0: // the segments are written, the catalogue is not
		w.store.BeforeCatalogWrite(func() {
			if w.image != nil {
				w.image()
			}
		})
		before := w.image
		once := false
		w.image = func() {
			if !once {
				once = true
				before()
			}
		}
		w.flush()
		w.image()
		w.image = before
	default:
		w.image()
	}
	if err := w.store.Close(); err != nil { // writes to what is thrown away
		w.Fatal(err)
	}
	w.store = w.open()
	if w.store.Applied() != w.store.Flushed() {
		w.Fatalf("opened at %v, flushed to %v", w.store.Applied(), w.store.Flushed())
	}
}

func (w *world) hash() lode.Hash {
	w.Helper()
	h, err := w.store.StateHash()
	if err != nil {
		w.Fatal(err)
	}
	return h
}

func (w *world) check() {
	w.Helper()
	err := w.store.Check(ctx, func(b storage.Breach) {
		if !b.Benign {
			w.Error(b)
		}
	})
	if err != nil {
		w.Fatal(err)
	}
}

// build builds every closed segment and returns the hashes.
func (w *world) build() map[[2]uint64]storage.Built {
	w.Helper()
	all := map[[2]uint64]storage.Built{}
	w.eachSegment(func(c lode.CollectionID, s *storage.Segment) {
		if s.State != storage.SegmentSealing && s.State != storage.SegmentMerging || !s.Closed() {
			return
		}
		b, release, err := w.store.BuildSegment(ctx, c, s.ID)
		if err != nil {
			w.Fatal(err)
		}
		release()
		all[[2]uint64{uint64(c), uint64(s.ID)}] = b
	})
	return all
}

func (w *world) eachSegment(fn func(lode.CollectionID, *storage.Segment)) {
	w.Helper()
	type in struct {
		c lode.CollectionID
		s storage.Segment
	}
	var all []in
	err := w.store.View(func(t *storage.Tx) error {
		collections, err := t.Collections()
		for _, c := range collections {
			segments, err := t.Segments(c.ID)
			if err != nil {
				return err
			}
			for _, s := range segments {
				all = append(all, in{c.ID, s})
			}
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	for i := range all {
		fn(all[i].c, &all[i].s)
	}
}

// layersOf is the content of a version in one of its epochs.
func layersOf(v *lode.DocVersion) content {
	lines := int(v.Doc+lode.DocNo(v.Version)*3+lode.DocNo(v.Epoch)) % 5
	return newContent(strings.Repeat(fmt.Sprintf("document %d, version %d, epoch %d\n", v.Doc, v.Version, v.Epoch), lines))
}

// onDocument makes an entry of what is done with a document and its newest version; nothing
// when there is no such document.
func onDocument(name, id string, fn func(*storage.Tx, *lode.Document, *lode.DocVersion) error) entry {
	return func(t *storage.Tx) error {
		c, err := t.CollectionByName(name)
		if lode.IsCode(err, lode.CodeNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		d, err := t.FindDocument(c.ID, lode.KindDocument, lode.DocID(id))
		if lode.IsCode(err, lode.CodeNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		v, err := t.Version(c.ID, d.No, d.Newest)
		if err != nil {
			return err
		}
		return fn(t, d, v)
	}
}

func pendingOnly(fn func(*storage.Tx, *lode.Document, *lode.DocVersion) error) func(*storage.Tx, *lode.Document, *lode.DocVersion) error {
	return func(t *storage.Tx, d *lode.Document, v *lode.DocVersion) error {
		if v.State != lode.StatePending {
			return nil
		}
		return fn(t, d, v)
	}
}

func submitEntry(name, id string) entry {
	return func(t *storage.Tx) error {
		c, err := t.CollectionByName(name)
		if lode.IsCode(err, lode.CodeNotFound) {
			no, err := t.NextCollectionID()
			if err != nil {
				return err
			}
			return t.PutCollection(collection(no, name))
		}
		if err != nil {
			return err
		}
		d, err := t.FindDocument(c.ID, lode.KindDocument, lode.DocID(id))
		if err == nil {
			v, err := t.Version(c.ID, d.No, d.Newest)
			if err != nil || v.State == lode.StatePending {
				return err
			}
			if v.State == lode.StateQuarantined {
				if err := errors.Join(t.DropQuarantined(c.ID, d.No), t.DropVersion(c.ID, d.No, d.Newest)); err != nil {
					return err
				}
			}
		} else if !lode.IsCode(err, lode.CodeNotFound) {
			return err
		}
		_, err = accept(t, c.ID, id, lode.Hash{}, 0)
		return err
	}
}

func stageEntry(t *storage.Tx, d *lode.Document, v *lode.DocVersion) error {
	return stage(t, d, layersOf(v))
}

func commitEntry(t *storage.Tx, d *lode.Document, v *lode.DocVersion) error {
	layers := layersOf(v)
	if err := stage(t, d, layers); err != nil {
		return err
	}
	return commit(t, d, layers)
}

func restageEntry(t *storage.Tx, d *lode.Document, v *lode.DocVersion) error {
	next := *v
	next.Epoch++
	return restage(t, d, layersOf(&next))
}

func failEntry(t *storage.Tx, d *lode.Document, v *lode.DocVersion) error {
	if err := t.DropParts(d.Collection, v); err != nil {
		return err
	}
	v.State = lode.StateQuarantined
	return errors.Join(t.PutVersion(d.Collection, v), t.DropJob(jobOf(d)), t.PutQuarantined(d.Collection, d.No))
}

func sealEntry(name string) entry {
	return func(t *storage.Tx) error {
		c, err := t.CollectionByName(name)
		if err == nil {
			_, err = t.Seal(c.ID)
		}
		if lode.IsCode(err, lode.CodeNotFound) || lode.IsCode(err, lode.CodeConflict) {
			return nil
		}
		return err
	}
}

// mergeEntry merges the sealed segments that bits choose; giveUp takes back the merges that
// are under way.
func mergeEntry(name string, bits uint64, giveUp bool) entry {
	return func(t *storage.Tx) error {
		c, err := t.CollectionByName(name)
		if lode.IsCode(err, lode.CodeNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		all, err := t.Segments(c.ID)
		if err != nil {
			return err
		}
		var inputs []lode.SegmentID
		for i, s := range all {
			switch {
			case giveUp && s.State == storage.SegmentMerging:
				if err := t.DropMerge(c.ID, s.ID); err != nil {
					return err
				}
			case s.State == storage.SegmentSealed && s.Into == 0 && bits>>(i%64)&1 == 1:
				inputs = append(inputs, s.ID)
			}
		}
		if giveUp || len(inputs) == 0 {
			return nil
		}
		_, err = t.Merge(c.ID, inputs)
		return err
	}
}

func dropCollectionEntry(name string) entry {
	return func(t *storage.Tx) error {
		c, err := t.CollectionByName(name)
		if lode.IsCode(err, lode.CodeNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return t.DropCollection(c.ID)
	}
}

// nextEntries draws what is to come next in the log.
func nextEntries(rnd *rand.Rand, reference *world) []entry {
	name, id := numbered("c", rnd.IntN(3)), numbered("d", rnd.IntN(12))
	switch n := rnd.IntN(100); {
	case n < 30:
		return []entry{submitEntry(name, id)}
	case n < 45:
		return []entry{onDocument(name, id, pendingOnly(stageEntry))}
	case n < 70:
		return []entry{onDocument(name, id, pendingOnly(commitEntry))}
	case n < 75:
		return []entry{onDocument(name, id, pendingOnly(restageEntry))}
	case n < 80:
		return []entry{onDocument(name, id, pendingOnly(failEntry))}
	case n < 88:
		return []entry{onDocument(name, id, func(t *storage.Tx, d *lode.Document, _ *lode.DocVersion) error { return t.DropDocument(d) })}
	case n < 92:
		return []entry{sealEntry(name)}
	case n < 94:
		return []entry{mergeEntry(name, rnd.Uint64(), rnd.IntN(8) == 0)}
	case n < 99:
		var all []entry
		for k, b := range reference.build() {
			all = append(all, func(t *storage.Tx) error {
				err := t.PutSealed(lode.CollectionID(k[0]), lode.SegmentID(k[1]), b.Hash, b.Bytes)
				if lode.IsCode(err, lode.CodeNotFound) { // or the merge was given up
					return nil
				}
				return err
			})
		}
		return all
	}
	return []entry{dropCollectionEntry(name)}
}

// crashModel applies a random log to a store that never crashes and to one that crashes all
// the time: their states must be equal, as that of a store which applies the log from its
// beginning.
func crashModel(t *testing.T, fresh func(testing.TB, *rand.Rand) *world, steps int) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("LODE_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("replay with LODE_SEED=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	reference, victim := memoryWorld(t, rnd), fresh(t, rnd)
	log := []entry{func(t *storage.Tx) error { return t.InitCluster("cluster-1", []byte("0123456789abcdef")) }}
	early := map[[2]uint64]storage.Built{}
	mergedIn := map[[2]uint64]bool{}
	crashes := 0
	for range steps {
		log = append(log, nextEntries(rnd, reference)...)
		reference.apply(log)
		switch n := rnd.IntN(100); {
		case n < 60:
			victim.apply(log)
		case n < 70:
			victim.flush()
		case n < 75:
			victim.eachSegment(func(c lode.CollectionID, s *storage.Segment) {
				if s.State == storage.SegmentMerging {
					mergedIn[[2]uint64{uint64(c), uint64(s.ID)}] = true
				}
			})
			for k, b := range victim.build() {
				if was, ok := early[k]; ok && was != b {
					t.Fatalf("segment %v was built as %v and as %v", k, was, b)
				}
				early[k] = b
			}
		case n < 78:
			crashes++
			victim.crash()
		case n < 80:
			victim.apply(log)
			if _, err := victim.store.SweepSegments(ctx); err != nil {
				t.Fatal(err)
			}
			if victim.hash() != reference.hash() {
				t.Fatalf("states differ after entry %d and %d crashes", len(log), crashes)
			}
		}
	}
	victim.apply(log)
	victim.check()
	again := memoryWorld(t, rnd)
	again.apply(log)
	again.flush()
	want := reference.hash()
	if victim.hash() != want || again.hash() != want {
		t.Errorf("states differ: crashed %t, from zero %t", victim.hash() != want, again.hash() != want)
	}
	sealed, merged := 0, 0
	reference.eachSegment(func(_ lode.CollectionID, s *storage.Segment) {
		if s.State == storage.SegmentSealed {
			sealed++
		}
	})
	for k := range early {
		if mergedIn[k] {
			merged++
		}
	}
	t.Logf("%d entries, %d crashes, %d segments built by both, %d of them merged, %d sealed at the end", len(log), crashes, len(early), merged, sealed)
	const enough = 40 // segments, among which some are of merges; a short run builds fewer
	if crashes == 0 || len(early) == 0 || merged == 0 && len(early) >= enough {
		t.Error("the model did not reach crashes or segments")
	}
	victim.flush()
	if _, err := victim.store.SweepSegments(ctx); err != nil {
		t.Error(err)
	}
	err := victim.store.Check(ctx, func(b storage.Breach) { t.Error(b) }) // nothing is left over either
	if err != nil {
		t.Error(err)
	}
	for _, w := range []*world{reference, victim, again} {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	}
}

func steps(short, long int) int {
	if os.Getenv("LODE_LONG") != "" {
		return long
	}
	return short
}

func TestCrashesInMemory(t *testing.T) { crashModel(t, memoryWorld, steps(6000, 110_000)) }
func TestCrashesOnDisk(t *testing.T)   { crashModel(t, boltWorld, steps(1000, 10_000)) }
