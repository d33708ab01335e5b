package local

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/table"
	"github.com/lodedb/lode/internal/vfs"
)

// TableFile is the one file of a model that is a table of words.
const TableFile = "model.table"

// tabled is a table of words, as lode-en-v1 is one, in a file.
type tabled struct {
	name    string // for the fingerprint
	digest  string
	mapping *vfs.Mapping // the memory of the table
	table   *table.Table
	scratch sync.Pool // of *table.Adder
}

var (
	_ Model         = (*tabled)(nil)
	_ embed.Lexicon = (*tabled)(nil)
)

// loadTable maps a table. It is read in place, and whole once: a row that was damaged would give
// other vectors and no error.
func loadTable(path, name, digest string) (*tabled, error) {
	mapping, err := vfs.Map(vfs.OS, path)
	if err != nil {
		return nil, unreadable(TableFile, err)
	}
	b := mapping.Bytes()
	t, err := table.Open(unsafe.String(unsafe.SliceData(b), len(b)))
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", name, err)
	}
	m := &tabled{name: name, digest: digest, mapping: mapping, table: t}
	m.scratch.New = func() any { return t.NewAdder(nil) }
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("open model %s: %w", name, err)
	}
	return m, nil
}

// Fingerprint implements [embed.Embedder].
func (m *tabled) Fingerprint() string {
	return fmt.Sprintf("local/%s/%d/%s", m.name, m.table.Dim(), m.digest)
}

// Dim implements [embed.Embedder].
func (m *tabled) Dim() int { return m.table.Dim() }

// Static implements [embed.Embedder].
func (*tabled) Static() bool { return true }

// Rows implements [Model].
func (m *tabled) Rows() int { return m.table.Words() + m.table.Buckets() }

// Kind implements [Model].
func (*tabled) Kind() string { return "Words" }

// Embed implements [embed.Embedder]. Documents and queries are embedded alike.
func (m *tabled) Embed(ctx context.Context, _ embed.Kind, texts []string) ([]lode.Vector, error) {
	add := m.scratch.Get().(*table.Adder)
	defer m.scratch.Put(add)
	defer runtime.KeepAlive(m.mapping)
	out := make([]lode.Vector, len(texts))
	for i, text := range texts {
		if err := embed.ContextError(ctx); err != nil {
			return nil, err
		}
		out[i] = make(lode.Vector, m.table.Dim())
		add.Vector(text, out[i])
	}
	if err := embed.ContextError(ctx); err != nil {
		return nil, err
	}
	return out, nil
}

func (m *tabled) check() error {
	defer runtime.KeepAlive(m.mapping)
	return m.table.Verify()
}

// Tokens implements [embed.Lexicon].
func (*tabled) Tokens(text string, yield func(token []byte)) { table.NewReader(yield).Read(text) }

// TokenVector implements [embed.Lexicon].
func (m *tabled) TokenVector(token []byte, dst []float32) {
	add := m.scratch.Get().(*table.Adder)
	defer m.scratch.Put(add)
	defer runtime.KeepAlive(m.mapping)
	add.Word(token, dst)
}
