package payload

import "math/bits"

const (
	// BlockRows is the number of rows in a block.
	BlockRows = 4096
	wordBits  = 64
	rowWords  = BlockRows / wordBits
)

// Rows is a set of the rows of one block. The zero value is empty.
type Rows [rowWords]uint64

// And keeps only members that other has too.
func (r *Rows) And(other *Rows) {
	for i := range r {
		r[i] &= other[i]
	}
}

// AndNot removes the members of other.
func (r *Rows) AndNot(other *Rows) {
	for i := range r {
		r[i] &^= other[i]
	}
}

// Or adds the members of other.
func (r *Rows) Or(other *Rows) {
	for i := range r {
		r[i] |= other[i]
	}
}

// Set adds a row.
func (r *Rows) Set(row int) { r[uint(row)/wordBits%rowWords] |= 1 << (uint(row) % wordBits) }

// Has reports whether the row is in the set.
func (r *Rows) Has(row int) bool {
	return r[uint(row)/wordBits%rowWords]&(1<<(uint(row)%wordBits)) != 0
}

// SetRange adds the rows in [from, to).
func (r *Rows) SetRange(from, to int) {
	for from, to = clamp(from, to); from < to; {
		i, mask, next := wordOf(from, to)
		r[i] |= mask
		from = next
	}
}

// ClearRange removes the rows in [from, to).
func (r *Rows) ClearRange(from, to int) {
	for from, to = clamp(from, to); from < to; {
		i, mask, next := wordOf(from, to)
		r[i] &^= mask
		from = next
	}
}

// CountRange is the number of members in [from, to).
func (r *Rows) CountRange(from, to int) int {
	count := 0
	for from, to = clamp(from, to); from < to; {
		i, mask, next := wordOf(from, to)
		count += bits.OnesCount64(r[i] & mask)
		from = next
	}
	return count
}

func clamp(from, to int) (int, int) { return max(from, 0), min(to, BlockRows) }

// wordOf returns the word of row from, the mask of the rows in [from, to) there, and the row
// that the next word begins with.
func wordOf(from, to int) (i int, mask uint64, next int) {
	i = from / wordBits
	next = (i + 1) * wordBits
	end := min(to, next)
	return i % rowWords, ^uint64(0) >> (wordBits - (end - from)) << (from % wordBits), next
}

// Count is the number of members.
func (r *Rows) Count() int {
	count := 0
	for _, w := range r {
		count += bits.OnesCount64(w)
	}
	return count
}

// Any reports whether the set has a member.
func (r *Rows) Any() bool {
	for _, w := range r {
		if w != 0 {
			return true
		}
	}
	return false
}

// Each calls f with every member in ascending order until f returns false.
func (r *Rows) Each(f func(row int) bool) {
	for i, w := range r {
		for ; w != 0; w &= w - 1 {
			if !f(i*wordBits + bits.TrailingZeros64(w)) {
				return
			}
		}
	}
}

// setAll adds rows that are known to be below BlockRows.
func (r *Rows) setAll(rows []uint16) {
	for _, row := range rows {
		r[row/wordBits%rowWords] |= 1 << (row % wordBits)
	}
}
