package retrieval

import (
	"context"
	"slices"
	"strings"

	"github.com/lodedb/lode"
)

// block is what a hit brings to the context: its chunk, and neighbours that are shown with it.
type block struct {
	hit    *lode.Hit
	chunks []lode.Row // of one document version, by ascending ordinal, the hit's among them
}

// plainBlocks are the hits without neighbours.
func plainBlocks(hits []lode.Hit) []block {
	blocks := make([]block, len(hits))
	for i := range hits {
		blocks[i] = plainBlock(&hits[i])
	}
	return blocks
}

func plainBlock(hit *lode.Hit) block { return block{hit, []lode.Row{hit.Row}} }

// assemble makes the context of the hits.
func (a *answer) assemble(ctx context.Context, of []*candidate) error {
	hits := a.result.Hits
	blocks, err := a.blocks(ctx, hits, of)
	if err != nil {
		return err
	}
	g := a.begin(StepContext, len(blocks))
	a.result.Context = a.s.r.assemble(blocks, a.s.spec)
	c := &a.result.Context
	g.end(len(c.Citations), "%d of %d tokens", c.Tokens, c.BudgetTokens)
	return nil
}

// blocks are what the hits bring to the context, in their order: each hit alone, or with more of its
// document around it. A hit that an earlier one brings as a neighbour brings itself, for where the
// budget cuts that.
func (a *answer) blocks(ctx context.Context, hits []lode.Hit, of []*candidate) ([]block, error) {
	spec := a.s.q.Expand
	if spec == nil || a.s.late() {
		if spec != nil {
			a.partial("passages were not expanded")
		}
		return plainBlocks(hits), nil
	}
	x := expansion{a: a, spec: spec, shown: map[place]bool{}, sections: map[heading]int{}}
	if x.parentTokens = spec.ParentTokens; x.parentTokens == 0 {
		x.parentTokens = lode.DefaultParent
	}
	for i := range hits {
		x.sections[sectionOf(of[i].at, &hits[i].Row)]++
	}
	var blocks []block
	for i := range hits {
		if x.shown[of[i].place] {
			blocks = append(blocks, plainBlock(&hits[i]))
			continue
		}
		b, err := x.around(ctx, &hits[i], of[i])
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, b)
	}
	return blocks, nil
}

// heading is a heading path in a document.
type heading struct {
	at   int
	doc  lode.DocNo
	path string
}

func sectionOf(at int, row *lode.Row) heading {
	return heading{at, row.Chunk.ID.Doc, strings.Join(row.Chunk.Path, "\x00")}
}

// expansion widens hits.
type expansion struct {
	a            *answer
	spec         *lode.Expand
	parentTokens int
	shown        map[place]bool  // chunks that a hit brings
	sections     map[heading]int // hits of each
}

// around is the passage of a hit.
func (x *expansion) around(ctx context.Context, hit *lode.Hit, c *candidate) (block, error) {
	w := window{x: x, c: c, hit: &hit.Row, chunks: []lode.Row{hit.Row}, tokens: hit.Row.Chunk.Tokens}
	x.shown[c.place] = true
	if err := w.neighbours(ctx); err != nil {
		return block{}, err
	}
	if x.spec.Parent && x.sections[sectionOf(c.at, &hit.Row)] > 1 {
		if err := w.section(ctx); err != nil {
			return block{}, err
		}
	}
	return block{hit, w.chunks}, nil
}

// window is a run of chunks of a document that grows at both ends.
type window struct {
	x      *expansion
	c      *candidate
	hit    *lode.Row
	chunks []lode.Row
	tokens int
}

// read reads up to n chunks next to the window: before it with a step of -1, nearest first, or
// behind it with 1. It ends at the document and at what another hit brings.
func (w *window) read(ctx context.Context, n, step int) ([]lode.Row, error) {
	id, v := w.chunks[0].ID, w.hit.Version
	if step > 0 {
		id = w.chunks[len(w.chunks)-1].ID
	}
	var ids []lode.RowID
	for len(ids) < n {
		if step < 0 && id == v.FirstRow || step > 0 && id+1 >= v.FirstRow+lode.RowID(v.Chunks) {
			break
		}
		id += lode.RowID(step)
		if w.x.shown[place{w.c.at, id}] {
			break
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := w.x.a.views[w.c.at].Rows(ctx, ids, false)
	if err != nil {
		return nil, err
	}
	at, err := placed(ids, rows)
	if err != nil {
		return nil, err
	}
	out := make([]lode.Row, len(at))
	for i := range at {
		out[i] = *at[i]
	}
	return out, nil
}

// add puts a chunk at an end of the window.
func (w *window) add(row lode.Row, step int) {
	w.x.shown[place{w.c.at, row.ID}] = true
	w.tokens += row.Chunk.Tokens
	if step < 0 {
		w.chunks = slices.Insert(w.chunks, 0, row)
		return
	}
	w.chunks = append(w.chunks, row)
}

// neighbours adds so many chunks before and after the hit.
func (w *window) neighbours(ctx context.Context) error {
	for _, side := range []struct{ n, step int }{{w.x.spec.Before, -1}, {w.x.spec.After, 1}} {
		rows, err := w.read(ctx, side.n, side.step)
		if err != nil {
			return err
		}
		for _, row := range rows {
			w.add(row, side.step)
		}
	}
	return nil
}

// sectionStep is how many chunks of a section are read at a time.
const sectionStep = 8

// section adds the chunks of the hit's section, from the window outwards and in turn on both sides,
// as long as the section's tokens allow.
func (w *window) section(ctx context.Context) error {
	open := map[int]bool{-1: true, 1: true}
	waiting := map[int][]lode.Row{}
	for step := -1; open[-1] || open[1]; step = -step {
		if !open[step] {
			continue
		}
		if len(waiting[step]) == 0 {
			var err error
			if waiting[step], err = w.read(ctx, sectionStep, step); err != nil {
				return err
			}
		}
		if len(waiting[step]) == 0 {
			open[step] = false
			continue
		}
		next := waiting[step][0]
		waiting[step] = waiting[step][1:]
		if open[step] = slices.Equal(next.Chunk.Path, w.hit.Chunk.Path) && w.tokens+next.Chunk.Tokens <= w.x.parentTokens; open[step] {
			w.add(next, step)
		}
	}
	return nil
}
