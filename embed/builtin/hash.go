package builtin

import (
	"context"
	"math"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
)

// Model is the name of the model, Dim its number of dimensions.
const (
	Model = "hash-v1"
	Dim   = 512
)

// Embedder is the model hash-v1. It holds scratch memory only.
type Embedder struct {
	scratch sync.Pool // of *adder
}

var _ embed.Embedder = (*Embedder)(nil)

// New returns the embedder.
func New() *Embedder {
	stop := stopWords()
	return &Embedder{scratch: sync.Pool{New: func() any { return newAdder(stop) }}}
}

// Fingerprint implements [embed.Embedder].
func (*Embedder) Fingerprint() string { return "builtin/" + Model + "/512/l2" }

// Dim implements [embed.Embedder].
func (*Embedder) Dim() int { return Dim }

// Static implements [embed.Embedder].
func (*Embedder) Static() bool { return true }

// Embed implements [embed.Embedder]. Documents and queries are embedded alike. Bytes that are
// not UTF-8 are passed over.
func (e *Embedder) Embed(ctx context.Context, _ embed.Kind, texts []string) ([]lode.Vector, error) {
	out := make([]lode.Vector, len(texts))
	add := e.scratch.Get().(*adder)
	defer e.scratch.Put(add)
	for i, text := range texts {
		if err := embed.ContextError(ctx); err != nil {
			return nil, err
		}
		out[i] = unit(add.text(text))
	}
	if err := embed.ContextError(ctx); err != nil {
		return nil, err
	}
	return out, nil
}

// maxSum bounds the sums that are squared: 512 squares fit 64 bits.
const maxSum = 1 << 26

// unit scales integer sums to length one. Only the square root and the division round.
func unit(sums *[Dim]int64) lode.Vector {
	tame(sums)
	var squares int64
	for _, x := range sums {
		squares += x * x
	}
	v := make(lode.Vector, Dim)
	if squares == 0 { // no features, or they cancelled out
		v[emptyDim] = 1
		return v
	}
	norm := math.Sqrt(float64(squares))
	for i, x := range sums {
		v[i] = float32(float64(x) / norm)
	}
	return v
}

// tame halves the sums of a giant text until their squares can be added.
func tame(sums *[Dim]int64) {
	var largest int64
	for _, x := range sums {
		largest = max(largest, x, -x)
	}
	for ; largest > maxSum; largest /= 2 {
		for i := range sums {
			sums[i] /= 2
		}
	}
}
