package bm25_test

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode/index/bm25"
	"github.com/lodedb/lode/internal/testdata"
)

// retrievalSet is a test collection in BEIR layout.
type retrievalSet struct {
	ids     []string // of documents
	texts   []string
	queries []struct{ ID, Text string }
	grades  map[string]map[string]float64 // by query, by document
}

func loadSet(t *testing.T, name string) *retrievalSet {
	dir := filepath.Join(testdata.Dir(t), "retrieval", name)
	set := &retrievalSet{grades: make(map[string]map[string]float64)}
	eachLine(t, filepath.Join(dir, "corpus.jsonl"), func(line string) {
		var doc struct {
			ID    string `json:"_id"`
			Title string
			Text  string
		}
		decode(t, line, &doc)
		set.ids = append(set.ids, doc.ID)
		set.texts = append(set.texts, doc.Title+" "+doc.Text)
	})
	eachLine(t, filepath.Join(dir, "qrels", "test.tsv"), func(line string) {
		fields := strings.Split(line, "\t")
		grade, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			return // the heading
		}
		if set.grades[fields[0]] == nil {
			set.grades[fields[0]] = make(map[string]float64)
		}
		set.grades[fields[0]][fields[1]] = grade
	})
	eachLine(t, filepath.Join(dir, "queries.jsonl"), func(line string) {
		var query struct {
			ID   string `json:"_id"`
			Text string
		}
		decode(t, line, &query)
		if set.grades[query.ID] != nil {
			set.queries = append(set.queries, struct{ ID, Text string }{query.ID, query.Text})
		}
	})
	return set
}

func eachLine(t *testing.T, path string, f func(line string)) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		f(lines.Text())
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

func decode(t *testing.T, line string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), v); err != nil {
		t.Fatal(err)
	}
}

// ndcg is nDCG of the first k with linear gains, as trec_eval has it.
func ndcg(ranked []string, grades map[string]float64, k int) float64 {
	var got, ideal float64
	for i, id := range ranked[:min(k, len(ranked))] {
		got += grades[id] / math.Log2(float64(i)+2)
	}
	var best []float64
	for _, grade := range grades {
		best = append(best, grade)
	}
	slices.Sort(best)
	slices.Reverse(best)
	for i, grade := range best[:min(k, len(best))] {
		ideal += grade / math.Log2(float64(i)+2)
	}
	if ideal == 0 {
		return 0
	}
	return got / ideal
}

// Parameters and analysis are the published ones; nothing was tuned on these queries. The
// published figure of Anserini with the same parameters is 0.6789.
func TestQualityOnSciFact(t *testing.T) {
	set := loadSet(t, "scifact")
	if len(set.texts) != 5183 || len(set.queries) != 300 {
		t.Fatalf("read %d documents and %d queries", len(set.texts), len(set.queries))
	}
	begin := time.Now()
	x := bm25.New(bm25.Options{})
	for _, s := range set.texts {
		x.Add(s)
	}
	built := time.Since(begin)

	var sum, found, judged float64
	var took []time.Duration
	for _, query := range set.queries {
		begin := time.Now()
		hits, err := x.Search(t.Context(), query.Text, 100, nil)
		took = append(took, time.Since(begin))
		if err != nil {
			t.Fatal(err)
		}
		var ranked []string
		for _, hit := range hits {
			id := set.ids[hit.Ordinal]
			ranked = append(ranked, id)
			if set.grades[query.ID][id] > 0 {
				found++
			}
		}
		judged += float64(len(set.grades[query.ID]))
		sum += ndcg(ranked, set.grades[query.ID], 10)
	}
	slices.Sort(took)
	mean := sum / float64(len(set.queries))
	t.Logf("SciFact: nDCG@10 %.4f, recall@100 %.4f (micro), built in %v, query p50 %v p99 %v, %d bytes",
		mean, found/judged, built.Round(time.Millisecond), took[150], took[297], x.Bytes())
	if mean < 0.66 {
		t.Errorf("nDCG@10 is %.4f, below 0.66", mean)
	}
}
