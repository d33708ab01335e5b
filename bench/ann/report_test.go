package ann

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode/internal/report"
)

// sample is a report of three engines: the reference, Lode at twice its speed, and a peer
// that is called through a binding and does not reach the largest recall.
func sampleReport() *Report {
	line := func(factor float64, most int) []Point {
		var points []Point
		for i, recall := range []float64{0.85, 0.93, 0.97, 0.995}[:most] {
			qps := factor * []float64{4000, 2000, 1000, 500}[i]
			points = append(points, Point{EF: 10 << i, Recall: recall, QPS: qps, Wall: qps, Rounds: []float64{qps}, P50: 1e6 / qps, P90: 2e6 / qps, P99: 3e6 / qps, P999: 4e6 / qps})
		}
		return points
	}
	r := &Report{
		Head: report.Head{Name: "ann-x", Title: "Nearest <neighbours>", Command: "lode bench ann", Commit: "c0ffee", Date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			Machine: report.Machine{CPU: "Z80", Cores: 2}},
		Dataset: DataInfo{SHA256: strings.Repeat("ab", 32)},
		Params:  Params{K: 10, Rounds: 1, Recalls: []float64{0.90, 0.95, 0.99}},
		Skipped: []Skip{{Name: "absent", Reason: "no such package"}},
		Engines: []*Result{
			{Engine: "hnswlib", Config: "f32", Points: line(1, 4), Builds: []Build{{Threads: 1, CPUSeconds: 10, WallSeconds: 10, TraversalBytes: 100, ResidentMB: 50}}},
			{Engine: "lode", Config: "int8", Default: true, Points: line(2, 4), Concurrent: []Concurrent{{Threads: 1, QPS: 100}, {Threads: 2, QPS: 190}}, Batches: []Concurrent{{Threads: 1, QPS: 100}, {Threads: 2, QPS: 170}},
				Builds: []Build{{Threads: 1, CPUSeconds: 2, WallSeconds: 2, TraversalBytes: 30, ResidentMB: 40}, {Threads: 2, CPUSeconds: 2, WallSeconds: 1.25}}},
			{Engine: "lode", Config: "none", Points: line(1.8, 4)},
			{Engine: "slow", Config: "<b>", Points: line(0.8, 3), Builds: []Build{{Threads: 2, CPUSeconds: 1, BindingMicros: 500}}},
		},
	}
	for _, e := range r.Engines {
		for _, recall := range r.Params.Recalls {
			var at *float64
			if qps, ok := At(e.Points, recall); ok {
				at = &qps
			}
			e.At = append(e.At, at)
		}
	}
	r.addFigures()
	return r
}

func TestFigures(t *testing.T) {
	r := sampleReport()
	f := func(name string, want float64, met bool) {
		t.Helper()
		for _, figure := range r.Figures {
			if figure.Name == name {
				if d := figure.Value - want; d > 1e-6 || d < -1e-6 || figure.Met == nil || *figure.Met != met {
					t.Errorf("%s: %+v, want %v, met %v", name, figure, want, met)
				}
				return
			}
		}
		t.Errorf("no figure %q", name)
	}
	f("lode/int8, QPS at recall 0.95 over hnswlib/f32", 2, false)
	f("lode/none, QPS at recall 0.95 over hnswlib/f32", 1.8, true)
	f("lode/int8, QPS at recall 0.99 over the fastest other, hnswlib/f32", 2, true)
	f("lode/int8, build with one thread, CPU time of hnswlib/f32 over it", 5, true)
	f("lode/int8, build with two threads over one", 1.6, false)
	f("lode/int8, searches side by side, two threads over one", 1.9, true)
	f("lode/int8, batch of all queries, two threads over one", 1.7, false)
	f("lode/int8, bytes of traversal a vector over hnswlib/f32", 0.3, true)
	f("lode/none, recall below hnswlib/f32 at the same ef, at most", 0, true)
	// 0.8 of the reference, but half of its time is the binding's: that is no advantage of ours
	net := r.Engines[3].without(*r.Engines[3].At[1])
	f("lode/int8, QPS at recall 0.95 over the fastest other, slow/<b>", *r.Engines[1].At[1]/net, *r.Engines[1].At[1] >= net)
	if r.Figures[0].Value != 100 || r.Figures[0].Met != nil {
		t.Errorf("share of the CPU: %+v", r.Figures[0])
	}
	if len(r.Missed()) == 0 {
		t.Error("nothing is missed")
	}
	quick := sampleReport()
	quick.Figures, quick.Params.Quick = nil, true
	if quick.addFigures(); len(quick.Missed()) > 0 || len(quick.Figures) != len(r.Figures) {
		t.Error("a quick form judges targets")
	}
}

func TestReportFiles(t *testing.T) {
	r := sampleReport()
	dir := t.TempDir()
	if err := r.WriteFile(filepath.Join(dir, "ann-x.json")); err != nil {
		t.Fatal(err)
	}
	back, err := ReadReports(dir)
	if err != nil || len(back) != 1 || *back[0].Engines[1].At[0] != *r.Engines[1].At[0] || back[0].Engines[3].At[2] != nil {
		t.Fatalf("%+v %v", back, err)
	}
}

func TestTables(t *testing.T) {
	var b strings.Builder
	if err := Tables(&b, []*Report{sampleReport()}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| **lode/int8** | 5", "(2.00×)", "| 2.0 (5.00×) on 1, 2.0 on 2 |", "- **not measured** absent: no such package",
		"| slow/<b> |", " | - | 0.9700 |", "lode/int8 with 2 threads", "slow/<b> without its binding",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}

// TestDocument holds docs/benchmarks.md and the committed reports together.
func TestDocument(t *testing.T) {
	reports, err := ReadReports("../results")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	if err := Tables(&want, reports); err != nil {
		t.Fatal(err)
	}
	filters, err := ReadFilterReport("../results")
	if err != nil || filters == nil {
		t.Fatalf("the report of bench-filters: %v", err)
	}
	if err := filters.Tables(&want); err != nil {
		t.Fatal(err)
	}
	if filters.Commit == "" || filters.Commit == "unknown" || filters.Command == "" || strings.Contains(filters.Command, "--plan") {
		t.Errorf("the report of filters does not say where it is from, or is a control: %q", filters.Command)
	}
	document, err := os.ReadFile("../../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- nearest neighbours: generated by make bench-tables -->\n\n", "<!-- end of nearest neighbours -->"
	_, rest, begun := strings.Cut(string(document), begin)
	got, _, ended := strings.Cut(rest, end)
	if !begun || !ended || got != want.String() {
		t.Error("docs/benchmarks.md differs from bench/results: make bench-tables")
	}
	for _, r := range reports {
		if r.Commit == "" || r.Commit == "unknown" || r.Command == "" || r.Date.IsZero() || r.Params.Quick {
			t.Errorf("report %s does not say where it is from, or is a quick form", r.Name)
		}
	}
}

// TestPage demands one file that stands alone: well formed, names escaped, nothing fetched.
func TestPage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.html")
	if err := sampleReport().WritePage(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<svg", "<polyline", "no such package", "c0ffee", "slow/&lt;b&gt;", "missed", "p99.9", "Z80"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("the page has no %q", want)
		}
	}
	if found := regexp.MustCompile(`(?i)(src|href)=|url\(|@import|https?://|<script|NaN|Inf`).Find(text); found != nil {
		t.Errorf("the page holds %q", found)
	}
	if bytes.Contains(text, []byte("<b>")) || bytes.Contains(text, []byte("<neighbours>")) {
		t.Error("a name is not escaped")
	}
	start, end := bytes.Index(text, []byte("<svg")), bytes.Index(text, []byte("</svg>"))
	for d := xml.NewDecoder(bytes.NewReader(text[start : end+6])); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the drawing: %v", err)
		}
	}
}
