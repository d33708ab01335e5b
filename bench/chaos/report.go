package chaos

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Report has the JSON form of the reports of package bench.
type Report struct {
	Name    string         `json:"name"`
	Title   string         `json:"title"`
	Command string         `json:"command"` // repeats the run
	Commit  string         `json:"commit"`
	Date    time.Time      `json:"date"`
	Seed    uint64         `json:"seed"`
	Machine Machine        `json:"machine"`
	Data    string         `json:"data,omitempty"`
	Figures []Figure       `json:"figures"`
	Raw     map[string]any `json:"raw,omitempty"`
}

// Figure is one measured value.
type Figure struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit,omitempty"`
	Target string  `json:"target,omitempty"`
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

// NewReport sums up outcomes of one commit. Those of the negative control are counted by
// themselves.
func NewReport(command, commit string, seed uint64, outcomes []*Outcome) *Report {
	r := &Report{
		Name: "one-node", Title: "Faults of one node", Command: command, Commit: commit, Seed: seed,
		Date: time.Now().UTC().Truncate(time.Second), Machine: thisMachine(), Raw: map[string]any{},
	}
	var t totals
	for _, o := range outcomes {
		t.add(o)
	}
	t.figures(r)
	return r
}

// totals are sums over outcomes.
type totals struct {
	points                        map[string]int // by kind of fault, those that came
	ends                          map[string]int // of I/O errors and full disks
	verdicts                      map[Verdict]int
	acked, panics, problems       int
	ready                         []time.Duration
	controls, caught, controlLost int
	bad                           []*Outcome
	cases                         []string // a line each
}

func (t *totals) add(o *Outcome) {
	if t.points == nil {
		t.points, t.ends, t.verdicts = map[string]int{}, map[string]int{}, map[Verdict]int{}
	}
	words := strings.Fields(o.Case)
	if len(words) < 3 || o.End == EndMissed && o.Good() {
		return
	}
	t.cases = append(t.cases, fmt.Sprintf("%s: %s, %d acknowledged, ready after %d ms", o.Case, o.End, o.Acked, o.Ready.Milliseconds()))
	lost := 0
	for _, f := range o.Findings {
		if f.Verdict == Lost {
			lost++
		}
	}
	kind := words[1]
	if kind == "control" {
		t.controls++
		t.controlLost += lost
		if lost > 0 {
			t.caught++
		}
		return
	}
	if kind == "fulldisk" {
		t.ends[kind+" "+o.End]++
	} else if kind != "power" {
		kind = words[2]
		t.ends[kind+" "+o.End]++
	}
	t.points[kind]++
	t.acked += o.Acked
	t.ready = append(t.ready, o.Ready)
	t.problems += len(o.Problems)
	if o.Panicked {
		t.panics++
	}
	for _, f := range o.Findings {
		t.verdicts[f.Verdict]++
	}
	if !o.Good() {
		t.bad = append(t.bad, o)
	}
}

func (t *totals) figures(r *Report) {
	r.add("kill points", float64(t.points[string(Kill)]), ">= 300", t.points[string(Kill)] >= 300)
	r.add("I/O error points", float64(t.points[string(EIO)]), ">= 100", t.points[string(EIO)] >= 100)
	r.count("... of these, the node ended with the reason", t.ends[string(EIO)+" "+EndExited])
	r.count("... of these, the node went on", t.ends[string(EIO)+" "+EndWentOn])
	r.count("points where writes begin to fail with ENOSPC", t.points[string(Full)])
	r.count("... of these, the node ended with the reason", t.ends[string(Full)+" "+EndExited])
	r.count("... of these, the node went on", t.ends[string(Full)+" "+EndWentOn])
	r.count("file systems filled from outside", t.points["fulldisk"])
	r.count("... of these, the node ended with the reason", t.ends["fulldisk "+EndExited])
	r.count("... of these, the node refused writes and went on", t.ends["fulldisk "+EndWentOn])
	r.count("slow disks, all syncs 0.2 s late", t.points[string(Slow)])
	r.add("power-cut images", float64(t.points["power"]), ">= 50", t.points["power"] >= 50)
	r.count("acknowledged writes compared, summed over cases that share folders", t.acked)
	for _, v := range []Verdict{Lost, Doubled, Resurrected, Damaged} {
		r.zero(map[Verdict]string{Damaged: "damaged or breaches found by check"}[v], string(v), t.verdicts[v])
	}
	r.zero("silent ends, nodes that neither served nor ended, failed or slow restarts", "", t.problems)
	r.count("ends by a panic that names the reason", t.panics)
	if len(t.ready) > 0 {
		slices.Sort(t.ready)
		slowest := t.ready[len(t.ready)-1]
		r.Figures = append(r.Figures, Figure{Name: "median time until ready after a fault", Value: t.ready[len(t.ready)/2].Round(time.Millisecond).Seconds(), Unit: "s"})
		met := slowest <= ReadyLimit
		r.Figures = append(r.Figures, Figure{Name: "longest time until ready after a fault", Value: slowest.Round(time.Millisecond).Seconds(), Unit: "s", Target: fmt.Sprintf("<= %g s", ReadyLimit.Seconds()), Met: &met})
	}
	r.count("negative control: images of a node whose syncs do nothing", t.controls)
	r.add("... of these, seen to have lost writes", float64(t.caught), ">= 1", t.caught > 0)
	r.count("... writes seen lost in them", t.controlLost)
	r.Raw["ends"], r.Raw["broken"], r.Raw["cases"] = t.ends, t.bad, t.cases
}

func (r *Report) count(name string, n int) {
	r.Figures = append(r.Figures, Figure{Name: name, Value: float64(n)})
}

func (r *Report) add(name string, value float64, target string, met bool) {
	r.Figures = append(r.Figures, Figure{Name: name, Value: value, Target: target, Met: &met})
}

func (r *Report) zero(name, otherwise string, n int) {
	if name == "" {
		name = otherwise
	}
	r.add(name, float64(n), "0", n == 0)
}

func thisMachine() Machine {
	var kilobytes int
	_, _ = fmt.Sscanf(procField("/proc/meminfo", "MemTotal"), "%d kB", &kilobytes) // 0: unknown
	return Machine{
		CPU: procField("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), MemoryGB: (kilobytes + 1<<19) >> 20,
		OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
	}
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

// ReadReport reads a report.
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

// Table writes the figures as Markdown.
func (r *Report) Table(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "`%s`: %s, commit %s, seed %d, %s with %d cores, %d GB, %s, %s.\n\n", r.Command,
		r.Date.Format(time.DateOnly), r.Commit, r.Seed, r.Machine.CPU, r.Machine.Cores, r.Machine.MemoryGB, r.Machine.OS, r.Machine.Go)
	if r.Data != "" {
		fmt.Fprintf(&b, "%s\n\n", r.Data)
	}
	b.WriteString("| figure | value | target | met |\n|---|---|---|---|\n")
	for _, f := range r.Figures {
		met := ""
		switch {
		case f.Met == nil:
		case *f.Met:
			met = "yes"
		default:
			met = "**no**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.Name, strings.TrimSpace(strconv.FormatFloat(f.Value, 'f', -1, 64)+" "+f.Unit), f.Target, met)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
