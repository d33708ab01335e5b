package collection

import (
	"context"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

// Group is a document with its rows nearest to a vector, best first.
type Group struct {
	Document *lode.Document // shared; do not modify
	Rows     []lode.Candidate
}

// GroupQuery asks for the documents that have the rows nearest to a vector.
type GroupQuery struct {
	Groups int // documents
	Size   int // at most so many rows of each
	Filter lode.Filter
}

// Limits of a [GroupQuery]. Rows of all groups together are at most [lode.MaxK].
const (
	MaxGroups    = 1000
	MaxGroupSize = 1000
)

func (q *GroupQuery) validate() error {
	switch {
	case q.Groups < 1 || q.Groups > MaxGroups:
		return lode.Invalid("groups", q.Groups, "groups must be 1 to %d", MaxGroups)
	case q.Size < 1 || q.Size > MaxGroupSize || q.Size*q.Groups > lode.MaxK:
		return lode.Invalid("group_size", q.Size, "group_size must be 1 to %d, and all rows together at most %d", MaxGroupSize, lode.MaxK)
	}
	return nil
}

// searchAhead is how many rows are searched for each group at first: passages of one document
// are often near each other.
const searchAhead = 4

// Groups returns the documents whose nearest row is nearest to the vector, best first, as
// many as are asked for whenever so many match, each with its nearest rows. Documents that were
// found are left out of the next search, until there are enough.
func (v *View) Groups(ctx context.Context, vector lode.Vector, q GroupQuery) ([]Group, error) {
	if err := q.validate(); err != nil {
		return nil, err
	}
	if err := vector.ValidateFor(v.collection.settings.Dim, v.collection.settings.Metric); err != nil {
		return nil, err
	}
	may, err := v.allow(ctx, v.base, q.Filter)
	if err != nil {
		return nil, err
	}
	s := v.base
	left, own := make([]*index.Bitset, len(may.parts)), make([]*index.Bitset, len(may.parts))
	for i, rows := range may.parts {
		left[i], own[i] = rows.Clone(), index.NewBitset(rows.Len())
	}
	var order []*entry
	seen := map[*entry]bool{}
	for len(order) < q.Groups {
		found, err := s.search(ctx, vector, min((q.Groups-len(order))*searchAhead, lode.MaxK), left)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			break
		}
		for _, c := range found {
			e := s.docs.at(s.rows[c.Ordinal].slot)
			if !seen[e] && len(order) < q.Groups {
				order = append(order, e)
				s.take(e, left, own, may.parts)
			}
			seen[e] = true
		}
	}
	return v.fillGroups(ctx, vector, &q, order, own)
}

// take moves the rows of a document from one set to another, those that may be found.
func (s *snapshot) take(e *entry, from, to, may []*index.Bitset) {
	i, p := s.partOf(e.segment)
	if p == nil {
		return
	}
	first, ok := p.find(e.ordinal)
	for row := first; ok && row < first+e.rows; row++ {
		from[i].Clear(row)
		if may[i].Has(row) {
			to[i].Set(row)
		}
	}
}

// fillGroups ranks all rows of the documents that were found, which are few.
func (v *View) fillGroups(ctx context.Context, vector lode.Vector, q *GroupQuery, order []*entry, own []*index.Bitset) ([]Group, error) {
	s := v.base
	groups, at := make([]Group, len(order)), map[*entry]int{}
	for i, e := range order {
		groups[i].Document, at[e] = e.doc, i
	}
	rows := 0
	for _, set := range own {
		rows += set.Count()
	}
	if rows == 0 {
		return groups, nil
	}
	found, err := s.search(ctx, vector, rows, own)
	if err != nil {
		return nil, err
	}
	for _, c := range s.candidates(found) {
		_, e, _ := s.find(c.Row)
		if g := &groups[at[e]]; len(g.Rows) < q.Size {
			g.Rows = append(g.Rows, c)
		}
	}
	return groups, nil
}
