package index

import (
	"context"

	"github.com/lodedb/lode"
)

// Candidate is a row that a search proposes.
type Candidate struct {
	Ordinal uint32
	Score   float32 // finite; larger is better
}

// Better reports whether c comes before d in an answer: larger score first, equal scores by
// ascending ordinal.
func (c Candidate) Better(d Candidate) bool {
	if c.Score != d.Score {
		return c.Score > d.Score
	}
	return c.Ordinal < d.Ordinal
}

// Dense searches vectors by the index's metric. One writer may run beside any number of
// readers; see the package comment for what a reader sees.
type Dense interface {
	// Dim is the number of dimensions of every vector.
	Dim() int
	// Metric is what scores mean; see [lode.Metric].
	Metric() lode.Metric
	// Len is the number of rows, which is also the next ordinal.
	Len() int
	// Add appends a copy of v and returns its ordinal. Under [lode.Cosine] the copy is
	// scaled to unit length. A vector of another dimension, with a number that is not
	// finite, or without direction under cosine, is refused with [lode.CodeInvalid] and
	// uses up no ordinal.
	Add(v lode.Vector) (ordinal uint32, err error)
	// Search returns the min(k, matching) best rows, best first; ties go to the smaller
	// ordinal, also where k cuts. A nil allow allows every row; ordinals at or beyond
	// allow.Len() are not allowed. allow is only read, and must not change meanwhile. k
	// below 1 and a query that Add would refuse are [lode.CodeInvalid]; a context that ends
	// during the search is [lode.CodeCanceled] or [lode.CodeTimeout].
	Search(ctx context.Context, query lode.Vector, k int, allow *Bitset) ([]Candidate, error)
	// Vector returns the row as it is compared: as it was added, under cosine scaled to
	// unit length. It is nil where there is no such row. Do not modify it; it stays valid
	// for ever.
	Vector(ordinal uint32) lode.Vector
	// Compact returns a new index with only the kept rows, renumbered from 0 in the same
	// order; nil keeps all, ordinals at or beyond keep.Len() are dropped. The old index
	// stays usable and shares no row that can change.
	Compact(keep *Bitset) Dense
	// Bytes is about how much memory the index holds.
	Bytes() int64
}

// Sparse searches sparse vectors by their dot product with the query. Ordinals, writer and
// readers, ties and allow are as in [Dense]. There is no Remove, as in Dense: a score depends on
// nothing but its row, so a row that allow leaves out is as good as gone.
type Sparse interface {
	// Len is the number of rows, which is also the next ordinal.
	Len() int
	// Add appends a row, of which it keeps a copy. The empty vector is a row that no query
	// finds. One that [lode.SparseVector.Validate] refuses for another reason is refused, and
	// uses up no ordinal.
	Add(v lode.SparseVector) (ordinal uint32, err error)
	// Search returns the min(k, matching) best rows that have a dimension in common with the
	// query, best first, also where the product is not positive. Scores are sums in order of
	// dimensions in float64, rounded once, and nothing is left out of them: they are equal to
	// the bit in every index that holds the row. k below 1 and a query that is not valid are
	// [lode.CodeInvalid].
	Search(ctx context.Context, query lode.SparseVector, k int, allow *Bitset) ([]Candidate, error)
	// Compact returns a new index with only the kept rows, as that of [Dense].
	Compact(keep *Bitset) Sparse
	// Bytes is about how much memory the index holds.
	Bytes() int64
}
