package retrieval

import (
	"context"
	"errors"
	"time"

	"github.com/lodedb/lode"
)

// SparseQuery asks a collection for the rows whose vectors in a sparse space have the largest
// dot products with one.
type SparseQuery struct {
	Collection string
	Using      string // the sparse space
	Vector     lode.SparseVector
	K          int // the default is lode.DefaultK
	Filter     lode.Filter
	With       lode.With
	AsOf       time.Time // as in [lode.Query]
}

// Sparse answers a question by one sparse vector alone: at most q.K hits, best first, each of
// which shares a dimension with the vector. Errors name the vector "sparse".
func (r *Retriever) Sparse(ctx context.Context, p lode.Principal, q SparseQuery) (hits []lode.Hit, err error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	err = r.inOneView(ctx, p, q.Collection, q.AsOf, func(view View) error {
		c := view.Collection()
		if _, err := spaceOf(&c, q.Using, true); err != nil {
			return err
		}
		var found []lode.Candidate
		err := r.step(StepSparse, func() (err error) {
			found, err = view.Sparse(ctx, q.Using, q.Vector, q.K, q.Filter)
			return err
		})
		if err != nil {
			return err
		}
		hits = make([]lode.Hit, len(found))
		for i, c := range found {
			hits[i] = lode.Hit{Row: lode.Row{ID: c.Row}, Score: c.Score}
		}
		return r.fill(ctx, view, hits, q.With)
	})
	return hits, err
}

// check fills defaults and checks what does not depend on the collection.
func (q *SparseQuery) check() error {
	if err := lode.ValidateCollectionName(q.Collection); err != nil {
		return err
	}
	if q.K == 0 {
		q.K = lode.DefaultK
	}
	if err := lode.ValidateK(q.K); err != nil {
		return err
	}
	if err := q.Vector.Validate(); err != nil {
		return within("sparse", err)
	}
	return within("filter", q.Filter.Validate())
}

// within puts the field of a coded error into its parent.
func within(parent string, err error) error {
	var e *lode.Error
	if errors.As(err, &e) {
		return e.In(parent)
	}
	return err
}

// spaceOf is the named space that vectors of a kind are searched for in.
func spaceOf(c *lode.Collection, name string, sparse bool) (lode.VectorSpace, error) {
	if name == "" {
		return lode.VectorSpace{}, lode.Invalid("using", name, "a sparse vector is searched for in a named sparse space")
	}
	at, ok := c.Space(name)
	switch {
	case !ok:
		return lode.VectorSpace{}, lode.Invalid("using", name, "the collection has no vector space of this name")
	case sparse && !c.Vectors[at].Sparse:
		return lode.VectorSpace{}, lode.Invalid("using", name, "the vector space is dense, the query is sparse")
	case !sparse && c.Vectors[at].Sparse:
		return lode.VectorSpace{}, lode.Invalid("using", name, "the vector space is sparse, the query is dense")
	}
	return c.Vectors[at], nil
}
