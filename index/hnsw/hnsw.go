package hnsw

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
)

// Index is a graph that grows. Make one with [New].
type Index struct {
	o Options

	writing sync.Mutex // held by Add, AddBatch and Delete

	// What readers share with the writer. A reader loads count, then entry, then state, so
	// that the state holds whatever the others speak of; the writer changes them in the
	// opposite order.
	count atomic.Uint32 // rows that are published
	entry atomic.Uint64 // where searches begin: level+1 above, place below; 0: nowhere
	state atomic.Pointer[state]
	gone  atomic.Int64 // deleted rows

	top       sync.Mutex // held to raise entry
	locks     [1 << lockBits]sync.Mutex
	searchers sync.Pool
	plans     Planner
	yield     func() // see Yield
}

var _ index.Dense = (*Index)(nil)

const (
	firstRows = 64
	lockBits  = 10
	// longest is the length beyond which a vector cannot be coded.
	longest = 0x1p60
)

// New returns an empty index.
func New(o Options) (*Index, error) {
	o = o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	x := &Index{o: o}
	s, err := newState(o, max(o.Capacity, firstRows), nil)
	if err != nil {
		return nil, err
	}
	x.state.Store(s)
	x.searchers.New = func() any { return new(searcher) }
	return x, nil
}

// Options returns what the index was made with, defaults set.
func (x *Index) Options() Options { return x.o }

// Dim is the number of dimensions.
func (x *Index) Dim() int { return x.o.Dim }

// Metric is what scores mean.
func (x *Index) Metric() lode.Metric { return x.o.Metric }

// Len is the number of rows, deleted ones included.
func (x *Index) Len() int { return int(x.count.Load()) }

// Deleted is the number of deleted rows.
func (x *Index) Deleted() int { return int(x.gone.Load()) }

// Bytes is the memory of the arrays, used or reserved for rows to come.
func (x *Index) Bytes() int64 {
	var total int64
	for _, a := range x.state.Load().keep {
		total += int64(len(a.data))
	}
	return total
}

// Vector returns a copy of a row as it is compared.
func (x *Index) Vector(ordinal uint32) lode.Vector {
	if ordinal >= x.count.Load() {
		return nil
	}
	s := x.state.Load()
	return append(lode.Vector(nil), s.vector(ordinal)...)
}

// Delete takes rows out of all answers. Rows that are deleted already or do not exist are
// passed over. Their places in the graph stay, so that searches find their way past them;
// [Index.Compact] makes a graph without them.
func (x *Index) Delete(ordinals ...uint32) {
	x.writing.Lock()
	defer x.writing.Unlock()
	s, rows := x.state.Load(), x.count.Load()
	for _, o := range ordinals {
		if o < rows && !s.isDeleted(o) {
			s.deleted[o/64].Or(1 << (o % 64))
			x.gone.Add(1)
		}
	}
}

// Close returns the memory at once, which else waits for the garbage collector; that sees
// little of it and is in no hurry. No other call may run meanwhile. The index is empty
// afterwards. Close may be called twice, and need not be called.
func (x *Index) Close() error {
	x.writing.Lock()
	defer x.writing.Unlock()
	empty, err := newState(x.o, firstRows, nil)
	if err != nil {
		return err
	}
	old := x.state.Swap(empty)
	x.count.Store(0)
	x.entry.Store(0)
	x.gone.Store(0)
	for _, a := range old.keep {
		a.release()
	}
	return nil
}

// Compact returns a new index with the kept rows; what was deleted stays deleted.
func (x *Index) Compact(keep *index.Bitset) index.Dense {
	var kept []lode.Vector
	var gone []uint32
	s := x.state.Load()
	for o := range x.count.Load() {
		if keep != nil && !keep.Has(o) {
			continue
		}
		if s.isDeleted(o) {
			gone = append(gone, uint32(len(kept)))
		}
		kept = append(kept, s.vector(o))
	}
	fresh, err := New(x.o)
	if err != nil {
		panic("hnsw: options that were good before: " + err.Error())
	}
	if _, err := fresh.addRows(context.Background(), kept, asItIs); err != nil {
		panic("hnsw: rows that were good before: " + err.Error())
	}
	fresh.Delete(gone...)
	return fresh
}

// normal returns v as it is compared.
func (x *Index) normal(v lode.Vector) lode.Vector {
	if x.o.Metric == lode.Cosine {
		return v.Normalize()
	}
	return v
}

func asItIs(v lode.Vector) lode.Vector { return v }

// oversized reports whether a vector is too long for codes.
func oversized(v []float32) bool { return !(distance.Norm(v) <= longest) }
