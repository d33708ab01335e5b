package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodedb/lode/embed/adapt"
	"github.com/lodedb/lode/embed/local"
	"github.com/lodedb/lode/server"
)

// jargon writes documents whose titles say in invented words what the texts say in others, if there
// is sense in them.
func jargon(t *testing.T, n int, sense bool) (dir string) {
	t.Helper()
	dir = t.TempDir()
	random := rand.New(rand.NewPCG(11, 11))
	word := func(kind string, topic int) string {
		return fmt.Sprintf("%s%c%c%co", kind, "bdfgk"[topic%5], 'a'+topic%26, "lmnrt"[topic/5%5])
	}
	files := map[string]string{}
	for i := range n {
		var title, text []string
		for range 3 {
			topic := random.IntN(25)
			title = append(title, word("qui", topic))
			if !sense {
				topic = random.IntN(25)
			}
			text = append(text, word("zev", topic), "and then", word("zev", topic), word("mu", random.IntN(25)))
		}
		files[fmt.Sprintf("%d.md", i)] = "# " + strings.Join(title, " ") + "\n\nHere is " + strings.Join(text, " ") + ".\n"
	}
	write(t, dir, files)
	return dir
}

// adaptShell is a node, and its folder of models.
func adaptShell(t *testing.T) (*shell, string) {
	t.Helper()
	models := t.TempDir()
	node, err := server.Open(t.Context(), server.Config{DataDir: t.TempDir(), ModelsDir: models, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("LODE_MODELS", models)
	return &shell{t, node.URL()}, models
}

// TestAdapt goes from documents to a model of their own, and to a collection that uses it.
func TestAdapt(t *testing.T) {
	s, models := adaptShell(t)
	s.run(exitOK, "", "ingest", jargon(t, 300, true), "-c", "old")
	out, errs := s.run(exitOK, "", "models", "adapt", "mine", "-c", "old", "--batches", "80")
	for _, want := range []string{"MRR@10 with the collection's weights", "80 batches of 32, seed 1", "lode collections create NEW --embedder local --model mine --dim 256", "lode collections copy old NEW"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if !strings.Contains(errs, "80 batches") || !strings.Contains(errs, "the loss went from") {
		t.Errorf("no progress: %q", errs)
	}
	s.run(exitOK, "", "collections", "create", "new", "--embedder", "local", "--model", "mine", "--dim", "256")
	s.run(exitOK, "", "collections", "copy", "old", "new")
	if out, _ = s.run(exitOK, "", "search", "quibalo quidbmo", "-c", "new", "--mode", "dense", "-k", "1"); !strings.Contains(out, ".md") {
		t.Error(out)
	}
	info := manifest(t, models, "mine")
	var made adapted
	if err := json.Unmarshal(info.Made, &made); err != nil || made.Collection != "old" || made.Base != "builtin/lode-en-v1/256/l2" ||
		made.Batches != 80 || made.Seed != 1 || made.Pairs["head"] == 0 || !made.Better() {
		t.Errorf("%s, %v", info.Made, err)
	}
	if out, _ := runLocal(t, exitOK, "models", "show", "mine"); !strings.Contains(out, `"collection":"old"`) {
		t.Error(out)
	}
	// The same batches give the same file.
	s.run(exitOK, "", "models", "adapt", "again", "-c", "old", "--batches", "80", "--output", "json", "--threads", "1")
	if again := manifest(t, models, "again"); again.Files[local.TableFile] != info.Files[local.TableFile] {
		t.Errorf("%+v, then %+v", info.Files, again.Files)
	}
	if _, errs := s.run(exitUsage, "", "models", "adapt", "mine", "-c", "old", "--batches", "1"); !strings.Contains(errs, "there is a model of this name") {
		t.Error(errs)
	}
	damage(t, filepath.Join(models, "again", local.TableFile))
	runLocal(t, exitFailure, "models", "show", "again")
	if _, errs := s.run(exitFailure, "", "collections", "create", "bad", "--embedder", "local", "--model", "again", "--dim", "256"); !strings.Contains(errs, "checksum") {
		t.Error(errs)
	}
}

func manifest(t *testing.T, models, name string) local.Info {
	t.Helper()
	info, err := local.Store{Dir: models}.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// damage turns a bit of a file.
func damage(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAdaptRefuses writes no model that is not better, unless told to.
func TestAdaptRefuses(t *testing.T) {
	s, models := adaptShell(t)
	s.run(exitOK, "", "ingest", jargon(t, 300, false), "-c", "noise")
	args := []string{"models", "adapt", "mine", "-c", "noise", "--batches", "80"}
	if _, errs := s.run(exitFailure, "", args...); !strings.Contains(errs, "not better") || !strings.Contains(errs, "--force") {
		t.Error(errs)
	}
	out, _ := s.run(exitFailure, "", append(args, "--output", "json")...)
	var r adapt.Result
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Better() {
		t.Errorf("%s, %v", out, err)
	}
	if left, err := os.ReadDir(models); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
	s.run(exitOK, "", append(args, "--force")...)
	if left, err := os.ReadDir(models); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
	s.run(exitOK, "a text", "ingest", "-", "--id", "a", "-c", "few")
	if _, errs := s.run(exitFailure, "", "models", "adapt", "other", "-c", "few"); !strings.Contains(errs, "held out") {
		t.Error(errs)
	}
	s.run(exitFailure, "", "models", "adapt", "other", "-c", "none")
	s.run(exitUsage, "", "models", "adapt", "../x", "-c", "noise")
	s.run(exitUsage, "", "models", "adapt", "other", "-c", "noise", "--seconds", "0")
	s.run(exitUsage, "", "models", "adapt", "other", "-c", "noise", "--batches", "-1")
}
