package server_test

import (
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/server"
)

// A collection keeps the built-in model that it was made with, over restarts, whatever the default
// is; each embeds questions with its own.
func TestBuiltinModels(t *testing.T) {
	dir := t.TempDir()
	node, c := open(t, server.Config{DataDir: dir})
	for name, e := range map[string]*v1.Embedder{"old": {Provider: lode.ProviderBuiltin, Model: "hash-v1"}, "new": nil} {
		if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: name, Embedder: e}); err != nil {
			t.Fatal(err)
		}
		upload(t, c, name, map[string]string{"a.txt": "The physician heals the sick.", "b.txt": "A carpet covers the floor."})
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	_, c = open(t, server.Config{DataDir: dir})
	for name, fingerprint := range map[string]string{"old": "builtin/hash-v1/512/l2 ", "new": "builtin/lode-en-v1/256/l2 "} {
		made, err := c.GetCollection(t.Context(), name)
		if err != nil || !strings.HasPrefix(made.Fingerprint, fingerprint) {
			t.Errorf("%s has fingerprint %q, %v", name, made.Fingerprint, err)
		}
		found := retrieve(t, c, name, "physicians", func(r *v1.Retrieve) { r.Mode = lode.ModeDense })
		if len(found.Hits) != 2 || found.Hits[0].DocumentID != "a.txt" {
			t.Errorf("%s: %+v", name, found.Hits)
		}
	}
	if found := retrieve(t, c, "new", "medical doctor", func(r *v1.Retrieve) { r.Mode = lode.ModeDense }); found.Hits[0].DocumentID != "a.txt" {
		t.Errorf("meaning is not found: %+v", found.Hits)
	}
}
