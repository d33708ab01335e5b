package collection_test

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/flat"
)

// gate stops loads in the background where they make an index, until it is opened. A broken one then
// makes them fail.
type gate struct {
	closed chan struct{}
	once   sync.Once
	broken atomic.Bool
}

func (g *gate) open() { g.once.Do(func() { close(g.closed) }) }

// broken is an index that takes nothing.
type broken struct{ index.Dense }

func (broken) Add(lode.Vector) (uint32, error) { return 0, errors.New("the index is broken") }

// gatedStart starts a node again whose collections wait behind a gate.
func gatedStart(n *node) *gate {
	g := &gate{closed: make(chan struct{})}
	n.t.Cleanup(g.open) // also when the test fails: closing waits for it
	n.opts.NewDense = func(dim int, m lode.Metric) index.Dense {
		if !strings.Contains(string(debug.Stack()), ".loadLater(") {
			return flat.New(dim, m) // before the load, for early answers
		}
		<-g.closed
		if g.broken.Load() {
			return broken{flat.New(dim, m)}
		}
		return flat.New(dim, m)
	}
	n.opts.EarlyRows = 1
	n.restart()
	return g
}

// early is a node with rows in a graph, in a sealed file without one, and in what grows; some
// are gone. It was stopped in order.
func early(t *testing.T) *node {
	n := open(t, func(o *collection.Options) { o.Graphs, o.GraphRows = plainGraphs{}, 20 })
	n.create("c")
	for i := range 40 {
		putPoint(n, i, 2001)
	}
	n.seal("c")
	n.buildGraphs(1)
	for i := range 10 {
		putPoint(n, 100+i, 2002)
	}
	n.ingest("c", "d", "zebra\nlion\ntiger")
	n.seal("c")
	for i := range 5 {
		putPoint(n, 200+i, 2003)
	}
	if _, err := n.DeleteDocuments(ctx, root, "c", lode.KindVector, []lode.DocID{"p3", "p101", "p201"}); err != nil {
		t.Fatal(err)
	}
	return n
}

func earlyView(t *testing.T, n *node, p lode.Principal) *collection.EarlyView {
	t.Helper()
	v, err := n.EarlyView(ctx, p, "c")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// answering is what both kinds of views can.
type answering interface {
	Dense(ctx context.Context, vector lode.Vector, k int, f lode.Filter) ([]lode.Candidate, error)
	Known(ctx context.Context, ids []lode.RowID) ([]lode.Row, error)
	Rows(ctx context.Context, ids []lode.RowID, withVectors bool) ([]lode.Row, error)
}

// everything is what a view answers, with scores and all that is known of the rows.
func everything(t *testing.T, v answering, query string, k int) string {
	t.Helper()
	found, err := v.Dense(ctx, vectorOf(query), k, lode.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	known, knownErr := v.Known(ctx, rowIDs(found))
	rows, err := v.Rows(ctx, rowIDs(found), true)
	if err := errors.Join(knownErr, err); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i := range rows {
		fmt.Fprintf(&b, "%v %+v %s %+v %+v %v\n", found[i], *rows[i].Document, known[i].Chunk.ID, *rows[i].Version, rows[i].Chunk, rows[i].Vector)
	}
	return b.String()
}

// TestEarlyAnswers: a collection that is being loaded answers by vectors what it answers later,
// and everything else waits.
func TestEarlyAnswers(t *testing.T) {
	n := early(t)
	want := map[string]string{}
	for i := range 20 {
		query := fmt.Sprint("query ", i)
		want[query] = everything(t, n.view(root, "c"), query, 1+3*i%50)
	}
	g := gatedStart(n)
	v := earlyView(t, n, root)
	if v == nil {
		t.Fatal("there is no early view")
	}
	for i := range 20 {
		query := fmt.Sprint("query ", i)
		if got := everything(t, v, query, 1+3*i%50); got != want[query] {
			t.Errorf("%s is answered early by\n%swant\n%s", query, got, want[query])
		}
	}
	year := lode.WhereEq("year", lode.IntegerValue(2001))
	if _, err := v.Dense(ctx, vectorOf("x"), 3, year); !errors.Is(err, collection.ErrViewGone) {
		t.Errorf("a filter is answered early: %v", err)
	}
	if _, err := v.Dense(ctx, vectorOf("x"), 1000, lode.Filter{}); !errors.Is(err, collection.ErrViewGone) {
		t.Errorf("more than all is answered early, though some are gone: %v", err)
	}
	if _, err := v.Known(ctx, []lode.RowID{4}); !errors.Is(err, collection.ErrViewGone) {
		t.Errorf("a row is known that was not found: %v", err)
	}
	if of := n.Loading(); len(of) != 1 || of[0].Name != "c" || of[0].Percent > 50 {
		t.Errorf("being loaded: %+v", of)
	}
	waits(t, n)
	g.open()
	if err := n.Await(ctx); err != nil {
		t.Fatal(err)
	}
	if of := n.Loading(); len(of) != 0 || earlyView(t, n, root) != nil {
		t.Errorf("still being loaded: %+v", of)
	}
	for query, answer := range want {
		if got := everything(t, n.view(root, "c"), query, strings.Count(answer, "\n")); got != answer {
			t.Errorf("%s is answered later by\n%swant\n%s", query, got, answer)
		}
	}
}

// waits demands that what needs the whole collection waits for it, as long as its caller.
func waits(t *testing.T, n *node) {
	t.Helper()
	if v := earlyView(t, n, lode.Principal{ID: "a", Labels: []string{"a"}}); v != nil {
		t.Error("a principal that does not see everything is answered early")
	}
	for what, ask := range map[string]func(context.Context) error{
		"view":  func(ctx context.Context) error { _, err := n.View(ctx, root, "c"); return err },
		"stats": func(ctx context.Context) error { _, _, err := n.Collection(ctx, root, "c"); return err },
		"list":  func(ctx context.Context) error { _, _, err := n.Collections(ctx, root, "", 0); return err },
		"graph": func(ctx context.Context) error { _, err := n.BuildGraphs(ctx); return err },
		"words": func(ctx context.Context) error { _, err := n.BuildWords(ctx); return err },
		"check": func(ctx context.Context) error { return n.Check(ctx, func(_, _ string) {}) },
		"due":   func(ctx context.Context) error { _, err := n.ExpireDue(ctx); return err },
		"await": n.Await,
	} {
		short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
		if err := ask(short); !lode.IsCode(err, lode.CodeTimeout) {
			t.Errorf("%s does not wait: %v", what, err)
		}
		cancel()
	}
	if usage, err := n.Usage(root); err != nil || len(usage) != 0 {
		t.Errorf("usage %v %v", usage, err)
	}
}

// TestWritesWhileLoading: what was acknowledged while a collection is loaded is in the next
// answer, which waits, and never in part.
func TestWritesWhileLoading(t *testing.T) {
	n := early(t)
	d := n.submit(n.accepted("c", "d", "otter"))
	job := n.job("c", d) // which asks for the numbers of the collection
	g := gatedStart(n)
	before := earlyView(t, n, root)
	nearest, err := before.Dense(ctx, vectorOf("query"), 2, lode.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	known, err := before.Known(ctx, rowIDs(nearest))
	if err != nil {
		t.Fatal(err)
	}
	gone := known[1].Document
	if _, err := n.DeleteDocuments(ctx, root, "c", gone.Kind, []lode.DocID{gone.ID}); err != nil {
		t.Fatal(err)
	}
	putPoint(n, 300, 2004)
	if err := n.finish(job, "otter"); err != nil {
		t.Fatal(err)
	}
	n.patch(lode.Write{}, collection.Selection{Kind: lode.KindVector, IDs: []lode.DocID{"p8"}}, lode.Patch{AddReaders: []string{"a"}})
	if earlyView(t, n, root) != nil {
		t.Error("what is out of date is answered from")
	}
	if _, err := before.Dense(ctx, vectorOf("query"), 2, lode.Filter{}); !errors.Is(err, collection.ErrViewGone) {
		t.Errorf("an early view answers around what is gone: %v", err)
	}
	if _, err := before.Rows(ctx, rowIDs(nearest), false); !errors.Is(err, collection.ErrViewGone) {
		t.Errorf("a row that is gone is read: %v", err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		texts := strings.Join(n.texts(root, "c", lode.Filter{}), "|") + "|"
		if strings.Contains(texts, strings.Replace(string(gone.ID), "p", "text ", 1)+"|") || strings.Contains(texts, "zebra") || !strings.Contains(texts, "text 300|") || !strings.Contains(texts, "otter|") {
			t.Errorf("after the load there is %s", texts)
		}
	})
	g.open()
	all.Wait()
	nobody := strings.Join(n.texts(lode.Principal{ID: "nobody"}, "c", lode.Filter{}), "|") + "|"
	if strings.Contains(nobody, "text 8|") || !strings.Contains(nobody, "text 9|") {
		t.Errorf("nobody sees %s", nobody)
	}
	if got, want := n.nearest("query", lode.Filter{}), restarted(n); got != want {
		t.Errorf("after the load\n%s, loaded anew\n%s", got, want)
	}
}

// restarted is what a node answers that waits for its collections.
func restarted(n *node) string {
	n.opts.EarlyRows = 0
	n.restart()
	return n.nearest("query", lode.Filter{})
}

// TestEarlyExpiry: what has expired is in no early answer.
func TestEarlyExpiry(t *testing.T) {
	n := early(t)
	soon := n.now.Add(time.Hour)
	n.patch(lode.Write{}, collection.Selection{Kind: lode.KindVector, IDs: []lode.DocID{"p7"}}, lode.Patch{ExpiresAt: &lode.Expiry{At: &soon}})
	g := gatedStart(n)
	defer g.open()
	for _, want := range []bool{true, false} {
		found := everything(t, earlyView(t, n, root), "point 7", 3)
		if got := strings.Contains(found, "Text:text 7 "); got != want {
			t.Errorf("it is found: %v, want %v, in\n%s", got, want, found)
		}
		n.clock.Lock()
		n.now = soon
		n.clock.Unlock()
	}
}

// TestDroppedWhileLoading: a collection that is dropped meanwhile is gone for those who wait
// for it, and its name is free.
func TestDroppedWhileLoading(t *testing.T) {
	n := early(t)
	g := gatedStart(n)
	waiting := make(chan error, 1)
	go func() {
		_, err := n.View(ctx, root, "c")
		waiting <- err
	}()
	if err := n.DeleteCollection(ctx, root, "c"); err != nil {
		t.Fatal(err)
	}
	n.create("c")
	putPoint(n, 1, 2001)
	if texts := n.texts(root, "c", lode.Filter{}); len(texts) != 1 {
		t.Errorf("the new one has %q", texts)
	}
	g.open()
	if err := <-waiting; err != nil && !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("who waited is told %v", err)
	}
}

// TestCloseWhileLoading: a load ends with its engine, and who waits for it is told.
func TestCloseWhileLoading(t *testing.T) {
	n := early(t)
	g := gatedStart(n)
	waiting := make(chan error, 1)
	go func() { waiting <- n.Await(ctx) }()
	closed := make(chan error, 1)
	go func() { closed <- n.Close() }()
	time.Sleep(time.Millisecond) // so that some waits are for a node that closes
	g.open()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := <-waiting; err != nil && !lode.IsCode(err, lode.CodeUnavailable) {
		t.Errorf("who waited is told %v", err)
	}
	_, err := n.View(ctx, root, "c")
	wantCode(t, err, lode.CodeUnavailable)
	n.restart()
}

// TestFailedLoad: a collection that cannot be loaded stops the node, and answers nothing.
func TestFailedLoad(t *testing.T) {
	n := early(t)
	failed := make(chan error, 2)
	n.opts.Failed = func(err error) { failed <- err }
	g := gatedStart(n)
	g.broken.Store(true)
	g.open()
	if err := <-failed; !errors.As(err, new(collection.Fatal)) || !strings.Contains(err.Error(), "load collection c") {
		t.Errorf("the node stops with %v", err)
	}
	_, err := n.View(ctx, root, "c")
	wantCode(t, err, lode.CodeUnavailable)
	if errs, err := n.PutPoints(ctx, root, "c", []lode.Point{{ID: "p", Vector: vectorOf("p")}}); err == nil {
		t.Errorf("a write is taken: %v", errs)
	}
	if v := earlyView(t, n, root); v != nil {
		t.Error("what failed is answered from")
	}
	g.broken.Store(false)
	n.restart()
}

// TestTooMuchBeside: with many rows outside of graphs nothing is answered early.
func TestTooMuchBeside(t *testing.T) {
	n := open(t, func(o *collection.Options) { o.EarlyRows = 1 })
	n.create("c")
	points := make([]lode.Point, 1000)
	for first := 0; first <= 10_000; first += len(points) {
		for i := range points {
			points[i] = lode.Point{ID: lode.DocID(fmt.Sprint("p", first+i)), Vector: vectorOf(fmt.Sprint(first + i))}
		}
		if _, err := n.PutPoints(ctx, root, "c", points); err != nil {
			t.Fatal(err)
		}
	}
	g := gatedStart(n)
	defer g.open()
	if v := earlyView(t, n, root); v != nil {
		t.Error("there is an early view")
	}
}
