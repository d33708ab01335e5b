package storage_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// flipStore is a store with a sealed segment that grew and one that is the merge of two, each
// with several blocks of vectors, rows and texts.
func flipStore(tb testing.TB) *bench {
	tb.Helper()
	b := &bench{TB: tb, dir: tb.TempDir()}
	b.Store = mustOpen(tb, b.dir, storage.Options{}) // not openFast, whose files are neither mapped nor read past the page cache
	b.SkipSync()
	tb.Cleanup(func() { _ = b.Close() })
	b.update(func(t *storage.Tx) error { return t.InitCluster("cluster-1", []byte("0123456789abcdef")) })
	b.update(func(t *storage.Tx) error {
		id, err := t.NextCollectionID()
		if err != nil {
			return err
		}
		c := collection(id, "docs")
		c.Dim, c.Embedder.Dim = flipDim, flipDim
		return t.PutCollection(c)
	})
	rnd := rand.New(rand.NewPCG(3, 4))
	for part := range 3 {
		b.update(func(t *storage.Tx) error {
			for i := range 700 {
				if err := putPoint(t, fmt.Sprintf("p%d-%d", part, i), noise(rnd)); err != nil {
					return err
				}
			}
			return nil
		})
		for i := range 4 {
			b.addWide(rnd, fmt.Sprintf("d%d-%d", part, i), strings.Repeat(fmt.Sprintf("document %d of part %d\n", i, part), 30))
		}
		b.seal(1)
	}
	b.finish(b.merge(1, 2))
	b.flush()
	return b
}

const flipDim = 128

func noise(rnd *rand.Rand) lode.Vector {
	v := make(lode.Vector, flipDim)
	for i := range v {
		v[i] = rnd.Float32()
	}
	return v
}

// addWide is addDocument with vectors of flipDim.
func (b *bench) addWide(rnd *rand.Rand, id, text string) {
	b.Helper()
	layers := newContent(text)
	h, release, err := b.Blobs().Put(ctx, layers.bronze)
	if err != nil {
		b.Fatal(err)
	}
	defer release()
	b.update(func(t *storage.Tx) error {
		d, err := accept(t, 1, id, h, len(layers.bronze))
		if err != nil {
			return err
		}
		v, err := place(t, d)
		if err != nil {
			return err
		}
		for i := range layers.chunks {
			layers.chunks[i].ID = lode.ChunkID{Doc: d.No, Version: d.Newest, Ordinal: uint32(i)}
			if err := t.PutChunk(1, v, &lode.StagedChunk{Chunk: layers.chunks[i], Vector: lode.AppendVector(nil, noise(rnd))}); err != nil {
				return err
			}
		}
		silver, err := storage.EncodeSilver(layers.silver)
		if err != nil {
			return err
		}
		if err := t.PutSilverPart(1, v, 0, silver); err != nil {
			return err
		}
		return commit(t, d, layers)
	})
}

// truth is what every read must give, or an error.
type truth struct {
	rows   map[lode.ChunkID]string
	silver map[lode.DocNo]string
}

// learn reads everything; compare does so again and counts errors, and what is wrong.
func (b *bench) learn() *truth {
	b.Helper()
	w := &truth{rows: map[lode.ChunkID]string{}, silver: map[lode.DocNo]string{}}
	b.each(func(t *storage.Tx, v *lode.DocVersion) {
		if err := t.Chunks(1, v, func(s *lode.StagedChunk) error { w.rows[s.Chunk.ID] = valueOf(s); return nil }); err != nil {
			b.Fatal(err)
		}
		silver, err := t.SilverParts(1, v)
		if err != nil && !lode.IsCode(err, lode.CodeNotFound) {
			b.Fatal(err)
		}
		w.silver[v.Doc] = string(silver)
	})
	return w
}

func valueOf(s *lode.StagedChunk) string {
	return fmt.Sprint(s.Chunk.ID, s.Chunk.Span, s.Chunk.Tokens) + s.Chunk.Text + string(s.Vector)
}

func (b *bench) each(fn func(*storage.Tx, *lode.DocVersion)) {
	b.Helper()
	b.view(func(t *storage.Tx) error {
		return t.Documents(1, 0, func(d *lode.Document) (bool, error) {
			v, err := t.Version(1, d.No, d.Current)
			if err == nil {
				fn(t, v)
			}
			return true, err
		})
	})
}

func (b *bench) compare(w *truth) (refused, wrong int) {
	b.Helper()
	fail := func(err error) {
		if refused++; !lode.IsCode(err, lode.CodeCorrupt) {
			b.Errorf("refused as %v", err)
		}
	}
	b.each(func(t *storage.Tx, v *lode.DocVersion) {
		for i := range v.Chunks { // one by one: an error in one row hides none behind it
			s, err := t.Chunk(1, v, uint32(i))
			switch {
			case err != nil:
				fail(err)
			case valueOf(s) != w.rows[s.Chunk.ID]:
				wrong++
			}
		}
		silver, err := t.SilverParts(1, v)
		switch {
		case lode.IsCode(err, lode.CodeNotFound) && w.silver[v.Doc] == "":
		case err != nil:
			fail(err)
		case string(silver) != w.silver[v.Doc]:
			wrong++
		}
	})
	return refused, wrong
}

// mapped is the vectors of a segment as a search reads them.
type mapped struct {
	*storage.SealedRows
	whole []byte
}

func (b *bench) mapAll() (all []mapped) {
	b.Helper()
	for _, s := range b.segmentsOf(1) {
		rows, err := b.MapSealed(1, s.ID)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, mapped{rows, bytes.Clone(rows.Vectors())})
	}
	return all
}

// search touches every vector of a mapping.
func (m *mapped) search(tb testing.TB) (refused, wrong int) {
	tb.Helper()
	for row := range m.Rows {
		if err := m.Check(row); err != nil {
			if refused++; !lode.IsCode(err, lode.CodeCorrupt) {
				tb.Errorf("refused as %v", err)
			}
			continue
		}
		at := row * 4 * m.Dim
		if !bytes.Equal(m.Vectors()[at:at+4*m.Dim], m.whole[at:at+4*m.Dim]) {
			wrong++
		}
	}
	return refused, wrong
}

func flip(tb testing.TB, path string, at int64, bit byte) {
	tb.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		tb.Fatal(err)
	}
	var one [1]byte
	_, err = f.ReadAt(one[:], at)
	if err == nil {
		one[0] ^= bit
		_, err = f.WriteAt(one[:], at)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// TestPlantedFlips flips single bits all over the sealed files of a store that serves. Readers
// who come later, and after the scrubber those who were there before, get the right value or an
// error, never a wrong one; check and scrubber find each flip, and the scrubber mends it.
func TestPlantedFlips(t *testing.T) {
	b := flipStore(t)
	want := b.learn()
	pristine, paths, sizes := map[lode.Hash][]byte{}, []string{}, []int64{}
	var total int64
	for _, s := range b.segmentsOf(1) {
		path := filepath.Join(b.dir, "segments", s.Hash.String()+".segment")
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pristine[s.Hash], paths, sizes = content, append(paths, path), append(sizes, int64(len(content)))
		total += int64(len(content))
	}
	fetch := func(_ context.Context, h lode.Hash) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(pristine[h])), nil
	}
	const seed = 20261127
	t.Logf("seed %d, %d bytes in %d files", seed, total, len(paths))
	rnd := rand.New(rand.NewPCG(seed, 0))
	readsRefused, flips := 0, steps(100, 1000)
	if testing.Short() {
		flips = 40
	}
	for n := range flips {
		at, file := rnd.Int64N(total), 0
		for at >= sizes[file] {
			at, file = at-sizes[file], file+1
		}
		before := b.mapAll()
		for i := range before {
			if refused, wrong := before[i].search(t); refused+wrong > 0 {
				t.Fatalf("flip %d: %d rows refused and %d wrong before it", n, refused, wrong)
			}
		}
		flip(t, paths[file], at, 1<<rnd.IntN(8))
		b.ForgetSealed()
		refused, wrong := b.compare(want)
		if later := b.mapLater(before); later != nil {
			r, w := later.search(t)
			refused, wrong = refused+r, wrong+w
		}
		if wrong > 0 {
			t.Errorf("flip %d, byte %d of file %d: %d wrong values", n, at, file, wrong)
		}
		if refused > 0 {
			readsRefused++
		}
		if n%10 == 0 && !b.checkFinds() {
			t.Errorf("flip %d, byte %d of file %d: check does not find it", n, at, file)
		}
		var heard []storage.Damage
		round, err := b.Scrub(ctx, storage.ScrubOptions{BytesPerSecond: 1 << 40, Report: func(d storage.Damage) { heard = append(heard, d) }})
		if err != nil || round.Damaged != 1 || len(heard) != 1 || !strings.Contains(paths[file], heard[0].Hash.String()) {
			t.Errorf("flip %d, byte %d of file %d: scrubber: %+v, %v, %v", n, at, file, round, heard, err)
		}
		for i := range before {
			if _, wrong := before[i].search(t); wrong > 0 {
				t.Errorf("flip %d, byte %d of file %d: %d wrong vectors in a mapping from before", n, at, file, wrong)
			}
		}
		round, err = b.Scrub(ctx, storage.ScrubOptions{BytesPerSecond: 1 << 40, Fetch: fetch})
		if err != nil || round.Repaired != 1 || !before[file].Replaced() {
			t.Fatalf("flip %d, byte %d of file %d: not repaired: %+v, %v", n, at, file, round, err)
		}
	}
	if refused, wrong := b.compare(want); refused+wrong > 0 {
		t.Errorf("%d refused, %d wrong after all repairs", refused, wrong)
	}
	t.Logf("%d flips, reads met %d of them", flips, readsRefused)
	if readsRefused < flips*8/10 { // the others are padding, or of what was read before
		t.Error("reads met too few flips")
	}
}

// mapLater maps the segments again, after a flip; nil when one cannot be opened any more.
func (b *bench) mapLater(before []mapped) *mapped {
	b.Helper()
	for i, s := range b.segmentsOf(1) {
		rows, err := b.MapSealed(1, s.ID)
		if lode.IsCode(err, lode.CodeCorrupt) {
			continue
		}
		if err != nil {
			b.Fatal(err)
		}
		m := &mapped{rows, before[i].whole}
		if refused, wrong := m.search(b); refused+wrong > 0 {
			return m
		}
	}
	return nil
}

func (b *bench) checkFinds() (found bool) {
	b.Helper()
	for _, br := range b.breaches() {
		found = found || !br.Benign
	}
	return found
}
