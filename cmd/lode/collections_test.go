package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// TestCollectionHistory asks about what was.
func TestCollectionHistory(t *testing.T) {
	s := newShell(t)
	out, _ := s.run(exitOK, "", "collections", "create", "books", "--history", "36h", "--output", "json")
	var made v1.Collection
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.History.String() != "36h0m0s" || made.HistoryFrom == nil {
		t.Fatal(out, err)
	}
	s.run(exitOK, "old words", "ingest", "-", "--id", "a", "-c", "books", "-m", "year=2020")
	before := time.Now().Format(time.RFC3339Nano)
	s.run(exitOK, "new words", "ingest", "-", "--id", "a", "-c", "books", "-m", "year=2021")
	f := func(want string, args ...string) {
		t.Helper()
		args = append(args, "--as-of", before)
		if out, _ := s.run(exitOK, "", args...); !strings.Contains(out, want) {
			t.Errorf("lode %s: %s", strings.Join(args, " "), out)
		}
	}
	f("old words", "search", "words", "-c", "books")
	f("old words", "context", "words", "-c", "books")
	f("old words", "scroll", "books", "--text")
	f("1 documents", "count", "books", "--filter", `{"field":"year","eq":2020}`)
	f("2020", "facets", "books", "year")
	f("verified", "trace", "ch-1-1-0", "-c", "books")
	s.run(exitFailure, "", "trace", "ch-1-1-0", "-c", "books")
	if out, _ = s.run(exitOK, "", "search", "words", "-c", "books"); !strings.Contains(out, "new words") {
		t.Error(out)
	}
	s.run(exitUsage, "", "count", "books", "--as-of", "yesterday")
	if _, errs := s.run(exitFailure, "", "count", "books", "--as-of", "1d"); !strings.Contains(errs, "begins at") {
		t.Error(errs)
	}
	if out, _ = s.run(exitOK, "", "collections", "update", "books", "--history", "0"); !strings.Contains(out, "history 0") {
		t.Error(out)
	}
}

func TestCollectionSpaces(t *testing.T) {
	s := newShell(t)
	create := []string{"collections", "create", "books", "--embedder", "none", "--dim", "2", "--metric", "dot", "--output", "json"}
	out, _ := s.run(exitOK, "", append(create, "--space", "title:384:cosine", "--space", "a, b:3", "--space", "words:sparse")...)
	var made v1.Collection
	if err := json.Unmarshal([]byte(out), &made); err != nil {
		t.Fatal(err)
	}
	want := map[string]v1.VectorSpace{"title": {Dim: 384, Metric: lode.Cosine}, "a, b": {Dim: 3, Metric: lode.Dot}, "words": {Sparse: true}}
	if diff := cmp.Diff(want, made.Vectors); diff != "" {
		t.Error(diff)
	}
	f := func(exit int, field string, spaces ...string) {
		t.Helper()
		args := create
		for _, space := range spaces {
			args = append(args[:len(args):len(args)], "--space", space)
		}
		var refusal struct{ Field string }
		_, stderr := s.run(exit, "", args...)
		if err := json.Unmarshal([]byte(stderr), &refusal); err != nil || refusal.Field != field {
			t.Errorf("%q: %s, %v", spaces, stderr, err)
		}
	}
	for _, bad := range []string{"", "title", "title:", ":3", ":sparse", "title:x", "title:0", "title:-1", "title:3:", "title:sparse:dot"} {
		f(exitUsage, "space", bad)
	}
	f(exitUsage, "space", "title:3", "title:sparse")
	f(exitFailure, "vectors.title.metric", "title:3:taxi") // the node knows
	f(exitFailure, "vectors.title.dim", "words:sparse", "title:9000")
}
