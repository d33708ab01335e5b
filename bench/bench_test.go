package bench

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/internal/report"
	"github.com/lodedb/lode/server"
)

func TestMain(m *testing.M) {
	if done, err := server.RunWorker(); done {
		if err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func options(t *testing.T, data string) Options {
	return Options{Command: "test", Commit: "test", Seed: 1, Data: data, Log: io.Discard, Logger: slog.New(slog.DiscardHandler)}
}

func figure(t *testing.T, r *Report, name string) report.Figure {
	t.Helper()
	for _, f := range r.Figures {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no figure %q in %+v", name, r.Figures)
	return report.Figure{}
}

// TestQuality runs a data set of three texts of which one answers each query, and one that
// nothing answers.
func TestQuality(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "corpus.jsonl", `{"_id":"a","title":"Herons","text":"Herons fish in shallow water."}
{"_id":"b","title":"Owls","text":"Owls hunt mice at night."}
{"_id":"c","title":"Gulls","text":"Gulls follow the ferry."}`)
	write(t, dir, "queries.jsonl", `{"_id":"1","text":"what hunts mice"}
{"_id":"2","text":"birds behind the ferry"}
{"_id":"3","text":"zeppelin"}
{"_id":"4","text":"no judgement"}`)
	write(t, dir, "qrels/test.tsv", "query-id\tcorpus-id\tscore\n1\tb\t1\n2\tc\t1\n3\ta\t1\n")
	r, err := Quality(t.Context(), options(t, dir), 0.9)
	if err != nil {
		t.Fatal(err)
	}
	lexical := figure(t, r, "lexical, nDCG@10")
	if got := lexical.Value; got < 0.66 || got > 0.67 {
		t.Errorf("two of three queries are answered, nDCG@10 is %v", got)
	}
	if len(r.Missed()) != 1 || *lexical.Met {
		t.Errorf("a missed target is not reported: %+v", lexical)
	}
}

// TestBackup runs a small form; how long things take is not looked at.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "corpus.jsonl", `{"_id":"a","title":"Herons","text":"Herons fish in shallow water."}
{"_id":"b","title":"Owls","text":"Owls hunt mice at night."}`)
	write(t, dir, "queries.jsonl", `{"_id":"1","text":"what hunts mice"}`)
	write(t, dir, "qrels/test.tsv", "query-id\tcorpus-id\tscore\n1\tb\t1\n")
	o := options(t, dir)
	o.Limit = 20
	r, err := Backup(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"restored states with another logical hash", "flipped bits that verify does not find"} {
		if f := figure(t, r, name); !*f.Met {
			t.Errorf("%+v", f)
		}
	}
	if figure(t, r, "written by the first backup").Value <= 0 || figure(t, r, "search p50 during a backup").Value <= 0 {
		t.Errorf("%+v", r.Figures)
	}
}

// TestFlips runs a small form.
func TestFlips(t *testing.T) {
	o := options(t, "")
	o.Limit = 5
	r, err := Flips(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Missed()) > 0 || figure(t, r, "flipped bits that reads met").Value < 3 {
		t.Errorf("%+v", r.Figures)
	}
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestSpansAndIngest(t *testing.T) {
	r, err := Spans(t.Context(), options(t, "../samples"), "documents")
	if err != nil {
		t.Fatal(err)
	}
	if missed := r.Missed(); len(missed) > 0 || figure(t, r, "chunks followed").Value < 4 {
		t.Errorf("%+v", r.Figures)
	}
	o := options(t, "../samples/documents")
	o.Limit = 1
	if r, err = Ingest(t.Context(), o); err != nil || figure(t, r, "documents per second, median").Value <= 0 {
		t.Errorf("%+v %v", r, err)
	}
}

// TestSpansCatches is the negative control: each kind of damage must be seen.
func TestSpansCatches(t *testing.T) {
	bronze := "Herons &amp; owls"
	f := func(name string, spoil func(*layers, *v1.Span)) {
		t.Helper()
		l := &layers{bronze: []byte(bronze), silver: &v1.SilverLayer{Text: "Herons & owls", SourceMap: []v1.SourceRun{
			{Silver: v1.Span{Start: 0, End: 7}, Bronze: v1.Span{Start: 0, End: 7}, Kind: "exact"},
			{Silver: v1.Span{Start: 7, End: 8}, Bronze: v1.Span{Start: 7, End: 12}, Kind: "decoded"},
			{Silver: v1.Span{Start: 8, End: 13}, Bronze: v1.Span{Start: 12, End: 17}, Kind: "exact"},
		}}}
		span := v1.Span{Start: 0, End: 13}
		if spoil == nil {
			if !new(spanCheck).mapped(l, span) {
				t.Error("a whole map is refused")
			}
			return
		}
		spoil(l, &span)
		if new(spanCheck).mapped(l, span) {
			t.Errorf("%s is not caught", name)
		}
	}
	f("nothing", nil)
	f("a changed byte", func(l *layers, _ *v1.Span) { l.bronze[1] = 'x' })
	f("a shifted run", func(l *layers, _ *v1.Span) { l.silver.SourceMap[2].Bronze = v1.Span{Start: 11, End: 16} })
	f("a missing run", func(l *layers, _ *v1.Span) { l.silver.SourceMap = l.silver.SourceMap[:2] })
	f("a gap", func(l *layers, _ *v1.Span) { l.silver.SourceMap = l.silver.SourceMap[1:] })
	f("a run beyond the file", func(l *layers, _ *v1.Span) { l.bronze = l.bronze[:14] })
}

// TestCrashVerifyCatches is the negative control of the crash run's ledger.
func TestCrashVerifyCatches(t *testing.T) {
	run := &crashRun{acked: map[lode.DocID]bool{"gone": true}, hashes: map[lode.DocID]lode.Hash{"gone": {1}}}
	run.compare(map[lode.DocID]v1.Document{})
	other := lode.Hash{2}
	run.compare(map[lode.DocID]v1.Document{"gone": {ID: "gone", State: lode.StateReady, Bronze: &other}})
	run.compare(map[lode.DocID]v1.Document{"gone": {ID: "gone", State: lode.StatePending, Bronze: &lode.Hash{1}}})
	if run.missing != 3 {
		t.Errorf("%d of 3 losses are seen", run.missing)
	}
}

// TestProcesses builds the program and runs the measurements that need processes.
func TestProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: builds the program, under -short")
	}
	o := options(t, "../samples/documents")
	o.Binary, o.Limit = program(t), 1
	t.Run("adapt", func(t *testing.T) { adaptSmall(t, o) })
	for name, measure := range map[string]func(context.Context, Options) (*Report, error){"start": Start, "crash": Crash} {
		r, err := measure(t.Context(), o)
		if err != nil {
			t.Fatal(name, err)
		}
		if missed := r.Missed(); name == "crash" && len(missed) > 0 {
			t.Errorf("%s: %+v", name, missed)
		}
	}
}

// program builds the program.
func program(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "lode")
	build := exec.Command("go", "build", "-o", binary, "../cmd/lode")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// TestTables holds docs/benchmarks.md and the committed reports together.
func TestTables(t *testing.T) {
	reports, err := ReadReports("results")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	if err := Tables(&want, reports); err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(reports) == 0 || !strings.Contains(string(document), want.String()) {
		t.Error("docs/benchmarks.md differs from bench/results: make bench-tables")
	}
	for _, r := range reports {
		if r.Commit == "" || r.Commit == "unknown" || r.Command == "" || r.Machine.Cores == 0 || r.Date.IsZero() {
			t.Errorf("report %s does not say where it is from", r.Name)
		}
	}
}

// TestPause: the figures are there and plausible; what they are is for a benchmark to say.
func TestPause(t *testing.T) {
	r, err := Pause(t.Context(), Options{Seed: 1, Limit: 3000, Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Figures) != 4 || r.Figures[0].Value <= 0 || r.Figures[2].Value <= 0 || r.Figures[3].Value < r.Figures[2].Value {
		t.Errorf("%+v", r.Figures)
	}
}
