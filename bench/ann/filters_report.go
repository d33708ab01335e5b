package ann

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lodedb/lode/index/hnsw"
	"github.com/lodedb/lode/internal/report"
)

// FilterReport is the outcome of [Filters].
type FilterReport struct {
	report.Head

	Dataset DataInfo       `json:"dataset"`
	K       int            `json:"k"`
	Ef      int            `json:"ef"`
	Rounds  int            `json:"rounds"`
	Model   hnsw.CostModel `json:"model"` // as it was measured, in nanoseconds
	Cases   []FilterCase   `json:"cases"`
}

// FilterCase is one kind of filter. Times are of CPU, each query's median over the rounds.
type FilterCase struct {
	Name     string               `json:"name"`
	Allowed  float64              `json:"allowed"` // rows, mean over the queries
	Recall   float64              `json:"recall"`  // of the planner's answers
	Full     float64              `json:"full"`    // share of them with k rows, or all that match
	Variants map[string]Quantiles `json:"variants"`
	// OverScan is the planner's time by that of a scan of the same rows: the median over the
	// queries of their ratios, and the ratio of the means.
	OverScan     float64 `json:"over_scan_p50"`
	OverScanMean float64 `json:"over_scan_mean"`
	// OverFree is the planner's median by that of a search without filter.
	OverFree float64 `json:"over_unrestricted"`
	// Regret is the planner's mean by that of the best plan: the fastest of those that find
	// enough. Oracle is the same with the best plan of each query.
	Best   hnsw.Plan `json:"best"`
	Regret float64   `json:"regret"`
	Oracle float64   `json:"regret_oracle"`
	// Plans are how often each answered, Switched how often a walk was given up for a scan.
	Plans    map[hnsw.Plan]float64 `json:"plans"`
	Switched float64               `json:"switched"`
	Error    float64               `json:"error"` // median of measured by predicted cost
}

// Quantiles are of the queries of a case.
type Quantiles struct {
	P50    float64 `json:"p50_us"`
	Mean   float64 `json:"mean_us"`
	Recall float64 `json:"recall,omitempty"`
}

// leastFilterRecall is what every plan must find to be one, and the planner everywhere.
const leastFilterRecall = 0.95

func (r *filterRun) report() *FilterReport {
	out := &FilterReport{Head: r.head(), Dataset: r.d.About, K: r.o.K, Ef: r.o.Ef, Rounds: r.o.Rounds}
	out.Model, _ = r.graph.Calibrate()
	for _, c := range r.cases {
		out.Cases = append(out.Cases, c.summary())
	}
	out.judge(r.cases)
	return out
}

// medians are those of each query over the rounds.
func (c *filterCase) medians(variant string) []float64 {
	m := make([]float64, len(c.allow))
	for q := range m {
		m[q] = report.Median(c.micros[variant][q])
	}
	return m
}

func (c *filterCase) summary() FilterCase {
	n := float64(len(c.allow))
	f := FilterCase{
		Name: c.name, Recall: c.recall[chosen], Full: float64(c.full) / float64(c.answers), Variants: map[string]Quantiles{},
		Plans: map[hnsw.Plan]float64{}, Switched: float64(c.begun) / float64(c.answers), Error: report.Median(c.errors), Best: hnsw.PlanScan,
	}
	for _, b := range c.allow {
		f.Allowed += float64(b.Count()) / n
	}
	for plan, count := range c.plans {
		f.Plans[plan] = float64(count) / float64(c.answers)
	}
	for _, v := range variants() {
		f.Variants[v] = Quantiles{report.Median(c.medians(v)), mean(c.medians(v)), c.recall[v]}
	}
	c.compare(&f)
	return f
}

// compare sets the planner against each plan and against no filter.
func (c *filterCase) compare(f *FilterCase) {
	mine, scans := c.medians(chosen), c.medians(string(hnsw.PlanScan))
	ratios, least := make([]float64, len(mine)), slices.Clone(scans)
	for q := range mine {
		ratios[q] = mine[q] / scans[q]
	}
	for _, p := range hnsw.Plans() {
		of := f.Variants[string(p)]
		if of.Recall < leastFilterRecall {
			continue
		}
		if of.Mean < f.Variants[string(f.Best)].Mean {
			f.Best = p
		}
		for q, micros := range c.medians(string(p)) {
			least[q] = min(least[q], micros)
		}
	}
	f.OverScan, f.OverScanMean = report.Median(ratios), mean(mine)/mean(scans)
	f.OverFree = f.Variants[chosen].P50 / f.Variants[unrestricted].P50
	f.Regret, f.Oracle = mean(mine)/f.Variants[string(f.Best)].Mean, mean(mine)/mean(least)
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(max(len(values), 1))
}

// judge holds the cases against what is asked of every one of them.
func (r *FilterReport) judge(cases []*filterCase) {
	recall, full, over, overMean, regret, oracle := 1.0, 1.0, 0.0, 0.0, 0.0, 0.0
	for _, c := range r.Cases {
		recall, full = min(recall, c.Recall), min(full, c.Full)
		over, overMean = max(over, c.OverScan), max(overMean, c.OverScanMean)
		regret, oracle = max(regret, c.Regret), max(oracle, c.Oracle)
	}
	r.Demand(fmt.Sprintf("recall@%d of the planner, worst case", r.K), recall, "", ">=", leastFilterRecall)
	r.Demand(fmt.Sprintf("answers with %d rows, or all that match", r.K), 100*full, "%", ">=", 100)
	r.Demand("planner over an exact scan of the same rows, median of queries, worst case", over, "x", "<=", 1.1)
	r.Demand("planner over an exact scan of the same rows, mean, worst case", overMean, "x", "<=", 1.1)
	for i, c := range cases {
		if c.readers {
			target := 1.5
			if r.Cases[i].Allowed < float64(r.Dataset.Rows)/50 {
				target = 1
			}
			r.Demand(c.name+": p50 over a search without filter", r.Cases[i].OverFree, "x", "<=", target)
		}
	}
	r.Add("regret: planner over the best plan of a case, mean of cases", mean(r.each(func(c FilterCase) float64 { return c.Regret })), "x")
	r.Add("regret: planner over the best plan of a case, worst", regret, "x")
	r.Add("regret: planner over the best plan of every query, worst case", oracle, "x")
	r.Add("cost measured by cost predicted, farthest of the cases' medians", r.farthestError(), "x")
}

func (r *FilterReport) each(of func(FilterCase) float64) []float64 {
	values := make([]float64, len(r.Cases))
	for i, c := range r.Cases {
		values[i] = of(c)
	}
	return values
}

func (r *FilterReport) farthestError() float64 {
	return slices.MaxFunc(r.each(func(c FilterCase) float64 { return c.Error }), func(a, b float64) int {
		return compareFloats(math.Abs(math.Log(a)), math.Abs(math.Log(b)))
	})
}

// WriteFile writes the report as indented JSON; never half of it.
func (r *FilterReport) WriteFile(path string) error { return report.Write(path, r) }

// ReadFilterReport reads the report filters.json of a folder; nil where there is none.
func ReadFilterReport(dir string) (*FilterReport, error) {
	path := filepath.Join(dir, "filters.json")
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return nil, nil
	}
	return report.Read[FilterReport](path)
}

// Tables writes a row for every case as Markdown.
func (r *FilterReport) Tables(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n`%s`\n\n", r.Title, r.Command)
	fmt.Fprintf(&b, "%s. %s, commit %s, seed %d, %s with %d cores, %d GB, %s, %s. k = %d, ef = %d; µs of CPU, medians of %d rounds, p50 and mean of %d queries; of a plan that finds less than %g, recall instead of time.\n\n",
		r.Data, r.Date.Format(time.DateOnly), r.Commit, r.Seed, r.Machine.CPU, r.Machine.Cores, r.Machine.MemoryGB, r.Machine.OS, r.Machine.Go,
		r.K, r.Ef, r.Rounds, r.Dataset.Queries, leastFilterRecall)
	b.WriteString("| filter | rows | recall | full | planner | scan | traverse | two-hop | no filter | over scan | over no filter | regret | plans |\n")
	b.WriteString("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n")
	for _, c := range r.Cases {
		fmt.Fprintf(&b, "| %s | %.0f | %.4f | %.0f %% | %s | %s | %s | %s | %s | %.2f× | %.2f× | %.2f× | %s |\n", c.Name, c.Allowed, c.Recall, 100*c.Full,
			c.cell(chosen), c.cell(string(hnsw.PlanScan)), c.cell(string(hnsw.PlanTraverse)), c.cell(string(hnsw.PlanTwoHop)),
			c.cell(unrestricted), c.OverScan, c.OverFree, c.Regret, c.taken())
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (c FilterCase) cell(variant string) string {
	v := c.Variants[variant]
	if variant != unrestricted && variant != chosen && v.Recall < leastFilterRecall {
		return fmt.Sprintf("(%.2f)", v.Recall)
	}
	return fmt.Sprintf("%.1f, %.1f", v.P50, v.Mean)
}

// taken says which plans answered, and how many walks ended in a scan.
func (c FilterCase) taken() string {
	var parts []string
	for _, p := range hnsw.Plans() {
		if share := c.Plans[p]; share > 0 {
			parts = append(parts, fmt.Sprintf("%s %.0f %%", p, 100*share))
		}
	}
	if c.Switched > 0 {
		parts = append(parts, fmt.Sprintf("after a look %.0f %%", 100*c.Switched))
	}
	return strings.Join(parts, ", ")
}
