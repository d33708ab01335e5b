package payload

import "github.com/lodedb/lode"

// leaf is the tests of one field. What a column can decide of them is taken out of the test;
// while anything is left, also a test that did not exist when this was written, the filter
// itself is asked about the documents that the decided part lets through. So a leaf is right
// as long as all tests of a field must hold.
type leaf struct {
	filter     lode.Filter
	conditions []condition
	certain    bool // nothing is left to ask
	oneString  bool // but about documents that have several strings
	cost       int
}

func newLeaf(f lode.Filter) leaf {
	l := leaf{filter: f}
	rest := f.Test
	l.takePresence(&rest)
	l.takeEqual(&rest)
	l.takeSpan(&rest)
	l.takeText(&rest)
	l.takeArea(&rest)
	for _, k := range l.conditions {
		l.cost += k.cost
	}
	if l.certain = rest == (lode.Test{}); !l.certain {
		l.cost += costAsk
	}
	return l
}

func (l *leaf) require(k condition) {
	if k.cost == 0 {
		k.cost = costLookup
	}
	l.conditions = append(l.conditions, k)
}

func (l *leaf) takePresence(rest *lode.Test) {
	if want := rest.Exists; want != nil {
		l.require(condition{kind: isPresent, negate: !*want})
	}
	if want := rest.IsEmpty; want != nil {
		l.require(condition{kind: isFilled, negate: *want})
	}
	if want := rest.IsNull; want != nil {
		l.require(condition{kind: isEqual, constants: []constant{{kind: isNull}}, negate: !*want})
	}
	if rest.ValuesCount != nil {
		l.require(condition{kind: isCounted, counts: rest.ValuesCount, cost: costRange})
	}
	rest.Exists, rest.IsEmpty, rest.IsNull, rest.ValuesCount = nil, nil, nil, nil
}

func (l *leaf) takeEqual(rest *lode.Test) {
	if rest.Eq != nil {
		if l.takeConstants([]lode.Value{*rest.Eq}, false) {
			rest.Eq = nil
		} else {
			l.narrow(rest.Eq)
		}
	}
	if rest.Ne != nil && l.takeConstants([]lode.Value{*rest.Ne}, true) {
		rest.Ne = nil
	}
	if rest.In != nil && l.takeConstants(*rest.In, false) {
		rest.In = nil
	}
	if rest.Nin != nil && l.takeConstants(*rest.Nin, true) {
		rest.Nin = nil
	}
}

// takeConstants requires one of the values, or none of them, when all are scalars.
func (l *leaf) takeConstants(values []lode.Value, negate bool) bool {
	k := condition{kind: isEqual, negate: negate, constants: make([]constant, len(values)), cost: costLookup * len(values)}
	for i := range values {
		var ok bool
		if k.constants[i], ok = constantOf(&values[i]); !ok {
			return false
		}
	}
	l.require(k)
	return true
}

// narrow lets through what may be equal to a list or an object, which is left to ask: of
// lists those that hold every item.
func (l *leaf) narrow(want *lode.Value) {
	switch want.Kind {
	case lode.KindObject:
		l.require(condition{kind: isObject})
	case lode.KindList:
		l.require(condition{kind: isListed})
		for i := range want.List {
			l.takeConstants(want.List[i:i+1], false)
		}
	}
}

func (l *leaf) takeSpan(rest *lode.Test) {
	if rest.Gt == nil && rest.Gte == nil && rest.Lt == nil && rest.Lte == nil {
		return
	}
	if s, ok := newSpan(rest); ok {
		l.require(condition{kind: isWithin, span: s, cost: costRange})
		rest.Gt, rest.Gte, rest.Lt, rest.Lte = nil, nil, nil, nil
	}
}

// takeText takes what is asked of strings. Several words that a document has may be in
// several of its strings, and are in no order: then the filter is asked as well.
func (l *leaf) takeText(rest *lode.Test) {
	if w := rest.Text; w != nil && len(w.List()) > 0 {
		l.require(condition{kind: hasWords, words: w.List(), cost: costLookup * len(w.List())})
		l.oneString = l.oneString || len(w.List()) > 1
		rest.Text = nil
	}
	if w := rest.TextAny; w != nil {
		l.require(condition{kind: hasAnyWord, words: w.List(), cost: costLookup * len(w.List())})
		rest.TextAny = nil
	}
	if w := rest.Phrase; w != nil && len(w.List()) > 0 {
		l.require(condition{kind: hasWords, words: w.List(), cost: costLookup * len(w.List())})
		if len(w.List()) == 1 {
			rest.Phrase = nil
		}
	}
	if rest.Prefix != nil {
		l.require(condition{kind: hasPrefix, prefix: *rest.Prefix, cost: costRange})
		rest.Prefix = nil
	}
	if rest.UUID != nil {
		l.require(condition{kind: isUUID, uuid: rest.UUID})
		rest.UUID = nil
	}
}

func (l *leaf) takeArea(rest *lode.Test) {
	if r := rest.GeoRadius; r != nil {
		l.require(condition{kind: isInArea, area: radiusArea(r), cost: costPlaces})
	}
	if b := rest.GeoBox; b != nil {
		l.require(condition{kind: isInArea, area: boxArea(b), cost: costPlaces})
	}
	if g := rest.GeoPolygon; g != nil {
		l.require(condition{kind: isInArea, area: polygonArea(g), cost: costPlaces})
	}
	rest.GeoRadius, rest.GeoBox, rest.GeoPolygon = nil, nil, nil
}

// eval sets out to the members of within that pass the tests.
func (l *leaf) eval(c *core, within, out *Rows) {
	col := c.column(l.filter.Field)
	*out = *within
	for i := range l.conditions {
		l.conditions[i].apply(c, col, out)
	}
	var asked Rows
	switch {
	case !l.certain:
		asked = *out
	case l.oneString && col.several != nil:
		asked = *out
		asked.And(col.several)
	case col.odd == nil:
		return
	}
	if col.odd != nil {
		odd := *col.odd
		odd.And(within)
		asked.Or(&odd)
	}
	out.AndNot(&asked)
	c.ask(&l.filter, &asked, out)
}
