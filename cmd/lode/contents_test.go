package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lodedb/lode/api/v1"
)

// TestContentsCommands patches, counts, walks and deletes what was ingested.
func TestContentsCommands(t *testing.T) {
	s := newShell(t)
	for id, year := range map[string]string{"a": "2020", "b": "2022", "c": "2024"} {
		s.run(exitOK, "words of "+id, "ingest", "-", "--id", id, "-c", "books", "-m", "year="+year, "-m", "lang=en")
	}
	f := func(want string, args ...string) {
		t.Helper()
		if out, _ := s.run(exitOK, "", args...); !strings.Contains(out, want) {
			t.Errorf("lode %s: %s", strings.Join(args, " "), out)
		}
	}
	f("3 documents and raw vectors, 3 rows", "count", "books")
	f("matched 2, changed 2", "patch", "books", "--filter", `{"field":"year","gte":2022}`, "--set", "lang=de", "--set", "rank=[1,2]")
	f("matched 2, changed 0", "patch", "books", "--filter", `{"field":"year","gte":2022}`, "--set", "lang=de")
	f("matched 1, changed 1", "patch", "books", "--ids", "a", "--delete", "year", "--readers", "x,y", "--expires-at", "2099-01-01T00:00:00Z")
	f("2 documents", "count", "books", "--filter", `{"field":"lang","eq":"de"}`)
	f("de     2          2", "facets", "books", "lang")
	f("and 1 more values", "facets", "books", "lang", "--limit", "1")
	out, _ := s.run(exitOK, "", "scroll", "books", "--order-by", "year:desc", "--text")
	if lines := strings.Split(out, "\n"); len(lines) != 5 || !strings.HasPrefix(lines[1], "c ") || !strings.HasPrefix(lines[2], "b ") || !strings.HasPrefix(lines[3], "a ") || !strings.HasSuffix(lines[1], "words of c") {
		t.Error(out)
	}
	out, _ = s.run(exitOK, "", "scroll", "books", "--order-by", "year", "--limit", "2", "--output", "json")
	var ids string
	for line := range strings.Lines(out) {
		var item v1.ScrollItem
		if err := json.Unmarshal([]byte(line), &item); err != nil {
			t.Fatal(err, line)
		}
		ids += string(item.ID)
	}
	if ids != "bc" {
		t.Error(ids)
	}
	if _, errs := s.run(exitPartial, "", "patch", "books", "--ids", "a", "--ids", "none", "--everybody"); !strings.Contains(errs, "failed   none: not_found") {
		t.Error(errs)
	}
	if _, errs := s.run(exitUsage, "", "documents", "delete", "books", "--filter", `{"field":"lang","eq":"de"}`); !strings.Contains(errs, "matches 2") || !strings.Contains(errs, "--yes") {
		t.Error(errs)
	}
	f("matched 2, deleted 2", "documents", "delete", "books", "--filter", `{"field":"lang","eq":"de"}`, "--yes")
	f("matched 1, deleted 1", "documents", "delete", "books", "--ids", "a")
	f("0 documents", "count", "books")
	s.run(exitOK, "words", "ingest", "-", "--id", "gone", "-c", "books", "--expires-at", "2020-01-01T00:00:00Z")
	s.run(exitOK, "words", "ingest", "-", "--id", "stays", "-c", "books", "--expires-at", "2099-01-01T00:00:00Z")
	f("1 documents", "count", "books")
}

// TestContentsUsage covers wrong command lines.
func TestContentsUsage(t *testing.T) {
	s := &shell{t, "http://127.0.0.1:1"}
	f := func(want string, args ...string) {
		t.Helper()
		if _, errs := s.run(exitUsage, "", args...); !strings.Contains(errs, want) {
			t.Errorf("lode %s: %s", strings.Join(args, " "), errs)
		}
	}
	f("neither --ids nor --filter", "patch", "c", "--set", "a=1")
	f("changes nothing", "patch", "c", "--ids", "a")
	f("RFC 3339", "patch", "c", "--ids", "a", "--expires-at", "soon")
	f("JSON", "patch", "c", "--ids", "a", "--replace", "[1]")
	f("both added and removed", "patch", "c", "--ids", "a", "--add-readers", "x", "--remove-readers", "x")
	f("without --readers", "patch", "c", "--ids", "a", "--everybody", "--readers", "x")
	f("not JSON", "count", "c", "--filter", "{")
	f("negative", "scroll", "c", "--limit=-1")
	f("RFC 3339", "ingest", "-", "--expires-at", "soon")
	f("neither --ids nor --filter", "documents", "delete", "c", "--yes")
}
