package payload

import "slices"

// chunkEntries is how many entries share a set that adds them at once.
const chunkEntries = 256

// postings are the heads that hold each of a row of values: value i is held by
// rows[starts[i]:starts[i+1]], in ascending order and once each. Entries of neighbouring values
// are neighbours, so a range of values is a range of entries. Whole chunks of entries are
// kept as sets too, which makes the largest range cost little more than two halves of a chunk.
type postings struct {
	starts []uint32
	rows   []uint16
	chunks []Rows // of rows[i*chunkEntries:(i+1)*chunkEntries], whole ones only
	every  *Rows  // the union of all
}

// posted is one value, by number, of one document.
type posted struct {
	value uint32
	head  uint16
}

// newPostings sorts entries, which are different and come with ascending heads, by value.
func newPostings(values int, entries []posted) postings {
	p := postings{starts: make([]uint32, values+1), rows: make([]uint16, len(entries)), every: &Rows{}}
	for _, e := range entries {
		p.starts[e.value+1]++
	}
	for i := range values {
		p.starts[i+1] += p.starts[i]
	}
	next := slices.Clone(p.starts[:values])
	for _, e := range entries {
		p.rows[next[e.value]] = e.head
		next[e.value]++
	}
	p.finish()
	return p
}

// finish makes the sets of the rows.
func (p *postings) finish() {
	p.every.setAll(p.rows)
	if len(p.rows) < 2*chunkEntries {
		return
	}
	p.chunks = make([]Rows, len(p.rows)/chunkEntries)
	for i := range p.chunks {
		p.chunks[i].setAll(p.rows[i*chunkEntries : (i+1)*chunkEntries])
	}
}

func (p *postings) values() int { return max(len(p.starts)-1, 0) }

// of returns the heads of one value.
func (p *postings) of(value int) []uint16 { return p.rows[p.starts[value]:p.starts[value+1]] }

// or adds to into the heads of the values in [from, to).
func (p *postings) or(from, to int, into *Rows) {
	switch {
	case from >= to:
	case from == 0 && to == p.values():
		into.Or(p.every)
	default:
		p.orEntries(int(p.starts[from]), int(p.starts[to]), into)
	}
}

func (p *postings) orEntries(from, to int, into *Rows) {
	first, last := (from+chunkEntries-1)/chunkEntries, to/chunkEntries
	if first >= last || last > len(p.chunks) {
		into.setAll(p.rows[from:to])
		return
	}
	into.setAll(p.rows[from : first*chunkEntries])
	for i := first; i < last; i++ {
		into.Or(&p.chunks[i])
	}
	into.setAll(p.rows[last*chunkEntries : to])
}

func (p *postings) bytes() int {
	n := 4*cap(p.starts) + 2*cap(p.rows) + rowsBytes*len(p.chunks)
	if p.every != nil {
		n += rowsBytes
	}
	return n
}

const rowsBytes = BlockRows / 8
