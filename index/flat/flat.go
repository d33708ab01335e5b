package flat

import (
	"runtime"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
)

// Index is an exact index. Make one with [New].
type Index struct {
	dim       int
	metric    lode.Metric
	blockRows int           // rows of a full block, a multiple of groupRows
	helpers   chan struct{} // a slot for each goroutine that helps searches

	// What readers share with the writer. The writer fills a row, then publishes blocks,
	// then count; a reader loads count first, so that blocks holds every row it counts.
	blocks atomic.Pointer[[]block]
	count  atomic.Uint32
}

var _ index.Dense = (*Index)(nil)

// New returns an empty index for vectors of dim dimensions. It panics where dim is not 1 to
// [lode.MaxDim] or the metric is unknown: a collection's settings are checked long before.
func New(dim int, metric lode.Metric) *Index {
	if dim < 1 || dim > lode.MaxDim {
		panic("flat: dimensions out of range")
	}
	if err := metric.Validate(); err != nil {
		panic("flat: " + err.Error())
	}
	x := &Index{
		dim: dim, metric: metric, blockRows: rowsPerBlock(dim),
		helpers: make(chan struct{}, max(runtime.GOMAXPROCS(0)-1, 0)),
	}
	x.blocks.Store(&[]block{})
	return x
}

// Dim is the number of dimensions.
func (x *Index) Dim() int { return x.dim }

// Metric is what scores mean.
func (x *Index) Metric() lode.Metric { return x.metric }

// Len is the number of rows.
func (x *Index) Len() int { return int(x.count.Load()) }

// Bytes is the memory of the blocks.
func (x *Index) Bytes() int64 {
	var total int64
	for _, b := range *x.blocks.Load() {
		total += 4 * int64(cap(b.rows)+cap(b.norms))
	}
	return total
}

// Add appends a copy of v.
func (x *Index) Add(v lode.Vector) (uint32, error) {
	if err := v.ValidateFor(x.dim, x.metric); err != nil {
		return 0, err
	}
	ordinal := x.count.Load()
	if ordinal == maxRows {
		return 0, lode.Errorf(lode.CodeTooLarge, "add to flat index: it holds %d rows, the limit", ordinal)
	}
	if x.metric == lode.Cosine {
		v = v.Normalize()
	}
	x.append(int(ordinal), v)
	return ordinal, nil
}

// append stores a row that is in the form it is compared in, and publishes it.
func (x *Index) append(ordinal int, v []float32) {
	blocks := *x.blocks.Load()
	at := ordinal / x.blockRows
	row := ordinal % x.blockRows
	switch {
	case at == len(blocks):
		capacity := x.blockRows
		if at == 0 {
			capacity = min(firstRows, capacity)
		}
		blocks = append(blocks, newBlock(capacity, x.dim, x.metric))
		x.blocks.Store(&blocks)
	case row == blocks[at].capacity(x.dim): // only the first block is ever below its full size
		blocks = []block{blocks[0].grown(min(2*row, x.blockRows), x.dim)}
		x.blocks.Store(&blocks)
	}
	b := blocks[at]
	copy(b.rows[row*x.dim:(row+1)*x.dim], v)
	if b.norms != nil {
		b.norms[row] = roundUp(distance.Norm(v))
	}
	x.count.Store(uint32(ordinal) + 1)
}

// Vector returns a row.
func (x *Index) Vector(ordinal uint32) lode.Vector {
	if ordinal >= x.count.Load() {
		return nil
	}
	b := (*x.blocks.Load())[int(ordinal)/x.blockRows]
	start := int(ordinal) % x.blockRows * x.dim
	return b.rows[start : start+x.dim : start+x.dim]
}

// Compact returns a new index with the kept rows.
func (x *Index) Compact(keep *index.Bitset) index.Dense {
	fresh := New(x.dim, x.metric)
	count := x.count.Load()
	for ordinal := range count {
		if keep == nil || keep.Has(ordinal) {
			fresh.append(fresh.Len(), x.Vector(ordinal))
		}
	}
	return fresh
}
