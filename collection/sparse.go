package collection

import (
	"context"
	"fmt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

// The sparse vectors of a collection lie in one index for each sparse space, with the ordinals of
// the collection. Rows that are gone stay in it until the collection is compacted: scores
// depend on no statistics, so the rows of a snapshot are all that decides, and a search needs no
// lock and answers from the moment of its view.

// newSparse makes the empty indexes of the sparse spaces, by place; nil for dense ones.
func newSparse(spaces []lode.VectorSpace, empty func() index.Sparse) []index.Sparse {
	var all []index.Sparse
	for i, s := range spaces {
		if !s.Sparse {
			continue
		}
		if all == nil {
			all = make([]index.Sparse, len(spaces))
		}
		all[i] = empty()
	}
	return all
}

// addSparse appends the sparse vectors of a row, or that it has none.
func (s *segment) addSparse(o *others, ordinal uint32) error {
	for i, x := range s.sparse {
		if x == nil {
			continue
		}
		at, err := x.Add(o.sparseAt(i))
		if err == nil && at != ordinal {
			err = fmt.Errorf("it is row %d, want %d", at, ordinal)
		}
		if err != nil {
			return fmt.Errorf("vector space %q: %w", s.spaces[i].Name, err)
		}
	}
	return nil
}

// compactSparse returns the indexes with only the kept rows.
func (s *segment) compactSparse(keep *index.Bitset) []index.Sparse {
	all := make([]index.Sparse, len(s.sparse))
	for i, x := range s.sparse {
		if x != nil {
			all[i] = x.Compact(keep)
		}
	}
	return all
}

// Sparse returns the min(k, matching) rows whose vectors in a sparse space have the largest dot
// products with the query, among those that have a dimension of it, that the principal may see
// and the filter matches. It answers from the moment of the view, and exactly.
func (v *View) Sparse(ctx context.Context, name string, query lode.SparseVector, k int, f lode.Filter) ([]lode.Candidate, error) {
	if err := lode.ValidateK(k); err != nil {
		return nil, err
	}
	at, err := v.spaceOf(name, true)
	if err != nil {
		return nil, err
	}
	if err := query.Validate(); err != nil {
		return nil, coded(err).In("vector")
	}
	may, err := v.allow(ctx, v.base, f)
	if err != nil {
		return nil, err
	}
	found, err := v.base.sparse[at].Search(ctx, query, k, v.ordinals(may))
	if err != nil {
		return nil, err
	}
	return v.base.candidates(found), nil
}

// spaceOf is the place of a named space of a kind.
func (v *View) spaceOf(name string, sparse bool) (int, error) {
	settings := &v.collection.settings
	at, ok := settings.Space(name)
	switch {
	case !ok:
		return 0, lode.Invalid("using", name, "the collection has no vector space of this name")
	case sparse && !settings.Vectors[at].Sparse:
		return 0, lode.Invalid("using", name, "the vector space is dense, the query is sparse")
	case !sparse && settings.Vectors[at].Sparse:
		return 0, lode.Invalid("using", name, "the vector space is sparse, the query is dense")
	}
	return at, nil
}
