package retrieval

import "github.com/lodedb/lode"

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
