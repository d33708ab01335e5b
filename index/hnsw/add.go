package hnsw

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
	"github.com/lodedb/lode/index/quant"
)

// Add appends a copy of v. It searches the graph for v's neighbours, which takes tens of
// microseconds to a millisecond; [Index.AddBatch] does it on all CPUs.
func (x *Index) Add(v lode.Vector) (uint32, error) {
	if err := v.ValidateFor(x.o.Dim, x.o.Metric); err != nil {
		return 0, err
	}
	x.writing.Lock()
	defer x.writing.Unlock()
	first, err := x.reserve([]lode.Vector{v})
	if err != nil {
		return 0, err
	}
	s := x.state.Load()
	x.store(s, s.encoders(), first, x.normal(v))
	w := x.searchers.Get().(*searcher)
	defer x.searchers.Put(w)
	x.link(s, w, first)
	x.count.Store(first + 1)
	return first, nil
}

// AddBatch appends copies of all vectors, in order, or of none where one is refused, and
// returns the ordinal of the first. It links them on [Options.Threads] goroutines. They
// become visible together. Where ctx ends before all are linked, those that are become
// visible and the rest do not exist: the error is coded, and Len tells how many there are.
func (x *Index) AddBatch(ctx context.Context, vectors []lode.Vector) (uint32, error) {
	for i, v := range vectors {
		if err := v.ValidateFor(x.o.Dim, x.o.Metric); err != nil {
			return 0, lode.Errorf(lode.CodeOf(err), "add vector %d of %d: %w", i, len(vectors), err)
		}
	}
	return x.addRows(ctx, vectors, x.normal)
}

// addRows appends rows whose form as they are compared normal gives.
func (x *Index) addRows(ctx context.Context, rows []lode.Vector, normal func(lode.Vector) lode.Vector) (uint32, error) {
	threads := x.o.Threads
	x.writing.Lock()
	defer x.writing.Unlock()
	first, err := x.reserve(rows)
	if err != nil {
		return 0, err
	}
	s := x.state.Load()
	parallel(len(rows), threads, func(next func() int) {
		e := s.encoders()
		for i := next(); i >= 0; i = next() {
			breathe(i)
			x.store(s, e, first+uint32(i), normal(rows[i]))
		}
	})
	linked, err := x.linkRows(ctx, s, first, len(rows), threads)
	x.count.Store(first + uint32(linked))
	return first, err
}

// linkRows links rows that are stored, and returns how many were before ctx ended.
func (x *Index) linkRows(ctx context.Context, s *state, first uint32, n, threads int) (int, error) {
	alone := min(n, aloneRows)
	if threads == 1 {
		alone = n
	}
	linked, start := 0, 0
	for _, run := range []struct{ rows, threads int }{{alone, 1}, {n - alone, threads}} {
		var done atomic.Int64
		parallel(run.rows, run.threads, func(next func() int) {
			w := x.searchers.Get().(*searcher)
			defer x.searchers.Put(w)
			for ctx.Err() == nil {
				i := next()
				if i < 0 {
					return
				}
				if x.yield != nil && i%rowsPerYield == 0 {
					x.yield()
				}
				runtime.Gosched() // a search that has become due waits for a row, not for a slice of 10 ms
				x.link(s, w, first+uint32(start+i))
				done.Add(1)
			}
		})
		linked += int(done.Load()) // rows are taken in order, and those that are taken are linked
		start += run.rows
	}
	if linked < n {
		return linked, index.Stopped(ctx)
	}
	return linked, nil
}

// aloneRows are linked by one goroutine before others join: in a graph of a few rows, rows
// that are linked at the same time miss each other.
const aloneRows = 256

// breathe lets others run, now and then, in a loop over rows.
func breathe(i int) {
	if i%64 == 0 {
		runtime.Gosched()
	}
}

// rowsPerYield is how many rows are linked, some milliseconds, before others may want the CPU.
const rowsPerYield = 32

// Yield sets what AddBatch calls every few milliseconds of work, on the goroutines that link
// rows: it may block for a while, to leave the CPU to others. It is set before the first call
// of AddBatch.
func (x *Index) Yield(f func()) { x.yield = f }

// parallel calls f on several goroutines; next hands out 0 to n-1, then -1. It returns when
// all have.
func parallel(n, threads int, f func(next func() int)) {
	var taken atomic.Int64
	next := func() int {
		if i := int(taken.Add(1)) - 1; i < n {
			return i
		}
		return -1
	}
	threads = min(threads, n)
	if threads <= 1 {
		f(next)
		return
	}
	var wg sync.WaitGroup
	for range threads {
		wg.Go(func() { f(next) })
	}
	wg.Wait()
}

// reserve makes room for more rows and returns the first's ordinal. Rows move to larger
// arrays, and get new codes, around the mean of what is known by then.
func (x *Index) reserve(more []lode.Vector) (uint32, error) {
	s, rows, n := x.state.Load(), int(x.count.Load()), len(more)
	if n > MaxRows-rows {
		return 0, lode.Errorf(lode.CodeTooLarge, "add to hnsw index: %d rows and %d are more than %d", rows, n, MaxRows)
	}
	centered := s.z.Options().Center != nil
	if rows+n <= s.capacity && (centered || n < firstRows || rows > 0) {
		return uint32(rows), nil
	}
	capacity := s.capacity
	if capacity < rows+n {
		capacity = max(rows+n, capacity+capacity/2)
	}
	to, err := newState(x.o, capacity, x.mean(s, rows, more))
	if err != nil {
		return 0, lode.Errorf(lode.CodeInternal, "grow hnsw index to %d rows: %w", capacity, err)
	}
	s.moveTo(to, rows)
	parallel(rows, x.o.Threads, func(next func() int) {
		e := to.encoders()
		for i := next(); i >= 0; i = next() {
			_ = to.encode(e, uint32(i)) // a code that cannot be made is never read
		}
	})
	x.state.Store(to)
	if s.capacity*s.span > collectBytes {
		runtime.GC() // searches may still read the old arrays: only the collector knows
	}
	return uint32(rows), nil
}

// collectBytes is how many bytes of old vectors are worth a collection: they lie outside of
// the heap, so that the collector would not come for them by itself.
const collectBytes = 64 << 20

// mean is the center of codes: the mean of a sample of the rows, or of those to come where
// there are none.
func (x *Index) mean(s *state, rows int, more []lode.Vector) []float32 {
	get := func(i int) lode.Vector { return s.vector(uint32(i)) }
	if rows == 0 {
		rows, get = len(more), func(i int) lode.Vector { return x.normal(more[i]) }
	}
	if rows < firstRows {
		return nil // too few for a mean
	}
	const sample = 1000
	picked := make([][]float32, 0, sample)
	for i := range min(rows, sample) {
		if v := get(i * rows / min(rows, sample)); !oversized(v) {
			picked = append(picked, v)
		}
	}
	return quant.Mean(picked...)
}

// store writes a row's vector and codes. Nobody sees them yet.
func (x *Index) store(s *state, e encoders, ordinal uint32, v []float32) {
	distance.PutFloat32(s.vectors[int(ordinal)*s.span:], v)
	if oversized(v) || s.encode(e, ordinal) != nil {
		x.setAside(s, ordinal)
	}
}

// setAside keeps a row that cannot be coded out of the graph and before every search.
func (x *Index) setAside(s *state, ordinal uint32) {
	for {
		old := s.oversized.Load()
		var list []uint32
		if old != nil {
			list = append(list, *old...)
		}
		list = append(list, ordinal)
		if s.oversized.CompareAndSwap(old, &list) {
			return
		}
	}
}

func (s *state) isSetAside(ordinal uint32) bool {
	list := s.oversized.Load()
	return list != nil && slices.Contains(*list, ordinal)
}
