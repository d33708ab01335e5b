package main

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

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
