package storage_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
	"github.com/lodedb/lode/storage/storagetest"
)

var ctx = context.Background()

const dim = 4

// day is the time at which everything in these tests happens.
var day = time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC)

// bench is a store with one log of its own.
type bench struct {
	testing.TB
	*storage.Store
	dir  string
	from *bench // where a restore fetches segments
}

func open(tb testing.TB) *bench {
	tb.Helper()
	return openDir(tb, tb.TempDir())
}

func openDir(tb testing.TB, dir string) *bench {
	tb.Helper()
	b := &bench{TB: tb, dir: dir}
	b.Store = storagetest.OpenDir(tb, dir, storage.Options{Fetch: b.fetch})
	return b
}

func (b *bench) fetch(_ context.Context, ref storage.SegmentRef) (io.ReadCloser, error) {
	if b.from == nil {
		return nil, errors.New("nobody to fetch from")
	}
	return b.from.OpenSegment(ref)
}

// fetchFrom lets restores take segments from another store.
func (b *bench) fetchFrom(from *bench) { b.from = from }

func fetchOf(from *bench) func(context.Context, storage.SegmentRef) (io.ReadCloser, error) {
	return func(_ context.Context, ref storage.SegmentRef) (io.ReadCloser, error) { return from.OpenSegment(ref) }
}

// seal seals the growing segment of a collection, in two log entries.
func (b *bench) seal(c lode.CollectionID) storage.Built {
	b.Helper()
	var id lode.SegmentID
	b.update(func(t *storage.Tx) (err error) {
		id, err = t.Seal(c)
		return err
	})
	built, release, err := b.BuildSegment(ctx, c, id)
	if err != nil {
		b.Fatal(err)
	}
	defer release()
	b.update(func(t *storage.Tx) error { return t.PutSealed(c, id, built.Hash, built.Bytes) })
	return built
}

// openReady opens a store with cluster identity and the collection "docs", number 1.
func openReady(tb testing.TB) *bench {
	tb.Helper()
	b := open(tb)
	b.start()
	return b
}

func (b *bench) start() {
	b.Helper()
	b.update(func(t *storage.Tx) error { return t.InitCluster("cluster-1", []byte("0123456789abcdef")) })
	b.addCollection("docs")
}

// reopen closes the store, checked, and opens its folder again.
func (b *bench) reopen() *bench {
	b.Helper()
	storagetest.MustCheck(b.TB, b.Store)
	b.close()
	return openDir(b.TB, b.dir)
}

func (b *bench) close() {
	b.Helper()
	if err := b.Close(); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) flush() {
	b.Helper()
	if err := b.Flush(); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) next() storage.Applied {
	return storage.Applied{Index: b.Applied().Index + 1, Term: 1}
}

func (b *bench) update(fn func(*storage.Tx) error) {
	b.Helper()
	if err := b.Update(b.next(), fn); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) view(fn func(*storage.Tx) error) {
	b.Helper()
	if err := b.View(fn); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) addCollection(name string) (id lode.CollectionID) {
	b.Helper()
	b.update(func(t *storage.Tx) (err error) {
		if id, err = t.NextCollectionID(); err != nil {
			return err
		}
		return t.PutCollection(collection(id, name))
	})
	return id
}

func collection(id lode.CollectionID, name string) *lode.Collection {
	return &lode.Collection{ID: id, Name: name, Metric: lode.Cosine, Dim: dim, CreatedAt: day, Fingerprint: "f",
		Embedder: lode.EmbedderConfig{Provider: lode.ProviderNone, Dim: dim}, Chunker: lode.DefaultChunker}
}

// content is a document in all of its layers.
type content struct {
	bronze []byte
	silver *lode.SilverText
	chunks []lode.Chunk
}

// newContent makes a section and a chunk of each line.
func newContent(text string) content {
	c := content{bronze: []byte("<" + text), silver: &lode.SilverText{Title: "T", Text: text}}
	if text != "" {
		c.silver.Runs = []lode.SourceRun{{Silver: lode.Span{End: len(text)}, Bronze: lode.Span{Start: 1, End: len(text) + 1}}}
	}
	start := 0
	for line := range strings.Lines(text) {
		span := lode.Span{Start: start, End: start + len(line)}
		c.silver.Sections = append(c.silver.Sections, lode.Section{Kind: lode.SectionParagraph, Span: span, Path: []string{"T"}})
		c.chunks = append(c.chunks, lode.Chunk{Text: line, Span: span, Path: []string{"T"}, Tokens: len(line)})
		start = span.End
	}
	return c
}

// addDocument takes a document through all steps, each as a log entry: accepted, staged,
// committed.
func (b *bench) addDocument(c lode.CollectionID, id, text string) *lode.Document {
	b.Helper()
	layers := newContent(text)
	h, release, err := b.Blobs().Put(ctx, layers.bronze)
	if err != nil {
		b.Fatal(err)
	}
	defer release()
	var d *lode.Document
	b.update(func(t *storage.Tx) (err error) {
		d, err = accept(t, c, id, h, len(layers.bronze))
		return err
	})
	b.update(func(t *storage.Tx) error { return stage(t, d, layers) })
	b.update(func(t *storage.Tx) error { return commit(t, d, layers) })
	return d
}

// accept makes a new document, or a new version of a known one.
func accept(t *storage.Tx, c lode.CollectionID, id string, blob lode.Hash, size int) (*lode.Document, error) {
	d, err := t.FindDocument(c, lode.KindDocument, lode.DocID(id))
	if lode.IsCode(err, lode.CodeNotFound) {
		no, err := t.NextDocNo()
		if err != nil {
			return nil, err
		}
		d = &lode.Document{No: no, Collection: c, Kind: lode.KindDocument, ID: lode.DocID(id), CreatedAt: day, UpdatedAt: day,
			Metadata: lode.Metadata{"n": lode.IntegerValue(int64(no)), "f": lode.FloatValue(0.1), "l": lode.ListValue(lode.BoolValue(true))},
			Readers:  []string{"everyone"}}
	} else if err != nil {
		return nil, err
	}
	d.Newest++
	if err := t.PutDocument(d); err != nil {
		return nil, err
	}
	v := &lode.DocVersion{Doc: d.No, Version: d.Newest, State: lode.StatePending, Blob: blob, Size: int64(size), MediaType: "text/plain", ReceivedAt: day, Epoch: 1}
	if err := t.PutVersion(c, v); err != nil {
		return nil, err
	}
	return d, t.PutJob(jobOf(d))
}

func jobOf(d *lode.Document) lode.Job {
	return lode.Job{Collection: d.Collection, Doc: d.No, Version: d.Newest, Epoch: 1}
}

// stage puts the parts of the newest version where it has its place.
func stage(t *storage.Tx, d *lode.Document, c content) error {
	v, err := place(t, d)
	if err != nil {
		return err
	}
	return putParts(t, d, v, c)
}

// place returns the newest version of a document with a place in a segment.
func place(t *storage.Tx, d *lode.Document) (*lode.DocVersion, error) {
	v, err := t.Version(d.Collection, d.No, d.Newest)
	if err != nil {
		return nil, err
	}
	if v.Segment != 0 {
		return v, nil
	}
	if err := t.Place(d.Collection, v); err != nil {
		return nil, err
	}
	return v, t.PutVersion(d.Collection, v)
}

func putParts(t *storage.Tx, d *lode.Document, v *lode.DocVersion, c content) error {
	for i := range c.chunks {
		c.chunks[i].ID = lode.ChunkID{Doc: d.No, Version: d.Newest, Ordinal: uint32(i)}
		row := &lode.StagedChunk{Chunk: c.chunks[i], Vector: lode.AppendVector(nil, lode.Vector{1, 2, 3, float32(i)})}
		if err := t.PutChunk(d.Collection, v, row); err != nil {
			return err
		}
	}
	silver, err := storage.EncodeSilver(c.silver)
	if err != nil {
		return err
	}
	half := len(silver) / 2
	if err := t.PutSilverPart(d.Collection, v, 0, silver[:half]); err != nil {
		return err
	}
	return t.PutSilverPart(d.Collection, v, 1, silver[half:])
}

// restage gives up what is staged for the newest version and stages anew, in another epoch.
func restage(t *storage.Tx, d *lode.Document, c content) error {
	v, err := t.Version(d.Collection, d.No, d.Newest)
	if err != nil {
		return err
	}
	if err := t.DropParts(d.Collection, v); err != nil {
		return err
	}
	v.Epoch++
	if err := t.PutVersion(d.Collection, v); err != nil {
		return err
	}
	job := jobOf(d)
	job.Epoch = v.Epoch
	if err := t.PutJob(job); err != nil {
		return err
	}
	return stage(t, d, c)
}

// stageSilver puts one piece of silver of version 1 of a document that is made for it, to
// have something large in a segment.
func stageSilver(t *storage.Tx, id string, part int, data []byte) error {
	d, err := t.FindDocument(1, lode.KindDocument, lode.DocID(id))
	if lode.IsCode(err, lode.CodeNotFound) {
		d, err = accept(t, 1, id, lode.Hash{}, 0)
	}
	if err != nil {
		return err
	}
	v, err := place(t, d)
	if err != nil {
		return err
	}
	return t.PutSilverPart(1, v, part, data)
}

// commit shows the newest version and drops the one that was shown before.
func commit(t *storage.Tx, d *lode.Document, c content) error {
	v, err := t.Version(d.Collection, d.No, d.Newest)
	if err != nil {
		return err
	}
	first, err := t.NextRows(d.Collection, len(c.chunks))
	if err != nil {
		return err
	}
	v.State, v.Silver, v.Gold, v.Chunks, v.FirstRow = lode.StateReady, c.silver.Hash(), lode.GoldHash(c.chunks), len(c.chunks), first
	v.Runs = []lode.Run{{Stage: lode.StageCommit, Start: day, Counts: map[string]int64{"b": 2, "a": 1}}}
	if err := t.PutVersion(d.Collection, v); err != nil {
		return err
	}
	if err := t.DropJob(jobOf(d)); err != nil {
		return err
	}
	if d.Current != 0 {
		if err := t.DropVersion(d.Collection, d.No, d.Current); err != nil {
			return err
		}
	}
	d.Current = d.Newest
	return t.PutDocument(d)
}

func (b *bench) breaches() []storage.Breach {
	b.Helper()
	var all []storage.Breach
	if err := b.Check(ctx, func(br storage.Breach) { all = append(all, br) }); err != nil {
		b.Fatal(err)
	}
	return all
}

func (b *bench) hash() lode.Hash {
	b.Helper()
	h, err := b.StateHash()
	if err != nil {
		b.Fatal(err)
	}
	return h
}

func wantCode(tb testing.TB, err error, code lode.Code) {
	tb.Helper()
	if !lode.IsCode(err, code) {
		tb.Errorf("want an error of code %s, got %v", code, err)
	}
}

func numbered(prefix string, n int) string { return fmt.Sprintf("%s-%03d", prefix, n) }
