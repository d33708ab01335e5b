package retrieval

import (
	"context"

	"github.com/lodedb/lode"
)

// extent says how much of a row is read.
type extent uint8

const (
	knownOf   extent = iota // what the view knows without reading
	textOf                  // all but vectors
	vectorsOf               // vectors too
)

// load reads rows as far as they are not read yet, of each collection in one go.
func (a *answer) load(ctx context.Context, of []*candidate, much extent) error {
	var missing []*candidate
	for _, c := range of {
		if c.read == nil || c.extent < much {
			missing = append(missing, c)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	g := a.begin(StepRows, len(missing))
	for at, of := range byView(missing, len(a.views)) {
		if err := a.loadOf(ctx, a.views[at], of, much); err != nil {
			a.s.r.stepDone(StepRows, a.s.r.o.Clock().Sub(g.start), err)
			return err
		}
	}
	g.end(len(missing), "")
	return nil
}

// maxRowsAtOnce bounds the rows that are asked of a view at a time.
const maxRowsAtOnce = lode.MaxK

func (a *answer) loadOf(ctx context.Context, view View, of []*candidate, much extent) error {
	for len(of) > 0 {
		part := of[:min(len(of), maxRowsAtOnce)]
		of = of[len(part):]
		ids := idsOf(part)
		rows, err := readRows(ctx, view, ids, lode.With{Text: much >= textOf, Vector: much == vectorsOf})
		if err != nil {
			return err
		}
		at, err := placed(ids, rows)
		if err != nil {
			return err
		}
		for i, c := range part {
			c.read, c.extent = at[i], much
		}
	}
	return nil
}

// byView groups candidates by the view that they are of; most queries have one.
func byView(of []*candidate, views int) [][]*candidate {
	if views == 1 {
		return [][]*candidate{of}
	}
	out := make([][]*candidate, views)
	for _, c := range of {
		out[c.at] = append(out[c.at], c)
	}
	return out
}

func idsOf(of []*candidate) []lode.RowID {
	ids := make([]lode.RowID, len(of))
	for i, c := range of {
		ids[i] = c.id
	}
	return ids
}
