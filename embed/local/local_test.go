package local_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/embedtest"
	"github.com/lodedb/lode/embed/local"
	"github.com/lodedb/lode/embed/local/localtest"
)

func load(tb testing.TB, dir string) local.Model {
	tb.Helper()
	m, err := local.Load(dir, "small", "0123")
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func TestConformance(t *testing.T) {
	dir := localtest.Model(t)
	embedtest.Run(t, func(tb testing.TB) embed.Embedder { return load(tb, dir) })
}

func one(t *testing.T, m local.Model, text string) lode.Vector {
	t.Helper()
	vectors, err := m.Embed(t.Context(), embed.Document, []string{text})
	if err != nil {
		t.Fatal(err)
	}
	return vectors[0]
}

// The vectors are those that can be computed by hand from the table.
func TestByHand(t *testing.T) {
	m := load(t, localtest.Model(t))
	// "ore" is row 2, "wash" 4, "##ed" 5, "." 7; 鉱 is unknown and left out.
	want := lode.Vector{(2 + 4 + 5 + 7) / 4.0, (4 + 2 + 4 + 0) / 4.0, 1, (-1 - 2 - 2.5 - 3.5) / 4.0}
	if got := one(t, m, "Ore WASHED 鉱."); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, text := range []string{"", "鉱石", " \n"} {
		if got := one(t, m, text); !slices.Equal(got, lode.Vector{0.5, 0.5, 0.5, 0.5}) {
			t.Errorf("%q: %v", text, got)
		}
	}
	if m.Fingerprint() != "local/small/4/0123" || !m.Static() || m.Kind() != "WordPiece" {
		t.Errorf("%q, %v, %s", m.Fingerprint(), m.Static(), m.Kind())
	}
}

// unigram is a tokenizer with four pieces.
var unigram = map[string]any{
	"pre_tokenizer": map[string]any{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
	"model":         map[string]any{"type": "Unigram", "unk_id": 0, "vocab": [][]any{{"<unk>", 0}, {"▁or", -2}, {"e", -3}, {"▁ore", -1}}},
}

// Weights, a mapping of ids to rows, and length one, as newer models have them.
func TestWeights(t *testing.T) {
	dir := localtest.Write(t, unigram, map[string]any{"normalize": true}, map[string]localtest.Tensor{
		"embeddings": {Shape: []int{2, 2}, Data: []float32{3, 0, 0, 4}},
		"weights":    {Shape: []int{4}, Data: []float32{9, 9, 2, 1}},
		"mapping":    {Type: "I32", Shape: []int{4}, Data: []float32{0, 0, 1, 0}},
	})
	// "▁ore" is row 0 times 1, "e" row 1 times 2: (3, 8), of length √73.
	got := one(t, load(t, dir), "oree")
	if want := (lode.Vector{float32(3 / math.Sqrt(73)), float32(8 / math.Sqrt(73))}); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestSentenceTransformersName(t *testing.T) {
	dir := localtest.Write(t, unigram, map[string]any{}, map[string]localtest.Tensor{"embedding.weight": {Shape: []int{4, 1}, Data: []float32{1, 2, 3, 4}}})
	if got := one(t, load(t, dir), "ore"); !slices.Equal(got, lode.Vector{4}) {
		t.Errorf("%v", got)
	}
}

func TestRefusals(t *testing.T) {
	good := localtest.Tensor{Shape: []int{4, 1}, Data: []float32{1, 2, 3, 4}}
	f := func(field string, tokenizer any, tensors map[string]localtest.Tensor, change func(dir string)) {
		t.Helper()
		dir := localtest.Write(t, tokenizer, map[string]any{}, tensors)
		if change != nil {
			change(dir)
		}
		_, err := (local.Store{Dir: t.TempDir()}).Add(t.Context(), dir, local.Info{Name: "m"})
		var coded *lode.Error
		if !errors.As(err, &coded) || coded.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	f("embeddings", unigram, map[string]localtest.Tensor{"other": good}, nil)
	f("embeddings", unigram, map[string]localtest.Tensor{"embeddings": {Shape: []int{4}, Data: good.Data}}, nil)
	f("embeddings", unigram, map[string]localtest.Tensor{"embeddings": {Shape: []int{3, 1}, Data: []float32{1, 2, 3}}}, nil)
	f("embeddings", unigram, map[string]localtest.Tensor{"embeddings": {Shape: []int{4, 1}, Data: []float32{1, 2, 3, float32(math.NaN())}}}, nil)
	f("mapping", unigram, map[string]localtest.Tensor{"embeddings": good, "mapping": {Type: "I32", Shape: []int{4}, Data: []float32{0, 1, 2, 4}}}, nil)
	f("tokenizer.json:model.type", map[string]any{"model": map[string]any{"type": "WordLevel"}}, map[string]localtest.Tensor{"embeddings": good}, nil)
	for _, name := range local.Files() {
		f("file", unigram, map[string]localtest.Tensor{"embeddings": good}, func(dir string) { _ = os.Remove(filepath.Join(dir, name)) })
	}
	f("config.json", unigram, map[string]localtest.Tensor{"embeddings": good}, func(dir string) { _ = os.WriteFile(filepath.Join(dir, "config.json"), []byte("["), 0o600) })
	f("safetensors:header", unigram, map[string]localtest.Tensor{"embeddings": good}, func(dir string) { _ = os.Truncate(filepath.Join(dir, "model.safetensors"), 5) })
}

func TestStore(t *testing.T) {
	store := local.Store{Dir: filepath.Join(t.TempDir(), "models")}
	if all, err := store.List(); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	dir := localtest.Model(t)
	info, err := store.Add(t.Context(), dir, local.Info{Name: "small-1.0", Source: dir})
	if err != nil || info.Dim != localtest.Dim || info.Kind != "WordPiece" || len(info.Files) != 3 {
		t.Fatalf("%+v, %v", info, err)
	}
	if again, err := store.Add(t.Context(), dir, local.Info{Name: "small-1.0"}); err != nil || again.Source != dir {
		t.Errorf("the same again: %+v, %v", again, err)
	}
	m, err := store.Open("small-1.0")
	if err != nil || m.Fingerprint() != "local/small-1.0/4/"+info.Digest() {
		t.Fatalf("%v", err)
	}
	if !slices.Equal(one(t, m, "ore"), one(t, load(t, dir), "ore")) {
		t.Error("another vector")
	}
	other := localtest.Write(t, unigram, map[string]any{}, map[string]localtest.Tensor{"embeddings": {Shape: []int{4, 1}, Data: []float32{1, 2, 3, 4}}})
	if _, err := store.Add(t.Context(), other, local.Info{Name: "small-1.0"}); !lode.IsCode(err, lode.CodeConflict) {
		t.Errorf("another under the same name: %v", err)
	}
	for _, name := range []string{"", "../x", "a/b", ".hidden", strings.Repeat("a", 129)} {
		if _, err := store.Add(t.Context(), dir, local.Info{Name: name}); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := store.Open(name); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := store.Open("none"); !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("%v", err)
	}
	if all, err := store.List(); err != nil || len(all) != 1 || all[0].Name != "small-1.0" {
		t.Errorf("%v, %v", all, err)
	}
	if left, _ := filepath.Glob(filepath.Join(store.Dir, ".adding-*")); len(left) != 0 {
		t.Errorf("%q are left", left)
	}
}

// A file that changed is found, one of another size is not opened.
func TestVerify(t *testing.T) {
	store := local.Store{Dir: t.TempDir()}
	if _, err := store.Add(t.Context(), localtest.Model(t), local.Info{Name: "m"}); err != nil {
		t.Fatal(err)
	}
	if err := store.Verify("m"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(store.Dir, "m", "model.safetensors")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := store.Verify("m"); !lode.IsCode(err, lode.CodeCorrupt) {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(path, b[:len(b)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open("m"); !lode.IsCode(err, lode.CodeCorrupt) {
		t.Errorf("%v", err)
	}
	manifest, err := json.Marshal(map[string]string{"name": "n"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(store.Dir, "m", "MODEL.json"), manifest, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Get("m"); !lode.IsCode(err, lode.CodeCorrupt) {
		t.Errorf("%v", err)
	}
}

func BenchmarkEmbed(b *testing.B) {
	m := load(b, localtest.Model(b))
	text := []string{strings.Repeat("the ore is washed for coal. ", 5)} // thirty-odd pieces
	for b.Loop() {
		if _, err := m.Embed(b.Context(), embed.Document, text); err != nil {
			b.Fatal(err)
		}
	}
}
