package payload

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/lodedb/lode"
)

// Ordered is a document in the order of a field.
//
// Numbers come first, then times in the order of time (the same instant in the order of
// spelling), other strings in the order of bytes, false and true; a descending order is the
// reverse. Documents without a value come last either way, and documents with the same value
// by row. Of a list the first item in the order asked for counts.
type Ordered struct {
	Value lode.Value // of kind KindNone when the document has none
	Row   int        // the first of the document in the block
	Doc   *lode.Document
}

// Cursor is a place in an order: behind the document with this value at this row. To go on in
// a block that lies before the place's, Row is [BlockRows], in one that lies behind it, -1.
type Cursor struct {
	Value lode.Value
	Row   int
}

// CompareValues is the order of [Ordered] by value alone, for who merges blocks.
func CompareValues(a, b lode.Value, desc bool) int { return compareKeys(keyOf(a), keyOf(b), desc) }

// sortKey is a value's place in the order.
type sortKey struct {
	class sortClass
	number
	text string
}

type sortClass uint8

const (
	sortNumber sortClass = iota
	sortTime
	sortWord
	sortBool
	sortMissing
)

func keyOf(v lode.Value) sortKey {
	k, ok := constantOf(&v)
	switch {
	case !ok || k.kind == isNull:
		return sortKey{class: sortMissing}
	case k.kind == isBool:
		return sortKey{class: sortBool, number: number{whole: int64(boolIndex(k.flag))}}
	}
	return sortKey{class: sortClass(k.kind), number: k.number, text: k.text}
}

func compareKeys(a, b sortKey, desc bool) int {
	order := cmp.Compare(a.class, b.class)
	if a.class == sortMissing || b.class == sortMissing {
		return order
	}
	if order == 0 {
		order = a.number.compare(b.number)
	}
	if order == 0 {
		order = strings.Compare(a.text, b.text)
	}
	if desc {
		return -order
	}
	return order
}

// Order returns the first n of the documents among the rows in the order of a field, behind
// the cursor when there is one. Continued documents are left out: the block that they begin
// in has them.
func (b *Block) Order(field string, among *Rows, desc bool, n int, after *Cursor) []Ordered {
	var found []Ordered
	for i := range b.layers {
		l := &b.layers[i]
		shown := *among
		if l.masked != nil {
			shown.AndNot(l.masked)
		}
		found = append(found, l.order(field, &shown, desc, n, after)...)
	}
	if len(b.layers) == 1 {
		return found
	}
	slices.SortStableFunc(found, func(x, y Ordered) int {
		return cmp.Or(CompareValues(x.Value, y.Value, desc), cmp.Compare(x.Row, y.Row))
	})
	return found[:min(max(n, 0), len(found))]
}

// walk passes over a column in order.
type walk struct {
	core  *core
	left  Rows // heads of documents that have not come yet
	desc  bool
	n     int
	after *Cursor
	key   sortKey // of the cursor
	found []Ordered
}

func (c *core) order(field string, shown *Rows, desc bool, n int, after *Cursor) []Ordered {
	w := &walk{core: c, left: c.headsOf(shown), desc: desc, n: n, after: after}
	if after != nil {
		w.key = keyOf(after.Value)
	}
	col := c.column(field)
	classes := []func(*column){w.numbers, w.moments, w.words, w.bools}
	if desc {
		slices.Reverse(classes)
	}
	for _, pass := range classes {
		pass(col)
	}
	w.rest()
	return w.found
}

func (w *walk) numbers(col *column) {
	w.pass(len(col.numbers.wholes), func(i int) bool {
		n := col.numbers.at(i)
		return w.take(sortKey{class: sortNumber, number: n}, col.numbers.of(i), n.value)
	})
}

func (w *walk) moments(col *column) {
	w.pass(len(col.moments.at), func(i int) bool {
		text := col.times.list[col.moments.text[i]]
		key := sortKey{sortTime, col.moments.at[i], text}
		return w.take(key, col.moments.of(i), func() lode.Value { return lode.StringValue(text) })
	})
}

func (w *walk) words(col *column) {
	w.pass(len(col.words.list), func(i int) bool {
		text := col.words.list[i]
		key := sortKey{class: sortWord, text: text}
		return w.take(key, col.words.of(i), func() lode.Value { return lode.StringValue(text) })
	})
}

func (w *walk) bools(col *column) {
	w.pass(len(col.bools), func(i int) bool {
		if col.bools[i] == nil {
			return true
		}
		key := sortKey{class: sortBool, number: number{whole: int64(i)}}
		return w.take(key, heads(col.bools[i]), func() lode.Value { return lode.BoolValue(i == 1) })
	})
}

// rest takes the documents that have no value.
func (w *walk) rest() {
	w.take(sortKey{class: sortMissing}, heads(&w.left), func() lode.Value { return lode.Value{} })
}

// pass calls take with the numbers of values in order until it has enough.
func (w *walk) pass(values int, take func(i int) bool) {
	for i := range values {
		if w.desc {
			i = values - 1 - i
		}
		if !take(i) {
			return
		}
	}
}

// take adds the documents of one value that have not come yet, and reports whether there is
// room for more. Those before the cursor have come in an earlier page.
func (w *walk) take(key sortKey, heads []uint16, value func() lode.Value) (more bool) {
	behind := -1
	if w.after != nil {
		switch order := compareKeys(key, w.key, w.desc); {
		case order < 0:
			behind = math.MaxInt
		case order == 0:
			behind = w.after.Row
		}
	}
	for _, head := range heads {
		if len(w.found) >= w.n {
			return false
		}
		row := int(head)
		if !w.left.Has(row) {
			continue
		}
		w.left.ClearRange(row, row+1)
		if row > behind && !w.core.continues(head) {
			w.found = append(w.found, Ordered{Value: value(), Row: row, Doc: w.core.at(row).doc})
		}
	}
	return len(w.found) < w.n
}

// heads lists the members of a set.
func heads(set *Rows) []uint16 {
	list := make([]uint16, 0, set.Count())
	set.Each(func(row int) bool {
		list = append(list, uint16(row))
		return true
	})
	return list
}
