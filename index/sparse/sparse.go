package sparse

import (
	"fmt"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

// Index is an inverted index. Make one with [New].
type Index struct {
	// mu covers every field of the struct. It is held for one row at a time by the writer, and
	// by searches only while they look up their dimensions.
	mu struct {
		sync.RWMutex
		numbers    map[uint32]uint32 // of the list, by dimension
		dimensions []uint32          // by number of the list
		// lists only ever grow, so that a search may read the part it saw while more is appended.
		lists [][]posting
		rows  uint32
	}
}

// posting is one entry of one row.
type posting struct {
	ordinal uint32
	value   float32
}

var _ index.Sparse = (*Index)(nil)

// New returns an empty index.
func New() *Index {
	x := &Index{}
	x.mu.numbers = map[uint32]uint32{}
	return x
}

// Len is the number of rows.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return int(x.mu.rows)
}

// Add appends a row.
func (x *Index) Add(v lode.SparseVector) (ordinal uint32, err error) {
	if len(v.Indices) > 0 || len(v.Values) > 0 {
		if err := v.Validate(); err != nil {
			return 0, fmt.Errorf("add sparse vector: %w", err)
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	ordinal = x.mu.rows
	for i, dimension := range v.Indices {
		l := x.listLocked(dimension)
		*l = append(*l, posting{ordinal, v.Values[i]})
	}
	x.mu.rows++
	return ordinal, nil
}

// listLocked returns the list of a dimension, made when there is none.
func (x *Index) listLocked(dimension uint32) *[]posting {
	number, ok := x.mu.numbers[dimension]
	if !ok {
		number = uint32(len(x.mu.lists))
		x.mu.numbers[dimension] = number
		x.mu.dimensions = append(x.mu.dimensions, dimension)
		x.mu.lists = append(x.mu.lists, nil)
	}
	return &x.mu.lists[number]
}

// Bytes is about the memory of dimensions and postings.
func (x *Index) Bytes() int64 {
	const (
		perPosting = 8
		perList    = 4 + 24 + 16 // number, header, slack of map and lists
	)
	x.mu.RLock()
	defer x.mu.RUnlock()
	total := int64(len(x.mu.lists)) * perList
	for i := range x.mu.lists {
		total += int64(cap(x.mu.lists[i])) * perPosting
	}
	return total
}
