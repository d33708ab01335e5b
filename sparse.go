package lode

import (
	"encoding/binary"
	"math"
	"slices"
)

// SparseVector is a vector of which nearly every number is 0: the others by their dimension, as
// models give them that weigh the words of a vocabulary. Holders must not change one that they
// did not make.
type SparseVector struct {
	Indices []uint32  // the dimensions, ascending, none twice
	Values  []float32 // one for each, finite and not 0; may be negative
}

// MaxSparseEntries bounds the entries of a sparse vector.
const MaxSparseEntries = 4096

// Len is the number of entries.
func (v SparseVector) Len() int { return len(v.Indices) }

// Equal reports whether two vectors have the same entries, to the bit.
func (v SparseVector) Equal(w SparseVector) bool {
	return slices.Equal(v.Indices, w.Indices) && slices.EqualFunc(v.Values, w.Values, func(a, b float32) bool {
		return math.Float32bits(a) == math.Float32bits(b)
	})
}

// Validate checks that v can be stored and asked for: 1 to [MaxSparseEntries] entries in order.
// The error names the offending position.
func (v SparseVector) Validate() error {
	if len(v.Indices) != len(v.Values) {
		return Invalid("values", len(v.Values), "a sparse vector with %d indices has %d values", len(v.Indices), len(v.Values))
	}
	if n := len(v.Indices); n == 0 || n > MaxSparseEntries {
		return Invalid("indices", n, "a sparse vector has 1 to %d entries", MaxSparseEntries)
	}
	for i, index := range v.Indices {
		if i > 0 && index == v.Indices[i-1] {
			return Invalid("indices", index, "indices[%d] is the dimension before it again", i)
		}
		if i > 0 && index < v.Indices[i-1] {
			return Invalid("indices", index, "indices[%d] is smaller than the one before it: indices ascend", i)
		}
		x := float64(v.Values[i])
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return Invalid("values", x, "values[%d] is not a finite number", i)
		}
		if x == 0 {
			return Invalid("values", x, "values[%d] is 0: what is 0 is left out", i)
		}
	}
	return nil
}

// sparseEntryBytes is what an entry takes in the form of [AppendSparse].
const sparseEntryBytes = 8

// AppendSparse appends v in the form that sparse vectors are stored and sent in: all indices as
// little-endian uint32, then all values as little-endian float32.
func AppendSparse(b []byte, v SparseVector) []byte {
	b = slices.Grow(b, sparseEntryBytes*len(v.Indices))
	for _, index := range v.Indices {
		b = binary.LittleEndian.AppendUint32(b, index)
	}
	return AppendVector(b, v.Values)
}

// ParseSparse reads what [AppendSparse] wrote.
func ParseSparse(b []byte) (SparseVector, error) {
	if len(b)%sparseEntryBytes != 0 {
		return SparseVector{}, Invalid("sparse", len(b), "a binary sparse vector has eight bytes for each entry")
	}
	n := len(b) / sparseEntryBytes
	v := SparseVector{Indices: make([]uint32, n)}
	for i := range v.Indices {
		v.Indices[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	values, err := ParseVector(b[4*n:])
	v.Values = values
	return v, err
}
