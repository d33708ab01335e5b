package flat

import (
	"math"

	"github.com/lodedb/lode"
)

const (
	blockBytes = 256 << 10
	groupRows  = 64 // rows scored by one call; as many as a word of an allow set
	firstRows  = 8  // of the first block, before it grows
	maxRows    = math.MaxUint32
)

// block is a run of rows. Its arrays have their final length, so that the writer fills rows
// that no reader looks at yet without moving those that they do.
type block struct {
	rows  []float32 // capacity × dim
	norms []float32 // of each row, rounded up; only under lode.Dot, where they bound the error
}

// rowsPerBlock is a power of two, at least a group.
func rowsPerBlock(dim int) int {
	rows := groupRows
	for 2*rows*dim*4 <= blockBytes {
		rows *= 2
	}
	return rows
}

func newBlock(capacity, dim int, metric lode.Metric) block {
	b := block{rows: make([]float32, capacity*dim)}
	if metric == lode.Dot {
		b.norms = make([]float32, capacity)
	}
	return b
}

func (b block) capacity(dim int) int { return len(b.rows) / dim }

// grown returns a larger block with the same rows; b stays as it is for those who read it.
func (b block) grown(capacity, dim int) block {
	fresh := block{rows: make([]float32, capacity*dim)}
	copy(fresh.rows, b.rows)
	if b.norms != nil {
		fresh.norms = make([]float32, capacity)
		copy(fresh.norms, b.norms)
	}
	return fresh
}

// roundUp converts to the nearest float32 that is not smaller.
func roundUp(x float64) float32 {
	f := float32(x)
	if float64(f) < x {
		f = math.Nextafter32(f, float32(math.Inf(1)))
	}
	return f
}
