package flat

import (
	"math"
	"math/bits"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
)

// scanner is what one goroutine needs to scan rows: its own selection and its own buffer.
type scanner struct {
	search *search
	top    *index.TopK
	fast   [groupRows]float32
	// sign turns what kernels compute into scores: -1 for distances.
	sign float32
	// A fast score is off by at most relError times a scale (for dot products that of the
	// two norms, for distances the distance) plus absError.
	relError, absError float64
	queryNorm          float64
}

func newScanner(s *search) *scanner {
	sc := &scanner{
		search: s, top: index.NewTopK(s.k), sign: 1,
		relError: distance.RelativeError(s.index.dim), absError: distance.AbsoluteError(s.index.dim),
		queryNorm: distance.Norm(s.query),
	}
	if s.index.metric == lode.L2 {
		sc.sign = -1
	}
	return sc
}

// rows scans [start, end), where start begins a group.
func (sc *scanner) rows(start, end int) {
	for ; start < end; start += groupRows {
		size := min(groupRows, end-start)
		wanted := ^uint64(0) >> (groupRows - size)
		if sc.search.allow != nil {
			wanted &= sc.search.allow.Word(start / groupRows)
		}
		if wanted != 0 {
			sc.group(start, size, wanted)
		}
	}
}

// group scores the wanted rows of a group, which always lies within one block.
func (sc *scanner) group(start, size int, wanted uint64) {
	x := sc.search.index
	b := sc.search.blocks[start/x.blockRows]
	first := start % x.blockRows
	rows := b.rows[first*x.dim : (first+size)*x.dim]
	if bits.OnesCount64(wanted) == size {
		sc.kernel(sc.fast[:size], rows)
	} else {
		for w := wanted; w != 0; w &= w - 1 {
			i := bits.TrailingZeros64(w)
			sc.kernel(sc.fast[i:i+1], rows[i*x.dim:(i+1)*x.dim])
		}
	}
	for w := wanted; w != 0; w &= w - 1 {
		i := bits.TrailingZeros64(w)
		fast := sc.sign * sc.fast[i]
		if sc.top.Full() && sc.hopeless(fast, b, first+i) {
			continue
		}
		row := rows[i*x.dim : (i+1)*x.dim]
		sc.top.Offer(index.Candidate{Ordinal: uint32(start + i), Score: sc.exact(row)})
	}
}

func (sc *scanner) kernel(dst, rows []float32) {
	if sc.search.index.metric == lode.L2 {
		distance.L2SquaredRows(dst, sc.search.query, rows)
		return
	}
	distance.DotRows(dst, sc.search.query, rows)
}

// hopeless reports whether a row cannot be among the k best, given its fast score: even
// with the largest error in its favour it stays below the worst row that is held. A fast
// score that left the range of float32 says nothing.
func (sc *scanner) hopeless(fast float32, b block, row int) bool {
	if !(math.Abs(float64(fast)) <= math.MaxFloat32) {
		return false
	}
	var scale float64
	switch sc.search.index.metric {
	case lode.Cosine:
		scale = 1.001 // two unit vectors, each rounded to float32
	case lode.Dot:
		scale = sc.queryNorm * float64(b.norms[row])
	case lode.L2:
		scale = math.Abs(float64(fast))
	}
	return float64(fast)+sc.relError*scale+sc.absError < float64(sc.top.Worst().Score)
}

// exact is the score that the row is answered with.
func (sc *scanner) exact(row []float32) float32 {
	var score float64
	if sc.search.index.metric == lode.L2 {
		score = -distance.L2SquaredExact(sc.search.query, row)
	} else {
		score = distance.DotExact(sc.search.query, row)
	}
	// Rounding to float32 must not make an infinity; -0 would not equal the 0 it is.
	return float32(max(-math.MaxFloat32, min(score, math.MaxFloat32))) + 0
}
