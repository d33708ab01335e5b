package payload

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/lodedb/lode"
)

// column is the index of one field in one core.
//
// Values that it understands are scalars, and lists of these: every item counts. A document
// that has anything else there is odd. What the rest of the index says about an odd document
// is ignored when filters are answered, and its filter asked instead, so that kinds of values
// to come need nothing here to be answered rightly.
type column struct {
	once    sync.Once
	built   atomic.Bool
	present Rows  // documents that have the field
	lists   *Rows // of these, the ones that have a list; nil when there are none
	odd     *Rows // nil when there are none
	bools   [2]*Rows
	numbers numbers
	words   texts    // strings that are no times
	times   texts    // strings that are
	moments instants // the same strings
}

// maxAbsent bounds how many fields that no document has are remembered as such.
const maxAbsent = 64

// columns are the columns of a core, each built when it is asked for first.
type columns struct {
	byField atomic.Pointer[map[string]*column]
	mu      sync.Mutex // held to change the map
}

func (cs *columns) get(field string) *column {
	if fields := cs.byField.Load(); fields != nil {
		return (*fields)[field]
	}
	return nil
}

// add returns the column of the field, made now or meanwhile by another.
func (cs *columns) add(field string) *column {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if col := cs.get(field); col != nil {
		return col
	}
	fields := map[string]*column{}
	if old := cs.byField.Load(); old != nil {
		fields = maps.Clone(*old)
	}
	dropAbsent(fields)
	col := &column{}
	fields[field] = col
	cs.byField.Store(&fields)
	return col
}

// dropAbsent forgets the columns of fields that no document has when they are too many:
// anyone can ask for any field, and the memory must be bounded by the data.
func dropAbsent(fields map[string]*column) {
	absent := func(_ string, col *column) bool { return col.built.Load() && !col.present.Any() }
	n := 0
	for _, col := range fields {
		if absent("", col) {
			n++
		}
	}
	if n >= maxAbsent {
		maps.DeleteFunc(fields, absent)
	}
}

// column returns the built column of a field.
func (c *core) column(field string) *column {
	col := c.columns.get(field)
	if col == nil {
		col = c.columns.add(field)
	}
	if !col.built.Load() {
		col.once.Do(func() {
			col.build(c, field)
			col.built.Store(true)
		})
	}
	return col
}

// columnBuilder collects the values of one field.
type columnBuilder struct {
	*column
	head         uint16
	words, times textBuilder
	numbers      []numberEntry
}

func (col *column) build(c *core, field string) {
	b := columnBuilder{column: col}
	for i := range c.docs {
		e := &c.docs[i]
		b.head = e.first
		if present := eachValue(e.doc, field, b.add); present {
			col.present.Set(int(e.first))
		}
	}
	col.numbers = newNumbers(b.numbers)
	col.words = b.words.texts()
	col.times = b.times.texts()
	col.moments = newInstants(&col.times)
}

func (b *columnBuilder) add(v *lode.Value) {
	if v.Kind != lode.KindList {
		b.addItem(v)
		return
	}
	mark(&b.lists, b.head)
	for i := range v.List {
		b.addItem(&v.List[i])
	}
}

func (b *columnBuilder) addItem(v *lode.Value) {
	item, ok := constantOf(v)
	switch {
	case !ok:
		mark(&b.odd, b.head)
	case item.kind == isNumber:
		b.numbers = append(b.numbers, numberEntry{item.number, b.head})
	case item.kind == isTime:
		b.times.add(item.text, b.head)
	case item.kind == isWord:
		b.words.add(item.text, b.head)
	default:
		mark(&b.bools[boolIndex(item.flag)], b.head)
	}
}

// mark sets a bit in a set that is made when it gets its first.
func mark(set **Rows, head uint16) {
	if *set == nil {
		*set = &Rows{}
	}
	(*set).Set(int(head))
}

func boolIndex(b bool) int {
	if b {
		return 1
	}
	return 0
}

// equal adds the heads that hold the constant, alone or in a list.
func (col *column) equal(k *constant, into *Rows) {
	switch k.kind {
	case isNumber:
		col.numbers.equal(k.number, into)
	case isTime:
		col.times.equal(k.text, into)
	case isWord:
		col.words.equal(k.text, into)
	case isBool:
		if set := col.bools[boolIndex(k.flag)]; set != nil {
			into.Or(set)
		}
	}
}

func (col *column) bytes() int {
	n := columnBytes + col.numbers.bytes() + col.words.bytes() + col.times.bytes() + col.moments.bytes()
	for _, set := range []*Rows{col.lists, col.odd, col.bools[0], col.bools[1]} {
		if set != nil {
			n += rowsBytes
		}
	}
	return n
}

// Warm builds the indexes of the fields now, which the first filters on them would do else.
func (b *Block) Warm(fields ...string) {
	for i := range b.layers {
		if l := &b.layers[i]; !l.small() {
			for _, field := range fields {
				l.column(field)
			}
		}
	}
}
