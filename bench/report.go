package bench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Report is the outcome of one run, as it is committed.
type Report struct {
	Name    string         `json:"name"`    // of the run, e.g. "ingest"
	Title   string         `json:"title"`   // a line for people
	Command string         `json:"command"` // repeats the run
	Commit  string         `json:"commit"`
	Date    time.Time      `json:"date"`
	Seed    uint64         `json:"seed"`
	Machine Machine        `json:"machine"`
	Data    string         `json:"data,omitempty"` // which data, and how much of it
	Figures []Figure       `json:"figures"`
	Raw     map[string]any `json:"raw,omitempty"` // single measurements behind the figures
}

// Figure is one measured value.
type Figure struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit,omitempty"`
	Target string  `json:"target,omitempty"` // what was asked for, e.g. ">= 0.66"
	Met    *bool   `json:"met,omitempty"`
}

// Machine is where a report was measured.
type Machine struct {
	CPU      string `json:"cpu"`
	Cores    int    `json:"cores"`
	MemoryGB int    `json:"memory_gb"`
	OS       string `json:"os"`
	Go       string `json:"go"`
}

// NewReport starts a report of this machine.
func NewReport(name, title string, o Options) *Report {
	return &Report{
		Name: name, Title: title, Command: o.Command, Commit: o.Commit, Seed: o.Seed,
		Date: time.Now().UTC().Truncate(time.Second), Machine: thisMachine(), Raw: map[string]any{},
	}
}

func thisMachine() Machine {
	return Machine{
		CPU: procField("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(),
		MemoryGB: memoryGB(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
	}
}

func memoryGB() int {
	var kilobytes int
	if _, err := fmt.Sscanf(procField("/proc/meminfo", "MemTotal"), "%d kB", &kilobytes); err != nil {
		return 0
	}
	return (kilobytes + 1<<19) >> 20
}

// procField returns the value of the first line "name : value", or "unknown".
func procField(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, found := strings.Cut(lines.Text(), ":")
		if found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// add records a value without a target.
func (r *Report) add(name string, value float64, unit string) {
	r.Figures = append(r.Figures, Figure{Name: name, Value: value, Unit: unit})
}

// demand records a value that should be at least or at most a target.
func (r *Report) demand(name string, value float64, unit, relation string, target float64) {
	met := value >= target
	if relation == "<=" {
		met = value <= target
	}
	r.Figures = append(r.Figures, Figure{
		Name: name, Value: value, Unit: unit, Target: strings.TrimSpace(fmt.Sprintf("%s %g %s", relation, target, unit)), Met: &met,
	})
}

// Missed lists the figures that did not meet their target.
func (r *Report) Missed() []Figure {
	return slices.DeleteFunc(slices.Clone(r.Figures), func(f Figure) bool { return f.Met == nil || *f.Met })
}

// WriteFile writes the report as indented JSON.
func (r *Report) WriteFile(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// ReadReports reads every report of a folder, by name.
func ReadReports(dir string) ([]*Report, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	reports := make([]*Report, 0, len(paths))
	for _, path := range paths {
		r, err := ReadReport(path)
		if err != nil {
			return nil, err
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// ReadReport reads one report.
func ReadReport(path string) (*Report, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(Report)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

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
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.Name, f.text(), f.Target, f.verdict())
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (f Figure) text() string {
	s := fmt.Sprintf("%.4g", f.Value)
	if f.Value >= 1000 {
		s = fmt.Sprintf("%.0f", f.Value)
	}
	return strings.TrimSpace(s + " " + f.Unit)
}

func (f Figure) verdict() string {
	switch {
	case f.Met == nil:
		return ""
	case *f.Met:
		return "yes"
	}
	return "**no**"
}
