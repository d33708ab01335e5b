package main

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lodedb/lode/api/v1"
)

// TestOperation asks for what ingest did not wait for, until it is done.
func TestOperation(t *testing.T) {
	s := newShell(t)
	dir := filepath.Join(t.TempDir(), "notes")
	write(t, dir, map[string]string{"a.md": "# A\n\nalpha", "b.txt": "beta", "bad.pdf": "%PDF-1.4 nothing"})
	out, _ := s.run(exitOK, "", "ingest", dir, "--no-wait")
	ids := regexp.MustCompile(`(?m)^operation (op-[0-9a-f]{32})$`).FindStringSubmatch(out)
	if ids == nil {
		t.Fatal(out)
	}
	text, _ := s.run(exitPartial, "", "operation", ids[1], "--wait")
	for _, want := range []string{"upload failed, 3 of 3 parts recorded", "collection  default", "finished", "done        notes/a.md, created, version 1, 1 chunks", "failed      notes/bad.pdf, created, version 1 2: malformed: "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	form, _ := s.run(exitPartial, "", "operation", ids[1], "--output", "json")
	var op v1.Operation
	if err := json.Unmarshal([]byte(form), &op); err != nil || op.ID != ids[1] || op.State != v1.OperationFailed || len(op.Items) != 3 {
		t.Errorf("%v: %s", err, form)
	}
	write(t, dir, map[string]string{"c.md": "gamma"})
	out, _ = s.run(exitOK, "", "ingest", filepath.Join(dir, "c.md"), "--no-wait", "--output", "json")
	var summary ingestSummary
	if err := json.Unmarshal([]byte(out), &summary); err != nil || len(summary.Operations) != 1 {
		t.Fatal(err, out)
	}
	if text, _ := s.run(exitOK, "", "operation", summary.Operations[0], "--wait"); !strings.Contains(text, "upload done") {
		t.Error(text)
	}
	s.run(exitUsage, "", "operation")
	s.run(exitUsage, "", "operation", ids[1], "--key", "k")
	s.run(exitFailure, "", "operation", "op-1")
	s.run(exitFailure, "", "operation", "--key", "never-used")
	s.run(exitFailure, "", "operation", "--key", "a b")
}
