package segment

import (
	"encoding/binary"
	"math/bits"
)

// blockPostings is the number of postings of a block; the last one of a term has fewer.
const blockPostings = 128

// leastSummary is the number of postings from which a block has a summary. A bound on fewer is
// found by looking at them.
const leastSummary = 8

// block holds postings as they are read: rows that ascend, and how often each holds the term,
// by field.
type block struct {
	n      int
	mask   uint8 // fields that hold the term in one of the rows; only their counts are set
	rows   [blockPostings]uint32
	counts [MaxFields][blockPostings]uint32
	// positions holds those of all postings: for each, for each field, the first and then the
	// distances. encodedPositions has given away those before offset.
	positions []byte
	offset    int
	starts    [blockPostings]uint32 // where those of each posting begin, if placed
	placed    bool
	counted   bool // the counts are read
}

// count is how often a posting's row holds the term in a field.
func (b *block) count(field, i int) uint32 {
	if b.mask>>field&1 == 0 {
		return 0
	}
	return b.counts[field][i]
}

// add appends a posting to a block that is being made.
func (b *block) add(row uint32, counts []uint32, positions []byte) {
	b.rows[b.n] = row
	for f, c := range counts {
		b.counts[f][b.n] = c
		if c > 0 {
			b.mask |= 1 << f
		}
	}
	b.positions = append(b.positions, positions...)
	b.n++
}

func (b *block) reset() {
	b.n, b.mask, b.positions = 0, 0, b.positions[:0]
	b.offset, b.placed = 0, false
}

// encode appends the block. base is the smallest row that it could begin with; positionsAt,
// where the term has several blocks, is where its positions begin; -1 says that it has one.
func (b *block) encode(dst []byte, fields int, base uint32, s *summary, positionsAt int) []byte {
	var values [blockPostings]uint32
	for i, row := range b.rows[:b.n] {
		values[i] = row - base
		base = row + 1
	}
	deltas := values[:b.n]
	dst = append(dst, b.mask, byte(widthOf(deltas)))
	less := b.lone()
	var counts [MaxFields][]uint32
	for f := range fields {
		if b.mask>>f&1 == 1 {
			for i := range b.counts[f][:b.n] {
				b.counts[f][i] -= less
			}
			counts[f] = b.counts[f][:b.n]
			dst = append(dst, byte(widthOf(counts[f])))
		}
	}
	if b.n >= leastSummary {
		dst = s.append(dst, fields, b.mask)
	}
	if positionsAt >= 0 {
		dst = binary.AppendUvarint(dst, uint64(positionsAt))
	}
	dst = pack(dst, deltas, widthOf(deltas))
	for _, c := range counts {
		dst = pack(dst, c, widthOf(c))
	}
	return dst
}

// lone is what a count is at least: 1 where one field alone holds the term in all rows.
func (b *block) lone() uint32 {
	if bits.OnesCount8(b.mask) == 1 {
		return 1
	}
	return 0
}

// blockHead is what a block says before its postings.
type blockHead struct {
	mask        uint8
	rowWidth    int
	widths      [MaxFields]int
	summary     summary
	positionsAt uint64 // within the positions of the term
	body        int    // where the packed numbers begin
}

// read reads the head of a block of n postings.
func (h *blockHead) read(r *reader, n, fields int, several bool) {
	h.mask, h.rowWidth = r.byte(), int(r.byte())
	if h.mask == 0 || int(h.mask)>>fields != 0 || h.rowWidth > 32 {
		r.bad("a block has fields %08b of %d, rows of %d bits", h.mask, fields, h.rowWidth)
		return
	}
	for f := range fields {
		h.widths[f] = 0
		if h.mask>>f&1 == 1 {
			if h.widths[f] = int(r.byte()); h.widths[f] > 32 {
				r.bad("a block has counts of %d bits", h.widths[f])
				return
			}
		}
	}
	h.summary.reset()
	if n >= leastSummary {
		h.summary.read(r, fields, h.mask)
	}
	h.positionsAt = 0
	if several {
		h.positionsAt = r.uvarint(1 << 62)
	}
	h.body = r.at
}

// bytes is how many bytes the packed numbers of n postings take.
func (h *blockHead) bytes(n int) int {
	total := packedBytes(n, h.rowWidth)
	for f, w := range h.widths {
		if h.mask>>f&1 == 1 {
			total += packedBytes(n, w)
		}
	}
	return total
}

// decodeRows reads the rows of n postings behind a head. data holds their bytes and packSlack more;
// base is as for encode, last the row that must come out last. Behind the rows lies noRow.
func (b *block) decodeRows(h *blockHead, data []byte, n int, base, last uint32) error {
	b.n, b.mask, b.counted = n, h.mask, false
	b.offset, b.placed = 0, false
	unpack(b.rows[:n], data, h.rowWidth)
	row := uint64(base)
	for i, distance := range b.rows[:n] {
		row += uint64(distance)
		b.rows[i] = uint32(row)
		row++
	}
	for i := n; i < blockPostings; i++ {
		b.rows[i] = noRow
	}
	if row != uint64(last)+1 {
		return corrupt("a block ends with row %d, not %d", row-1, last)
	}
	return nil
}

// decodeCounts reads the counts, which many a search never asks for.
func (b *block) decodeCounts(h *blockHead, data []byte) {
	n := b.n
	data = data[packedBytes(n, h.rowWidth):]
	less := b.lone()
	for f := range MaxFields {
		if b.mask>>f&1 == 0 {
			continue
		}
		counts := b.counts[f][:n]
		unpack(counts, data, h.widths[f])
		data = data[packedBytes(n, h.widths[f]):]
		if less != 0 {
			for i := range counts {
				counts[i] += less
			}
		}
	}
	b.counted = true
}

// find returns the place of the first row that is not below target, which must not be above the
// last row.
func (b *block) find(target uint32) int {
	rows, at := &b.rows, 0
	for step := blockPostings / 2; step > 0; step /= 2 {
		if rows[(at+step-1)%blockPostings] < target {
			at += step
		}
	}
	return at
}

// places appends the positions of a posting in a field.
func (b *block) places(dst []uint32, field, i int) []uint32 {
	if !b.placed {
		b.placePostings()
	}
	at := int(b.starts[i])
	for f := range field {
		at += varintsEnd(b.positions[at:], int(b.count(f, i)))
	}
	place := uint32(0)
	for range b.count(field, i) {
		distance, n := binary.Uvarint(b.positions[at:])
		if n <= 0 {
			return dst // made to do harm, and found by Verify
		}
		at += n
		place += uint32(distance)
		dst = append(dst, place)
	}
	return dst
}

// placePostings finds where the positions of each posting begin.
func (b *block) placePostings() {
	at := 0
	for i := range b.n {
		b.starts[i] = uint32(at)
		at += varintsEnd(b.positions[at:], b.total(i))
	}
	b.placed = true
}

// total is how often a posting's row holds the term in all fields.
func (b *block) total(i int) (n int) {
	for f := range MaxFields {
		n += int(b.count(f, i))
	}
	return n
}
