package chunker

import (
	"context"
	"fmt"
	"math"
	"sort"

	"github.com/lodedb/lode"
)

const (
	// reach is how many sentences on each side of a place are compared: one says too little, and
	// more than a few blur the place.
	reach = 3
	// embedBatch is how many texts an embedder is given at a time.
	embedBatch = 256
)

// valley is a place between two sentences, and how alike what stands around it is.
type valley struct {
	at         int
	similarity float64 // -1 to 1
}

// weigh finds the valleys of a passage that must be divided: the places between its sentences,
// each with the cosine of the sums of the vectors on either side.
func (c *cutter) weigh(ctx context.Context, p passage, embed Embed) error {
	c.valleys = c.valleys[:0]
	if c.fits(p.span()) {
		return nil
	}
	units := c.units(p)
	vectors, err := c.embed(ctx, units, embed)
	if err != nil {
		return err
	}
	for i := 1; i < len(units); i++ {
		before, after := sum(vectors[max(0, i-reach):i]), sum(vectors[i:min(len(units), i+reach)])
		c.valleys = append(c.valleys, valley{at: units[i].Start, similarity: cosine(before, after)})
	}
	return nil
}

// embed returns the vector of each unit, and holds the embedder to what [Embed] promises.
func (c *cutter) embed(ctx context.Context, units []lode.Span, embed Embed) ([]lode.Vector, error) {
	vectors := make([]lode.Vector, 0, len(units))
	for len(vectors) < len(units) {
		batch := units[len(vectors):min(len(vectors)+embedBatch, len(units))]
		texts := make([]string, len(batch))
		for i, unit := range batch {
			texts[i] = c.text[unit.Start:unit.End]
		}
		made, err := embed(ctx, texts)
		if err != nil {
			return nil, fmt.Errorf("embed sentences: %w", err)
		}
		if len(made) != len(texts) {
			return nil, lode.Errorf(lode.CodeProvider, "embed sentences: %d vectors of %d texts", len(made), len(texts))
		}
		vectors = append(vectors, made...)
	}
	for _, v := range vectors {
		if len(v) != len(vectors[0]) {
			return nil, lode.Errorf(lode.CodeProvider, "embed sentences: vectors of %d and of %d dimensions", len(vectors[0]), len(v))
		}
	}
	return vectors, nil
}

// lowest returns the place in (low, high] that has the least similarity, the last of equal
// ones; -1 when there is none.
func (c *cutter) lowest(low, high int) int {
	first := sort.Search(len(c.valleys), func(i int) bool { return c.valleys[i].at > low })
	at, least := -1, math.Inf(1)
	for _, v := range c.valleys[first:] {
		if v.at > high {
			break
		}
		if v.similarity <= least {
			at, least = v.at, v.similarity
		}
	}
	return at
}

func sum(vectors []lode.Vector) []float64 {
	out := make([]float64, len(vectors[0]))
	for _, v := range vectors {
		for i, x := range v {
			out[i] += float64(x)
		}
	}
	return out
}

// cosine returns the cosine of the angle between two vectors, 1 where one of them is zero. The
// conversions keep products and sums apart, so that every CPU rounds alike.
func cosine(a, b []float64) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i] * b[i])
		aa += float64(a[i] * a[i])
		bb += float64(b[i] * b[i])
	}
	if aa == 0 || bb == 0 {
		return 1
	}
	return ab / math.Sqrt(float64(aa*bb))
}
