package retrieval

import (
	"context"
	"time"

	"github.com/lodedb/lode"
)

// Defaults of a [GroupsQuery].
const (
	DefaultGroups    = 10
	DefaultGroupSize = 3
)

// GroupsQuery asks a collection for the documents that have the rows nearest to a vector.
type GroupsQuery struct {
	Collection string
	Vector     lode.Vector
	Groups     int // documents; the default is DefaultGroups
	Size       int // at most so many rows of each; the default is DefaultGroupSize
	Filter     lode.Filter
	With       lode.With
	AsOf       time.Time // as in [lode.Query]
}

// EnsureDefaults fills what the caller left out.
func (q *GroupsQuery) EnsureDefaults() {
	if q.Groups == 0 {
		q.Groups = DefaultGroups
	}
	if q.Size == 0 {
		q.Size = DefaultGroupSize
	}
}

// Group is a document with its nearest rows, best first. A raw vector is a document of one row.
type Group struct {
	Document *lode.Document // shared; do not modify
	Hits     []lode.Hit
}

// Grouped is a [Group] as a view finds it.
type Grouped struct {
	Document *lode.Document
	Rows     []lode.Candidate
}

// Groups returns the documents whose nearest row is nearest to the vector, best first: as many
// as are asked for whenever so many match. All is answered from one view, as [Retriever.Nearest].
func (r *Retriever) Groups(ctx context.Context, p lode.Principal, q GroupsQuery) (groups []Group, err error) {
	if err := lode.ValidateCollectionName(q.Collection); err != nil {
		return nil, err
	}
	q.EnsureDefaults()
	err = r.inOneView(ctx, p, q.Collection, q.AsOf, func(view View) error {
		var found []Grouped
		err := r.step(StepDense, func() (err error) {
			found, err = view.Groups(ctx, q.Vector, q.Groups, q.Size, q.Filter)
			return err
		})
		if err == nil {
			groups, err = r.groups(ctx, view, found, q.With)
		}
		return err
	})
	return groups, err
}

// groups reads the rows of all groups at once.
func (r *Retriever) groups(ctx context.Context, view View, found []Grouped, with lode.With) ([]Group, error) {
	var all []lode.Candidate
	for _, g := range found {
		all = append(all, g.Rows...)
	}
	hits, err := r.shown(ctx, view, all, with)
	if err != nil {
		return nil, err
	}
	groups := make([]Group, len(found))
	for i, g := range found {
		n := len(g.Rows)
		groups[i] = Group{Document: g.Document, Hits: hits[:n:n]}
		hits = hits[n:]
	}
	return groups, nil
}
