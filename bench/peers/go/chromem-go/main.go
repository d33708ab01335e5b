// Command chromem-go serves github.com/philippgille/chromem-go, an exact scan, to bench/ann.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"

	"github.com/philippgille/chromem-go"

	"github.com/lodedb/lode/bench/peers/go/peer"
)

type engine struct{ collection *chromem.Collection }

func (e *engine) Build(rows [][]float32, o peer.Options) (int, error) {
	if o.Metric != "cosine" {
		return 0, fmt.Errorf("there is no metric %s", o.Metric)
	}
	noText := func(context.Context, string) ([]float32, error) { return nil, fmt.Errorf("vectors are given") }
	collection, err := chromem.NewDB().CreateCollection("rows", nil, noText)
	if err != nil {
		return 0, err
	}
	documents := make([]chromem.Document, len(rows))
	for i, row := range rows {
		documents[i] = chromem.Document{ID: strconv.Itoa(i), Embedding: row}
	}
	e.collection = collection
	err = collection.AddDocuments(context.Background(), documents, 1)
	return collection.Count(), err
}

func (e *engine) Search(query []float32, k, _ int) ([]int, error) {
	found, err := e.collection.QueryEmbedding(context.Background(), query, k, nil, nil)
	if err != nil {
		return nil, err
	}
	ids := make([]int, len(found))
	for i, result := range found {
		if ids[i], err = strconv.Atoi(result.ID); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func main() {
	hello := map[string]any{
		"name": "chromem-go", "version": peer.Version("github.com/philippgille/chromem-go"), "about": "github.com/philippgille/chromem-go, " + runtime.Version(),
		"configs": []map[string]any{{"name": "f32", "exact": true, "max_rows": 20000, "about": "exact scan"}},
	}
	if err := peer.Serve(hello, &engine{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
