package ann

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// Tables writes the reports as Markdown: for each data set one table of all engines with
// their ratios to the reference, what was not measured, and every point behind it.
func Tables(w io.Writer, reports []*Report) error {
	var b strings.Builder
	for _, r := range reports {
		fmt.Fprintf(&b, "### %s\n\n`%s`\n\n", r.Title, r.Command)
		fmt.Fprintf(&b, "%s. %s, commit %s, seed %d, %s with %d cores, %d GB, %s, %s. k = %d, M = %d, efConstruction = %d, medians of %d rounds.\n\n",
			r.Data, r.Date.Format(time.DateOnly), r.Commit, r.Seed, r.Machine.CPU, r.Machine.Cores, r.Machine.MemoryGB, r.Machine.OS, r.Machine.Go,
			r.Params.K, r.Params.M, r.Params.EFConstruction, r.Params.Rounds)
		r.ratioTable(&b)
		r.notes(&b)
		r.pointTable(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// ranked returns the results by QPS at the middle recall, fastest first, then those that
// do not reach it.
func (r *Report) ranked() []*Result {
	middle := len(r.Params.Recalls) / 2
	return slices.SortedStableFunc(slices.Values(r.Engines), func(a, b *Result) int {
		return cmp.Compare(valueOr(b.At[middle], 0), valueOr(a.At[middle], 0))
	})
}

func valueOr(p *float64, missing float64) float64 {
	if p == nil {
		return missing
	}
	return *p
}

func (r *Report) ratioTable(b *strings.Builder) {
	b.WriteString("| engine |")
	for _, recall := range r.Params.Recalls {
		fmt.Fprintf(b, " QPS at %.2f |", recall)
	}
	middle := r.Params.Recalls[len(r.Params.Recalls)/2]
	fmt.Fprintf(b, " most recall | p50, p99 µs near %.2f | build, CPU s | resident MB | index MB |\n|---|", middle)
	b.WriteString(strings.Repeat("--:|", len(r.Params.Recalls)+5) + "\n")
	ref := r.find(reference)
	for _, e := range r.ranked() {
		fmt.Fprintf(b, "| %s |", e.label())
		for i := range r.Params.Recalls {
			fmt.Fprintf(b, " %s |", qpsCell(e.At[i], ref, i))
		}
		near := e.near(middle)
		fmt.Fprintf(b, " %.4f | %s, %s | %s | %s | %s |\n", e.mostRecall(), micros(near.P50), micros(near.P99), e.buildCell(ref), e.residentCell(), e.indexCell())
	}
	b.WriteString("\n")
}

// label is the name in bold for Lode's default.
func (r *Result) label() string {
	if r.Engine == lodeEngine && r.Default {
		return "**" + r.Name() + "**"
	}
	return r.Name()
}

// qpsCell is a QPS with its ratio to the reference.
func qpsCell(qps *float64, ref *Result, recall int) string {
	switch {
	case qps == nil:
		return "-"
	case ref == nil || ref.At[recall] == nil:
		return thousands(*qps)
	}
	return fmt.Sprintf("%s (%.2f×)", thousands(*qps), *qps / *ref.At[recall])
}

// buildCell is the CPU time of each build with its number of threads, and how many times
// as long the reference took with as many.
func (r *Result) buildCell(ref *Result) string {
	var cells []string
	for _, build := range r.Builds {
		cell := fmt.Sprintf("%.1f", build.CPUSeconds)
		if ref != nil {
			if theirs := ref.build(build.Threads); theirs != nil {
				cell += fmt.Sprintf(" (%.2f×)", theirs.CPUSeconds/build.CPUSeconds)
			}
		}
		cells = append(cells, fmt.Sprintf("%s on %d", cell, build.Threads))
	}
	return strings.Join(cells, ", ")
}

func (r *Result) residentCell() string {
	if len(r.Builds) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", r.Builds[0].ResidentMB)
}

func (r *Result) indexCell() string {
	if len(r.Builds) == 0 || r.Builds[0].IndexMB == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", r.Builds[0].IndexMB)
}

// near returns the point whose recall is nearest.
func (r *Result) near(recall float64) Point {
	if len(r.Points) == 0 {
		return Point{}
	}
	return slices.MinFunc(r.Points, func(a, b Point) int {
		return cmp.Compare(math.Abs(a.Recall-recall), math.Abs(b.Recall-recall))
	})
}

func (r *Result) mostRecall() float64 {
	most := 0.0
	for _, p := range r.Points {
		most = max(most, p.Recall)
	}
	return most
}

// notes say what the engines are and what is missing.
func (r *Report) notes(b *strings.Builder) {
	for _, e := range r.ranked() {
		fmt.Fprintf(b, "- %s: %s\n", e.Name(), strings.Join(slices.DeleteFunc([]string{e.Version, e.About, e.buildAbout()}, isEmpty), "; "))
	}
	middle := len(r.Params.Recalls) / 2
	for _, e := range r.ranked() {
		if qps := valueOr(e.At[middle], 0); e.without(qps) > qps {
			fmt.Fprintf(b, "- %s without its binding: about %s QPS at %.2f\n", e.Name(), thousands(e.without(qps)), r.Params.Recalls[middle])
		}
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(b, "- **not measured** %s: %s\n", s.Name, s.Reason)
	}
	b.WriteString("\n")
}

func (r *Result) buildAbout() string {
	if len(r.Builds) == 0 {
		return ""
	}
	return r.Builds[0].About
}

func (r *Report) pointTable(b *strings.Builder) {
	b.WriteString("<details><summary>every point</summary>\n\n| engine | ef | recall | QPS | lowest to highest round | p50 µs | p90 | p99 | p99.9 |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, e := range r.ranked() {
		for _, p := range e.Points {
			fmt.Fprintf(b, "| %s | %d | %.4f | %s | %s to %s | %s | %s | %s | %s |\n", e.Name(), p.EF, p.Recall, thousands(p.QPS),
				thousands(slices.Min(p.Rounds)), thousands(slices.Max(p.Rounds)), micros(p.P50), micros(p.P90), micros(p.P99), micros(p.P999))
		}
	}
	b.WriteString("\n")
	for _, e := range r.ranked() {
		for _, c := range e.Concurrent {
			fmt.Fprintf(b, "- %s with %d threads at ef %d: %s queries per second of the clock, p50 %s, p99 %s µs\n",
				e.Name(), c.Threads, c.EF, thousands(c.QPS), micros(c.P50), micros(c.P99))
		}
	}
	b.WriteString("\n</details>\n\n")
}

// thousands writes a number with three significant digits at least and commas.
func thousands(x float64) string {
	if x < 100 {
		return fmt.Sprintf("%.3g", x)
	}
	s := fmt.Sprintf("%.0f", x)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func micros(x float64) string {
	if x >= 100 {
		return thousands(x)
	}
	return fmt.Sprintf("%.3g", x)
}
