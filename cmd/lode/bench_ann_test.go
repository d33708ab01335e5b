package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/lodedb/lode/bench/ann"
)

// TestBenchAnn runs over a tiny mixture. The engine is this program, so it must be built.
func TestBenchAnn(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("SKIPPED: builds the program and measures processes, under -short and beside Linux")
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "lode")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	peers := filepath.Join(dir, "peers")
	if err := os.Mkdir(peers, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]struct {
		text string
		mode os.FileMode
	}{"gone.skipped": {"no such package\n", 0o644}, "notes.txt": {"no engine", 0o644}, "broken": {"#!/bin/sh\necho no luck >&2\n", 0o755}} {
		if err := os.WriteFile(filepath.Join(peers, name), []byte(file.text), file.mode); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "ann-tiny.json")
	var printed, logged strings.Builder
	cmd := exec.Command(binary, "bench", "ann", "--dataset", "mixture:n=500,dim=16,clusters=10,queries=20", "--quick",
		"--quantization", "flat,int4", "--peers", peers, "--cache", filepath.Join(dir, "cache"), "--report", path)
	cmd.Stdout, cmd.Stderr = &printed, &logged
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &logged)
	}
	out, errs := printed.String(), logged.String()
	for _, want := range []string{"| **lode/int4** |", "| lode/flat |", "- **not measured** gone: no such package", "- **not measured** broken: "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	for _, want := range []string{"SKIPPED gone: no such package", "no luck", "round 3 of 3", "page: "} {
		if !strings.Contains(errs, want) {
			t.Errorf("no %q in\n%s", want, errs)
		}
	}
	reports, err := ann.ReadReports(dir)
	if err != nil || len(reports) != 1 {
		t.Fatalf("%+v %v", reports, err)
	}
	r := reports[0]
	if r.Name != "ann-tiny" || strings.Contains(r.Command, dir) || len(r.Engines) != 2 || r.Machine.Cores == 0 {
		t.Errorf("%+v %v", r, err)
	}
	if page, err := os.ReadFile(strings.TrimSuffix(path, ".json") + ".html"); err != nil || !bytes.Contains(page, []byte("<svg")) {
		t.Errorf("page: %v", err)
	}
}

// TestBenchAnnRefuses demands a code and the field for what cannot be measured.
func TestBenchAnnRefuses(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: processes are measured on Linux only")
	}
	dir := t.TempDir()
	cut := filepath.Join(dir, "cut.fbin")
	if err := os.WriteFile(cut, []byte{9, 0, 0, 0, 4, 0, 0, 0, 1}, 0o644); err != nil {
		t.Fatal(err)
	}
	f := func(exit int, code, field string, args ...string) {
		t.Helper()
		args = append([]string{"bench", "ann", "--cache", dir, "--output", "json"}, args...)
		var out, errs bytes.Buffer
		got := run(t.Context(), args, streams{out: &out, err: &errs, in: strings.NewReader("")})
		var body map[string]string
		if err := json.Unmarshal(errs.Bytes(), &body); err != nil || got != exit || body["code"] != code || body["field"] != field {
			t.Errorf("%v: exit %d, %v: %s", args, got, err, &errs)
		}
	}
	f(exitFailure, "malformed", "dataset", "--dataset", cut)
	f(exitFailure, "not_found", "dataset", "--dataset", "nowhere")
	f(exitUsage, "invalid", "mixture.dim", "--dataset", "mixture:dim=0")
	f(exitUsage, "invalid", "k", "--dataset", cut, "--k", "0")
	f(exitUsage, "invalid", "metric", "--dataset", "mixture:n=10,clusters=1,queries=1,dim=4", "--metric", "miles")
}
