package payload

import "github.com/lodedb/lode"

// leaf is the tests of one field. What an index can decide of them is taken out of the test;
// while anything is left, also a test that did not exist when this was written, the filter
// itself is asked about the documents that the decided part lets through.
type leaf struct {
	filter  lode.Filter
	exists  *bool
	ne      *constant
	any     [][]constant // of each group a document must hold a constant
	span    *span
	listed  bool // the value must be a list
	certain bool // nothing is left to ask
	cost    int
}

func newLeaf(f lode.Filter) leaf {
	l := leaf{filter: f, exists: f.Test.Exists, cost: costLookup}
	rest := f.Test
	rest.Exists = nil
	if k, ok := constantIn(rest.Ne); ok {
		l.ne, rest.Ne = k, nil
	}
	if k, ok := constantIn(rest.Eq); ok {
		l.any, rest.Eq = append(l.any, []constant{*k}), nil
	} else if rest.Eq != nil && rest.Eq.Kind == lode.KindList {
		l.narrowToList(rest.Eq)
	}
	l.takeIn(&rest)
	l.takeSpan(&rest)
	l.certain = rest == lode.Test{}
	if !l.certain {
		l.cost += costAsk
	}
	return l
}

// constantIn returns the constant of a test's value, when it has one.
func constantIn(v *lode.Value) (*constant, bool) {
	if v == nil {
		return nil, false
	}
	k, ok := constantOf(v)
	return &k, ok
}

// narrowToList lets through lists that hold every item of the wanted one. Whether they are
// equal is left to ask.
func (l *leaf) narrowToList(want *lode.Value) {
	l.listed = true
	for i := range want.List {
		if k, ok := constantOf(&want.List[i]); ok {
			l.any = append(l.any, []constant{k})
		}
	}
}

func (l *leaf) takeIn(rest *lode.Test) {
	if rest.In == nil {
		return
	}
	group := make([]constant, len(*rest.In))
	for i := range *rest.In {
		k, ok := constantOf(&(*rest.In)[i])
		if !ok {
			return
		}
		group[i] = k
	}
	l.any, rest.In = append(l.any, group), nil
	l.cost += len(group) * costLookup
}

func (l *leaf) takeSpan(rest *lode.Test) {
	if rest.Gt == nil && rest.Gte == nil && rest.Lt == nil && rest.Lte == nil {
		return
	}
	if s, ok := newSpan(rest); ok {
		l.span = &s
		rest.Gt, rest.Gte, rest.Lt, rest.Lte = nil, nil, nil, nil
		l.cost += costRange
	}
}

// eval sets out to the members of within that pass the tests.
func (l *leaf) eval(c *core, within, out *Rows) {
	col := c.column(l.filter.Field)
	*out = *within
	l.decide(col, out)
	if l.certain && col.odd == nil {
		return
	}
	var asked Rows
	if !l.certain {
		asked = *out
	}
	if col.odd != nil {
		odd := *col.odd
		odd.And(within)
		asked.Or(&odd)
	}
	out.AndNot(&asked)
	c.ask(&l.filter, &asked, out)
}

// decide removes from out what an index says does not pass.
func (l *leaf) decide(col *column, out *Rows) {
	if l.exists != nil {
		if *l.exists {
			out.And(&col.present)
		} else {
			out.AndNot(&col.present)
		}
	}
	if l.listed {
		keep(out, col.lists)
	}
	if l.ne != nil {
		var equal Rows
		col.equal(l.ne, &equal)
		out.AndNot(&equal)
	}
	for _, group := range l.any {
		var hold Rows
		for i := range group {
			col.equal(&group[i], &hold)
		}
		out.And(&hold)
	}
	if l.span != nil {
		var inside Rows
		l.span.or(col, &inside)
		out.And(&inside)
	}
}

// keep removes from out what is not in a set that may be nil, which is empty.
func keep(out, set *Rows) {
	if set == nil {
		*out = Rows{}
		return
	}
	out.And(set)
}
