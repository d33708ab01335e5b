package collection_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/hnsw"
)

// testGraphs makes graphs that are searched exactly, as they are small, and counts.
type testGraphs struct{ built, opened atomic.Int64 }

func (g *testGraphs) Build(ctx context.Context, settings lode.Collection, vectors []byte) (func(io.Writer) error, error) {
	g.built.Add(1)
	all, err := lode.ParseVector(vectors)
	if err != nil {
		return nil, err
	}
	var rows []lode.Vector
	for ; len(all) > 0; all = all[settings.Dim:] {
		rows = append(rows, all[:settings.Dim])
	}
	x, err := hnsw.New(hnsw.Options{Dim: settings.Dim, Metric: settings.Metric, Ef: hnsw.MaxEf, Threads: 1})
	if err != nil {
		return nil, err
	}
	if _, err := x.AddBatch(ctx, rows); err != nil {
		return nil, err
	}
	return func(w io.Writer) error { return x.Seal(w, hnsw.SealOptions{WithoutVectors: true}) }, nil
}

func (g *testGraphs) Open(_ lode.Collection, data, vectors []byte) (collection.Graph, error) {
	g.opened.Add(1)
	x, err := hnsw.Open(data, hnsw.OpenOptions{Vectors: vectors, Trust: true})
	return testGraph{x}, err
}

type testGraph struct{ *hnsw.Sealed }

func (g testGraph) Search(ctx context.Context, query lode.Vector, o collection.GraphSearch) ([]index.Candidate, error) {
	return g.SearchWith(ctx, query, hnsw.SearchOptions{K: o.K, Allow: o.Allow, Ef: o.Ef, Exact: o.Exact})
}

// withGraphs gives every sealed segment a graph, once [collection.Engine.BuildGraphs] is called.
func withGraphs(g *testGraphs) func(*collection.Options) {
	return func(o *collection.Options) { o.Graphs, o.GraphRows = g, 1 }
}

// buildGraphs builds so many graphs; a negative number is any.
func (n *node) buildGraphs(want int) {
	n.t.Helper()
	if built, err := n.BuildGraphs(ctx); err != nil || want >= 0 && built != want {
		n.t.Fatalf("%d graphs were built, want %d: %v", built, want, err)
	}
}

// nearest is what a search by vector answers, with scores.
func (n *node) nearest(query string, f lode.Filter) string {
	n.t.Helper()
	found, err := n.view(root, "c").Dense(ctx, vectorOf(query), 1000, f)
	if err != nil {
		n.t.Fatal(err)
	}
	return fmt.Sprint(found)
}

func putPoint(n *node, id int, year int64) {
	n.t.Helper()
	p := lode.Point{ID: lode.DocID(fmt.Sprint("p", id)), Vector: vectorOf(fmt.Sprint("point ", id)), Text: fmt.Sprint("text ", id), Metadata: lode.Metadata{"year": lode.IntegerValue(year)}}
	if errs, err := n.PutPoints(ctx, root, "c", []lode.Point{p}); err != nil || errs[0] != nil {
		n.t.Fatal(err, errs)
	}
}

// graphed is a node with a graph over 60 rows and 20 rows beside it, and a twin without graphs.
func graphed(t *testing.T, g *testGraphs) (n, twin *node) {
	n, twin = open(t, withGraphs(g)), open(t)
	for _, x := range []*node{n, twin} {
		x.create("c")
		for i := range 60 {
			putPoint(x, i, int64(2000+i%7))
		}
		x.seal("c")
		x.flush()
	}
	n.buildGraphs(1)
	for _, x := range []*node{n, twin} {
		for i := range 20 {
			putPoint(x, 100+i, 2001)
		}
	}
	return n, twin
}

// TestGraphs: answers are those of exact search, to the score, before and after everything
// that changes them, and a restart builds nothing again.
func TestGraphs(t *testing.T) {
	g := &testGraphs{}
	n, twin := graphed(t, g)
	same := func(step string) {
		t.Helper()
		for _, f := range []lode.Filter{{}, lode.WhereEq("year", lode.IntegerValue(2001))} {
			if got, want := n.nearest("query", f), twin.nearest("query", f); got != want {
				t.Errorf("%s: the answer is\n%s, want\n%s", step, got, want)
			}
		}
		n.check()
	}
	same("built")
	both := func(step string, do func(*node)) {
		t.Helper()
		do(n)
		do(twin)
		same(step)
	}
	both("delete", func(x *node) {
		if _, err := x.DeleteDocuments(ctx, root, "c", lode.KindVector, []lode.DocID{"p3", "p4", "p100"}); err != nil {
			t.Fatal(err)
		}
	})
	both("replace", func(x *node) {
		p := lode.Point{ID: "p7", Vector: vectorOf("another"), Text: "other"}
		if _, err := x.PutPoints(ctx, root, "c", []lode.Point{p}); err != nil {
			t.Fatal(err)
		}
	})
	both("describe", func(x *node) { putPoint(x, 8, 1999) })
	both("restart", func(x *node) { x.restart() })
	n.buildGraphs(0)
	if g.built.Load() != 1 || g.opened.Load() < 2 {
		t.Errorf("%d builds and %d opens", g.built.Load(), g.opened.Load())
	}
	both("second segment", func(x *node) { x.seal("c"); x.flush() })
	n.buildGraphs(1)
	same("second graph")
	if _, err := n.SweepSegments(); err != nil {
		t.Fatal(err)
	}
	same("swept")
	if err := n.DeleteCollection(ctx, root, "c"); err != nil {
		t.Fatal(err)
	}
	n.flush()
	if _, err := n.SweepSegments(); err != nil {
		t.Fatal(err)
	}
	if growing, sealed := n.segmentFiles(); len(growing)+len(sealed) != 0 {
		t.Errorf("files stay behind: %v %v", growing, sealed)
	}
}

// SweepSegments is that of the store.
func (n *node) SweepSegments() (int, error) { return n.store.SweepSegments(ctx) }

// TestDamagedGraph: a byte of a graph that changed is found, the node goes on without the graph
// and builds another, and answers stay right.
func TestDamagedGraph(t *testing.T) {
	for name, at := range map[string]func(size int64) int64{
		"head": func(int64) int64 { return 40 },
		"body": func(size int64) int64 { return size - 300 },
	} {
		t.Run(name, func(t *testing.T) {
			g := &testGraphs{}
			n, twin := graphed(t, g)
			n.stop()
			path := indexFile(t, n)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b[at(int64(len(b)))] ^= 4
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			n.start()
			for range 3 { // found, given up, built
				if _, err := n.BuildGraphs(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if g.built.Load() != 2 {
				t.Errorf("%d builds", g.built.Load())
			}
			if got, want := n.nearest("query", lode.Filter{}), twin.nearest("query", lode.Filter{}); got != want {
				t.Errorf("the answer is\n%s, want\n%s", got, want)
			}
			if again, err := os.ReadFile(path); err != nil || len(again) != len(b) || string(again) == string(b) {
				t.Errorf("the graph was not written again: %v", err)
			}
		})
	}
}

// TestGraphDamagedMeanwhile: what happens to the file of a graph that is in use is found by a
// check, and mended.
func TestGraphDamagedMeanwhile(t *testing.T) {
	g := &testGraphs{}
	n, twin := graphed(t, g)
	f, err := os.OpenFile(indexFile(t, n), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0xA5}, info.Size()-300); err != nil {
		t.Fatal(err)
	}
	var reported []string
	if err := n.Check(ctx, func(where, what string) { reported = append(reported, where+" "+what) }); err != nil || len(reported) != 1 || !strings.Contains(reported[0], "segment 1") {
		t.Errorf("reported: %q, %v", reported, err)
	}
	for range 2 { // given up, built
		if _, err := n.BuildGraphs(ctx); err != nil {
			t.Fatal(err)
		}
	}
	n.check()
	if got, want := n.nearest("query", lode.Filter{}), twin.nearest("query", lode.Filter{}); got != want || g.built.Load() != 2 {
		t.Errorf("%d builds; the answer is\n%s, want\n%s", g.built.Load(), got, want)
	}
}

func indexFile(t *testing.T, n *node) string {
	t.Helper()
	_, files := n.segmentFiles()
	for _, f := range files {
		if strings.HasSuffix(f, ".index") {
			return filepath.Join(n.dir, "segments", f)
		}
	}
	t.Fatalf("there is no graph in %v", files)
	return ""
}
