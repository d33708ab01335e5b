package retrieval

import (
	"cmp"
	"slices"

	"github.com/lodedb/lode"
)

// watch hears where the rows of a why-not question are dropped. A nil watch hears nothing.
type watch struct {
	rows  map[place]bool
	drops map[place]drop
}

// drop is where and why a candidate was dropped.
type drop struct {
	stage     Step
	c         *candidate
	rank      int            // of the candidate before the stage, from 1
	by        lode.ChunkID   // the passage that it repeats
	field     string         // of the query that says how many may stay
	component lode.Component // that is too small
	value     float64        // of it, or of what the stage compares
	has       bool           // the candidate has the component
	least     float64        // that it should have had
}

func newWatch(rows []place) *watch {
	w := &watch{rows: make(map[place]bool, len(rows)), drops: map[place]drop{}}
	for _, at := range rows {
		w.rows[at] = true
	}
	return w
}

func (w *watch) drop(c *candidate, d drop) {
	if w == nil || !w.rows[c.place] {
		return
	}
	d.c = c
	w.drops[c.place] = d
}

// beyond hears of a ranking of which only the first were looked at.
func (w *watch) beyond(ranked []*candidate, looked int) {
	if w == nil {
		return
	}
	for i := looked; i < len(ranked); i++ {
		w.drop(ranked[i], drop{stage: StepFuse, rank: i + 1})
	}
}

// dropOrder are the stages that drop, in order.
var dropOrder = []Step{StepMinScore, StepFuse, StepCollapse, StepCaps, StepDiversity}

// farthest is the watched candidate that came farthest, the best of several; nil where no search
// proposed any.
func (w *watch) farthest() (*candidate, drop) {
	var far drop
	for _, d := range w.drops {
		if far.c == nil || cmp.Or(slices.Index(dropOrder, d.stage)-slices.Index(dropOrder, far.stage), cmp.Compare(d.c.score, far.c.score), -cmp.Compare(d.c.id, far.c.id)) > 0 {
			far = d
		}
	}
	return far.c, far
}
