package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// manualTimes are figures that differ each time.
var manualTimes = regexp.MustCompile(`latency +p50 [0-9.]+ ms +p99 [0-9.]+ ms`)

// TestEvaluationManual runs the examples of docs/evaluation.md in their order and holds what they print
// against the page.
func TestEvaluationManual(t *testing.T) {
	path, err := filepath.Abs("../../docs/evaluation.md")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := newShell(t)
	s.ingestSamples("ferries")
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "samples"), os.DirFS("../../samples")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	parts := strings.Split(string(page), "```\n") // text, block, text, block, …
	ran := 0
	for i, block := range parts {
		if !strings.HasPrefix(block, "$ lode ") {
			continue
		}
		var got strings.Builder
		for command := range strings.SplitSeq(strings.TrimPrefix(block, "$ "), "\n$ ") {
			line, _, _ := strings.Cut(command, "\n")
			got.WriteString("$ " + line + "\n" + s.example(line) + "\n")
			ran++
		}
		parts[i] = strings.TrimSuffix(got.String(), "\n")
	}
	if ran < 10 {
		t.Errorf("%d examples were found", ran)
	}
	now := strings.Join(parts, "```\n")
	if *update {
		if err := os.WriteFile(path, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if now != string(page) {
		t.Errorf("docs/evaluation.md: the examples print something else; see the diff after go test ./cmd/lode -run EvaluationManual -update")
	}
}

// example runs a command line of the page and returns what a terminal would show.
func (s *shell) example(line string) string {
	s.t.Helper()
	var args []string
	for i, quoted := range strings.Split(line, `"`) {
		if i%2 == 1 {
			args = append(args, quoted)
		} else {
			args = append(args, strings.Fields(quoted)...)
		}
	}
	args = args[1:]
	if args[0] != "eval" || args[1] != "compare" {
		args = append(args, "--server", s.url)
	}
	var out, errs bytes.Buffer
	code := run(s.t.Context(), args, streams{in: strings.NewReader(""), out: &out, err: &errs})
	if code != exitOK && code != exitDrop {
		s.t.Errorf("lode %s: exit %d\n%s%s", line, code, &out, &errs)
	}
	shown := out.String()
	if args[1] == "draft" {
		shown = errs.String()
	}
	return manualTimes.ReplaceAllString(shown, "latency          p50 1.4 ms  p99 4.5 ms")
}
