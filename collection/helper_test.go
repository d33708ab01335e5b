package collection_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/flat"
	"github.com/lodedb/lode/index/sparse"
	"github.com/lodedb/lode/storage"
)

func TestMain(m *testing.M) {
	// Each check of the model opens two stores; a flag on the command line still wins.
	if err := flag.Set("rapid.checks", "40"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// dim is the number of dimensions in tests. Coordinates are small integers, so that dot
// products are exact and ties are common.
const dim = 4

var (
	ctx  = context.Background()
	root = lode.AllSeeing("test")
)

// tb is what *testing.T and *rapid.T share.
type tb interface {
	Helper()
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
}

func tempDir(t tb) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "collection")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// history is a replicated log in memory: the entries, and the node that applies them.
type history struct {
	mu struct {
		sync.Mutex
		entries []collection.Entry
		apply   func([]collection.Entry) []any
	}
}

// propose applies a command at once.
func (h *history) propose(ctx context.Context, command []byte) (any, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return h.commit([][]byte{command})[0], nil
}

// commit appends commands as one batch and applies it.
func (h *history) commit(commands [][]byte) []any {
	h.mu.Lock()
	defer h.mu.Unlock()
	var batch []collection.Entry
	for _, data := range commands {
		e := collection.Entry{Index: uint64(len(h.mu.entries) + 1), Term: 1, Data: data}
		h.mu.entries = append(h.mu.entries, e)
		batch = append(batch, e)
	}
	return h.mu.apply(batch)
}

func (h *history) all() []collection.Entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.mu.entries[:len(h.mu.entries):len(h.mu.entries)]
}

// node is an engine on a store of its own.
type node struct {
	*collection.Engine
	t       tb
	dir     string
	store   *storage.Store
	log     *history
	opts    collection.Options
	storage storage.Options
	clock   sync.Mutex // guards now and bytes
	now     time.Time
	bytes   []string // of every submission
	from    atomic.Pointer[node]
}

// open starts a node on an empty folder with an initialised cluster. Its cleanup runs the
// checker, so that every test is also a test of consistency.
func open(t tb, change ...func(*collection.Options)) *node {
	n := openBare(t, change...)
	if err := n.Init(ctx, "cluster", []byte("0123456789abcdef")); err != nil {
		t.Fatal(err)
	}
	return n
}

// openBare is open without a cluster.
func openBare(t tb, change ...func(*collection.Options)) *node {
	t.Helper()
	n := &node{t: t, dir: tempDir(t), log: &history{}, now: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}
	n.opts = collection.Options{
		NewDense:    func(dim int, m lode.Metric) index.Dense { return flat.New(dim, m) },
		NewSparse:   func() index.Sparse { return sparse.New() },
		Fingerprint: fingerprint,
		Clock:       n.tick,
	}
	for _, f := range change {
		f(&n.opts)
	}
	n.start()
	t.Cleanup(func() {
		if _, err := n.store.SweepBlobs(ctx); err != nil {
			t.Error(err)
		}
		n.check()
		n.stop()
	})
	return n
}

func fingerprint(c lode.Collection) (string, error) {
	if c.Embedder.Model == "unknown" {
		return "", lode.Invalid("embedder.model", c.Embedder.Model, "no such model")
	}
	return fmt.Sprintf("%s/%s/%d", c.Embedder.Provider, c.Embedder.Model, c.Dim), nil
}

func (n *node) tick() time.Time {
	n.clock.Lock()
	defer n.clock.Unlock()
	n.now = n.now.Add(time.Second)
	return n.now
}

func (n *node) start() {
	n.t.Helper()
	n.storage.Fetch = n.fetch
	store, err := storage.Open(n.dir, n.storage)
	if err != nil {
		n.t.Fatal(err)
	}
	n.store = store
	n.Engine, err = collection.New(store, n.opts)
	if err != nil {
		n.t.Fatal(errors.Join(err, store.Close()))
	}
	n.SetProposer(n.log.propose)
	n.log.mu.Lock()
	defer n.log.mu.Unlock()
	n.log.mu.apply = n.Apply
}

func (n *node) stop() {
	n.t.Helper()
	if err := errors.Join(n.Close(), n.Close(), n.store.Close()); err != nil {
		n.t.Error(err)
	}
}

// fetchFrom lets a restore take the segments that it lacks from another node.
func (n *node) fetchFrom(from *node) { n.from.Store(from) }

func (n *node) fetch(_ context.Context, ref storage.SegmentRef) (io.ReadCloser, error) {
	from := n.from.Load()
	if from == nil {
		return nil, errors.New("nobody to fetch from")
	}
	return from.store.OpenSegment(ref)
}

// crash throws everything away that is not in the files, as kill -9 does, and applies the
// log again. Nothing may be flushed meanwhile: the files are copied.
func (n *node) crash() {
	n.t.Helper()
	left := n.dir + ".left"
	if err := os.CopyFS(left, os.DirFS(n.dir)); err != nil {
		n.t.Fatal(err)
	}
	n.stop()
	if err := errors.Join(os.RemoveAll(n.dir), os.Rename(left, n.dir)); err != nil {
		n.t.Fatal(err)
	}
	n.start()
	applied, _ := n.Applied()
	for i, result := range n.Apply(n.log.all()) {
		if fatal, ok := result.(collection.Fatal); ok {
			n.t.Fatalf("entry %d after a crash at %d: %v", i+1, applied, fatal)
		}
	}
}

func (n *node) restart() {
	n.t.Helper()
	n.stop()
	n.start()
}

func (n *node) check() {
	n.t.Helper()
	err := n.Check(ctx, func(where, what string) { n.t.Errorf("check: %s: %s", where, what) })
	if err != nil {
		n.t.Errorf("check: %v", err)
	}
}

func (n *node) hash() lode.Hash {
	n.t.Helper()
	h, err := n.StateHash()
	if err != nil {
		n.t.Fatal(err)
	}
	return h
}

// The writes of an engine without a key and without conditions, under their names.

func (n *node) CreateCollection(ctx context.Context, p lode.Principal, c lode.Collection) (lode.Collection, error) {
	return n.Engine.CreateCollection(ctx, p, lode.Write{}, c)
}

func (n *node) DeleteCollection(ctx context.Context, p lode.Principal, name string) error {
	return n.Engine.DeleteCollection(ctx, p, lode.Write{}, name)
}

func (n *node) DeleteDocuments(ctx context.Context, p lode.Principal, coll string, kind lode.Kind, ids []lode.DocID) ([]error, error) {
	return n.Engine.DeleteDocuments(ctx, p, lode.Write{}, coll, kind, targets(ids))
}

func targets(ids []lode.DocID) (all []lode.Target) {
	for _, id := range ids {
		all = append(all, lode.Target{ID: id})
	}
	return all
}

func (n *node) PutPoints(ctx context.Context, p lode.Principal, coll string, points []lode.Point) ([]error, error) {
	_, errs, err := n.Engine.PutPoints(ctx, p, lode.Write{}, coll, points)
	return errs, err
}

func (n *node) Retry(ctx context.Context, p lode.Principal, coll string, id lode.DocID) (lode.Job, error) {
	return n.Engine.Retry(ctx, p, lode.Write{}, coll, id)
}

// create makes a collection of the name, which takes documents and points.
func (n *node) create(name string) lode.Collection {
	n.t.Helper()
	c, err := n.CreateCollection(ctx, root, lode.Collection{
		Name: name, Metric: lode.Dot,
		Embedder: lode.EmbedderConfig{Provider: lode.ProviderOpenAI, Model: "m", Dim: dim},
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return c
}

// accepted is a submission of a text whose bytes are in the blob store.
func (n *node) accepted(coll string, id lode.DocID, text string) lode.Accepted {
	n.t.Helper()
	hash, release, err := n.store.Blobs().Put(ctx, []byte(text))
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(release)
	n.clock.Lock()
	n.bytes = append(n.bytes, text)
	n.clock.Unlock()
	now := n.tick()
	return lode.Accepted{
		Collection: coll, ID: id, URI: "file:" + string(id), MediaType: "text/plain",
		Blob: hash, Size: int64(len(text)), ReceivedAt: now,
		Run: lode.Run{Stage: lode.StageReceive, Start: now, Outputs: []lode.Hash{hash}},
	}
}

func (n *node) submit(a lode.Accepted) lode.Receipt {
	n.t.Helper()
	r, err := n.Submit(ctx, root, a)
	if err != nil {
		n.t.Fatalf("submit %s: %v", a.ID, err)
	}
	return r
}

// ingest takes a text all the way: one chunk for each line.
func (n *node) ingest(coll string, id lode.DocID, text string) lode.Receipt {
	n.t.Helper()
	r := n.submit(n.accepted(coll, id, text))
	if err := n.finish(n.job(coll, r), text); err != nil {
		n.t.Fatalf("finish %s: %v", id, err)
	}
	return r
}

func (n *node) job(coll string, r lode.Receipt) lode.Job {
	n.t.Helper()
	c, _, err := n.Collection(ctx, root, coll)
	if err != nil {
		n.t.Fatal(err)
	}
	return lode.Job{Collection: c.ID, Doc: r.Doc, Version: r.Version, Epoch: r.Epoch}
}

// finish stages and completes a job.
func (n *node) finish(j lode.Job, text string) error {
	silver, chunks := refine(j, text)
	data, err := storage.EncodeSilver(silver)
	if err != nil {
		return err
	}
	parts, err := n.StageSilver(ctx, j, data)
	if err != nil {
		return err
	}
	if err := n.StageChunks(ctx, j, chunks); err != nil {
		return err
	}
	return n.Complete(ctx, n.completion(j, text, parts))
}

func (n *node) completion(j lode.Job, text string, parts int) lode.Completion {
	silver, staged := refine(j, text)
	chunks := make([]lode.Chunk, len(staged))
	for i := range staged {
		chunks[i] = staged[i].Chunk
	}
	now := n.tick()
	return lode.Completion{
		Job: j, Title: silver.Title, Silver: silver.Hash(), SilverParts: parts,
		Gold: lode.GoldHash(chunks), Chunks: len(chunks), At: now,
		Runs: []lode.Run{{Stage: lode.StageParse, Start: now}, {Stage: lode.StageCommit, Start: now}},
	}
}

// refine is the pipeline of the tests.
func refine(j lode.Job, text string) (*lode.SilverText, []lode.StagedChunk) {
	whole := lode.Span{End: len(text)}
	silver := &lode.SilverText{
		Text:     text,
		Sections: []lode.Section{{Kind: lode.SectionParagraph, Span: whole}},
		Runs:     []lode.SourceRun{{Silver: whole, Bronze: whole}},
	}
	var staged []lode.StagedChunk
	at := 0
	for i, line := range strings.Split(text, "\n") {
		staged = append(staged, lode.StagedChunk{
			Chunk: lode.Chunk{
				ID:   lode.ChunkID{Doc: j.Doc, Version: j.Version, Ordinal: uint32(i)},
				Text: line, Span: lode.Span{Start: at, End: at + len(line)}, Tokens: 1,
			},
			Vector: lode.AppendVector(nil, vectorOf(line)),
		})
		at += len(line) + 1
	}
	return silver, staged
}

// vectorOf is the embedder of the tests: coordinates from -3 to 3, never all zero.
func vectorOf(text string) lode.Vector {
	h := sha256.Sum256([]byte(text))
	v := make(lode.Vector, dim)
	for i := range v {
		v[i] = float32(int(h[i])%7 - 3)
	}
	v[0] += 4
	return v
}

func wantCode(t tb, err error, code lode.Code) {
	t.Helper()
	if !lode.IsCode(err, code) {
		t.Errorf("error %v has code %q, want %q", err, lode.CodeOf(err), code)
	}
}

func (n *node) view(p lode.Principal, coll string) *collection.View {
	n.t.Helper()
	v, err := n.View(ctx, p, coll)
	if err != nil {
		n.t.Fatal(err)
	}
	return v
}

// texts returns the texts of all rows that p finds by vector, in order of rows.
func (n *node) texts(p lode.Principal, coll string, f lode.Filter) []string {
	n.t.Helper()
	return n.textsOf(n.view(p, coll), f)
}

func (n *node) textsOf(v *collection.View, f lode.Filter) []string {
	n.t.Helper()
	found, err := v.Dense(ctx, vectorOf("query"), lode.MaxK, f)
	if err != nil {
		n.t.Fatal(err)
	}
	rows, err := v.Rows(ctx, rowIDs(found), false)
	if err != nil {
		n.t.Fatal(err)
	}
	var texts []string
	for i := range rows {
		texts = append(texts, rows[i].Chunk.Text)
	}
	return texts
}

func rowIDs(found []lode.Candidate) []lode.RowID {
	ids := make([]lode.RowID, len(found))
	for i := range found {
		ids[i] = found[i].Row
	}
	return ids
}
