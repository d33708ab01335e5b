package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
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

// TestCollectionCopy copies twice, past what cannot be copied and what cannot be written.
func TestCollectionCopy(t *testing.T) {
	s := newShell(t)
	s.run(exitOK, "", "collections", "create", "from")
	s.run(exitOK, "", "collections", "create", "into", "--strategy", "whole")
	for id, year := range map[string]string{"a": "2020", "b": "2022"} {
		s.run(exitOK, "words of "+id, "ingest", "-", "--id", id, "-c", "from", "-m", "year="+year, "--reader", "r", "--expires-at", "2099-01-01T00:00:00Z", "--uri-prefix", "x:")
	}
	s.run(exitPartial, "%PDF-1.4\nbroken", "ingest", "-", "--id", "broken", "-c", "from", "--name", "x.pdf")
	node, err := client.New(client.Options{BaseURL: s.url})
	if err != nil {
		t.Fatal(err)
	}
	made, err := node.GetCollection(t.Context(), "from")
	if err != nil {
		t.Fatal(err)
	}
	for i := range copyVectors + 1 {
		p := v1.Point{ID: lode.DocID(fmt.Sprint("p", i)), Vector: make(lode.Vector, made.Dim), Text: "a point", Metadata: lode.Metadata{"year": lode.IntegerValue(2022)}, Readers: []string{"r"}}
		p.Vector[i%made.Dim] = 1
		if _, err := node.PutVectors(t.Context(), "from", p); err != nil {
			t.Fatal(err)
		}
	}
	f := func(exit int, want string, args ...string) {
		t.Helper()
		out, errs := s.run(exit, "", append([]string{"collections", "copy", "from", "into"}, args...)...)
		if !strings.Contains(out+errs, want) {
			t.Errorf("%v: %s%s", args, out, errs)
		}
	}
	f(exitOK, "copied 1 documents and 201 vectors into into; 0 documents were there", "--filter", `{"field":"year","eq":2022}`)
	before, err := node.GetDocument(t.Context(), "into", "b")
	if err != nil {
		t.Fatal(err)
	}
	out, _ := s.run(exitOK, "", "count", "from")
	if strings.Contains(out, "204") { // the one in quarantine is in no search
		t.Error(out)
	}
	f(exitPartial, "copied 1 documents and 201 vectors into into; 1 documents were there")
	f(exitPartial, "skipped  broken: its newest version is quarantined")
	var want, got v1.Point
	for collection, p := range map[string]*v1.Point{"from": &want, "into": &got} {
		found, err := node.GetVector(t.Context(), collection, "p7")
		if err != nil {
			t.Fatal(err)
		}
		*p = *found
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	from, err := node.GetDocument(t.Context(), "from", "b")
	if err != nil {
		t.Fatal(err)
	}
	into, err := node.GetDocument(t.Context(), "into", "b")
	if err != nil {
		t.Fatal(err)
	}
	if into.Version != before.Version || into.URI != from.URI || *into.Bronze != *from.Bronze || cmp.Diff(from.Metadata, into.Metadata) != "" ||
		cmp.Diff(from.Readers, into.Readers) != "" || into.ExpiresAt == nil || !into.ExpiresAt.Equal(*from.ExpiresAt) {
		t.Errorf("copied %+v, want %+v", into, from)
	}
	s.run(exitFailure, "", "collections", "copy", "from", "nowhere")
	s.run(exitFailure, "", "collections", "copy", "nowhere", "into")
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
