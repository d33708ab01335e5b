package ann

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/hnsw"
)

// TestFilters runs a small form; how long things take is not looked at.
func TestFilters(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: CPU clocks of threads are read as Linux does it")
	}
	r, err := Filters(t.Context(), FilterOptions{
		Command: "test", Commit: "test", Seed: 3, Queries: 5, Rounds: 1,
		Data: DataOptions{Dataset: "mixture:n=5000,dim=16,clusters=20,seed=2", Metric: lode.Cosine, Cache: t.TempDir()},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Cases) != 23 || len(r.Figures) < 8 {
		t.Fatalf("%d cases, %d figures", len(r.Cases), len(r.Figures))
	}
	for _, c := range r.Cases {
		share := 0.0
		for _, s := range c.Plans {
			share += s
		}
		if c.Full != 1 || c.Allowed < 1 || c.Recall < 0.8 || share < 0.99 || share > 1.01 || c.Variants[chosen].P50 <= 0 || c.Variants[string(hnsw.PlanScan)].Recall < 0.99 {
			t.Errorf("%+v", c)
		}
	}
	var tables strings.Builder
	if err := r.Tables(&tables); err != nil || strings.Count(tables.String(), "\n| ") != 24 {
		t.Errorf("error %v, tables:\n%s", err, tables.String())
	}
	dir := t.TempDir()
	if none, err := ReadFilterReport(dir); none != nil || err != nil {
		t.Errorf("a report that there is not: %v %v", none, err)
	}
	if err := r.WriteFile(filepath.Join(dir, "filters.json")); err != nil {
		t.Fatal(err)
	}
	if back, err := ReadFilterReport(dir); err != nil || len(back.Cases) != 23 || back.Model != r.Model {
		t.Errorf("read back: %+v %v", back, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "filters.json"), []byte("{"), fs.ModePerm); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFilterReport(dir); err == nil {
		t.Error("half a report is read")
	}
}

// Each target is missed by figures that should miss it, and by no others.
func TestFilterTargets(t *testing.T) {
	good := FilterCase{Name: "readers 1 %", Allowed: 10, Recall: 0.97, Full: 1, OverScan: 1.05, OverScanMean: 1.02, OverFree: 0.9, Regret: 1.1, Oracle: 1.2, Error: 1}
	for name, spoil := range map[string]func(*FilterCase){
		"":        func(*FilterCase) {},
		"recall":  func(c *FilterCase) { c.Recall = 0.94 },
		"answers": func(c *FilterCase) { c.Full = 0.99 },
		"median":  func(c *FilterCase) { c.OverScan = 1.2 },
		"mean":    func(c *FilterCase) { c.OverScanMean = 1.2 },
		"readers": func(c *FilterCase) { c.OverFree = 1.1 },
	} {
		bad := good
		spoil(&bad)
		r := &FilterReport{K: 10, Dataset: DataInfo{Rows: 1000}, Cases: []FilterCase{good, bad}}
		r.judge([]*filterCase{{name: "readers 1 %", readers: true}, {name: "readers 1 %", readers: true}})
		missed := r.Missed()
		if name == "" && len(missed) != 0 || name != "" && (len(missed) != 1 || !strings.Contains(missed[0].Name, name)) {
			t.Errorf("%q spoilt: missed %+v", name, missed)
		}
	}
}

// A bad plan shows in the comparison: it is the control of the measurement itself.
func TestFilterCompare(t *testing.T) {
	micros := func(v float64) [][]float64 { return [][]float64{{v, v, 100 * v}, {v, v, v}} }
	c := &filterCase{
		allow:  []*index.Bitset{nil, nil},
		micros: map[string][][]float64{chosen: micros(30), unrestricted: micros(20), "scan": micros(10), "traverse": micros(5), "twohop": micros(1)},
		recall: map[string]float64{chosen: 1, "scan": 1, "traverse": 0.96, "twohop": 0.5}, plans: map[hnsw.Plan]int{hnsw.PlanTraverse: 2}, answers: 2,
	}
	f := c.summary()
	if f.OverScan != 3 || f.OverScanMean != 3 || f.OverFree != 1.5 || f.Best != hnsw.PlanTraverse || f.Regret != 6 || f.Oracle != 6 {
		t.Errorf("%+v", f)
	}
}

// Clusters hold every row once, and the rows of a mixture's component together.
func TestCluster(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	v := &Vectors{Dim: 2}
	for i := range 300 {
		v.Data = append(v.Data, float32(100*(i%3))+float32(rng.NormFloat64()), float32(rng.NormFloat64()))
		v.Rows++
	}
	for _, n := range []int{2, 10, 100} {
		c := cluster(v, n, rng)
		seen := 0
		for i, rows := range c.rows {
			seen += len(rows)
			for _, r := range rows {
				if c.of[r] != i || n >= 10 && r%3 != rows[0]%3 {
					t.Errorf("%d clusters: row %d is in %d and in that of row %d", n, r, c.of[r], rows[0])
				}
			}
		}
		if seen != v.Rows || len(c.rows) > n || len(c.centers) != len(c.rows) {
			t.Errorf("%d clusters hold %d rows", len(c.rows), seen)
		}
	}
}
