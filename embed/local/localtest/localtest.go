// Package localtest writes small static models for tests, whose vectors can be computed by
// hand.
package localtest

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// Tensor is a tensor of a file.
type Tensor struct {
	Type  string // F32 or I32; the default is F32
	Shape []int
	Data  []float32
}

// Words is the vocabulary of [Model]: row i of its table is the vector of word i.
var Words = []string{"[PAD]", "[UNK]", "ore", "is", "wash", "##ed", "coal", ".", "x", "!", "?", "for", "i", "the", "text", "number", "die", "kohle", "a", "b"}

// Dim is the number of dimensions of [Model].
const Dim = 4

// Row is the vector of a word of [Model].
func Row(i int) []float32 {
	return []float32{float32(i), float32(i * i % 7), 1, float32(-i) / 2}
}

// Model writes a model with the vocabulary [Words] into a new folder, with its digits and
// letters as pieces besides.
func Model(tb testing.TB) (dir string) {
	tb.Helper()
	vocab, table := map[string]int{}, Tensor{Shape: []int{0, Dim}}
	add := func(word string) {
		if _, known := vocab[word]; known {
			return
		}
		i := len(vocab)
		vocab[word] = i
		table.Data = append(table.Data, Row(i)...)
		table.Shape[0]++
	}
	for _, word := range Words {
		add(word)
	}
	for c := '0'; c <= '9'; c++ {
		add(string(c))
		add("##" + string(c))
	}
	for c := 'a'; c <= 'z'; c++ {
		add(string(c))
		add("##" + string(c))
	}
	tokenizer := map[string]any{
		"normalizer":    map[string]any{"type": "BertNormalizer", "clean_text": true, "lowercase": true},
		"pre_tokenizer": map[string]any{"type": "BertPreTokenizer"},
		"model":         map[string]any{"type": "WordPiece", "unk_token": "[UNK]", "vocab": vocab},
	}
	return Write(tb, tokenizer, map[string]any{"model_type": "model2vec", "normalize": false}, map[string]Tensor{"embeddings": table})
}

// Write writes a model of these parts into a new folder.
func Write(tb testing.TB, tokenizer, config any, tensors map[string]Tensor) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	for name, content := range map[string]any{"tokenizer.json": tokenizer, "config.json": config} {
		b, err := json.Marshal(content)
		if err != nil {
			tb.Fatal(err)
		}
		write(tb, filepath.Join(dir, name), b)
	}
	write(tb, filepath.Join(dir, "model.safetensors"), pack(tb, tensors))
	return dir
}

func write(tb testing.TB, path string, b []byte) {
	tb.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		tb.Fatal(err)
	}
}

// pack is a file of tensors.
func pack(tb testing.TB, tensors map[string]Tensor) []byte {
	tb.Helper()
	header, data := map[string]any{}, []byte{}
	for name, t := range tensors {
		start := len(data)
		if t.Type == "" {
			t.Type = "F32"
		}
		for _, x := range t.Data {
			switch t.Type {
			case "F32":
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
			case "I32":
				data = binary.LittleEndian.AppendUint32(data, uint32(int32(x)))
			default:
				tb.Fatalf("tensor of type %s", t.Type)
			}
		}
		header[name] = map[string]any{"dtype": t.Type, "shape": t.Shape, "data_offsets": []int{start, len(data)}}
	}
	head, err := json.Marshal(header)
	if err != nil {
		tb.Fatal(err)
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	return append(append(out, head...), data...)
}
