package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/safetensors"
	"github.com/lodedb/lode/embed/tokenizer"
	"github.com/lodedb/lode/internal/vfs"
)

// The files of a model.
const (
	weightsFile   = "model.safetensors"
	tokenizerFile = "tokenizer.json"
	configFile    = "config.json"
)

// Files are the names of the files that make a model.
func Files() []string { return []string{weightsFile, tokenizerFile, configFile} }

// Model is a static model. It may be used by many goroutines at once.
type Model struct {
	name    string // for the fingerprint
	digest  string
	file    *safetensors.File
	table   safetensors.Tensor // rows of dim numbers
	weights *safetensors.Tensor
	mapping *safetensors.Tensor // from ids to rows; nil: they are the same
	words   *tokenizer.Tokenizer
	dim     int
	scaled  bool // to length one
	scratch sync.Pool
}

var _ embed.Embedder = (*Model)(nil)

// Load opens the model in a folder. Its fingerprint is that of the name and a hash of the
// files, which Load does not compute: see [Store.Open].
func Load(dir, name, digest string) (*Model, error) {
	m := &Model{name: name, digest: digest}
	m.scratch.New = func() any { return &scratch{sums: make([]float64, m.dim)} }
	if err := m.readConfig(filepath.Join(dir, configFile)); err != nil {
		return nil, err
	}
	b, err := readFile(filepath.Join(dir, tokenizerFile), tokenizer.MaxFileBytes)
	if err != nil {
		return nil, err
	}
	if m.words, err = tokenizer.Parse(b); err != nil {
		return nil, err
	}
	if m.file, err = safetensors.Open(vfs.OS, filepath.Join(dir, weightsFile)); err != nil {
		return nil, unreadable(weightsFile, err)
	}
	return m, m.findTensors()
}

func readFile(path string, most int64) ([]byte, error) {
	b, err := vfs.ReadFile(vfs.OS, path, most)
	if err != nil {
		return nil, unreadable(filepath.Base(path), err)
	}
	return b, nil
}

// unreadable gives an error of a file its code, unless it has one.
func unreadable(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return lode.NotFound("file", name).WithHint("a model has the files model.safetensors, tokenizer.json and config.json")
	case lode.CodeOf(err) != lode.CodeInternal:
		return err
	}
	return fmt.Errorf("open model: %w", err)
}

func (m *Model) readConfig(path string) error {
	b, err := readFile(path, 1<<20)
	if err != nil {
		return err
	}
	var config struct {
		Normalize bool `json:"normalize"`
	}
	if json.Unmarshal(b, &config) != nil {
		return lode.FieldError(lode.CodeMalformed, configFile, "", "config.json is no JSON object")
	}
	m.scaled = config.Normalize
	return nil
}

// tableNames are the names that the table has, by model2vec and by sentence-transformers.
var tableNames = []string{"embeddings", "embedding.weight"}

func (m *Model) findTensors() error {
	found := false
	for _, name := range tableNames {
		if m.table, found = m.file.Tensor(name); found {
			break
		}
	}
	if !found || len(m.table.Shape) != 2 || m.table.Shape[1] < 1 || m.table.Shape[1] > lode.MaxDim {
		return lode.FieldError(lode.CodeMalformed, "embeddings", fmt.Sprint(m.table.Shape), "the file holds no table of 1 to %d columns", lode.MaxDim)
	}
	m.dim = m.table.Shape[1]
	rows := m.table.Shape[0]
	if t, ok := m.file.Tensor("weights"); ok {
		m.weights = &t
	}
	if t, ok := m.file.Tensor("mapping"); ok {
		m.mapping = &t
		for i := range t.Len() {
			if row := t.At(i); row < 0 || int(row) >= rows {
				return lode.FieldError(lode.CodeMalformed, "mapping", row, "id %d leads to no row of %d", i, rows)
			}
		}
		rows = t.Len()
	}
	if m.words.Size() > rows || m.weights != nil && m.weights.Len() < m.words.Size() {
		return lode.FieldError(lode.CodeMalformed, "embeddings", rows, "the table has fewer rows than the vocabulary of %d", m.words.Size())
	}
	return nil
}

// Fingerprint implements [embed.Embedder].
func (m *Model) Fingerprint() string {
	return fmt.Sprintf("local/%s/%d/%s", m.name, m.dim, m.digest)
}

// Dim implements [embed.Embedder].
func (m *Model) Dim() int { return m.dim }

// Static implements [embed.Embedder].
func (m *Model) Static() bool { return true }

// Rows is the number of vectors in the table; Kind is the kind of its vocabulary.
func (m *Model) Rows() int    { return m.table.Shape[0] }
func (m *Model) Kind() string { return m.words.Kind() }

// scratch is the memory of one call.
type scratch struct {
	ids  []int32
	sums []float64
}

// Embed implements [embed.Embedder]. Documents and queries are embedded alike.
func (m *Model) Embed(ctx context.Context, _ embed.Kind, texts []string) ([]lode.Vector, error) {
	s := m.scratch.Get().(*scratch)
	defer m.scratch.Put(s)
	defer runtime.KeepAlive(m.file)
	out := make([]lode.Vector, len(texts))
	for i, text := range texts {
		if err := embed.ContextError(ctx); err != nil {
			return nil, err
		}
		out[i] = m.vector(s, text)
		if out[i].ValidateFor(m.dim, lode.Cosine) != nil {
			return nil, lode.FieldError(lode.CodeCorrupt, fmt.Sprintf("texts[%d]", i), "", "model %s gives numbers that are not finite", m.name)
		}
	}
	if err := embed.ContextError(ctx); err != nil {
		return nil, err
	}
	return out, nil
}

// vector is the mean of a text's pieces.
func (m *Model) vector(s *scratch, text string) lode.Vector {
	s.ids = m.words.Append(s.ids[:0], text)
	clear(s.sums)
	for _, id := range s.ids {
		weight := 1.0
		if m.weights != nil {
			weight = m.weights.At(int(id))
		}
		row := int(id)
		if m.mapping != nil {
			row = int(m.mapping.At(row))
		}
		m.table.AddTo(s.sums, row*m.dim, weight)
	}
	v := make(lode.Vector, m.dim)
	if !s.scale(len(s.ids), m.scaled) {
		for i := range v {
			v[i] = float32(1 / math.Sqrt(float64(m.dim)))
		}
		return v
	}
	for i, x := range s.sums {
		v[i] = float32(x)
	}
	return v
}

// scale makes sums a mean, or a vector of length one; false when there is nothing to scale.
func (s *scratch) scale(n int, toOne bool) bool {
	squares := 0.0
	for _, x := range s.sums {
		squares += float64(x * x)
	}
	if n == 0 || squares == 0 {
		return false
	}
	by := float64(n)
	if toOne {
		by = math.Sqrt(squares)
	}
	for i := range s.sums {
		s.sums[i] /= by
	}
	return true
}

// checkFinite looks at every number of the table once.
func (m *Model) checkFinite() error {
	defer runtime.KeepAlive(m.file)
	for i := range m.table.Len() {
		if x := m.table.At(i); math.IsNaN(x) || math.IsInf(x, 0) {
			return lode.FieldError(lode.CodeMalformed, "embeddings", x, "number %d of row %d of the table is not finite", i%m.dim, i/m.dim)
		}
	}
	return nil
}
