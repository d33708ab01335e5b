package local_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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

// bert is a copy of the small BERT model, with changes to its config and more files.
func bert(tb testing.TB, change map[string]any, more map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/bert")); err != nil {
		tb.Fatal(err)
	}
	var config map[string]any
	path := filepath.Join(dir, "config.json")
	b, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(b, &config) != nil {
		tb.Fatal(err)
	}
	for name, value := range change {
		config[name] = value
	}
	if b, err = json.Marshal(config); err != nil {
		tb.Fatal(err)
	}
	files := maps.Clone(more)
	if files == nil {
		files = map[string]string{}
	}
	files["config.json"] = string(b)
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

func TestEncoderConformance(t *testing.T) {
	dir := bert(t, nil, nil)
	embedtest.Run(t, func(tb testing.TB) embed.Embedder { return load(tb, dir) })
}

// TestEncoder compares with vectors that testdata/bert.py computed by the formulas.
func TestEncoder(t *testing.T) {
	b, err := os.ReadFile("testdata/bert/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]map[string][]float64
	if err := json.Unmarshal(b, &want); err != nil || len(want) < 4 {
		t.Fatal(err)
	}
	const normalize = `[{"type":"sentence_transformers.models.Transformer"},{"type":"sentence_transformers.models.Pooling"},{"type":"sentence_transformers.models.Normalize"}]`
	for name, more := range map[string]map[string]string{
		"mean":  nil,
		"unit":  {"modules.json": normalize, "1_Pooling/config.json": `{"pooling_mode_mean_tokens":true,"pooling_mode_cls_token":false}`},
		"first": {"1_Pooling/config.json": `{"pooling_mode_mean_tokens":false,"pooling_mode_cls_token":true}`},
	} {
		m := load(t, bert(t, nil, more))
		if m.Static() || m.Kind() != "BERT, WordPiece" || m.Dim() != 12 {
			t.Errorf("%v, %s, %d", m.Static(), m.Kind(), m.Dim())
		}
		for text, vectors := range want {
			got := one(t, m, text)
			for i, x := range vectors[name] {
				if math.Abs(float64(got[i])-x) > 1e-5 {
					t.Errorf("%s %q: number %d is %v, want %v", name, text, i, got[i], x)
				}
			}
		}
	}
}

// What a model puts before questions and passages is part of its files.
func TestPrompts(t *testing.T) {
	plain, m := load(t, bert(t, nil, nil)), load(t, bert(t, nil, map[string]string{"config_sentence_transformers.json": `{"prompts":{"query":"ore is ","passage":"x "}}`}))
	for kind, prefix := range map[embed.Kind]string{embed.Query: "ore is ", embed.Document: "x "} {
		got, err := m.Embed(t.Context(), kind, []string{"coal"})
		if err != nil || !slices.Equal(got[0], one(t, plain, prefix+"coal")) {
			t.Errorf("kind %d: another vector, %v", kind, err)
		}
	}
}

// A text of more pieces than the model takes at once has the mean of all of them, window by
// window.
func TestWindows(t *testing.T) {
	m := load(t, bert(t, nil, map[string]string{"sentence_bert_config.json": `{"max_seq_length":6}`}))
	long, a, b := one(t, m, "the ore is coal x x x"), one(t, m, "the ore is coal"), one(t, m, "x x x")
	for i := range long {
		if want := (6*float64(a[i]) + 5*float64(b[i])) / 11; math.Abs(float64(long[i])-want) > 1e-5 {
			t.Errorf("number %d is %v, want %v", i, long[i], want)
		}
	}
}

func TestEncoderRefusals(t *testing.T) {
	f := func(field string, change map[string]any, more map[string]string) {
		t.Helper()
		_, err := local.Load(bert(t, change, more), "m", "")
		var coded *lode.Error
		if !errors.As(err, &coded) || coded.Field != field {
			t.Errorf("%v %v: %v", change, more, err)
		}
	}
	f("config.json:hidden_act", map[string]any{"hidden_act": "swish"}, nil)
	f("config.json:position_embedding_type", map[string]any{"position_embedding_type": "relative_key"}, nil)
	f("config.json:hidden_size", map[string]any{"num_attention_heads": 5}, nil)
	f("config.json:hidden_size", map[string]any{"hidden_size": 1 << 20}, nil)
	f("config.json", map[string]any{"num_hidden_layers": 0}, nil)
	f("config.json", map[string]any{"intermediate_size": -1}, nil)
	f("embeddings.word_embeddings.weight", map[string]any{"hidden_size": 24}, nil)
	f("encoder.layer.2.attention.self.query.weight", map[string]any{"num_hidden_layers": 3}, nil)
	f("encoder.layer.0.intermediate.dense.weight", map[string]any{"intermediate_size": 21}, nil)
	f("1_Pooling/config.json", nil, map[string]string{"1_Pooling/config.json": `{"pooling_mode_mean_tokens":true,"pooling_mode_max_tokens":true}`})
	f("1_Pooling/config.json", nil, map[string]string{"1_Pooling/config.json": `{"pooling_mode_mean_tokens":false}`})
	f("1_Pooling/config.json", nil, map[string]string{"1_Pooling/config.json": `{`})
	f("modules.json", nil, map[string]string{"modules.json": `[{"type":"sentence_transformers.models.Dense"}]`})
	f("tokenizer.json", nil, map[string]string{"tokenizer.json": `{"model":{"type":"WordPiece","unk_token":"a","vocab":{"a":0}}}`})
	f("tokenizer.json:model.type", nil, map[string]string{"tokenizer.json": `{"added_tokens":[{"id":0,"content":"[CLS]","special":true},{"id":1,"content":"[SEP]","special":true}],"model":{"type":"Unigram","vocab":[["a",0]]}}`})
	f("safetensors:header", nil, map[string]string{"model.safetensors": "x"})
}

// An encoder is kept in a store with the files that it needs.
func TestStoreOfEncoders(t *testing.T) {
	store := local.Store{Dir: t.TempDir()}
	info, err := store.Add(t.Context(), bert(t, nil, map[string]string{"1_Pooling/config.json": `{"pooling_mode_cls_token":true}`}), local.Info{Name: "small"})
	if err != nil || len(info.Files) != 4 || info.Dim != 12 {
		t.Fatalf("%+v, %v", info, err)
	}
	if err := store.Verify("small"); err != nil {
		t.Error(err)
	}
	if _, err := store.Open("small"); err != nil {
		t.Error(err)
	}
}

// BenchmarkEncoder measures a model of the size of MiniLM-L6.
func BenchmarkEncoder(b *testing.B) {
	dir := bert(b, nil, nil)
	writeBERT(b, dir, 384, 1536, 6, 12)
	m := load(b, dir)
	for _, words := range []int{8, 128} {
		text := []string{strings.Repeat("the ore is coal ", words/4)}
		b.Run(fmt.Sprintf("pieces=%d", words), func(b *testing.B) {
			for b.Loop() {
				if _, err := m.Embed(b.Context(), embed.Document, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// writeBERT replaces the weights of a model by others of these sizes.
func writeBERT(tb testing.TB, dir string, hidden, inner, layers, heads int) {
	tb.Helper()
	tensors := map[string]localtest.Tensor{}
	add := func(name string, shape ...int) {
		n := 1
		for _, s := range shape {
			n *= s
		}
		data := make([]float32, n)
		for i := range data {
			data[i] = float32(i%17-8) / 50
		}
		tensors[name] = localtest.Tensor{Shape: shape, Data: data}
	}
	linear := func(name string, out, in int) { add(name+".weight", out, in); add(name+".bias", out) }
	norm := func(name string) { add(name+".weight", hidden); add(name+".bias", hidden) }
	add("embeddings.word_embeddings.weight", 12, hidden)
	add("embeddings.position_embeddings.weight", 512, hidden)
	add("embeddings.token_type_embeddings.weight", 2, hidden)
	norm("embeddings.LayerNorm")
	for i := range layers {
		at := fmt.Sprintf("encoder.layer.%d.", i)
		for _, part := range []string{"self.query", "self.key", "self.value", "output.dense"} {
			linear(at+"attention."+part, hidden, hidden)
		}
		norm(at + "attention.output.LayerNorm")
		linear(at+"intermediate.dense", inner, hidden)
		linear(at+"output.dense", hidden, inner)
		norm(at + "output.LayerNorm")
	}
	config := map[string]any{
		"model_type": "bert", "hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers, "num_attention_heads": heads,
		"max_position_embeddings": 512, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
	}
	other := localtest.Write(tb, map[string]any{}, config, tensors)
	for _, name := range []string{"config.json", "model.safetensors"} {
		b, err := os.ReadFile(filepath.Join(other, name))
		if err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
}
