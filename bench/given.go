package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/hnsw"
	"github.com/lodedb/lode/index/quant"
)

const (
	// givenTarget is the recall that searches of a graph should have.
	givenTarget = 0.99
	givenK      = 10
	givenEf     = 128 // as in the graphs of a node
)

// Given reads vectors that another system made of texts, as records.jsonl and embeddings.bin
// (little-endian float32), links them in a graph as a node links vectors of so many dimensions,
// and compares what walks through the graph find with what is right: each vector is searched
// for, itself left out. A node would scan so few; here the walk is forced.
func Given(ctx context.Context, o Options) (*Report, error) {
	vectors, err := readGiven(o.Data)
	if err != nil {
		return nil, err
	}
	x, err := hnsw.New(hnsw.Options{Dim: len(vectors[0]), Metric: lode.Cosine, Kind: quant.Int4, Ef: givenEf, Threads: 1, Capacity: len(vectors)})
	if err != nil {
		return nil, err
	}
	defer x.Close()
	if _, err := x.AddBatch(ctx, vectors); err != nil {
		return nil, err
	}
	name := filepath.Base(o.Data)
	r := NewReport("given", "Vectors of another system through a graph: "+name, o)
	r.Data = fmt.Sprintf("%s, the vectors of %d texts, of %d dimensions", name, len(vectors), len(vectors[0]))
	for _, ef := range []int{16, 32, 64, givenEf} {
		recall, err := walkGiven(ctx, x, vectors, ef)
		if err != nil {
			return nil, err
		}
		figure := fmt.Sprintf("recall@%d through the graph, breadth %d", givenK, ef)
		if ef == givenEf {
			r.Demand(figure+" (the default)", recall, "", ">=", givenTarget)
		} else {
			r.Add(figure, recall, "")
		}
	}
	return r, nil
}

func readGiven(dir string) ([]lode.Vector, error) {
	f, err := os.Open(filepath.Join(dir, "records.jsonl"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	records := 0
	for dec := json.NewDecoder(bufio.NewReader(f)); ; records++ {
		var record struct{ ID string }
		if err := dec.Decode(&record); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("records.jsonl: record %d: %w", records+1, err)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "embeddings.bin"))
	if err != nil {
		return nil, err
	}
	if records <= givenK || len(b)%(4*records) != 0 {
		return nil, fmt.Errorf("%d bytes of vectors do not fit %d records", len(b), records)
	}
	vectors := make([]lode.Vector, records)
	size := len(b) / records
	for i := range vectors {
		if vectors[i], err = lode.ParseVector(b[i*size:][:size]); err != nil {
			return nil, err
		}
	}
	return vectors, nil
}

// walkGiven returns the recall of walks of a breadth.
func walkGiven(ctx context.Context, x *hnsw.Index, vectors []lode.Vector, ef int) (float64, error) {
	allow := index.NewBitset(len(vectors))
	allow.SetAll()
	found := 0
	for i, v := range vectors {
		allow.Clear(uint32(i))
		right, err := x.SearchWith(ctx, v, hnsw.SearchOptions{K: givenK, Allow: allow, Exact: true})
		if err != nil {
			return 0, err
		}
		var did hnsw.Stats
		walked, err := x.SearchWith(ctx, v, hnsw.SearchOptions{K: givenK, Allow: allow, Ef: ef, Plan: hnsw.PlanTraverse, Stats: &did})
		if err != nil {
			return 0, err
		}
		if did.Plan != hnsw.PlanTraverse || did.Switched {
			return 0, fmt.Errorf("the search for vector %d went by %q and through no graph", i, did.Plan)
		}
		is := map[uint32]bool{}
		for _, c := range right {
			is[c.Ordinal] = true
		}
		for _, c := range walked {
			if is[c.Ordinal] {
				found++
			}
		}
		allow.Set(uint32(i))
	}
	return float64(found) / float64(givenK*len(vectors)), nil
}
