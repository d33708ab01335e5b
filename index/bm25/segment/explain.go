package segment

import (
	"context"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
)

// Contribution is what a clause gave to the score of a row.
type Contribution struct {
	Clause int // in the order of the query
	Score  float64
}

// Explain says what each clause that a row matches gave to its score, whether or not a search would
// find the row: their sum, taken in the order given and rounded to a float32, is the score. Only
// the parts of the views count. A row that does not exist is [lode.CodeInvalid], one that is
// removed matches nothing.
func Explain(ctx context.Context, q Query, views []View, o SearchOptions, part int, row uint32) ([]Contribution, error) {
	p, prepared, err := planFor(ctx, q, views, &o)
	if err != nil {
		return nil, err
	}
	if part < 0 || part >= len(views) || row >= prepared[part].rows.count() {
		return nil, lode.Invalid("row", row, "there is no row %d in part %d", row, part)
	}
	s := &partSearch{
		scoring: p.scoring, rows: prepared[part].rows, fields: prepared[part].rows.fields(), top: index.NewTopK(1),
	}
	var out []Contribution
	fault := distance.Guard(func() { out = s.explain(p, prepared[part].entries, row) })
	if fault != nil {
		return nil, faulty("explain", fault)
	}
	return out, s.err
}

func (s *partSearch) explain(p *plan, entries []entry, row uint32) (out []Contribution) {
	if !s.isVisible(row) {
		return nil
	}
	for i := range p.clauses {
		c := &p.clauses[i]
		scorer := s.newScorer(c, entries)
		if c.occur == MustNot || scorer == nil || scorer.next(row) != row {
			continue
		}
		if score := scorer.score(); score > 0 {
			out = append(out, Contribution{Clause: c.clause, Score: score})
		}
	}
	s.release()
	return out
}
