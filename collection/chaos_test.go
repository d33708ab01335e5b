package collection_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

// chaos is a leader on which many callers get in each other's way, and a follower that gets
// the log late, in odd batches, and sometimes a snapshot instead.
type chaos struct {
	leader, follower *node
	stop             atomic.Bool
	finished, gone   atomic.Int64
	built            atomic.Int64 // graphs and words, while callers write
}

// expected reports whether an error is what callers in each other's way must expect.
func expected(err error) bool {
	switch lode.CodeOf(err) {
	case lode.CodeSuperseded, lode.CodeNotFound, lode.CodeConflict:
		return true
	}
	return err == nil
}

// write is one caller: it submits, works, retries, deletes and now and then drops the
// collection and makes it again under its name.
func (c *chaos) write(seed uint64) {
	n, r := c.leader, rand.New(rand.NewPCG(seed, 1))
	for !c.stop.Load() {
		if err := c.step(r); !expected(err) {
			n.t.Errorf("%v", err)
			return
		}
	}
}

func (c *chaos) step(r *rand.Rand) error {
	n := c.leader
	id := lode.DocID(fmt.Sprint("d", r.IntN(8)))
	switch what := r.IntN(100); {
	case what < 60:
		return c.ingest(id, r)
	case what < 75:
		errs, err := n.DeleteDocuments(ctx, root, "c", lode.KindDocument, []lode.DocID{id, id})
		return errors.Join(err, unexpected(errs))
	case what < 85:
		text := fmt.Sprint("zebra point", r.IntN(50))
		p := lode.Point{ID: id, Vector: vectorOf(text), Text: text, Readers: anyReaders(r)}
		errs, err := n.PutPoints(ctx, root, "c", []lode.Point{p, p})
		return errors.Join(err, unexpected(errs))
	case what < 99:
		j, err := n.Retry(ctx, root, "c", id)
		if err == nil && r.IntN(2) == 0 {
			_, err = n.Claim(ctx, j)
		}
		return err
	}
	err := n.DeleteCollection(ctx, root, "c")
	_, created := n.CreateCollection(ctx, root, lode.Collection{
		Name: "c", Metric: lode.Dot,
		Embedder: lode.EmbedderConfig{Provider: lode.ProviderOpenAI, Model: "m", Dim: dim},
	})
	if !expected(created) {
		return created
	}
	return err
}

func unexpected(errs []error) error {
	return errors.Join(slices.DeleteFunc(errs, expected)...)
}

func anyReaders(r *rand.Rand) []string {
	return [][]string{nil, {"a"}, {"b"}}[r.IntN(3)]
}

// ingest submits a document and works on it, slowly enough to be overtaken anywhere.
func (c *chaos) ingest(id lode.DocID, r *rand.Rand) error {
	n := c.leader
	text := fmt.Sprintf("zebra %s same%d\nlion %d", id, r.IntN(30), r.IntN(30))
	a := n.accepted("c", id, text)
	a.Readers = anyReaders(r)
	a.Metadata = lode.Metadata{"n": lode.IntegerValue(r.Int64N(3))}
	receipt, err := n.Submit(ctx, root, a)
	if err != nil {
		return err
	}
	settings, _, err := n.Collection(ctx, root, "c")
	if err != nil {
		return err
	}
	j := lode.Job{Collection: settings.ID, Doc: receipt.Doc, Version: receipt.Version, Epoch: receipt.Epoch}
	switch r.IntN(6) {
	case 0: // a second worker takes over in the middle
		_, chunks := refine(j, "torn\ntorn\ntorn\ntorn")
		if err := n.StageChunks(ctx, j, chunks); err != nil {
			return err
		}
		if j, err = n.Claim(ctx, j); err != nil {
			return err
		}
	case 1:
		return n.Fail(ctx, j, lode.Failure{Stage: lode.StageParse, Code: lode.CodeMalformed}, nil)
	case 2: // left pending
		return nil
	}
	if err := n.finish(j, text); err != nil {
		return err
	}
	c.finished.Add(1)
	return nil
}

// search looks at a node; whatever it finds must be whole and allowed.
func (c *chaos) search(n *node, p lode.Principal) {
	for ; !c.stop.Load(); time.Sleep(time.Millisecond) {
		v, err := n.View(ctx, p, "c")
		if lode.IsCode(err, lode.CodeNotFound) {
			continue
		}
		if err != nil {
			n.t.Errorf("view: %v", err)
			return
		}
		dense, err := v.Dense(ctx, vectorOf("zebra"), 50, lode.Filter{})
		lexical, lexErr := v.Lexical(ctx, "zebra lion", 50, lode.Filter{})
		_, spellErr := v.Suggest(ctx, "zebrs", 3)
		if err := errors.Join(err, lexErr, spellErr); err != nil {
			n.t.Errorf("search: %v", err)
			return
		}
		rows, err := v.Rows(ctx, append(rowIDs(dense), rowIDs(lexical)...), true)
		if errors.Is(err, collection.ErrViewGone) {
			c.gone.Add(1)
			continue
		}
		if err != nil {
			n.t.Errorf("rows: %v", err)
			return
		}
		for _, row := range lexical {
			if _, err := v.LexicalExplain(ctx, "zebra lion", lode.SyntaxPlain, row.Row); err != nil && !errors.Is(err, collection.ErrViewGone) {
				n.t.Errorf("explain: %v", err)
			}
		}
		for _, row := range rows {
			if !p.MaySee(row.Document.Readers) || strings.Contains(row.Chunk.Text, "torn") || row.Version.State != lode.StateReady {
				n.t.Errorf("%s sees row %d of %+v: %q", p.ID, row.ID, row.Document, row.Chunk.Text)
			}
		}
	}
}

// follow feeds the follower until it has everything that the leader had when stopped.
func (c *chaos) follow(seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	for {
		last := c.stop.Load()
		index, _ := c.follower.Applied()
		entries := c.leader.log.all()
		switch behind := len(entries) - int(index); {
		case behind == 0 && last:
			return
		case behind == 0:
			time.Sleep(time.Millisecond)
		case r.IntN(12) == 0:
			c.install()
		default:
			from := max(0, int(index)-r.IntN(3)) // some come again
			to := min(len(entries), int(index)+1+r.IntN(20))
			for _, result := range c.follower.Apply(entries[from:to]) {
				if fatal, ok := result.(collection.Fatal); ok {
					c.follower.t.Errorf("follower: %v", fatal)
					return
				}
			}
		}
	}
}

// builds builds graphs or words over what is sealed.
func (c *chaos) builds(n *node, build func(context.Context) (int, error)) {
	for ; !c.stop.Load(); time.Sleep(5 * time.Millisecond) {
		built, err := build(ctx)
		c.built.Add(int64(built))
		if err != nil && !lode.IsCode(err, lode.CodeNotFound) && !errors.Is(err, fs.ErrNotExist) {
			n.t.Errorf("build: %v", err)
			return
		}
	}
}

// install gives the follower a snapshot of the leader.
func (c *chaos) install() {
	write, release, err := c.leader.Snapshot()
	if err != nil {
		c.leader.t.Error(err)
		return
	}
	defer release()
	c.follower.fetchFrom(c.leader)
	var image bytes.Buffer
	err = errors.Join(write(&image), c.follower.Restore(&image))
	if errors.Is(err, fs.ErrNotExist) {
		return // a segment is sealed or dropped by now: the next snapshot says so
	}
	if err != nil {
		c.leader.t.Errorf("install: %v", err)
	}
}

// answers is everything that searches and lists say, to be compared between nodes.
func answers(n *node) string {
	n.t.Helper()
	var b strings.Builder
	for _, p := range []lode.Principal{root, {ID: "a", Labels: []string{"a"}}, {ID: "nobody"}} {
		v, err := n.View(ctx, p, "c")
		if err != nil {
			fmt.Fprintln(&b, lode.CodeOf(err))
			continue
		}
		dense, err := v.Dense(ctx, vectorOf("zebra"), 50, lode.Filter{})
		lexical, lexErr := v.Lexical(ctx, "zebra lion same7", 50, lode.Filter{})
		rows, rowsErr := v.Rows(ctx, append(rowIDs(dense), rowIDs(lexical)...), true)
		page, next, listErr := n.Documents(ctx, p, "c", collection.DocumentsQuery{})
		_, stats, statErr := n.Collection(ctx, p, "c")
		if err := errors.Join(err, lexErr, rowsErr, listErr, statErr); err != nil {
			n.t.Fatal(err)
		}
		for _, what := range []any{dense, lexical, rows, page, next, stats} {
			text, err := json.Marshal(what)
			if err != nil {
				n.t.Fatal(err)
			}
			fmt.Fprintln(&b, string(text))
		}
	}
	jobs, err := n.Jobs(ctx)
	if err != nil {
		n.t.Fatal(err)
	}
	fmt.Fprintln(&b, jobs)
	return b.String()
}

// withoutRefused returns the entries of a log that were not refused: the others may have left
// no trace, so that the log must lead to the same state without them.
func (c *chaos) withoutRefused(t tb) []collection.Entry {
	t.Helper()
	entries := c.leader.log.all()
	var accepted []collection.Entry
	m := openBare(t)
	copyBlobs(t, c.leader, m)
	for i, result := range m.Apply(entries) {
		if _, refused := result.(error); !refused {
			accepted = append(accepted, entries[i])
		}
	}
	if len(accepted) == len(entries) {
		t.Error("nothing was refused")
	}
	return accepted
}

// TestChaos: whatever callers do to each other, nothing is lost, doubled or comes back, no
// search sees half of anything, and all ways to the same log position lead to the same state
// and the same answers.
func TestChaos(t *testing.T) { testChaos(t, 500*time.Millisecond, func(*collection.Options) {}) }

// TestChaosEarly is TestChaos for nodes whose starts wait for no collection.
func TestChaosEarly(t *testing.T) {
	testChaos(t, 100*time.Millisecond, func(o *collection.Options) { o.EarlyRows = 1 })
}

func testChaos(t *testing.T, length time.Duration, change func(*collection.Options)) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	graphs := &testGraphs{}
	c := &chaos{leader: open(t, withGraphs(graphs), change), follower: openBare(t, withGraphs(graphs), change)}
	c.leader.create("c")
	group(c.leader)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() { c.write(seed + uint64(i)) })
	}
	for _, n := range []*node{c.leader, c.follower} {
		all.Go(func() { c.search(n, root) })
		all.Go(func() { c.search(n, lode.Principal{ID: "a", Labels: []string{"a"}}) })
	}
	all.Go(func() {
		c.builds(c.leader, func(ctx context.Context) (int, error) { return c.leader.BuildGraphs(ctx) })
	})
	all.Go(func() { c.builds(c.leader, func(ctx context.Context) (int, error) { return c.leader.BuildWords(ctx) }) })
	all.Go(func() { c.follow(seed) })
	time.Sleep(length)
	c.stop.Store(true)
	all.Wait()
	c.follow(seed) // what was written after its last look
	t.Logf("%d entries, %d documents finished, %d views gone", len(c.leader.log.all()), c.finished.Load(), c.gone.Load())
	if c.finished.Load() == 0 {
		t.Error("no document was finished")
	}
	for _, n := range []*node{c.leader, c.follower} {
		n.buildGraphs(-1)
	}
	t.Logf("%d graphs were built, %d graphs and words meanwhile", graphs.built.Load(), c.built.Load())

	replayed := replay(t, c.leader.log.all(), 7)
	accepted := replay(t, c.withoutRefused(t), 13)
	want, hash := answers(c.leader), c.leader.hash()
	for name, n := range map[string]*node{"follower": c.follower, "replayed": replayed, "without what was refused": accepted} {
		copyBlobs(t, c.leader, n)
		for range 2 {
			if n.hash() != hash {
				t.Errorf("%s has another state", name)
			}
			if got := answers(n); got != want {
				t.Errorf("%s answers otherwise:\n%s\nwant\n%s", name, got, want)
			}
			n.restart()
		}
	}
}
