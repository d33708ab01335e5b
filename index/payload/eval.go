package payload

import (
	"math/bits"
	"slices"

	"github.com/lodedb/lode"
)

// eval sets out to the members of within that match. The two must be different sets.
func (n *node) eval(c *core, within, out *Rows) {
	switch n.form {
	case lode.FormAll:
		*out = *within
	case lode.FormAnd:
		n.evalAnd(c, within, out)
	case lode.FormOr:
		n.evalOr(c, within, out)
	case lode.FormNot:
		var matched Rows
		n.args[0].eval(c, within, &matched)
		*out = *within
		out.AndNot(&matched)
	case lode.FormMinShould:
		n.evalMinShould(c, within, out)
	case lode.FormField:
		n.leaf.eval(c, within, out)
	case lode.FormIDs:
		*out = Rows{}
		c.withIDs(n.ask.IDs, out)
		out.And(within)
	case lode.FormNested:
		n.evalNested(c, within, out)
	default:
		*out = Rows{}
		c.ask(&n.ask, within, out)
	}
}

func (n *node) evalAnd(c *core, within, out *Rows) {
	*out = *within
	var left Rows
	for i := range n.args {
		left = *out
		n.args[i].eval(c, &left, out)
		if !out.Any() {
			return
		}
	}
}

func (n *node) evalOr(c *core, within, out *Rows) {
	*out = Rows{}
	left := *within
	var part Rows
	for i := range n.args {
		n.args[i].eval(c, &left, &part)
		out.Or(&part)
		left.AndNot(&part)
		if !left.Any() {
			return
		}
	}
}

// evalMinShould counts for every document the arguments that match, in numbers whose bits
// are spread over sets. Dear arguments are evaluated only for documents that lack matches.
func (n *node) evalMinShould(c *core, within, out *Rows) {
	*out = Rows{}
	if n.least > len(n.args) {
		return
	}
	count := make([]Rows, bits.Len(uint(len(n.args))))
	left := *within
	var part Rows
	for i := range n.args {
		if n.args[i].cost >= costAsk {
			atLeast(count, n.least, within, out)
			left.AndNot(out)
		}
		n.args[i].eval(c, &left, &part)
		increment(count, &part)
	}
	atLeast(count, n.least, within, out)
}

// increment adds one to the numbers of the members.
func increment(count []Rows, members *Rows) {
	for i := range members {
		carry := members[i]
		for bit := 0; bit < len(count) && carry != 0; bit++ {
			count[bit][i], carry = count[bit][i]^carry, count[bit][i]&carry
		}
	}
}

// atLeast sets out to the members of within whose numbers are at least n, which has no more
// bits than they have.
func atLeast(count []Rows, n int, within, out *Rows) {
	for i := range out {
		greater, equal := uint64(0), ^uint64(0)
		for bit := len(count) - 1; bit >= 0; bit-- {
			if word := count[bit][i]; n>>bit&1 == 0 {
				greater |= equal & word
				equal &^= word
			} else {
				equal &= word
			}
		}
		out[i] = (greater | equal) & within[i]
	}
}

// evalNested asks the documents that have an object at the path, or anything odd.
func (n *node) evalNested(c *core, within, out *Rows) {
	col := c.column(n.ask.Nested.Path)
	var candidates Rows
	add(&candidates, col.objects)
	add(&candidates, col.odd)
	candidates.And(within)
	*out = Rows{}
	c.ask(&n.ask, &candidates, out)
}

// withIDs adds the heads of the documents with these outside ids, which are in order. It looks
// up the shorter list in the longer.
func (c *core) withIDs(ids []lode.DocID, into *Rows) {
	index := c.ids.get(func() *texts {
		var b textBuilder
		for i := range c.docs {
			b.add(string(c.docs[i].doc.ID), c.docs[i].first)
		}
		t := b.texts()
		return &t
	})
	if len(ids) <= len(index.list) {
		for _, id := range ids {
			index.equal(string(id), into)
		}
		return
	}
	for i, id := range index.list {
		if _, wanted := slices.BinarySearch(ids, lode.DocID(id)); wanted {
			index.or(i, i+1, into)
		}
	}
}
