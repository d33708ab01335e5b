package bm25

import "encoding/binary"

// list holds the postings of a term.
type list struct {
	// data only ever grows, so that a search may read the part it saw while more is
	// appended behind.
	data []byte
	next uint32 // the ordinal that a distance of 0 would mean
	live uint32 // rows that hold the term and were not removed
}

// append adds the posting of a row behind all others.
func (l *list) append(ordinal, count uint32) {
	head := uint64(ordinal-l.next) << 1
	if count == 1 {
		l.data = binary.AppendUvarint(l.data, head)
	} else {
		l.data = binary.AppendUvarint(l.data, head|1)
		l.data = binary.AppendUvarint(l.data, uint64(count))
	}
	l.next = ordinal + 1
	l.live++
}

// cursor reads the postings of a term in order of rows.
type cursor struct {
	data    []byte
	next    uint32
	ordinal uint32 // of the current posting
	count   uint32 // of the term in that row
	weight  float64
	done    bool
}

// advance goes to the next posting, or is done.
func (c *cursor) advance() {
	if len(c.data) == 0 {
		c.done = true
		return
	}
	head := c.uvarint()
	c.ordinal = c.next + uint32(head>>1)
	c.next = c.ordinal + 1
	c.count = 1
	if head&1 != 0 {
		c.count = uint32(c.uvarint())
	}
}

// uvarint is binary.Uvarint with the short case, which is nearly every case, in line.
func (c *cursor) uvarint() uint64 {
	if b := c.data[0]; b < 0x80 {
		c.data = c.data[1:]
		return uint64(b)
	}
	value, n := binary.Uvarint(c.data)
	c.data = c.data[n:]
	return value
}
