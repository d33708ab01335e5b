package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// TestSearchStages: flags reach the node, and what it explains is printed.
func TestSearchStages(t *testing.T) {
	s := newShell(t)
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"a.txt": "Herons fish in shallow water.", "b.txt": "Herons fish in shallow water!", "c.txt": "Owls hunt mice in shallow snow.",
	})
	for _, name := range []string{"birds", "more"} {
		s.run(exitOK, "", "ingest", dir, "-c", name)
	}
	out, _ := s.run(exitOK, "", "search", "herons in shallow water", "-c", "birds", "--collapse", "1", "--fusion", "rrf", "--recency", "30d", "--explain")
	for _, want := range []string{"stage", "fuse", "recency", "collapse", "lexical rank ", "words: "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	out, _ = s.run(exitOK, "", "search", "herons", "-c", "birds", "--also", "more", "--mode", "lexical", "--per-document", "1", "--output", "json")
	var got v1.Retrieved
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Hits) != 4 || got.Hits[0].Collection == "" {
		t.Errorf("%v\n%s", err, out)
	}
	out, _ = s.run(exitOK, "", "context", "herons", "-c", "birds", "--form", "markdown", "--after", "1", "--min-score", "lexical=0.01")
	if !strings.Contains(out, "### [1]") || strings.Contains(out, "Owls") {
		t.Error(out)
	}
	_, errs := s.run(exitFailure, "", "search", "herons", "-c", "birds", "--depth", "1")
	if !strings.Contains(errs, "depth") {
		t.Error(errs)
	}
}

func TestWhyNotCommand(t *testing.T) {
	s := newShell(t)
	dir := filepath.Join(t.TempDir(), "birds")
	write(t, dir, map[string]string{"a.txt": "Herons fish in shallow water.", "b.txt": "A heron is a bird, and an owl too."})
	s.run(exitOK, "", "ingest", dir, "-c", "birds")
	out, _ := s.run(exitOK, "", "why-not", "herons in shallow water", "-c", "birds", "-k", "1", "--document", "birds/b.txt")
	if !strings.Contains(out, "rank: it ranks 2, k is 1") || !strings.Contains(out, "raise k to 2") {
		t.Error(out)
	}
	out, _ = s.run(exitOK, "", "why-not", "herons", "-c", "birds", "--document", "nothing", "--output", "json")
	var got v1.WhyNotAnswer
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Reasons[0].Stage != lode.ReasonNotFound {
		t.Errorf("%v\n%s", err, out)
	}
	s.run(exitUsage, "", "why-not", "herons", "-c", "birds")
}
