package backup_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
	"github.com/lodedb/lode/storage/backup"
	"github.com/lodedb/lode/storage/storagetest"
)

const shelf lode.CollectionID = 1

var day = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// node is a store with one collection and a log of its own.
type node struct {
	testing.TB
	*storage.Store
	dir    string
	hashes map[uint64]lode.Hash // of the state after each entry; nil: not noted
}

func newNode(tb testing.TB, cluster string) *node {
	tb.Helper()
	dir := tb.TempDir()
	n := &node{TB: tb, Store: storagetest.OpenDir(tb, dir, storage.Options{}), dir: dir}
	n.begin(cluster)
	return n
}

func (n *node) begin(cluster string) {
	n.Helper()
	n.update(func(tx *storage.Tx) error {
		if err := tx.InitCluster(cluster, []byte("0123456789abcdef")); err != nil {
			return err
		}
		if _, err := tx.NextCollectionID(); err != nil {
			return err
		}
		return tx.PutCollection(&lode.Collection{ID: shelf, Name: "docs", Metric: lode.Cosine, Dim: 2, CreatedAt: day, Fingerprint: "f",
			Embedder: lode.EmbedderConfig{Provider: lode.ProviderNone, Dim: 2}, Chunker: lode.DefaultChunker})
	})
}

func (n *node) update(fn func(*storage.Tx) error) {
	n.Helper()
	if err := n.Update(storage.Applied{Index: n.Applied().Index + 1, Term: 3}, fn); err != nil {
		n.Fatal(err)
	}
	if n.hashes != nil {
		n.hashes[n.Applied().Index] = n.hash()
	}
}

// put receives a document, which then waits to be processed.
func (n *node) put(id string, content []byte) (h lode.Hash) {
	n.Helper()
	h, release, err := n.Blobs().Put(n.Context(), content)
	if err != nil {
		n.Fatal(err)
	}
	defer release()
	n.update(func(tx *storage.Tx) error {
		no, err := tx.NextDocNo()
		if err != nil {
			return err
		}
		d := &lode.Document{No: no, Collection: shelf, Kind: lode.KindDocument, ID: lode.DocID(id), CreatedAt: day, UpdatedAt: day, Newest: 1}
		v := &lode.DocVersion{Doc: no, Version: 1, State: lode.StatePending, Blob: h, Size: int64(len(content)), MediaType: "text/plain", ReceivedAt: day, Epoch: 1}
		return errors.Join(tx.PutDocument(d), tx.PutVersion(shelf, v), tx.PutJob(lode.Job{Collection: shelf, Doc: no, Version: 1, Epoch: 1}))
	})
	return h
}

// show takes a document of one row through all steps: received, staged in the growing
// segment, shown.
func (n *node) show(id, text string) {
	n.Helper()
	h := n.put(id, []byte("<"+text))
	all := lode.Span{End: len(text)}
	silver := &lode.SilverText{Title: "T", Text: text, Runs: []lode.SourceRun{{Silver: all, Bronze: lode.Span{Start: 1, End: len(text) + 1}}},
		Sections: []lode.Section{{Kind: lode.SectionParagraph, Span: all, Path: []string{"T"}}}}
	n.update(func(tx *storage.Tx) error {
		d, v, err := newest(tx, id)
		if err != nil {
			return err
		}
		if v.Blob != h {
			return fmt.Errorf("document %s has another blob", id)
		}
		chunk := lode.Chunk{ID: lode.ChunkID{Doc: d.No, Version: v.Version}, Text: text, Span: all, Tokens: 1}
		if err := stage(tx, v, silver, chunk); err != nil {
			return err
		}
		if v.FirstRow, err = tx.NextRows(shelf, 1); err != nil {
			return err
		}
		v.State, v.Silver, v.Gold, v.Chunks = lode.StateReady, silver.Hash(), lode.GoldHash([]lode.Chunk{chunk}), 1
		d.Current = v.Version
		job := lode.Job{Collection: shelf, Doc: d.No, Version: v.Version, Epoch: v.Epoch}
		return errors.Join(tx.PutVersion(shelf, v), tx.DropJob(job), tx.PutDocument(d))
	})
}

func newest(tx *storage.Tx, id string) (*lode.Document, *lode.DocVersion, error) {
	d, err := tx.FindDocument(shelf, lode.KindDocument, lode.DocID(id))
	if err != nil {
		return nil, nil, err
	}
	v, err := tx.Version(shelf, d.No, d.Newest)
	return d, v, err
}

// stage puts rows and silver of a version where they stay.
func stage(tx *storage.Tx, v *lode.DocVersion, silver *lode.SilverText, chunks ...lode.Chunk) error {
	if err := tx.Place(shelf, v); err != nil {
		return err
	}
	if err := tx.PutVersion(shelf, v); err != nil {
		return err
	}
	for i, chunk := range chunks {
		row := &lode.StagedChunk{Chunk: chunk, Vector: lode.AppendVector(nil, lode.Vector{1, float32(i)})}
		if err := tx.PutChunk(shelf, v, row); err != nil {
			return err
		}
	}
	data, err := storage.EncodeSilver(silver)
	if err != nil {
		return err
	}
	return tx.PutSilverPart(shelf, v, 0, data)
}

// seal moves everything that is shown from the growing segment into a sealed one.
func (n *node) seal() {
	n.Helper()
	var id lode.SegmentID
	n.update(func(tx *storage.Tx) (err error) {
		id, err = tx.Seal(shelf)
		return err
	})
	built, release, err := n.BuildSegment(n.Context(), shelf, id)
	if err != nil {
		n.Fatal(err)
	}
	defer release()
	n.update(func(tx *storage.Tx) error { return tx.PutSealed(shelf, id, built.Hash, built.Bytes) })
}

// showAll shows documents in a sealed segment and as many in a growing one.
func (n *node) showAll(count, bytes int) {
	n.Helper()
	for i := range count {
		n.show(fmt.Sprintf("sealed-%d", i), words(uint64(i), bytes))
	}
	n.seal()
	for i := range count {
		n.show(fmt.Sprintf("growing-%d", i), words(uint64(count+i), bytes))
	}
}

func (n *node) drop(id string) {
	n.Helper()
	n.update(func(tx *storage.Tx) error {
		d, err := tx.FindDocument(shelf, lode.KindDocument, lode.DocID(id))
		if err != nil {
			return err
		}
		return tx.DropDocument(d)
	})
}

func (n *node) fill(count, bytes int) {
	n.Helper()
	for i := range count {
		n.put(fmt.Sprintf("doc-%d", i), noise(uint64(i), bytes))
	}
}

func (n *node) hash() lode.Hash {
	n.Helper()
	h, err := n.StateHash()
	if err != nil {
		n.Fatal(err)
	}
	return h
}

// words is text that nothing else has.
func words(seed uint64, bytes int) string { return hex.EncodeToString(noise(seed, bytes/2)) }

// noise is content that nothing else has.
func noise(seed uint64, bytes int) []byte {
	b := make([]byte, bytes)
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), 7})
	random.Read(b)
	return b
}

// clock is a time that tests move.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Now().UnixMilli())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMilli(c.at.Add(1)) }
func (c *clock) forward(d time.Duration) { c.at.Add(d.Milliseconds()) }

func repository(tb testing.TB, t backup.Target, o backup.Options) *backup.Repository {
	tb.Helper()
	r, err := backup.New(t, o)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func create(tb testing.TB, r *backup.Repository, n *node, o backup.CreateOptions) backup.Backup {
	tb.Helper()
	b, err := r.Create(tb.Context(), n.Store, o)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func verify(tb testing.TB, r *backup.Repository, id string) backup.Backup {
	tb.Helper()
	b, err := r.Verify(tb.Context(), id)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// restore restores into a new folder and opens it.
func restore(tb testing.TB, r *backup.Repository, id string) (*node, backup.Restored) {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "restored")
	restored, err := r.Restore(tb.Context(), id, dir, backup.RestoreOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	n := &node{TB: tb, Store: storagetest.OpenDir(tb, dir, storage.Options{}), dir: dir}
	if n.NodeID() != restored.NewNode || restored.NewNode == restored.Node {
		tb.Errorf("node %s, restored as %s from %s", n.NodeID(), restored.NewNode, restored.Node)
	}
	return n, restored
}

// targets runs a test on every kind of target.
func targets(t *testing.T, test func(t *testing.T, target backup.Target)) {
	t.Run("folder", func(t *testing.T) { test(t, backup.NewFolder(filepath.Join(t.TempDir(), "deep", "er"), nil)) })
	t.Run("s3", func(t *testing.T) { test(t, newBucket(t)) })
}

// newBucket serves a bucket in memory.
func newBucket(t *testing.T) backup.Target {
	t.Helper()
	memory := s3mem.New()
	if err := memory.CreateBucket("vault"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(memory).Server())
	t.Cleanup(server.Close)
	target, err := backup.Locate("s3://vault/lode/one?path_style=true&region=us-east-1&endpoint="+server.URL, backup.Credentials{AccessKey: "key", SecretKey: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// flaky is a target that counts and can be made to fail.
type flaky struct {
	backup.Target
	puts, opens atomic.Int64
	onPut       func(n int64, name string) error
	onOpen      func(n int64, name string) error
}

func (f *flaky) Put(ctx context.Context, name string, size int64, write func(io.Writer) error) error {
	n := f.puts.Add(1)
	if f.onPut != nil {
		if err := f.onPut(n, name); err != nil {
			return err
		}
	}
	return f.Target.Put(ctx, name, size, write)
}

func (f *flaky) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	n := f.opens.Add(1)
	if f.onOpen != nil {
		if err := f.onOpen(n, name); err != nil {
			return nil, err
		}
	}
	return f.Target.Open(ctx, name)
}

// files lists what a folder holds.
func files(tb testing.TB, dir string) (paths []string) {
	tb.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return paths
}

func wantCode(tb testing.TB, err error, code lode.Code) {
	tb.Helper()
	if !lode.IsCode(err, code) {
		tb.Errorf("want an error of code %s, got %v", code, err)
	}
}

// absent demands that a restore has left nothing.
func absent(tb testing.TB, dir string) {
	tb.Helper()
	for _, path := range []string{dir, dir + ".restore.tmp"} {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			tb.Errorf("%s is there: %v", path, err)
		}
	}
}
