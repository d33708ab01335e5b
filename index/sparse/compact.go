package sparse

import (
	"slices"

	"github.com/lodedb/lode/index"
)

// gone is the new ordinal of a row that is not kept.
const gone = ^uint32(0)

// Compact returns a new index with the kept rows. Dimensions that no kept row has are dropped.
func (x *Index) Compact(keep *index.Bitset) index.Sparse {
	lists, dimensions, rows := x.freeze()
	ordinals, kept := renumber(rows, keep)
	fresh := New()
	fresh.mu.Lock() // nobody else knows it yet; listLocked says that it needs it
	defer fresh.mu.Unlock()
	fresh.mu.rows = kept
	for i, postings := range lists {
		n := 0
		for _, p := range postings {
			if ordinals[p.ordinal] != gone {
				n++
			}
		}
		if n > 0 {
			*fresh.listLocked(dimensions[i]) = keptOf(postings, ordinals, n)
		}
	}
	return fresh
}

// keptOf returns those of the postings, n of them, whose rows are kept.
func keptOf(postings []posting, ordinals []uint32, n int) []posting {
	kept := make([]posting, 0, n)
	for _, p := range postings {
		if to := ordinals[p.ordinal]; to != gone {
			kept = append(kept, posting{to, p.value})
		}
	}
	return kept
}

// freeze is the index as it is now, for reading beside the writer.
func (x *Index) freeze() (lists [][]posting, dimensions []uint32, rows uint32) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Clone(x.mu.lists), x.mu.dimensions, x.mu.rows
}

// renumber returns the new ordinal of every row, or gone.
func renumber(rows uint32, keep *index.Bitset) (ordinals []uint32, kept uint32) {
	ordinals = make([]uint32, rows)
	for i := range ordinals {
		ordinals[i] = gone
		if keep == nil || keep.Has(uint32(i)) {
			ordinals[i] = kept
			kept++
		}
	}
	return ordinals, kept
}
