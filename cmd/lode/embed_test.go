package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestEmbedCommand(t *testing.T) {
	s := newShell(t)
	s.run(exitOK, "", "collections", "create", "docs")
	args, _ := s.run(exitOK, "", "embed", "ore is washed", "coal", "-c", "docs")
	lines, _ := s.run(exitOK, "ore is washed\ncoal\n", "embed", "--embedder", "builtin")
	if args != lines || strings.Count(args, "\n") != 2 {
		t.Errorf("%d and %d bytes", len(args), len(lines))
	}
	var v []float32
	if err := json.Unmarshal([]byte(strings.SplitN(args, "\n", 2)[0]), &v); err != nil || len(v) == 0 {
		t.Errorf("%v, %v", v, err)
	}
	many, _ := s.run(exitOK, strings.Repeat("a line\n", 300), "embed")
	if strings.Count(many, "\n") != 300 {
		t.Errorf("%d lines", strings.Count(many, "\n"))
	}
	usage, _ := s.run(exitOK, "", "embed", "usage")
	if !strings.Contains(usage, "docs") || !strings.Contains(usage, "302") {
		t.Error(usage)
	}
	if out, _ := s.run(exitOK, "", "embed", "clear"); !strings.Contains(out, "kept") {
		t.Error(out)
	}
	s.run(exitOK, "", "embed", "--embedder", "builtin") // no text at all
	s.run(exitFailure, "", "embed", "x", "-c", "nothing")
	s.run(exitFailure, "", "embed", "x", "--embedder", "cohere", "--model", "m", "--dim", "8")
	s.run(exitUsage, "", "embed", "x", "--embedder", "builtin", "-c", "docs")
}
