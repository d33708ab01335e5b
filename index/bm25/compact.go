package bm25

import (
	"slices"

	"github.com/lodedb/lode/index"
)

// gone is the new number of what is not kept.
const gone = ^uint32(0)

// Compact returns a new index with the kept rows. Terms that no kept row holds are dropped.
func (x *Index) Compact(keep *index.Bitset) index.Lexical {
	c := x.freeze()
	fresh := New(x.opts)
	fresh.mu.Lock() // nobody else knows it yet; the helpers say that they need it
	defer fresh.mu.Unlock()
	ordinals := c.renumberRows(keep)
	numbers := c.copyTerms(fresh, ordinals)
	c.copyRows(fresh, ordinals, numbers)
	return fresh
}

// frozen is an index as it was at one moment, for reading beside the writer.
type frozen struct {
	names    []string
	lists    []list
	blocks   []*rowBlock
	forwards [][]byte
	lengths  []uint32 // of all rows
}

func (x *Index) freeze() *frozen {
	x.mu.RLock()
	defer x.mu.RUnlock()
	f := &frozen{
		names: x.mu.names, lists: slices.Clone(x.mu.lists), blocks: x.mu.blocks,
		forwards: make([][]byte, len(x.mu.blocks)), lengths: make([]uint32, x.mu.rows),
	}
	for i, b := range f.blocks {
		f.forwards[i] = b.forward
	}
	for i := range f.lengths {
		f.lengths[i] = f.blocks[i/blockRows].lengths[i%blockRows].Load()
	}
	return f
}

// renumberRows returns the new ordinal of every row, or gone.
func (f *frozen) renumberRows(keep *index.Bitset) []uint32 {
	ordinals := make([]uint32, len(f.lengths))
	next := uint32(0)
	for i := range ordinals {
		ordinals[i] = gone
		if keep == nil || keep.Has(uint32(i)) {
			ordinals[i] = next
			next++
		}
	}
	return ordinals
}

// copyTerms copies the postings of kept rows that are not removed, and returns the new
// number of every term, or gone. Numbers keep their order.
func (f *frozen) copyTerms(fresh *Index, ordinals []uint32) []uint32 {
	numbers := make([]uint32, len(f.lists))
	var kept list
	for i, l := range f.lists {
		kept = list{data: kept.data[:0]}
		c := cursor{data: l.data}
		for c.advance(); !c.done; c.advance() {
			if ordinals[c.ordinal] != gone && f.lengths[c.ordinal] != 0 {
				kept.append(ordinals[c.ordinal], c.count)
			}
		}
		numbers[i] = gone
		if kept.live > 0 {
			exact := list{data: slices.Clone(kept.data), next: kept.next, live: kept.live}
			numbers[i] = fresh.newTermLocked(f.names[i], exact)
		}
	}
	return numbers
}

// copyRows copies the kept rows. A removed one becomes a row without terms.
func (f *frozen) copyRows(fresh *Index, ordinals, numbers []uint32) {
	var terms []uint32
	for i, length := range f.lengths {
		if ordinals[i] == gone {
			continue
		}
		terms = terms[:0]
		if length != 0 {
			start := f.blocks[i/blockRows].starts[i%blockRows]
			terms = readNumbers(terms, f.forwards[i/blockRows][start:])
			for j := range terms {
				terms[j] = numbers[terms[j]]
			}
		}
		fresh.appendRowLocked(length, terms)
	}
}
