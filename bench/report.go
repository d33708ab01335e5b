package bench

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lodedb/lode/internal/report"
)

// Report is the outcome of one run, as it is committed.
type Report struct {
	report.Head
	Table *Table         `json:"table,omitempty"`
	Raw   map[string]any `json:"raw,omitempty"` // single measurements behind the figures
}

// NewReport starts a report of this machine.
func NewReport(name, title string, o Options) *Report {
	return &Report{Raw: map[string]any{}, Head: report.Head{
		Name: name, Title: title, Command: o.Command, Commit: o.Commit, Seed: o.Seed,
		Date: time.Now().UTC().Truncate(time.Second), Machine: report.ThisMachine(),
	}}
}

// WriteFile writes the report as indented JSON; never half of it.
func (r *Report) WriteFile(path string) error { return report.Write(path, r) }

// ReadReports reads every report of a folder, by name.
func ReadReports(dir string) ([]*Report, error) { return report.ReadAll[Report](dir, "*.json") }

// Tables writes the reports as Markdown, one section each.
func Tables(w io.Writer, reports []*Report) error {
	var b strings.Builder
	for _, r := range reports {
		fmt.Fprintf(&b, "### %s\n\n", r.Title)
		fmt.Fprintf(&b, "`%s`\n\n", r.Command)
		if r.Data != "" {
			fmt.Fprintf(&b, "Data: %s. ", r.Data)
		}
		fmt.Fprintf(&b, "%s, commit %s, seed %d, %s with %d cores, %d GB, %s, %s.\n\n",
			r.Date.Format(time.DateOnly), r.Commit, r.Seed, r.Machine.CPU, r.Machine.Cores, r.Machine.MemoryGB, r.Machine.OS, r.Machine.Go)
		b.WriteString("| figure | value | target | met |\n|---|---|---|---|\n")
		for _, f := range r.Figures {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.Name, text(f), f.Asked(), f.Verdict())
		}
		r.Table.write(&b)
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func text(f report.Figure) string {
	s := fmt.Sprintf("%.4g", f.Value)
	if f.Value >= 1000 {
		s = fmt.Sprintf("%.0f", f.Value)
	}
	return strings.TrimSpace(s + " " + f.Unit)
}
