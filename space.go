package lode

import (
	"fmt"
	"maps"
	"slices"
)

// VectorSpace is a space of vectors that rows of a collection may have beside their own, under
// a name: a dense one of another model or of another part of a document, or a sparse one.
// Vectors of two spaces never meet.
type VectorSpace struct {
	Name   string `cbor:"1,keyasint" json:"name"`
	Dim    int    `cbor:"2,keyasint,omitempty" json:"dim,omitempty"`    // of a dense space
	Metric Metric `cbor:"3,keyasint,omitempty" json:"metric,omitempty"` // of a dense space; the default is the collection's
	Sparse bool   `cbor:"4,keyasint,omitempty" json:"sparse,omitempty"` // compared by dot product
}

// Limits on vector spaces.
const (
	MaxVectorSpaces    = 8
	MaxSpaceNameBytes  = 64
	MaxSpacesDataBytes = 192 << 10 // of the vectors that one row has in all named spaces
)

// Space returns the collection's vector space of a name and its place among them.
func (c *Collection) Space(name string) (at int, ok bool) {
	at = slices.IndexFunc(c.Vectors, func(s VectorSpace) bool { return s.Name == name })
	return at, at >= 0
}

// ensureSpaces fills what the caller left out, in a list of its own.
func (c *Collection) ensureSpaces() {
	c.Vectors = slices.Clone(c.Vectors)
	for i := range c.Vectors {
		if s := &c.Vectors[i]; s.Metric == "" && !s.Sparse {
			s.Metric = c.Metric
		}
	}
}

func (c *Collection) validateSpaces() error {
	if len(c.Vectors) > MaxVectorSpaces {
		return Invalid("vectors", len(c.Vectors), "a collection has at most %d named vector spaces", MaxVectorSpaces)
	}
	for i, s := range c.Vectors {
		if err := s.validate(); err != nil {
			return asError(err).In(fmt.Sprintf("vectors[%d]", i))
		}
		if at, _ := c.Space(s.Name); at != i {
			return Invalid("name", s.Name, "two vector spaces have this name").In(fmt.Sprintf("vectors[%d]", i))
		}
	}
	return nil
}

func (s VectorSpace) validate() error {
	if err := validateLabel("name", s.Name, MaxSpaceNameBytes); err != nil {
		return err
	}
	if s.Sparse {
		switch {
		case s.Dim != 0:
			return Invalid("dim", s.Dim, "a sparse space has no dim: its indices are any of 32 bits")
		case s.Metric != "":
			return Invalid("metric", s.Metric, "a sparse space has no metric: it is searched by dot product")
		}
		return nil
	}
	if s.Dim < 1 || s.Dim > MaxDim {
		return Invalid("dim", s.Dim, "dim must be 1 to %d", MaxDim)
	}
	return s.Metric.Validate()
}

// NamedVectors are the vectors that a row has in named spaces. It may lack any of them.
type NamedVectors struct {
	Dense  map[string]Vector
	Sparse map[string]SparseVector
}

// Len is the number of vectors.
func (n NamedVectors) Len() int { return len(n.Dense) + len(n.Sparse) }

// Validate checks what does not depend on a collection. Errors name "vectors.NAME".
func (n NamedVectors) Validate() error {
	if n.Len() > MaxVectorSpaces {
		return Invalid("vectors", n.Len(), "a row has at most %d named vectors", MaxVectorSpaces)
	}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(n.Dense)) {
		v := n.Dense[name]
		if _, twice := n.Sparse[name]; twice {
			return Invalid(spaceField(name), name, "the row has a dense and a sparse vector of this name")
		}
		if len(v) == 0 || len(v) > MaxDim {
			return Invalid(spaceField(name), len(v), "a vector has 1 to %d dimensions", MaxDim)
		}
		if err := v.ValidateFor(len(v), Dot); err != nil {
			return inSpace(name, err)
		}
		if err := fitting(name, &size, 4*len(v)); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.Sparse)) {
		if err := n.Sparse[name].Validate(); err != nil {
			return inSpace(name, err)
		}
		if err := fitting(name, &size, sparseEntryBytes*n.Sparse[name].Len()); err != nil {
			return err
		}
	}
	return nil
}

// fitting adds the bytes of a vector to those before it. All of them must fit a log entry
// beside everything else that a row may have.
func fitting(name string, size *int, bytes int) error {
	if *size += bytes; *size > MaxSpacesDataBytes {
		return FieldError(CodeTooLarge, spaceField(name), bytes, "the named vectors of a row have more than %d bytes together with this one", MaxSpacesDataBytes)
	}
	return nil
}

// ValidateFor checks that the vectors fit the spaces of a collection. It includes
// [NamedVectors.Validate].
func (n NamedVectors) ValidateFor(c *Collection) error {
	if err := n.Validate(); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(n.Dense)) {
		s, err := c.spaceFor(name, false)
		if err != nil {
			return err
		}
		if err := n.Dense[name].ValidateFor(s.Dim, s.Metric); err != nil {
			return inSpace(name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.Sparse)) {
		if _, err := c.spaceFor(name, true); err != nil {
			return err
		}
	}
	return nil
}

// spaceFor finds the space that a vector of a kind is for.
func (c *Collection) spaceFor(name string, sparse bool) (VectorSpace, error) {
	at, ok := c.Space(name)
	switch {
	case !ok:
		return VectorSpace{}, Invalid(spaceField(name), name, "the collection has no vector space of this name")
	case c.Vectors[at].Sparse && !sparse:
		return VectorSpace{}, Invalid(spaceField(name), name, "the vector space is sparse, the vector is dense")
	case !c.Vectors[at].Sparse && sparse:
		return VectorSpace{}, Invalid(spaceField(name), name, "the vector space is dense, the vector is sparse")
	}
	return c.Vectors[at], nil
}

func spaceField(name string) string { return "vectors." + name }

// inSpace names the vector that an error is about: "vectors.NAME", or a part of it.
func inSpace(name string, err error) *Error {
	e := *asError(err)
	if e.Field == "vector" || e.Field == "sparse" {
		e.Field = ""
	}
	return e.In(spaceField(name))
}

// Pack gives the vectors the form that they are stored in: by name, as [AppendVector] and
// [AppendSparse] write them. Maps without entries are nil.
func (n NamedVectors) Pack() (dense, sparse map[string][]byte) {
	for name, v := range n.Dense {
		if dense == nil {
			dense = make(map[string][]byte, len(n.Dense))
		}
		dense[name] = AppendVector(nil, v)
	}
	for name, v := range n.Sparse {
		if sparse == nil {
			sparse = make(map[string][]byte, len(n.Sparse))
		}
		sparse[name] = AppendSparse(nil, v)
	}
	return dense, sparse
}

// UnpackVectors reads what [NamedVectors.Pack] made. It does not validate.
func UnpackVectors(dense, sparse map[string][]byte) (n NamedVectors, err error) {
	if len(dense) > 0 {
		n.Dense = make(map[string]Vector, len(dense))
	}
	for _, name := range slices.Sorted(maps.Keys(dense)) { // in order: of two errors every node finds the same
		if n.Dense[name], err = ParseVector(dense[name]); err != nil {
			return NamedVectors{}, inSpace(name, err)
		}
	}
	if len(sparse) > 0 {
		n.Sparse = make(map[string]SparseVector, len(sparse))
	}
	for _, name := range slices.Sorted(maps.Keys(sparse)) {
		if n.Sparse[name], err = ParseSparse(sparse[name]); err != nil {
			return NamedVectors{}, inSpace(name, err)
		}
	}
	return n, nil
}
