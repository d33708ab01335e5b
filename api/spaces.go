package api

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Named vector spaces on the wire are members of objects, by name. In a collection they have an
// order too, which is that of their names.

func fromSpaces(in map[string]v1.VectorSpace) []lode.VectorSpace {
	var out []lode.VectorSpace
	for _, name := range slices.Sorted(maps.Keys(in)) {
		s := in[name]
		out = append(out, lode.VectorSpace{Name: name, Dim: s.Dim, Metric: s.Metric, Sparse: s.Sparse})
	}
	return out
}

func toSpaces(in []lode.VectorSpace) map[string]v1.VectorSpace {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]v1.VectorSpace, len(in))
	for _, s := range in {
		out[s.Name] = v1.VectorSpace{Dim: s.Dim, Metric: s.Metric, Sparse: s.Sparse}
	}
	return out
}

// aboutSpace names the member of a new collection that an error about one of its spaces is for.
// One about the name itself has it as its value.
func aboutSpace(err error, spaces []lode.VectorSpace) error {
	if err == nil {
		return nil
	}
	e := *codedError(err)
	for i, s := range spaces {
		part, ok := strings.CutPrefix(e.Field, fmt.Sprintf("vectors[%d].", i))
		switch {
		case ok && part == "name":
			e.Field = "vectors"
		case ok:
			e.Field = "vectors." + s.Name + "." + part
		default:
			continue
		}
		return &e
	}
	return err
}

// aboutSparse names the member of a point that an error about a sparse vector is for: below the
// surface all named vectors are one family.
func aboutSparse(err error, p *lode.Point) error {
	e := *codedError(err)
	for name := range p.Sparse {
		rest, ok := strings.CutPrefix(e.Field, "vectors."+name)
		if _, dense := p.Vectors[name]; ok && !dense && (rest == "" || rest[0] == '.') {
			e.Field = "sparse." + name + rest
			return &e
		}
	}
	return err
}

func fromSparse(in *v1.SparseVector) lode.SparseVector {
	return lode.SparseVector{Indices: in.Indices, Values: in.Values}
}

func toSparse(in lode.SparseVector) v1.SparseVector {
	return v1.SparseVector{Indices: in.Indices, Values: in.Values}
}

func fromSparses(in map[string]v1.SparseVector) map[string]lode.SparseVector {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]lode.SparseVector, len(in))
	for name, v := range in {
		out[name] = fromSparse(&v)
	}
	return out
}

func toSparses(in map[string]lode.SparseVector) map[string]v1.SparseVector {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]v1.SparseVector, len(in))
	for name, v := range in {
		out[name] = toSparse(v)
	}
	return out
}

// showSpace shows the vector of a row in a named space.
func showSpace(h *v1.Hit, row *lode.Row, name string) {
	if v, ok := row.Vectors[name]; ok {
		h.Vectors = map[string]lode.Vector{name: v}
	}
	if v, ok := row.Sparse[name]; ok {
		h.Sparse = map[string]v1.SparseVector{name: toSparse(v)}
	}
}

// question is what a search for vectors asks for: dense ones, or one that is sparse.
type question struct {
	lode.Nearest
	sparse *lode.SparseVector // instead of Vectors
}

// questionOf checks what a single search in JSON says.
func questionOf(req *v1.SearchVectors) (q question, err error) {
	q.Nearest, err = nearestOf(&v1.SearchVectorsBatch{
		Vectors: []lode.Vector{req.Vector}, Using: req.Using, K: req.K, Filter: req.Filter, WithText: req.WithText, WithMetadata: req.WithMetadata, WithVector: req.WithVector,
		Ef: req.Ef, Exact: req.Exact, Explain: req.Explain,
	})
	if err != nil || req.Sparse == nil {
		return q, err
	}
	v := fromSparse(req.Sparse)
	q.Vectors, q.sparse = nil, &v
	switch {
	case req.Vector != nil:
		err = lode.Invalid("sparse", v.Len(), "a search is for a vector or for a sparse one, not for both")
	case q.Ef != 0:
		err = lode.Invalid("ef", q.Ef, "a sparse search is exact and has no breadth")
	case q.Explain != nil:
		err = lode.Invalid("explain", true, "a sparse search is always exact: there is nothing to explain")
	}
	return q, err
}

// validate checks what does not depend on the collection; of a sparse search the rest is done by
// whom it is asked.
func (q *question) validate() error {
	if q.sparse != nil {
		return nil
	}
	return q.Nearest.Validate()
}

// ask answers each vector.
func (q *question) ask(ctx context.Context, p lode.Principal, of Retrieval) ([][]lode.Hit, error) {
	if q.sparse == nil {
		return of.Nearest(ctx, p, q.Nearest)
	}
	hits, err := of.Sparse(ctx, p, SparseQuery{Collection: q.Collection, Using: q.Using, Vector: *q.sparse, K: q.K, Filter: q.Filter, With: q.With, AsOf: q.AsOf})
	return [][]lode.Hit{hits}, err
}

// needsJSON reports whether a frame cannot say the answer: what a search did, and vectors in
// named spaces.
func (q *question) needsJSON() bool {
	return q.Explain != nil || q.Using != "" && q.With.Vector
}
