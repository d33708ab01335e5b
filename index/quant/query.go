package quant

import (
	"encoding/binary"
	"math"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/distance"
)

// Confidence is how many standard deviations of the error a bound covers. The error of a
// rotated code is the sum of many small independent ones, nearly normal, so that 99.95 of
// 100 errors lie within; in few dimensions its tails are lighter.
const Confidence = 3.5

// Query scores the rows of a region against one query.
type Query struct {
	z      *Quantizer
	scorer distance.Scorer
	vector []float32
	codes  []int8
	rows   Rows

	certain  bool    // bounds hold for every row
	norm     float64 // length of the query without the center
	errorLen float64 // length of the query's own coding error
	add      float64 // the query's part of a score
}

// Query returns a new query; set it with [Query.Set].
func (z *Quantizer) Query() *Query {
	return &Query{z: z, vector: make([]float32, z.dim), codes: make([]int8, z.dim)}
}

// Set makes v the vector that rows are scored against. It fails as [Encoder.Encode] does,
// and forgets the region.
func (q *Query) Set(v []float32) error {
	z := q.z
	norm2, centered, err := z.prepare("query", q.vector, v)
	if err != nil {
		return err
	}
	q.rows, q.norm, q.errorLen, q.add = Rows{}, math.Sqrt(norm2), 0, 0
	if z.options.Kind == None {
		q.norm = distance.Norm(v)
		q.scorer.SetFloats(distance.Float32, z.options.Metric, v)
		return nil
	}
	q.add = norm2
	if z.options.Metric != lode.L2 {
		q.add = -centered
	}
	step, sum := q.code()
	switch z.options.Kind {
	case Int8:
		q.scorer.SetInt8(q.codes)
		q.scorer.SetScale(float32(step), 0, float32(q.add))
	case Int4: // code c stands for c-7.5
		q.scorer.SetInt4(q.codes)
		q.scorer.SetScale(float32(step), float32(-7.5*step*sum), float32(q.add))
	case Bit1: // code b stands for 2b-1
		q.scorer.SetBit1(q.codes)
		q.scorer.SetScale(float32(2*step), float32(-step*sum), float32(q.add))
	}
	return nil
}

// code rounds the prepared query to bytes, or to four bits for [Bit1].
func (q *Query) code() (step, sum float64) {
	steps := float32(127)
	if q.z.options.Kind == Bit1 {
		steps = 7
	}
	single, ok := stepOf(q.vector, steps)
	if !ok {
		clear(q.codes)
		q.errorLen = q.norm
		return 0, 0
	}
	r := distance.RoundInt8(q.codes, q.vector, single)
	q.errorLen = math.Sqrt(r.Missed)
	return float64(single), float64(r.Sum)
}

// SetCertain says whether bounds are to hold for every row, whatever the data, instead of
// nearly every one. They are √dim/[Confidence] times as wide then. It stays until it is
// changed.
func (q *Query) SetCertain(certain bool) { q.certain = certain }

// SetRow makes the vector that row i of the region, of [Int8], stands for the one that rows
// are scored against. It costs a copy: nothing is rotated or rounded. [Query.Set] and
// [Query.SetRegion] must have been called before. Bounds mean nothing afterwards.
func (q *Query) SetRow(i uint32) {
	z := q.z
	code, tail := z.Split(q.rows, i)
	addend := float64(math.Float32frombits(binary.LittleEndian.Uint32(tail)))
	factor := float64(math.Float32frombits(binary.LittleEndian.Uint32(tail[4:])))
	if z.options.Metric != lode.L2 {
		addend += z.norm2
	}
	q.scorer.ReplaceInt8(code)
	q.scorer.SetScale(float32(-factor/z.factor), 0, float32(addend))
}

// Scorer returns what scores the rows: smaller is better, the squared distance for L2, the
// negated inner product else. It is valid until the next [Query.Set].
func (q *Query) Scorer() *distance.Scorer { return &q.scorer }

// Bound returns how far the score of row id may be from the true one: with the kinds that
// round, at least 99.9 of 100 scores are within, whatever the data; see the package's
// DESIGN.md. Score is what the scorer gave.
func (q *Query) Bound(id uint32, score float32) float32 {
	z := q.z
	code, tail := z.Split(q.rows, id)
	if tail == nil {
		return q.rounding(code, score)
	}
	addend := math.Abs(float64(math.Float32frombits(binary.LittleEndian.Uint32(tail))))
	missed, coded := fromBfloat(binary.LittleEndian.Uint16(tail[8:])), fromBfloat(binary.LittleEndian.Uint16(tail[10:]))
	return q.bound(missed, coded, addend)
}

// smallDim is where the sum of errors is near enough to a normal one.
const smallDim = 16

// rounding bounds the error of float32 sums over rows of [None].
func (q *Query) rounding(row []byte, score float32) float32 {
	if q.z.options.Metric == lode.L2 {
		return q.roundingWithin(0, score)
	}
	return q.roundingWithin(rowNorm(row), score)
}

func up(x float64) float32 { return math.Nextafter32(float32(x), float32(math.Inf(1))) }
