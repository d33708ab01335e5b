package payload

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/lodedb/lode"
)

// node is a step of a plan. It holds the parts that it combines in the order in which they
// are evaluated: the cheap ones first, so that the dear ones have fewer documents to ask.
type node struct {
	form  lode.Form
	args  []node
	least int         // of min_should
	leaf  leaf        // of a field, or nothing
	ask   lode.Filter // what documents are asked, or their ids looked up for
	cost  int
	key   []byte // the same for filters that differ in the order of arguments only; nil: none
}

func newNode(f lode.Filter) node {
	n := node{form: f.Form()}
	switch n.form {
	case lode.FormAll:
	case lode.FormAnd:
		n.args = newArgs(n.form, f.And)
	case lode.FormOr:
		n.args = newArgs(n.form, f.Or)
	case lode.FormNot:
		n.args = []node{newNode(*f.Not)}
	case lode.FormMinShould:
		n.least = f.MinShould.Count
		n.args = newArgs(n.form, f.MinShould.Of)
	case lode.FormField:
		n.leaf = newLeaf(f)
		return n.single(f, n.leaf.cost)
	case lode.FormIDs:
		return n.single(f, costLookup*len(f.IDs))
	default: // nested, and forms that did not exist when this was written
		return n.single(f, costAsk)
	}
	n.cost = 1
	for _, arg := range n.args {
		n.cost += arg.cost
	}
	n.key = n.joinKeys()
	return n
}

// single completes a node without arguments.
func (n node) single(f lode.Filter, cost int) node {
	n.ask, n.cost = f, cost
	n.key = appendFilter([]byte{byte(n.form)}, f)
	return n
}

// newArgs returns the nodes of arguments. An and within an and, or an or within an or, is
// replaced by its own arguments.
func newArgs(form lode.Form, filters []lode.Filter) []node {
	args := make([]node, 0, len(filters))
	for _, f := range filters {
		if n := newNode(f); n.form == form && form != lode.FormMinShould {
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
	key := binary.AppendUvarint([]byte{byte(n.form)}, uint64(n.least))
	for _, k := range keys {
		key = binary.AppendUvarint(key, uint64(len(k)))
		key = append(key, k...)
	}
	return key
}
