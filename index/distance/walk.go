package distance

import (
	"sync/atomic"
	"unsafe"
)

// Walk is a best-first search through a graph whose nodes are the rows of a [Scorer], with
// one call of assembly for many nodes. The fields may be changed between runs; the zero
// value walks no graph.
type Walk struct {
	// Links holds Slots rows for every node of the graph: where its links lead. A
	// link to the row itself ends the list. Others may change links while a walk reads them
	// (atomically, each at a time), as long as what they lead to is there by then.
	Links []uint32
	Slots int // at most MaxSlots
	Nodes int // rows that the graph has: every link is below
	// Visited has a byte for every row; those that hold Epoch are not met again.
	Visited []uint8
	Epoch   uint8
	// Pool holds where the walk begins, and in the end what it found.
	Pool Pool
	// Hops and Compared count the nodes whose links were followed and the rows that were
	// scored.
	Hops, Compared int

	ids, positions [MaxSlots]uint32
	scores         [MaxSlots]float32
}

// MaxSlots is the largest number of links of a node.
const MaxSlots = 128

// Status is how a run ended.
type Status int

// The ends of a run.
const (
	Done   Status = 0  // every row of the pool was followed
	Paused Status = 1  // as many nodes as asked for were followed; run again to go on
	Stray  Status = -1 // a link leads to no row: the graph is damaged
)

// Run follows links from the best row of the pool that was not followed yet, then the next,
// until all rows of the pool that are to be were, or hops of them. Rows that are better than the worst of
// a full pool enter it. Links, Visited and the scorer's region must be long enough for
// all nodes, which is checked, and the pool must hold nodes only.
func (w *Walk) Run(s *Scorer, hops int) Status {
	c := &s.call
	if w.Slots < 1 || w.Slots > MaxSlots || len(w.Visited) < w.Nodes || len(w.Links)/w.Slots < w.Nodes || c.limit < w.Nodes || w.Nodes > MaxWalkRows {
		panic("distance: a walk through a graph that does not fit the rows")
	}
	if w.Pool.held == 0 || w.Nodes == 0 {
		return Done
	}
	if s.walk == nil {
		return w.runGo(s, hops)
	}
	c.rows, c.flags = &s.data[0], s.flags
	c.corrections = unsafe.Pointer(&s.own[s.start])
	c.ids, c.positions, c.scores = &w.ids[0], &w.positions[0], unsafe.Pointer(&w.scores[0])
	c.links, c.slots, c.visited, c.epoch = &w.Links[0], w.Slots, &w.Visited[0], int(w.Epoch)
	c.keys, c.held, c.room, c.follow, c.next = &w.Pool.keys[lanes], w.Pool.held, w.Pool.room, w.Pool.follow, w.Pool.next
	c.hops, c.compared = hops, 0
	rows := c.limit
	c.limit = w.Nodes
	status := Status(s.walk(c))
	c.limit = rows
	w.Pool.held, w.Pool.next = c.held, c.next
	w.Hops += hops - max(c.hops, 0)
	w.Compared += c.compared
	c.ids, c.positions, c.scores, c.links, c.visited, c.keys = nil, nil, nil, nil, nil, nil
	return status
}

// runGo is Run without assembly for the graph.
func (w *Walk) runGo(s *Scorer, hops int) Status {
	for ; w.Pool.more(); hops-- {
		if hops == 0 {
			return Paused
		}
		row, _ := w.Pool.Take()
		w.Hops++
		n, ok := w.gather(row, w.Nodes)
		if !ok {
			return Stray
		}
		w.Compared += n
		n = s.Batch(w.positions[:], w.scores[:], w.ids[:n], w.Pool.Threshold())
		for i, score := range w.scores[:n] {
			w.Pool.Insert(Key(score, w.ids[w.positions[i]]))
		}
	}
	return Done
}

// gather lists the links of a row that were not met yet, and marks them.
func (w *Walk) gather(row uint32, limit int) (n int, ok bool) {
	links := w.Links[int(row)*w.Slots:][:w.Slots]
	for i := range links {
		to := atomic.LoadUint32(&links[i])
		if to == row {
			break
		}
		if int(to) >= limit {
			return 0, false
		}
		w.ids[n] = to
		if w.Visited[to] != w.Epoch {
			n++
		}
		w.Visited[to] = w.Epoch
	}
	return n, true
}
