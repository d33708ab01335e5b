package builtin

import (
	"context"
	_ "embed" // the table
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/table"
)

// lodeEnV1 is the file that embed/train wrote. As a string it stays in the program's read-only
// data: what no text asks for is never read from disk.
//
//go:embed lode-en-v1.table
var lodeEnV1 string

// Table returns the table of lode-en-v1, for a [table.Counter] of a collection's words and to
// read stored [table.Weights].
func Table() (*table.Table, error) { return openTable() }

var openTable = sync.OnceValues(func() (*table.Table, error) { return table.Open(lodeEnV1) })

// tabled is the model lode-en-v1.
type tabled struct {
	table       *table.Table
	fingerprint string
	scratch     sync.Pool // of *table.Adder
}

func newTabled(weights *table.Weights) (*tabled, error) {
	t, err := Table()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", LodeEnV1, err)
	}
	e := &tabled{table: t, fingerprint: fmt.Sprintf("builtin/%s/%d/l2", LodeEnV1, t.Dim())}
	if weights != nil {
		e.fingerprint = Weighted(e.fingerprint, weights.Hash())
	}
	e.scratch.New = func() any { return t.NewAdder(weights) }
	return e, nil
}

// Weighted is the fingerprint of a model with the weights of a hash, by that of the model without.
func Weighted(fingerprint string, weights lode.Hash) string {
	return fingerprint + "/idf-" + hex.EncodeToString(weights[:8])
}

var (
	_, _ embed.Embedder = (*tabled)(nil), (*hashed)(nil)
	_    embed.Lexicon  = (*tabled)(nil)
)

// Fingerprint implements [embed.Embedder].
func (e *tabled) Fingerprint() string { return e.fingerprint }

// Dim implements [embed.Embedder].
func (e *tabled) Dim() int { return e.table.Dim() }

// Static implements [embed.Embedder].
func (*tabled) Static() bool { return true }

// Embed implements [embed.Embedder]. Documents and queries are embedded alike. Bytes that are
// not UTF-8 separate words.
func (e *tabled) Embed(ctx context.Context, _ embed.Kind, texts []string) ([]lode.Vector, error) {
	add := e.scratch.Get().(*table.Adder)
	defer e.scratch.Put(add)
	return embedAll(ctx, texts, func(text string) lode.Vector {
		v := make(lode.Vector, e.table.Dim())
		add.Vector(text, v)
		return v
	})
}

// Tokens implements [embed.Lexicon].
func (*tabled) Tokens(text string, yield func(token []byte)) { table.NewReader(yield).Read(text) }

// TokenVector implements [embed.Lexicon].
func (e *tabled) TokenVector(token []byte, dst []float32) {
	add := e.scratch.Get().(*table.Adder)
	defer e.scratch.Put(add)
	add.Word(token, dst)
}
