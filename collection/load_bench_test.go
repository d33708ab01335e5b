package collection_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/flat"
)

// plainGraphs are graphs that cost nothing to build: what they search they search exactly, and
// what counts about them is that their rows lie in a file.
type plainGraphs struct{}

func (plainGraphs) Build(_ context.Context, _ lode.Collection, vectors []byte) (func(io.Writer) error, error) {
	return func(w io.Writer) error {
		_, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(vectors))))
		return err
	}, nil
}

func (plainGraphs) Open(settings lode.Collection, data, vectors []byte) (collection.Graph, error) {
	if binary.LittleEndian.Uint64(data) != uint64(len(vectors)) {
		return nil, lode.Errorf(lode.CodeCorrupt, "it is the graph of other vectors")
	}
	return &plainGraph{settings, vectors}, nil
}

type plainGraph struct {
	settings lode.Collection
	vectors  []byte
}

func (g *plainGraph) Len() int                     { return len(g.vectors) / 4 / g.settings.Dim }
func (g *plainGraph) Bytes() int64                 { return 8 }
func (g *plainGraph) Verify(context.Context) error { return nil }

func (g *plainGraph) Vector(ordinal uint32) lode.Vector {
	v, _ := lode.ParseVector(g.vectors[int(ordinal)*4*g.settings.Dim:][:4*g.settings.Dim]) // whole floats always parse
	return v
}

func (g *plainGraph) Search(ctx context.Context, query lode.Vector, o collection.GraphSearch) ([]index.Candidate, error) {
	x := flat.New(g.settings.Dim, g.settings.Metric)
	for i := range g.Len() {
		if _, err := x.Add(g.Vector(uint32(i))); err != nil {
			return nil, err
		}
	}
	return x.Search(ctx, query, o.K, o.Allow)
}

// BenchmarkLoad makes the in-memory state of a store: of raw vectors without text in a sealed
// segment, and of documents with text in a growing one.
func BenchmarkLoad(b *testing.B) {
	b.Run("points", func(b *testing.B) {
		n := open(b, func(o *collection.Options) { o.Graphs = plainGraphs{} })
		n.create("c")
		const rows = 100_000
		points := make([]lode.Point, 1000)
		for first := 0; first < rows; first += len(points) {
			for i := range points {
				points[i] = lode.Point{ID: lode.DocID(fmt.Sprint("row-", first+i)), Vector: vectorOf(fmt.Sprint(first + i))}
			}
			if _, err := n.PutPoints(ctx, root, "c", points); err != nil {
				b.Fatal(err)
			}
		}
		n.seal("c")
		n.flush()
		n.buildGraphs(1)
		benchLoad(b, n, rows)
	})
	b.Run("documents", func(b *testing.B) {
		n := open(b)
		n.create("c")
		const docs, chunks = 10_000, 10
		for i := range docs {
			text := ""
			for c := range chunks {
				text += fmt.Sprintf("\nthe %d part of document %d says something about number %d", c, i, i*c)
			}
			n.ingest("c", lode.DocID(fmt.Sprint("d", i)), text[1:])
		}
		n.flush()
		benchLoad(b, n, docs*chunks)
	})
}

func benchLoad(b *testing.B, n *node, rows int) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		e, err := collection.New(n.store, n.opts)
		if err != nil {
			b.Fatal(err)
		}
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*rows), "µs/row")
}

// BenchmarkPast is the first question about a time, and one that follows, of a collection of which
// a tenth was replaced since; and what a history costs a write.
func BenchmarkPast(b *testing.B) {
	const rows = 100_000
	fill := func(b *testing.B, n *node, from, to int, text string) {
		points := make([]lode.Point, 0, 1000)
		for at := from; at < to; at++ {
			points = append(points, lode.Point{ID: lode.DocID(fmt.Sprint("row-", at)), Vector: vectorOf(fmt.Sprint(at, text))})
			if len(points) == cap(points) || at == to-1 {
				if _, err := n.PutPoints(ctx, root, "c", points); err != nil {
					b.Fatal(err)
				}
				points = points[:0]
			}
		}
	}
	b.Run("asked", func(b *testing.B) {
		n := open(b, func(o *collection.Options) { o.Graphs = plainGraphs{} })
		n.create("c")
		n.keep(1000 * time.Hour)
		fill(b, n, 0, rows, "")
		n.seal("c")
		n.buildGraphs(1)
		at := n.tick()
		fill(b, n, 0, rows/10, "again")
		ask := func(b *testing.B, at time.Time) {
			v, err := n.ViewAsOf(ctx, root, "c", at)
			if err != nil {
				b.Fatal(err)
			}
			if counted, err := v.Count(ctx, lode.Filter{}); err != nil || counted.Rows != rows {
				b.Fatal(counted, err)
			}
		}
		b.Run("first", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				ask(b, at.Add(time.Duration(i)))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
		b.Run("next", func(b *testing.B) {
			ask(b, at)
			for b.Loop() {
				ask(b, at)
			}
		})
	})
	for name, history := range map[string]time.Duration{"replace": 0, "replace and keep": 1000 * time.Hour} {
		b.Run(name, func(b *testing.B) {
			n := open(b)
			n.create("c")
			n.keep(history)
			fill(b, n, 0, 10_000, "")
			for i := 0; b.Loop(); i++ {
				fill(b, n, 0, 10_000, fmt.Sprint(i))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/row")
		})
	}
}
