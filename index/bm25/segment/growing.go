package segment

import (
	"encoding/binary"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/text"
)

// growingRows is the number of rows of a growingBlock: small, so that a few rows cost a few KiB.
const growingRows = 256

// Growing is an index in memory that rows are added to. One writer (Add, Remove, Seal) may run
// beside any number of searches. Make one with [NewGrowing].
type Growing struct {
	opts Options
	// mu covers what follows. The writer holds it for one row at a time, a search while it looks
	// up its terms.
	mu struct {
		sync.RWMutex
		numbers map[string]uint32
		names   []string
		lists   []growingList
		blocks  []*growingBlock
		rows    uint32
		stats   Statistics

		sorted []string // the first of names, by their bytes; for prefixes
		adding adding
	}
}

// Statistics are what scores depend on beside the row and the term.
type Statistics struct {
	Rows  uint64            // live rows with a term at least
	Terms [MaxFields]uint64 // in all of them, with repetitions, by field
}

func (s *Statistics) add(o Statistics) {
	s.Rows += o.Rows
	for f, n := range o.Terms {
		s.Terms[f] += n
	}
}

// growingList is a term: postings as varints of the distance to the row before, doubled, and 1
// more if the counts of all fields follow (else the first field has one); and their positions.
// Both only ever grow, so that a search may read the part it saw.
type growingList struct {
	data, positions []byte
	next            uint32 // the row that a distance of 0 would mean
	rows            uint32 // removed ones included
	live            uint32
}

// growingBlock holds what is known of rows beside their postings. It never moves.
type growingBlock struct {
	dead    [growingRows / 64]atomic.Uint64
	lengths [][growingRows]uint32 // by field; set before the row is known to searches
	forward []byte
	starts  [growingRows]uint32
}

// adding is the row being added.
type adding struct {
	found  []uint32 // numbers of its terms
	tokens []placed
	order  []uint64 // of tokens: number of the term, then place in tokens
}

type placed struct{ number, field, position uint32 }

// NewGrowing returns an empty index.
func NewGrowing(opts Options) (*Growing, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	x := &Growing{opts: opts}
	x.mu.numbers = make(map[string]uint32)
	return x, nil
}

// Len is the number of rows that were added, which is also the next row.
func (x *Growing) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return int(x.mu.rows)
}

// Bytes is about the memory of dictionary, postings and rows.
func (x *Growing) Bytes() int64 {
	const perTerm = 16 + 16 + 4 + 64 + 8 // headers in names, map and lists, numbers, slack of the map
	x.mu.RLock()
	defer x.mu.RUnlock()
	total := int64(len(x.mu.names)) * perTerm
	for i, name := range x.mu.names {
		total += int64(len(name) + cap(x.mu.lists[i].data) + cap(x.mu.lists[i].positions))
	}
	for _, b := range x.mu.blocks {
		total += int64(growingRows*(4+4*x.opts.fields()) + cap(b.forward))
	}
	return total
}

// Add appends a row and returns its number. A row without tokens is one that no query finds and
// no statistic counts.
func (x *Growing) Add(row Row) (uint32, error) {
	if err := row.check(x.opts.fields()); err != nil {
		return 0, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.mu.rows == MaxRows {
		return 0, lode.Errorf(lode.CodeTooLarge, "a lexical index has at most %d rows", uint32(MaxRows))
	}
	ordinal := x.mu.rows
	x.numberLocked(row)
	x.appendPostingsLocked(ordinal)
	x.appendRowLocked(row)
	return ordinal, nil
}

// numberLocked sets adding to the tokens of the row, by term, field and position.
func (x *Growing) numberLocked(row Row) {
	a := &x.mu.adding
	a.tokens = a.tokens[:0]
	for f, tokens := range row {
		for i := range tokens {
			number := x.termLocked(&tokens[i])
			a.tokens = append(a.tokens, placed{number, uint32(f), tokens[i].Position})
		}
	}
	a.order = a.order[:0]
	for i, t := range a.tokens {
		a.order = append(a.order, uint64(t.number)<<32|uint64(i))
	}
	slices.Sort(a.order) // by term; fields and positions ascend already
}

func (x *Growing) termLocked(t *text.Token) uint32 {
	if number, ok := x.mu.numbers[t.Term]; ok {
		return number
	}
	term := strings.Clone(t.Term)
	number := uint32(len(x.mu.names))
	x.mu.numbers[term] = number
	x.mu.names = append(x.mu.names, term)
	x.mu.lists = append(x.mu.lists, growingList{})
	return number
}

// appendPostingsLocked appends a posting for each term of the row being added.
func (x *Growing) appendPostingsLocked(ordinal uint32) {
	a := &x.mu.adding
	a.found = a.found[:0]
	var counts [MaxFields]uint32
	for rest := a.order; len(rest) > 0; {
		number := uint32(rest[0] >> 32)
		l := &x.mu.lists[number]
		clear(counts[:])
		n := 0
		for last := (placed{field: MaxFields}); n < len(rest) && uint32(rest[n]>>32) == number; n++ {
			t := a.tokens[uint32(rest[n])]
			counts[t.field]++
			if x.opts.Positions {
				distance := t.position
				if t.field == last.field {
					distance -= last.position
				}
				l.positions = binary.AppendUvarint(l.positions, uint64(distance))
			}
			last = t
		}
		l.append(ordinal, counts[:x.opts.fields()])
		a.found = append(a.found, number)
		rest = rest[n:]
	}
}

func (l *growingList) append(ordinal uint32, counts []uint32) {
	head := uint64(ordinal-l.next) << 1
	simple := counts[0] == 1 && !slices.ContainsFunc(counts[1:], func(n uint32) bool { return n > 0 })
	if simple {
		l.data = binary.AppendUvarint(l.data, head)
	} else {
		l.data = binary.AppendUvarint(l.data, head|1)
		for _, n := range counts {
			l.data = binary.AppendUvarint(l.data, uint64(n))
		}
	}
	l.next = ordinal + 1
	l.rows++
	l.live++
}

// appendRowLocked appends a row whose postings are in place.
func (x *Growing) appendRowLocked(row Row) {
	at := x.mu.rows % growingRows
	if at == 0 {
		x.mu.blocks = append(x.mu.blocks, &growingBlock{lengths: make([][growingRows]uint32, x.opts.fields())})
	}
	b := x.mu.blocks[len(x.mu.blocks)-1]
	b.starts[at] = uint32(len(b.forward))
	b.forward = appendNumbers(b.forward, x.mu.adding.found)
	filled := uint64(0)
	for f, tokens := range row {
		b.lengths[f][at] = uint32(len(tokens))
		x.mu.stats.Terms[f] += uint64(len(tokens))
		if len(tokens) > 0 {
			filled = 1
		}
	}
	x.mu.stats.Rows += filled
	x.mu.rows++
}

// Remove takes rows out: no search that begins later answers with them, and their words leave
// the statistics. Rows that are removed already or never existed are passed over.
func (x *Growing) Remove(rows ...uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, row := range rows {
		if row < x.mu.rows {
			x.removeLocked(x.mu.blocks[row/growingRows], row%growingRows)
		}
	}
}

func (x *Growing) removeLocked(b *growingBlock, at uint32) {
	if b.dead[at/64].Or(1<<(at%64))>>(at%64)&1 == 1 {
		return
	}
	r := reader{data: b.forward, at: int(b.starts[at])}
	number := uint32(0)
	terms := r.u32()
	for range terms {
		number += r.u32()
		x.mu.lists[number].live--
	}
	if terms == 0 {
		return
	}
	x.mu.stats.Rows--
	for f := range b.lengths {
		x.mu.stats.Terms[f] -= uint64(b.lengths[f][at])
	}
}

// Seal writes the index as [Open] reads it. Rows that are removed become rows without terms.
func (x *Growing) Seal(w io.Writer) error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	e, err := newEncoder(w, x.opts, x.liveLengthsLocked())
	if err != nil {
		return err
	}
	numbers := x.renumberLocked()
	for _, name := range slices.Sorted(maps.Keys(x.mu.numbers)) {
		old := x.mu.numbers[name]
		if x.mu.lists[old].live == 0 {
			continue
		}
		if err := x.encodeListLocked(e, name, numbers[old], &x.mu.lists[old]); err != nil {
			return err
		}
	}
	if err := e.endTerms(); err != nil {
		return err
	}
	if err := x.encodeRowsLocked(e, numbers); err != nil {
		return err
	}
	return e.finish()
}

// renumberLocked numbers the terms that a live row holds, in the same order.
func (x *Growing) renumberLocked() []uint32 {
	numbers := make([]uint32, len(x.mu.lists))
	next := uint32(0)
	for i := range x.mu.lists {
		numbers[i] = next
		if x.mu.lists[i].live > 0 {
			next++
		}
	}
	return numbers
}

func (x *Growing) liveLengthsLocked() (lengths [MaxFields][]uint32) {
	for f := range x.opts.fields() {
		lengths[f] = make([]uint32, x.mu.rows)
		for row := range lengths[f] {
			if b, at := x.mu.blocks[row/growingRows], row%growingRows; !b.isDead(uint32(at)) {
				lengths[f][row] = b.lengths[f][at]
			}
		}
	}
	return lengths
}

func (b *growingBlock) isDead(at uint32) bool { return b.dead[at/64].Load()>>(at%64)&1 == 1 }

func (x *Growing) encodeListLocked(e *encoder, name string, number uint32, l *growingList) error {
	e.beginTerm(number)
	var b block
	p := &growingPostings{data: l.data, positions: l.positions, fields: x.opts.fields(), left: l.rows, places: x.opts.Positions}
	for p.decodeNext(&b) {
		for i := range b.n {
			positions := b.encodedPositions(i)
			if row := b.rows[i]; !x.mu.blocks[row/growingRows].isDead(row % growingRows) {
				var counts [MaxFields]uint32
				for f := range x.opts.fields() {
					counts[f] = b.count(f, i)
				}
				e.posting(row, counts[:x.opts.fields()], positions)
			}
		}
	}
	return e.endTerm([]byte(name))
}

func (x *Growing) encodeRowsLocked(e *encoder, numbers []uint32) error {
	var terms []uint32
	for row := range x.mu.rows {
		b, at := x.mu.blocks[row/growingRows], row%growingRows
		terms = terms[:0]
		if !b.isDead(at) {
			r := reader{data: b.forward, at: int(b.starts[at])}
			number := uint32(0)
			for range r.u32() {
				number += r.u32()
				terms = append(terms, numbers[number])
			}
		}
		if err := e.rowTerms(terms); err != nil {
			return err
		}
	}
	return nil
}
