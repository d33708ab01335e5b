package local

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/safetensors"
	"github.com/lodedb/lode/embed/tokenizer"
)

// static is a table of vectors.
type static struct {
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

var (
	_ Model         = (*static)(nil)
	_ embed.Lexicon = (*static)(nil)
)

func loadStatic(name, digest string, words *tokenizer.Tokenizer, file *safetensors.File, scaled bool) (*static, error) {
	m := &static{name: name, digest: digest, file: file, words: words, scaled: scaled}
	m.scratch.New = func() any { return &scratch{sums: make([]float64, m.dim)} }
	return m, m.findTensors()
}

// tableNames are the names that the table has, by model2vec and by sentence-transformers.
var tableNames = []string{"embeddings", "embedding.weight"}

func (m *static) findTensors() error {
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
func (m *static) Fingerprint() string {
	return fmt.Sprintf("local/%s/%d/%s", m.name, m.dim, m.digest)
}

// Dim implements [embed.Embedder].
func (m *static) Dim() int { return m.dim }

// Static implements [embed.Embedder].
func (m *static) Static() bool { return true }

// Rows implements [Model].
func (m *static) Rows() int { return m.table.Shape[0] }

// Kind implements [Model].
func (m *static) Kind() string { return m.words.Kind() }

// scratch is the memory of one call.
type scratch struct {
	ids  []int32
	sums []float64
}

// Embed implements [embed.Embedder]. Documents and queries are embedded alike.
func (m *static) Embed(ctx context.Context, _ embed.Kind, texts []string) ([]lode.Vector, error) {
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
func (m *static) vector(s *scratch, text string) lode.Vector {
	s.ids = m.words.Append(s.ids[:0], text)
	clear(s.sums)
	for _, id := range s.ids {
		m.add(s.sums, int(id))
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

// add adds what a token is to sums.
func (m *static) add(sums []float64, id int) {
	weight, row := 1.0, id
	if m.weights != nil {
		weight = m.weights.At(id)
	}
	if m.mapping != nil {
		row = int(m.mapping.At(id))
	}
	m.table.AddTo(sums, row*m.dim, weight)
}

// Tokens implements [embed.Lexicon]. A token is the number of a piece, as in "#1012".
func (m *static) Tokens(text string, yield func(token []byte)) {
	s := m.scratch.Get().(*scratch)
	defer m.scratch.Put(s)
	s.ids = m.words.Append(s.ids[:0], text)
	var name [12]byte
	for _, id := range s.ids {
		yield(strconv.AppendInt(append(name[:0], '#'), int64(id), 10))
	}
}

// TokenVector implements [embed.Lexicon].
func (m *static) TokenVector(token []byte, dst []float32) {
	clear(dst)
	if len(token) < 2 || token[0] != '#' {
		return
	}
	id, err := strconv.Atoi(string(token[1:]))
	if err != nil || id < 0 || id >= m.words.Size() {
		return
	}
	s := m.scratch.Get().(*scratch)
	defer m.scratch.Put(s)
	defer runtime.KeepAlive(m.file)
	clear(s.sums)
	m.add(s.sums, id)
	for i, x := range s.sums {
		dst[i] = float32(x)
	}
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

func (m *static) check() error {
	defer runtime.KeepAlive(m.file)
	for i := range m.table.Len() {
		if x := m.table.At(i); math.IsNaN(x) || math.IsInf(x, 0) {
			return lode.FieldError(lode.CodeMalformed, "embeddings", x, "number %d of row %d of the table is not finite", i%m.dim, i/m.dim)
		}
	}
	return nil
}
