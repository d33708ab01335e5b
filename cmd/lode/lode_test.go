package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/lodedb/lode/server"
)

var update = flag.Bool("update", false, "rewrite generated documents")

func TestMain(m *testing.M) {
	if done, err := server.RunWorker(); done {
		if err != nil {
			os.Exit(1)
		}
		return
	}
	for _, pair := range os.Environ() { // settings of the machine must not reach the tests
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "LODE_") && !strings.HasSuffix(name, "TESTDATA") {
			os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}

// shell runs command lines against one node.
type shell struct {
	t   *testing.T
	url string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	node, err := server.Open(t.Context(), server.Config{DataDir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	return &shell{t, node.URL()}
}

// run executes a command line with the exit code that is wanted and returns both outputs.
func (s *shell) run(want int, stdin string, args ...string) (stdout, stderr string) {
	s.t.Helper()
	var out, errs bytes.Buffer
	got := run(s.t.Context(), append(args, "--server", s.url), streams{in: strings.NewReader(stdin), out: &out, err: &errs})
	if got != want {
		s.t.Errorf("lode %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, want, &out, &errs)
	}
	return out.String(), errs.String()
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFirstPath is the way of a newcomer: ingest a folder, ask, trace, check.
func TestFirstPath(t *testing.T) {
	s := newShell(t)
	s.run(exitOK, "", "health", "--wait", "5s")
	summary, _ := s.run(exitOK, "", "ingest", "../../samples/documents", "-c", "ferries")
	if !strings.HasPrefix(summary, "4 created, 0 updated, 0 unchanged") {
		t.Error(summary)
	}
	found, _ := s.run(exitOK, "", "search", "when do sailings stop because of wind?", "-c", "ferries", "-k", "1")
	if !strings.Contains(found, "crew-handbook.md · Crew handbook") {
		t.Error(found)
	}
	text, sources := s.run(exitOK, "", "context", "reservation for a bicycle", "-c", "ferries", "--budget", "300")
	if !strings.Contains(text, "[1] ") || !strings.Contains(text, "4 euros") || !strings.Contains(sources, "of 300 tokens") {
		t.Error(text, sources)
	}
	chunk := regexp.MustCompile(`ch-\d+-\d+-\d+`).FindString(found)
	trace, _ := s.run(exitOK, "", "trace", chunk, "-c", "ferries")
	if strings.Contains(trace, "BROKEN") || strings.Count(trace, "verified") < 5 {
		t.Error(trace)
	}
	s.checksAnswer(text)
	if whole, _ := s.run(exitOK, "", "check"); !strings.Contains(whole, "whole") {
		t.Error(whole)
	}
	list, _ := s.run(exitOK, "", "collections", "list")
	if !strings.Contains(list, "ferries") {
		t.Error(list)
	}
	s.run(exitUsage, "", "collections", "delete", "ferries")
	s.run(exitOK, "", "collections", "delete", "ferries", "--yes")
	_, gone := s.run(exitFailure, "", "search", "wind", "-c", "ferries")
	if !strings.Contains(gone, "collection") {
		t.Error(gone)
	}
}

// checksAnswer holds answers against a context that has 4 euros in it.
func (s *shell) checksAnswer(context string) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "context.json")
	made, _ := s.run(exitOK, "", "context", "reservation for a bicycle", "-c", "ferries", "--budget", "300", "--output", "json")
	if err := os.WriteFile(file, []byte(made), 0o644); err != nil {
		s.t.Fatal(err)
	}
	good, _ := s.run(exitOK, "A bicycle needs a reservation, 4 euros [1].", "check-answer", "--context", file, "-c", "ferries")
	if !strings.Contains(good, "supported") || !strings.Contains(good, "1 of 1 claims supported") {
		s.t.Error(good, context)
	}
	bad, _ := s.run(exitPartial, "A bicycle needs a reservation, 70 euros [1]. It is free [8].", "check-answer", "-c", "ferries", "--context", file)
	if !strings.Contains(bad, "not in [1]: 70") || !strings.Contains(bad, "not there: [8]") {
		s.t.Error(bad)
	}
	s.run(exitUsage, "", "check-answer", "--context", "lode_test.go", "-c", "ferries")
}

// TestIngestAgain sends only what is new or changed.
func TestIngestAgain(t *testing.T) {
	s := newShell(t)
	dir := filepath.Join(t.TempDir(), "notes")
	write(t, dir, map[string]string{"a.md": "# A\n\nalpha", "b/c.txt": "gamma", ".hidden.txt": "secret", "b/draft.txt": "delta"})
	f := func(want string, args ...string) {
		t.Helper()
		out, _ := s.run(exitOK, "", append([]string{"ingest", dir, "--exclude", "draft*", "--output", "json"}, args...)...)
		var got ingestSummary
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err, out)
		}
		if s := fmt.Sprintf("%d %d %d", got.Created, got.Updated, got.Unchanged); s != want {
			t.Errorf("created, updated, unchanged: %s, want %s", s, want)
		}
	}
	f("2 0 0")
	f("0 0 2")
	write(t, dir, map[string]string{"a.md": "# A\n\nomega"})
	f("0 1 1")
	f("0 2 0", "-m", "year=2024")
	out, _ := s.run(exitOK, "", "search", "omega gamma", "--filter", `{"field":"year","gte":2024}`, "--output", "json")
	if !strings.Contains(out, "notes/b/c.txt") {
		t.Error(out)
	}
}

// TestIngestPartly reports what failed and what has no parser, and says so by exit code.
func TestIngestPartly(t *testing.T) {
	s := newShell(t)
	dir := filepath.Join(t.TempDir(), "mix")
	write(t, dir, map[string]string{"good.txt": "the good one", "bad.pdf": "%PDF-1.4 nothing", "picture.png": "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"})
	out, errs := s.run(exitPartial, "", "ingest", dir)
	if !strings.Contains(out, "1 created") || !strings.Contains(out, "1 failed") || !strings.Contains(errs, "mix/bad.pdf: malformed") || !strings.Contains(errs, "skipped  mix/picture.png") {
		t.Error(out, errs)
	}
	s.run(exitPartial, "", "ingest", filepath.Join(dir, "picture.png"))
	s.run(exitOK, "words from a pipe", "ingest", "-", "--id", "piped", "--name", "piped.txt")
	s.run(exitUsage, "", "ingest", filepath.Join(dir, "missing"))
}

// TestUsage covers wrong command lines: exit code 2 and a message that names the value.
func TestUsage(t *testing.T) {
	s := &shell{t, "http://127.0.0.1:1"}
	f := func(want string, args ...string) {
		t.Helper()
		if _, errs := s.run(exitUsage, "", args...); !strings.Contains(errs, want) {
			t.Errorf("lode %s: %s", strings.Join(args, " "), errs)
		}
	}
	f("banana", "trace", "banana")
	f("nope", "search", "x", "--filter", `{"nope":1}`)
	f("--frobnicate", "search", "x", "--frobnicate")
	f("[a", "ingest", ".", "--include", "[a")
	f("a single document", "ingest", ".", "--id", "x")
	_, errs := s.run(exitFailure, "", "search", "x")
	if !strings.Contains(errs, "lode serve") {
		t.Errorf("a dead node should say the next step: %s", errs)
	}
	_, errs = s.run(exitFailure, "", "search", "x", "--output", "json")
	var body map[string]string
	if err := json.Unmarshal([]byte(errs), &body); err != nil || body["code"] != "unavailable" {
		t.Errorf("%v: %s", err, errs)
	}
}

// TestSettings covers precedence: flag, then variable, then file, then default.
func TestSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lode.yaml")
	f := func(code int, yaml string, env map[string]string, want string, args ...string) {
		t.Helper()
		for name, value := range env {
			t.Setenv(name, value)
			defer os.Unsetenv(name)
		}
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		got := run(context.Background(), append([]string{"serve", "--check-config", "--config", file}, args...), streams{out: &out, err: &errs})
		if text := out.String() + errs.String(); got != code || !strings.Contains(text, want) {
			t.Errorf("%q %v: exit %d\n%s", yaml, args, got, text)
		}
	}
	f(exitOK, "", nil, "127.0.0.1:7700")
	f(exitOK, "listen: 127.0.0.1:1111", nil, "127.0.0.1:1111")
	f(exitOK, "listen: 127.0.0.1:1111", map[string]string{"LODE_LISTEN": "127.0.0.1:2222"}, "127.0.0.1:2222")
	f(exitOK, "listen: 127.0.0.1:1111", map[string]string{"LODE_LISTEN": "127.0.0.1:2222"}, "127.0.0.1:3333", "--listen", "127.0.0.1:3333")
	f(exitOK, "max_body: 1GiB\nparse-timeout: 5s", nil, "1GiB")
	f(exitUsage, "listen: x", nil, "listen")
	f(exitUsage, "listen: [a]", nil, "listen")
	f(exitUsage, "listen: nohost", nil, "nohost")
	f(exitUsage, "workers:", nil, "workers")
	f(exitUsage, "parse_timeout: 5s\nparse-timeout: 6s", nil, "set twice")
	f(exitUsage, "max_body: many", nil, "many")
	f(exitUsage, "workers: -1", nil, "workers")
	f(exitOK, "openai_url: https://example.org/v1", map[string]string{"LODE_OPENAI_KEY": "hunter2"}, "openai_key_set    true")
	var out bytes.Buffer
	t.Setenv("LODE_OPENAI_KEY", "hunter2")
	run(context.Background(), []string{"serve", "--check-config", "--output", "json"}, streams{out: &out, err: &out})
	if strings.Contains(out.String(), "hunter2") {
		t.Error("the key is shown")
	}
}

// TestConfigurationDocument keeps docs/configuration.md equal to the descriptions of serve.
func TestConfigurationDocument(t *testing.T) {
	var cli commands
	parser, err := newParser(&cli, streams{out: new(bytes.Buffer), err: new(bytes.Buffer)})
	if err != nil {
		t.Fatal(err)
	}
	want := configurationDocument(parser.Model)
	const path = "../../docs/configuration.md"
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/configuration.md is out of date: go test ./cmd/lode -run Document -update")
	}
}

// limitsText follows the table; quotes become those of code.
const limitsText = `
Sizes are numbers of bytes or have a unit: '64MiB', '2GB'. Times look like '30s' or '5m'.

## Limits

**Disk.** Data may not grow into a reserve of the disk: a twentieth of it, at least 16 MiB and
at most 512 MiB. '--disk-limit' bounds the data folder itself. At either a write that makes the
data grow is answered with 507 and the code 'insufficient_storage', before it is stored
anywhere; reads, deletes and work that was admitted go on. Writes are taken again, without a
restart, once 5 % of the limit are free, or 5 % of the disk, at most as much as the reserve. The
file 'RESERVE' in the data folder holds up to 32 MiB of the reserve, so that another program
cannot take all of it. '--max-disk' bounds the catalogue alone and is answered with 429.

**Memory.** '--memory-limit' is for the node's process; parsers are processes of their own with
'--parse-memory' each. 'auto' is 80 % of the limit of its container, or of the machine's memory
where that is less. Of the limit, 60 % are for data in memory (507 beyond, as above), 10 % but
at least '--max-body' for request bodies, 5 % but at most 128 MiB for documents that are being
processed, and at 90 % the garbage collector works as hard as it must, unless 'GOMEMLIMIT' says
otherwise. Uploads beyond the share of bodies are answered with 429 and 'Retry-After': they pass
a moment later.

**Time.** A call on the disk may take '--disk-timeout', plus a second for each 4 MiB that it
moves. Then the node says which call hangs and stops: whoever waited would get no answer either
way, and other nodes, if there are any, would go on believing in it.

'lode usage' and 'GET /v1/node/usage' show what is used, the limits in force, and what is
refused at the moment; '/readyz' names restrictions, '/metrics' has 'lode_writes_refused'. A node is
ready before its large collections are loaded: that is a restriction too, under the name 'loading', with
how far it is. Unfiltered searches for vectors are answered meanwhile, everything else about such a
collection waits.
`

func configurationDocument(app *kong.Application) string {
	var b strings.Builder
	b.WriteString(`# Configuration

Settings of ` + "`lode serve`" + `. A flag comes before its variable, the variable before the key of the
YAML file that ` + "`--config`" + ` names, and that before the default. ` + "`lode serve --check-config`" + ` checks
and prints the result without starting. This page is generated from the program.

| flag | variable | key | default | meaning |
|---|---|---|---|---|
`)
	for _, node := range app.Children {
		if node.Name != "serve" {
			continue
		}
		for _, f := range node.Flags {
			if f.Name == "help" || f.Name == "config" || f.Name == "check-config" {
				continue
			}
			fmt.Fprintf(&b, "| `--%s` | `%s` | `%s` | %s | %s |\n", f.Name, strings.Join(f.Envs, "`, `"), strings.ReplaceAll(f.Name, "-", "_"), f.Default, f.Help)
		}
	}
	b.WriteString(strings.ReplaceAll(limitsText, "'", "`"))
	return b.String()
}

func TestByteSize(t *testing.T) {
	f := func(s string, want int64) {
		t.Helper()
		var got byteSize
		if err := got.UnmarshalText([]byte(s)); err != nil || int64(got) != want {
			t.Errorf("%q: %d %v", s, got, err)
		}
	}
	f("0", 0)
	f("1048576", 1<<20)
	f("64MiB", 64<<20)
	f("1.5 GB", 1_500_000_000)
	for _, s := range []string{"0", "1023", "64MiB", "3KiB", "2TiB"} {
		var got byteSize
		if err := got.UnmarshalText([]byte(s)); err != nil || got.String() != s {
			t.Errorf("%q is printed as %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "x", "-1", "12XB", "1e300GB"} {
		var got byteSize
		if got.UnmarshalText([]byte(s)) == nil {
			t.Errorf("%q is accepted", s)
		}
	}
}
