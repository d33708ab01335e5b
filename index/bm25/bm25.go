package bm25

import (
	"fmt"
	"sync"

	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/internal/text"
)

// The defaults of [Options].
const (
	DefaultK1 = 0.9
	DefaultB  = 0.4
)

// Options are the parameters of the score. The zero value means the defaults.
type Options struct {
	K1 float64 // how slowly repetitions of a word saturate; the default is DefaultK1
	B  float64 // how much long rows are held back, up to 1; the default is DefaultB
}

// EnsureDefaults fills what was left out.
func (o *Options) EnsureDefaults() {
	if o.K1 == 0 {
		o.K1 = DefaultK1
	}
	if o.B == 0 {
		o.B = DefaultB
	}
}

// Validate checks the ranges.
func (o Options) Validate() error {
	if !(o.K1 >= 0 && o.K1 <= 1000) {
		return fmt.Errorf("k1 is %v, it must be 0 to 1000", o.K1)
	}
	if !(o.B >= 0 && o.B <= 1) {
		return fmt.Errorf("b is %v, it must be 0 to 1", o.B)
	}
	return nil
}

// Index is an inverted index. Make one with [New].
type Index struct {
	opts     Options
	analyzer text.Analyzer

	// mu covers every field of the struct. It is held for one row at a time by the writer,
	// and by searches only while they look up their terms.
	mu struct {
		sync.RWMutex
		numbers map[string]uint32 // term number by term
		names   []string          // term by number
		lists   []list            // postings by term number
		blocks  []*rowBlock
		rows    uint32 // added so far
		stats   statistics

		counts []uint32 // of the row being added, by term number; all 0 between rows
		found  []uint32 // numbers of the terms of the row being added
	}
}

// statistics are what a score depends on beside the row and the term.
type statistics struct {
	rows  int   // live rows with at least one term
	terms int64 // in all of them, with repetitions
}

var (
	_ index.Lexical = (*Index)(nil)
	_ index.Bounded = (*Index)(nil)
)

// New returns an empty index. It panics where the options are out of range.
func New(opts Options) *Index {
	opts.EnsureDefaults()
	if err := opts.Validate(); err != nil {
		panic("bm25: " + err.Error())
	}
	x := &Index{opts: opts}
	x.mu.numbers = make(map[string]uint32)
	return x
}

// Len is the number of rows that were added.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return int(x.mu.rows)
}

// Bytes is about the memory of dictionary, postings and rows.
func (x *Index) Bytes() int64 {
	const (
		perTerm = 16 + 16 + 4 + 4 + 8 + 24 + 8 // headers in names, map and lists, numbers, slack of the map
		perRow  = 4 + 8
	)
	x.mu.RLock()
	defer x.mu.RUnlock()
	total := int64(len(x.mu.names)) * perTerm
	for i, name := range x.mu.names {
		total += int64(len(name) + cap(x.mu.lists[i].data))
	}
	for _, b := range x.mu.blocks {
		total += blockRows*perRow + int64(cap(b.forward))
	}
	return total
}
