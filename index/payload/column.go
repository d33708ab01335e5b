package payload

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/lodedb/lode"
)

// column is the index of one path in one core.
//
// Every single value at the path counts, items of lists too. A document that has a value there
// which is not understood, of a kind that did not exist when this was written or made by no
// parser, is odd. What the rest of the index says about an odd document is ignored when
// filters are answered, and its filter asked instead.
//
// Sets that are nil are empty.
type column struct {
	field   string
	once    sync.Once
	built   atomic.Bool
	present Rows  // documents that have anything there
	filled  Rows  // that have a value there that counts
	odd     *Rows // see above
	lists   *Rows // that have a list
	nulls   *Rows // that have a null
	objects *Rows // that have an object
	several *Rows // that have more than one string
	bools   [2]*Rows
	numbers numbers
	words   texts    // strings that are no times
	times   texts    // strings that are
	moments instants // the same strings
	counts  numbers  // how many values the documents have that have more than one

	fullText lazy[texts] // the words within all strings
	uuids    lazy[uuids]
	places   lazy[places]
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
	col := &column{field: field}
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
			col.build(c)
			col.built.Store(true)
		})
	}
	return col
}

// columnBuilder collects the values at one path.
type columnBuilder struct {
	*column
	head            uint16 // of the document whose values come
	count, strings  int    // of these so far
	words, times    textBuilder
	numbers, counts []numberEntry
}

func (col *column) build(c *core) {
	b := &columnBuilder{column: col}
	add := b.add
	for i := range c.docs {
		b.document(&c.docs[i], add)
	}
	col.numbers = newNumbers(b.numbers)
	col.counts = newNumbers(b.counts)
	col.words = b.words.texts()
	col.times = b.times.texts()
	col.moments = newInstants(&col.times)
}

func (b *columnBuilder) document(e *entry, add func(lode.Value) bool) {
	b.head, b.count, b.strings = e.first, 0, 0
	if e.doc.Metadata.Find(b.field, add) {
		b.present.Set(int(b.head))
	}
	if b.count > 0 {
		b.filled.Set(int(b.head))
	}
	if b.count > 1 {
		b.counts = append(b.counts, numberEntry{number{whole: int64(b.count)}, b.head})
	}
	if b.strings > 1 {
		mark(&b.several, b.head)
	}
}

func (b *columnBuilder) add(v lode.Value) bool {
	if v.Kind != lode.KindList {
		if b.addItem(&v); v.Kind != lode.KindNull {
			b.count++
		}
		return true
	}
	mark(&b.lists, b.head)
	b.count += len(v.List)
	for i := range v.List {
		b.addItem(&v.List[i])
	}
	return true
}

func (b *columnBuilder) addItem(v *lode.Value) {
	if v.Kind == lode.KindObject {
		mark(&b.objects, b.head)
		return
	}
	item, ok := constantOf(v)
	if !ok {
		mark(&b.odd, b.head)
		return
	}
	switch item.kind {
	case isNumber:
		b.numbers = append(b.numbers, numberEntry{item.number, b.head})
	case isTime:
		b.times.add(item.text, b.head)
		b.strings++
	case isWord:
		b.words.add(item.text, b.head)
		b.strings++
	case isBool:
		mark(&b.bools[boolIndex(item.flag)], b.head)
	case isNull:
		mark(&b.nulls, b.head)
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
		add(into, col.bools[boolIndex(k.flag)])
	case isNull:
		add(into, col.nulls)
	}
}

// add adds the members of a set that may be nil.
func add(into, set *Rows) {
	if set != nil {
		into.Or(set)
	}
}

func (col *column) bytes() int {
	n := columnBytes + col.numbers.bytes() + col.words.bytes() + col.times.bytes() + col.moments.bytes() + col.counts.bytes()
	for _, set := range []*Rows{col.odd, col.lists, col.nulls, col.objects, col.several, col.bools[0], col.bools[1]} {
		if set != nil {
			n += rowsBytes
		}
	}
	if full := col.fullText.built(); full != nil {
		n += full.bytes()
	}
	if ids := col.uuids.built(); ids != nil {
		n += cap(*ids) * uuidBytes
	}
	if places := col.places.built(); places != nil {
		n += cap(*places) * placeBytes
	}
	return n
}

// Warm builds the indexes of the fields now, which the first filters on them would do else.
func (b *Block) Warm(fields ...string) {
	for i := range b.layers {
		for _, field := range fields {
			if l := &b.layers[i]; !l.small() {
				l.column(field)
			}
		}
	}
}
