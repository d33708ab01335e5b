package payload

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/lodedb/lode"
)

// Query is a filter prepared for blocks. It never changes.
type Query struct {
	filter lode.Filter
	plan   node
	key    cacheKey
	cached bool // worth to remember, and key is set
}

// Compile prepares a filter that is valid. What it points to must not change while the query
// is in use.
func Compile(f lode.Filter) (*Query, error) {
	if err := f.Validate(); err != nil {
		return nil, fmt.Errorf("compile filter: %w", err)
	}
	q := &Query{filter: f, plan: newNode(f)}
	if q.plan.cost > costCached && q.plan.key != nil {
		q.key, q.cached = sha256.Sum256(q.plan.key), true
	}
	return q, nil
}

// Costs are rough times of evaluating a node over a block, in tens of nanoseconds.
const (
	costLookup = 10
	costRange  = 60
	costAsk    = 10_000 // each document is asked
	costCached = costLookup
)

// node is a step of a plan. It holds the parts of an and or an or in the order in which they
// are evaluated: the cheap ones first, so that the dear ones have fewer documents to ask.
type node struct {
	form form
	args []node
	leaf leaf        // of a field, or nothing
	ask  lode.Filter // of a form that is not known here
	cost int
	key  []byte // the same for filters that differ in the order of arguments only; nil: none
}

func newNode(f lode.Filter) node {
	n := node{form: formOf(f)}
	switch n.form {
	case formAnd, formOr:
		args := f.And
		if n.form == formOr {
			args = f.Or
		}
		n.args = flatten(n.form, args)
	case formNot:
		n.args = []node{newNode(*f.Not)}
	case formField:
		n.leaf = newLeaf(f)
		n.cost = n.leaf.cost
		n.key = appendFilter([]byte{byte(formField)}, f)
		return n
	case formOther:
		n.ask, n.cost = f, costAsk
		n.key = appendFilter([]byte{byte(formOther)}, f)
		return n
	}
	n.cost = 1
	for _, arg := range n.args {
		n.cost += arg.cost
	}
	n.key = n.joinKeys()
	return n
}

// flatten returns the nodes of arguments, those of an argument of the same form in its place.
func flatten(form form, filters []lode.Filter) []node {
	var args []node
	for _, f := range filters {
		if n := newNode(f); n.form == form {
			args = append(args, n.args...)
		} else {
			args = append(args, n)
		}
	}
	slices.SortStableFunc(args, func(a, b node) int { return cmp.Compare(a.cost, b.cost) })
	return args
}

// joinKeys makes a node's key of those of its arguments, in an order of their own.
func (n *node) joinKeys() []byte {
	keys := make([]string, len(n.args))
	for i, arg := range n.args {
		if arg.key == nil {
			return nil
		}
		keys[i] = string(arg.key)
	}
	slices.Sort(keys)
	key := []byte{byte(n.form)}
	for _, k := range keys {
		key = binary.AppendUvarint(key, uint64(len(k)))
		key = append(key, k...)
	}
	return key
}

// match sets into to the rows whose documents match.
func (c *core) match(q *Query, into *Rows) {
	if q.plan.form == formAll {
		c.all(into)
		return
	}
	if c.direct() {
		*into = Rows{}
		c.ask(&q.filter, &c.heads, into)
		c.expand(into)
		return
	}
	cached := q.cached && len(c.docs) >= cacheDocs
	if cached && c.matches.get(&q.key, into) {
		return
	}
	q.plan.eval(c, &c.heads, into)
	c.expand(into)
	if cached {
		c.matches.put(&q.key, into)
	}
}

// eval sets out to the members of within that match. The two must be different sets.
func (n *node) eval(c *core, within, out *Rows) {
	switch n.form {
	case formAll:
		*out = *within
	case formAnd:
		n.evalAnd(c, within, out)
	case formOr:
		n.evalOr(c, within, out)
	case formNot:
		var matched Rows
		n.args[0].eval(c, within, &matched)
		*out = *within
		out.AndNot(&matched)
	case formField:
		n.leaf.eval(c, within, out)
	default:
		*out = Rows{}
		c.ask(&n.ask, within, out)
	}
}

func (n *node) evalAnd(c *core, within, out *Rows) {
	*out = *within
	for i := range n.args {
		left := *out
		n.args[i].eval(c, &left, out)
		if !out.Any() {
			return
		}
	}
}

func (n *node) evalOr(c *core, within, out *Rows) {
	*out = Rows{}
	left := *within
	for i := range n.args {
		var part Rows
		n.args[i].eval(c, &left, &part)
		out.Or(&part)
		left.AndNot(&part)
		if !left.Any() {
			return
		}
	}
}
