// Command coder-hnsw serves github.com/coder/hnsw to bench/ann.
package main

import (
	"fmt"
	"math/rand"
	"os"
	"runtime"

	"github.com/coder/hnsw"

	"github.com/lodedb/lode/bench/peers/go/peer"
)

type engine struct{ graph *hnsw.Graph[int] }

// Build adds the rows in one call. The library has one breadth for both, so it is set to
// ef of the build here and to that of the search there.
func (e *engine) Build(rows [][]float32, o peer.Options) (int, error) {
	e.graph = hnsw.NewGraph[int]()
	e.graph.M, e.graph.EfSearch, e.graph.Rng = o.M, o.EFConstruction, rand.New(rand.NewSource(int64(o.Seed)))
	switch o.Metric {
	case "cosine":
		e.graph.Distance = hnsw.CosineDistance
	case "l2":
		e.graph.Distance = hnsw.EuclideanDistance
	default:
		return 0, fmt.Errorf("there is no metric %s", o.Metric)
	}
	nodes := make([]hnsw.Node[int], len(rows))
	for i, row := range rows {
		nodes[i] = hnsw.MakeNode(i, row)
	}
	e.graph.Add(nodes...)
	return e.graph.Len(), nil
}

func (e *engine) Search(query []float32, k, ef int) ([]int, error) {
	e.graph.EfSearch = ef
	found := e.graph.Search(query, k)
	ids := make([]int, len(found))
	for i, node := range found {
		ids[i] = node.Key
	}
	return ids, nil
}

func main() {
	hello := map[string]any{
		"name": "coder-hnsw", "version": peer.Version("github.com/coder/hnsw"), "about": "github.com/coder/hnsw, " + runtime.Version(),
		"configs": []map[string]any{{"name": "f32", "max_rows": 20000}},
	}
	if err := peer.Serve(hello, &engine{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
