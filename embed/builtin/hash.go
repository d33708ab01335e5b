package builtin

import (
	"context"
	"math"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
)

// hashDim is the number of dimensions of hash-v1.
const hashDim = 512

// hashed is the model hash-v1. It holds scratch memory only.
type hashed struct {
	scratch sync.Pool // of *adder
}

func newHashed() *hashed {
	stop := stopWords()
	return &hashed{scratch: sync.Pool{New: func() any { return newAdder(stop) }}}
}

// Fingerprint implements [embed.Embedder].
func (*hashed) Fingerprint() string { return "builtin/" + HashV1 + "/512/l2" }

// Dim implements [embed.Embedder].
func (*hashed) Dim() int { return hashDim }

// Static implements [embed.Embedder].
func (*hashed) Static() bool { return true }

// Embed implements [embed.Embedder]. Documents and queries are embedded alike. Bytes that are
// not UTF-8 are passed over.
func (e *hashed) Embed(ctx context.Context, _ embed.Kind, texts []string) ([]lode.Vector, error) {
	add := e.scratch.Get().(*adder)
	defer e.scratch.Put(add)
	return embedAll(ctx, texts, func(text string) lode.Vector { return unit(add.text(text)) })
}

// maxSum bounds the sums that are squared: 512 squares fit 64 bits.
const maxSum = 1 << 26

// unit scales integer sums to length one. Only the square root and the division round.
func unit(sums *[hashDim]int64) lode.Vector {
	tame(sums)
	var squares int64
	for _, x := range sums {
		squares += x * x
	}
	v := make(lode.Vector, hashDim)
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
func tame(sums *[hashDim]int64) {
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
