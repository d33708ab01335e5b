package index

import "math/bits"

// wordBits is the number of ordinals in a word of a [Bitset].
const wordBits = 64

// Bitset is a set of ordinals in [0, Len). The zero value is empty and of length 0. It may
// be read by any number of goroutines while none changes it. A nil Bitset can be read like
// an empty one.
type Bitset struct {
	words []uint64 // bits at or beyond n are 0
	n     int
}

// NewBitset returns an empty set of ordinals below n.
func NewBitset(n int) *Bitset {
	n = max(n, 0)
	return &Bitset{words: make([]uint64, (n+wordBits-1)/wordBits), n: n}
}

// Len is the bound that all ordinals of the set lie below.
func (b *Bitset) Len() int {
	if b == nil {
		return 0
	}
	return b.n
}

// Set adds the ordinal. An ordinal at or beyond Len extends the set.
func (b *Bitset) Set(ordinal uint32) {
	if int(ordinal) >= b.n {
		b.grow(int(ordinal) + 1)
	}
	b.words[ordinal/wordBits] |= 1 << (ordinal % wordBits)
}

func (b *Bitset) grow(n int) {
	need := (n + wordBits - 1) / wordBits
	for len(b.words) < need {
		b.words = append(b.words, 0)
	}
	b.n = n
}

// SetRange adds the ordinals in [from, to). Those at or beyond Len extend the set.
func (b *Bitset) SetRange(from, to uint32) {
	if from >= to {
		return
	}
	if int(to) > b.n {
		b.grow(int(to))
	}
	first, last := from/wordBits, (to-1)/wordBits
	head, tail := ^uint64(0)<<(from%wordBits), ^uint64(0)>>(wordBits-1-(to-1)%wordBits)
	if first == last {
		b.words[first] |= head & tail
		return
	}
	b.words[first] |= head
	for i := first + 1; i < last; i++ {
		b.words[i] = ^uint64(0)
	}
	b.words[last] |= tail
}

// SetWord makes bits the members among the 64 ordinals from 64·i, those below Len.
func (b *Bitset) SetWord(i int, bits uint64) {
	if left := b.n - wordBits*i; left < wordBits {
		bits &= 1<<max(left, 0) - 1
	}
	b.words[i] = bits
}

// OrShifted adds every member of other, moved up by as many ordinals. Len grows where that is
// needed.
func (b *Bitset) OrShifted(other *Bitset, by uint32) {
	if other.Len() == 0 {
		return
	}
	if need := other.n + int(by); need > b.n {
		b.grow(need)
	}
	at, shift := int(by/wordBits), by%wordBits
	for i, w := range other.words {
		b.words[at+i] |= w << shift
		if over := w >> (wordBits - shift); over != 0 { // none where shift is 0
			b.words[at+i+1] |= over
		}
	}
}

// SetAll adds every ordinal below Len.
func (b *Bitset) SetAll() {
	for i := range b.words {
		b.words[i] = ^uint64(0)
	}
	if tail := b.n % wordBits; tail != 0 {
		b.words[len(b.words)-1] = 1<<tail - 1
	}
}

// Clear removes the ordinal; one at or beyond Len is not in the set anyway.
func (b *Bitset) Clear(ordinal uint32) {
	if int(ordinal) < b.n {
		b.words[ordinal/wordBits] &^= 1 << (ordinal % wordBits)
	}
}

// Has reports whether the ordinal is in the set.
func (b *Bitset) Has(ordinal uint32) bool {
	return b != nil && int(ordinal) < b.n && b.words[ordinal/wordBits]&(1<<(ordinal%wordBits)) != 0
}

// Word returns the members among the 64 ordinals from 64·i as bits, the smallest ordinal
// lowest. Beyond Len it is 0.
func (b *Bitset) Word(i int) uint64 {
	if b == nil || i >= len(b.words) {
		return 0
	}
	return b.words[i]
}

// Count is the number of members.
func (b *Bitset) Count() int {
	if b == nil {
		return 0
	}
	count := 0
	for _, w := range b.words {
		count += bits.OnesCount64(w)
	}
	return count
}

// Clone returns a copy that shares nothing.
func (b *Bitset) Clone() *Bitset {
	if b == nil {
		return &Bitset{}
	}
	return &Bitset{words: append([]uint64(nil), b.words...), n: b.n}
}

// And keeps only members that other has too. Len stays.
func (b *Bitset) And(other *Bitset) {
	for i := range b.words {
		b.words[i] &= other.Word(i)
	}
}

// AndNot removes the members of other. Len stays.
func (b *Bitset) AndNot(other *Bitset) {
	for i := range b.words {
		b.words[i] &^= other.Word(i)
	}
}

// Each calls f with every member in ascending order until f returns false.
func (b *Bitset) Each(f func(ordinal uint32) bool) {
	b.EachFrom(0, f)
}

// EachFrom is Each for the members from one on.
func (b *Bitset) EachFrom(from uint32, f func(ordinal uint32) bool) {
	if b == nil || int(from) >= b.n {
		return
	}
	first := int(from / wordBits)
	for i, w := range b.words[first:] {
		if i == 0 {
			w &= ^uint64(0) << (from % wordBits)
		}
		for ; w != 0; w &= w - 1 {
			if !f(uint32((first+i)*wordBits + bits.TrailingZeros64(w))) {
				return
			}
		}
	}
}
