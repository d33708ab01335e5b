package bm25

import (
	"encoding/binary"
	"slices"
	"strings"
	"sync/atomic"
)

// blockRows is the number of rows of a rowBlock: small, so that an index of a few rows
// costs a few KiB.
const blockRows = 256

// rowBlock holds what is known of rows beside their postings. Blocks never move.
type rowBlock struct {
	// lengths are numbers of terms, 0 for a removed row. Searches load them beside the
	// writer.
	lengths [blockRows]atomic.Uint32
	// forward holds for each row the number of its different terms and then their numbers,
	// ascending, as varints of distances; starts is where a row begins. Covered by mu, but
	// bytes and starts of rows that a reader knows of do not change.
	forward []byte
	starts  [blockRows]int
}

// Add appends a row.
func (x *Index) Add(text string) uint32 { return x.AddTerms(x.Terms(text)) }

// Terms returns the terms of a text, in its order.
func (x *Index) Terms(text string) []string { return x.analyzer.Terms([]string{}, text) }

// AddTerms appends a row of terms.
func (x *Index) AddTerms(terms []string) uint32 {
	x.mu.Lock()
	defer x.mu.Unlock()
	ordinal := x.mu.rows
	x.countTermsLocked(terms)
	for _, number := range x.mu.found {
		x.mu.lists[number].append(ordinal, x.mu.counts[number])
		x.mu.counts[number] = 0
	}
	x.appendRowLocked(uint32(len(terms)), x.mu.found)
	return ordinal
}

// countTermsLocked sets found to the numbers of the different terms, ascending, and counts
// how often each occurs. Terms that are new get a number.
func (x *Index) countTermsLocked(terms []string) {
	x.mu.found = x.mu.found[:0]
	for _, term := range terms {
		number, known := x.mu.numbers[term]
		if !known {
			number = x.newTermLocked(term, list{})
		}
		if x.mu.counts[number] == 0 {
			x.mu.found = append(x.mu.found, number)
		}
		x.mu.counts[number]++
	}
	slices.Sort(x.mu.found)
}

func (x *Index) newTermLocked(term string, l list) (number uint32) {
	term = strings.Clone(term) // the analyzer cuts terms from longer strings
	number = uint32(len(x.mu.names))
	x.mu.numbers[term] = number
	x.mu.names = append(x.mu.names, term)
	x.mu.lists = append(x.mu.lists, l)
	x.mu.counts = append(x.mu.counts, 0)
	return number
}

// appendRowLocked appends a row whose postings are in place.
func (x *Index) appendRowLocked(length uint32, numbers []uint32) {
	at := x.mu.rows % blockRows
	if at == 0 {
		x.mu.blocks = append(x.mu.blocks, new(rowBlock))
	}
	b := x.mu.blocks[len(x.mu.blocks)-1]
	b.starts[at] = len(b.forward)
	b.forward = appendNumbers(b.forward, numbers)
	b.lengths[at].Store(length)
	x.mu.rows++
	if length > 0 {
		x.mu.stats.rows++
		x.mu.stats.terms += int64(length)
	}
}

func appendNumbers(forward []byte, numbers []uint32) []byte {
	forward = binary.AppendUvarint(forward, uint64(len(numbers)))
	last := uint32(0)
	for _, number := range numbers {
		forward = binary.AppendUvarint(forward, uint64(number-last))
		last = number
	}
	return forward
}

// readNumbers appends the term numbers of a row that begins forward.
func readNumbers(dst []uint32, forward []byte) []uint32 {
	count, n := binary.Uvarint(forward)
	last := uint32(0)
	for range count {
		forward = forward[n:]
		var distance uint64
		distance, n = binary.Uvarint(forward)
		last += uint32(distance)
		dst = append(dst, last)
	}
	return dst
}

// Remove takes rows out of the answers and of the statistics.
func (x *Index) Remove(ordinals ...uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var numbers []uint32
	for _, ordinal := range ordinals {
		if ordinal >= x.mu.rows {
			continue
		}
		b, at := x.mu.blocks[ordinal/blockRows], ordinal%blockRows
		length := b.lengths[at].Swap(0)
		if length == 0 {
			continue
		}
		x.mu.stats.rows--
		x.mu.stats.terms -= int64(length)
		numbers = readNumbers(numbers[:0], b.forward[b.starts[at]:])
		for _, number := range numbers {
			x.mu.lists[number].live--
		}
	}
}
