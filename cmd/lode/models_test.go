package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodedb/lode/embed/local"
	"github.com/lodedb/lode/embed/local/localtest"
)

// hubOf serves a folder as a model of the hub.
func hubOf(t *testing.T, dir string) string {
	t.Helper()
	var siblings []any
	for _, name := range local.Files() {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		siblings = append(siblings, map[string]any{"rfilename": name, "size": len(b), "lfs": map[string]any{"sha256": hex.EncodeToString(sum[:]), "size": len(b)}})
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/models/owner/tiny/revision/") {
			_ = json.NewEncoder(w).Encode(map[string]any{"sha": "abc123", "siblings": siblings})
			return
		}
		name, ok := strings.CutPrefix(r.URL.Path, "/owner/tiny/resolve/abc123/")
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		http.ServeFile(w, r, filepath.Join(dir, filepath.Base(name)))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// runLocal runs a command that needs no node.
func runLocal(t *testing.T, code int, args ...string) (out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	if got := run(t.Context(), args, streams{in: strings.NewReader(""), out: &o, err: &e}); got != code {
		t.Errorf("lode %s: exit %d, want %d\n%s", strings.Join(args, " "), got, code, e.String())
	}
	return o.String(), e.String()
}

// TestModels adds a model from a folder and from a hub.
func TestModels(t *testing.T) {
	models, dir := filepath.Join(t.TempDir(), "models"), localtest.Model(t)
	t.Setenv("LODE_MODELS", models)
	if out, _ := runLocal(t, exitOK, "models", "list", "--output", "json"); strings.TrimSpace(out) != "[]" {
		t.Error(out)
	}
	out, _ := runLocal(t, exitOK, "models", "add", dir, "--name", "small")
	if !strings.Contains(out, "--embedder local --model small --dim 4") {
		t.Error(out)
	}
	hub := hubOf(t, dir)
	_, errs := runLocal(t, exitOK, "models", "pull", "owner/tiny", "--hub", hub)
	if !strings.Contains(errs, "model.safetensors") {
		t.Errorf("no progress: %q", errs)
	}
	if out, _ := runLocal(t, exitOK, "models"); !strings.Contains(out, "small") || !strings.Contains(out, "tiny") || strings.Count(out, "WordPiece") != 2 {
		t.Error(out)
	}
	if out, _ := runLocal(t, exitOK, "models", "show", "tiny"); !strings.Contains(out, "abc123") || !strings.Contains(out, hub+"/owner/tiny") {
		t.Error(out)
	}
	entries, err := os.ReadDir(models)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
	runLocal(t, exitFailure, "models", "show", "none")
	runLocal(t, exitFailure, "models", "pull", "owner/none", "--hub", hub)
	runLocal(t, exitUsage, "models", "pull", "owner/tiny", "--hub", "nonsense")
	runLocal(t, exitUsage, "models", "pull", "owner/tiny", "--name", "../x", "--hub", hub)
	_, errs = runLocal(t, exitFailure, "models", "pull", "owner/tiny", "--name", "other", "--hub", "http://127.0.0.1:1")
	if !strings.Contains(errs, "lode models add FOLDER") {
		t.Error(errs)
	}
	_, errs = runLocal(t, exitFailure, "models", "pull", "owner/tiny", "--name", "other", "--hub", hub, "--egress-allow", "example.org")
	if !strings.Contains(errs, "--egress-allow") {
		t.Error(errs)
	}
	if err := os.WriteFile(filepath.Join(models, "tiny", "config.json"), []byte(`{"normalize":true,"x":12345}`), 0o600); err != nil {
		t.Fatal(err)
	}
	runLocal(t, exitFailure, "models", "show", "tiny")
}
