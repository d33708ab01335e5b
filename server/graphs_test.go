package server_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/server"
)

// TestGraphOfSealedSegment: a segment that is sealed gets a graph without anybody asking. It is
// searched from the file, finds what an exact search finds, and is there at once after a
// restart.
func TestGraphOfSealedSegment(t *testing.T) {
	const rows, dim, queries, k = 12_000, 24, 40, 10
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	cfg := server.Config{DataDir: t.TempDir(), SegmentBytes: 1 << 20, FlushInterval: 20 * time.Millisecond}
	node, c := open(t, cfg)
	if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "v", Embedder: &v1.Embedder{Provider: "none", Dim: dim}}); err != nil {
		t.Fatal(err)
	}
	points := make([]v1.Point, rows)
	vectors := make([]lode.Vector, rows)
	for i := range points {
		vectors[i] = make(lode.Vector, dim)
		for j := range vectors[i] {
			vectors[i][j] = float32(rnd.NormFloat64())
		}
		points[i] = v1.Point{ID: lode.DocID(fmt.Sprint(i)), Vector: vectors[i]}
		vectors[i] = vectors[i].Normalize()
	}
	putAll(t, c, points[:rows-500])
	awaitGraph(t, c)
	putAll(t, c, points[rows-500:]) // beside the graph
	if err := c.DeleteVector(t.Context(), "v", "0"); err != nil {
		t.Fatal(err)
	}
	vectors[0] = nil
	check := func(c *client.Client) {
		t.Helper()
		found := 0
		for range queries {
			query := make(lode.Vector, dim)
			for j := range query {
				query[j] = float32(rnd.NormFloat64())
			}
			limit := k
			got, err := c.SearchVectors(t.Context(), "v", v1.SearchVectors{Vector: query, K: &limit})
			if err != nil || len(got.Hits) != k {
				t.Fatalf("%+v, %v", got, err)
			}
			want := exact(vectors, query.Normalize(), k)
			for _, h := range got.Hits {
				if slices.Contains(want, h.DocumentID) {
					found++
				}
			}
		}
		if recall := float64(found) / (queries * k); recall < 0.9 {
			t.Errorf("recall %v", recall)
		}
	}
	check(c)
	explained(t, c, dim)
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	_, c = open(t, cfg)
	u, err := c.NodeUsage(t.Context())
	if err != nil || u.Memory.Collections[0].Graphs == 0 {
		t.Errorf("after a restart: %+v, %v", u.Memory.Collections, err)
	}
	check(c)
}

// explained looks at what searches say of themselves, and at their recall.
func explained(t *testing.T, c *client.Client, dim int) {
	t.Helper()
	query, off, few := make(lode.Vector, dim), false, 16
	query[0] = 1
	some := lode.HasID("1", "2", "3")
	for name, x := range map[string]struct {
		search v1.SearchVectors
		plans  string
	}{
		"as it is": {v1.SearchVectors{}, "graph traverse"}, // which of two depends on where a row was deleted
		"narrow":   {v1.SearchVectors{Ef: &few}, "graph traverse"},
		"exact":    {v1.SearchVectors{Exact: true}, "exact"},
		"filtered": {v1.SearchVectors{Filter: &some}, "scan"},
	} {
		x.search.Vector, x.search.Explain, x.search.WithText = query, true, &off
		got, err := c.SearchVectors(t.Context(), "v", x.search)
		if err != nil || got.Explanation == nil {
			t.Fatalf("%s: %+v, %v", name, got, err)
		}
		graph := got.Explanation.Segments[0]
		if !graph.Graph || !strings.Contains(x.plans, graph.Plan) || graph.Compared == 0 || graph.Nanos == 0 || got.Explanation.Rows < 10_000 {
			t.Errorf("%s: %+v", name, got.Explanation)
		}
		if x.search.Filter != nil && (got.Explanation.Allowed != 3 || len(graph.Predicted) == 0 || graph.Predicted["scan"] <= 0) {
			t.Errorf("%s: %+v", name, got.Explanation)
		}
	}
	samples := 20
	r, err := c.MeasureRecall(t.Context(), "v", v1.MeasureRecall{Samples: &samples, Seed: 7})
	if err != nil || r.Queries == 0 || r.Recall < 0.8 || r.Source != "recent" || r.SearchNanos == 0 {
		t.Errorf("recall %+v, %v", r, err)
	}
}

func putAll(t *testing.T, c *client.Client, points []v1.Point) {
	t.Helper()
	for part := range slices.Chunk(points, 500) {
		results, err := c.PutVectors(t.Context(), "v", part...)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results.Items {
			if r.Error != nil {
				t.Fatal(r.Error)
			}
		}
	}
}

// awaitGraph waits until the node reports a graph.
func awaitGraph(t *testing.T, c *client.Client) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		u, err := c.NodeUsage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if u.Memory.Collections[0].Graphs > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("there is no graph: %+v", u.Memory.Collections)
		}
	}
}

// exact returns the ids of the k vectors with the largest inner product; nil ones are gone.
func exact(vectors []lode.Vector, query lode.Vector, k int) []lode.DocID {
	type scored struct {
		id    lode.DocID
		score float64
	}
	var all []scored
	for i, v := range vectors {
		if v == nil {
			continue
		}
		sum := 0.0
		for j := range v {
			sum += float64(v[j]) * float64(query[j])
		}
		all = append(all, scored{lode.DocID(fmt.Sprint(i)), sum})
	}
	slices.SortFunc(all, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	ids := make([]lode.DocID, k)
	for i := range ids {
		ids[i] = all[i].id
	}
	return ids
}
