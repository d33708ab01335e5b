package server_test

import (
	"fmt"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/server"
)

// TestStartWaitsForNoCollection: a node that is started again answers at once, also before its
// collections are loaded, and says which are not.
func TestStartWaitsForNoCollection(t *testing.T) {
	cfg := server.Config{DataDir: t.TempDir(), EarlyRows: 1, GraphRows: 1}
	node, c := open(t, cfg)
	if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "raw", Metric: lode.L2, Embedder: &v1.Embedder{Provider: lode.ProviderNone, Dim: 2}}); err != nil {
		t.Fatal(err)
	}
	var points []v1.Point
	for i := range 500 {
		points = append(points, v1.Point{ID: lode.DocID(fmt.Sprint("p", i)), Vector: lode.Vector{float32(i), 0}})
	}
	if _, err := c.PutVectors(t.Context(), "raw", points...); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SealSegment(t.Context(), "raw"); err != nil {
		t.Fatal(err)
	}
	if _, err := node.Engine().BuildGraphs(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	node, c = open(t, cfg)
	if of := node.Engine().Loading(); len(of) > 1 || len(of) == 1 && of[0].Name != "raw" {
		t.Errorf("being loaded: %v", of)
	}
	k := 3
	found, err := c.SearchVectors(t.Context(), "raw", v1.SearchVectors{Vector: lode.Vector{100, 0}, K: &k})
	if err != nil || len(found.Hits) != 3 || found.Hits[0].DocumentID != "p100" {
		t.Fatalf("%+v %v", found, err)
	}
	if _, err := c.GetCollection(t.Context(), "raw"); err != nil { // which waits
		t.Fatal(err)
	}
	ready, err := c.Ready(t.Context())
	if err != nil || !ready.Ready || len(ready.Reasons) > 0 {
		t.Errorf("ready %+v %v", ready, err)
	}
}
