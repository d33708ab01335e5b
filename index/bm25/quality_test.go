package bm25_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lodedb/lode/index/bm25"
	"github.com/lodedb/lode/internal/beir"
	"github.com/lodedb/lode/internal/testdata"
)

// Parameters and analysis are the published ones; nothing was tuned on these queries. The
// published figure of Anserini with the same parameters is 0.6789.
func TestQualityOnSciFact(t *testing.T) {
	set, err := beir.Read(filepath.Join(testdata.Dir(t), "retrieval", "scifact"))
	if err != nil || len(set.Docs) != 5183 || len(set.Queries) != 300 {
		t.Fatalf("read %d documents and %d queries: %v", len(set.Docs), len(set.Queries), err)
	}
	begin := time.Now()
	x := bm25.New(bm25.Options{})
	for _, d := range set.Docs {
		x.Add(d.Title + " " + d.Text)
	}
	built := time.Since(begin)

	var sum, found, judged float64
	var took []time.Duration
	for _, query := range set.Queries {
		begin := time.Now()
		hits, err := x.Search(t.Context(), query.Text, 100, nil)
		took = append(took, time.Since(begin))
		if err != nil {
			t.Fatal(err)
		}
		var ranked []string
		for _, hit := range hits {
			id := set.Docs[hit.Ordinal].ID
			ranked = append(ranked, id)
			if set.Qrels[query.ID][id] > 0 {
				found++
			}
		}
		judged += float64(len(set.Qrels[query.ID]))
		sum += beir.NDCG(ranked, set.Qrels[query.ID], 10)
	}
	slices.Sort(took)
	mean := sum / float64(len(set.Queries))
	t.Logf("SciFact: nDCG@10 %.4f, recall@100 %.4f (micro), built in %v, query p50 %v p99 %v, %d bytes",
		mean, found/judged, built.Round(time.Millisecond), took[150], took[297], x.Bytes())
	if mean < 0.66 {
		t.Errorf("nDCG@10 is %.4f, below 0.66", mean)
	}
}
