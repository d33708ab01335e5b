package collection_test

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/index"
)

// TestRecall: what is searched exactly has a recall of 1, and a search that loses rows is seen.
func TestRecall(t *testing.T) {
	for _, loses := range []bool{false, true} {
		n := open(t, withGraphs(new(testGraphs)), func(o *collection.Options) {
			if loses {
				o.Graphs = losing{o.Graphs}
			}
		})
		n.create("c")
		for i := range 40 {
			n.point(fmt.Sprint("p", i), []string{"a", "b"}[i%2], "all")
		}
		n.seal("c")
		n.buildGraphs(1)
		v := n.view(lode.Principal{ID: "w", Labels: []string{"all"}}, "c")
		for _, f := range []lode.Filter{{}, eq("tenant", "a")} {
			r, err := v.Recall(ctx, collection.RecallQuery{Samples: 10, K: 5, Filter: f})
			if err != nil || r.Queries != 10 || r.Source != "stored" {
				t.Fatalf("%+v, %v", r, err)
			}
			if want := 1.0; !loses && r.Mean != want || loses && r.Mean > 0.9 {
				t.Errorf("loses %v: recall %+v", loses, r)
			}
		}
		if _, err := v.Dense(ctx, vectorOf("x"), 1, lode.Filter{}); err != nil {
			t.Fatal(err)
		}
		if r, err := v.Recall(ctx, collection.RecallQuery{Samples: 10, K: 5}); err != nil || r.Queries != 1 || r.Source != "recent" {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := n.view(lode.Principal{ID: "nobody"}, "c").Recall(ctx, collection.RecallQuery{Samples: 10, K: 5}); err != nil || r.Mean != 1 {
			t.Errorf("nothing can be found: %+v, %v", r, err)
		}
		_, err := v.Recall(ctx, collection.RecallQuery{K: 1})
		wantCode(t, err, lode.CodeInvalid)
	}
}

// losing are graphs that lose the best row of every search that is not exact.
type losing struct{ collection.Graphs }

type losingGraph struct{ collection.Graph }

func (l losing) Build(ctx context.Context, settings lode.Collection, vectors []byte) (func(io.Writer) error, error) {
	return l.Graphs.Build(ctx, settings, vectors)
}

func (l losing) Open(settings lode.Collection, data, vectors []byte) (collection.Graph, error) {
	g, err := l.Graphs.Open(settings, data, vectors)
	return losingGraph{g}, err
}

func (g losingGraph) Search(ctx context.Context, query lode.Vector, o collection.GraphSearch) ([]index.Candidate, error) {
	if o.Exact {
		return g.Graph.Search(ctx, query, o)
	}
	o.K += 2
	found, err := g.Graph.Search(ctx, query, o)
	return found[min(2, len(found)):], err
}

// TestRecallOfSpaces: what was searched for in a named space is no query of the main one.
func TestRecallOfSpaces(t *testing.T) {
	n := open(t)
	settings := lode.Collection{
		Name: "c", Metric: lode.Dot, Embedder: lode.EmbedderConfig{Provider: lode.ProviderNone, Dim: dim},
		Vectors: []lode.VectorSpace{{Name: "short", Dim: 2}},
	}
	if _, err := n.CreateCollection(ctx, root, settings); err != nil {
		t.Fatal(err)
	}
	n.point("p", "a")
	v := n.view(root, "c")
	if _, err := v.DenseWith(ctx, lode.Vector{1, 0}, lode.DenseSearch{K: 1, Using: "short"}); err != nil {
		t.Fatal(err)
	}
	if r, err := v.Recall(ctx, collection.RecallQuery{Samples: 1, K: 1}); err != nil || r.Source != "stored" {
		t.Errorf("%+v, %v", r, err)
	}
}
