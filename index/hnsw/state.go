package hnsw

import (
	"math"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/quant"
)

// state is an [Index] at one capacity. It grows by moving to a larger one; searches that
// began in the old one end there.
type state struct {
	view
	capacity int

	// Rows of one byte a dimension, which the graph is built on; the same as codes where
	// searches read those.
	building   *quant.Quantizer
	buildCodes quant.Rows

	// Distances of links, so that links can be chosen anew without comparing vectors. A
	// writer reads and writes them under the row's lock.
	linkScores  []float32
	upperScores []float32
	upperUsed   atomic.Uint32 // rows of upper in use

	deleted []atomic.Uint64 // bit set by ordinal
	extent  atomicExtent    // of the rows in codes
	// oversized are rows too long to be coded. They are in no graph; every search looks at
	// them.
	oversized atomic.Pointer[[]uint32]
}

// newState returns an empty state whose quantizers use the given center.
func newState(o Options, capacity int, center []float32) (*state, error) {
	s := &state{capacity: capacity}
	z, err := quant.New(quant.Options{Kind: o.Kind, Dim: o.Dim, Metric: o.Metric, Seed: o.Seed, Center: center})
	if err != nil {
		return nil, err
	}
	s.dim, s.metric, s.m, s.width, s.places = o.Dim, o.Metric, o.M, 2*o.M, capacity
	s.z, s.span = z, 4*o.Dim
	if o.Kind == quant.None {
		s.span = z.Stride()
	}
	s.vectors = s.arena(capacity * s.span).data
	s.building = z
	if o.Kind == quant.None {
		s.codes = quant.Rows{Codes: s.vectors, Stride: s.span}
	} else {
		s.codes = s.rows(z)
	}
	s.buildCodes = s.codes
	if o.Kind != quant.Int8 {
		if s.building, err = quant.New(quant.Options{Kind: quant.Int8, Dim: o.Dim, Metric: o.Metric, Seed: o.Seed, Center: center}); err != nil {
			return nil, err
		}
		s.buildCodes = s.rows(s.building)
	}
	s.links = s.arena(4 * capacity * s.width).words()
	s.linkScores = s.arena(4 * capacity * s.width).floats()
	rows := upperRows(capacity, o.M)
	s.upper = s.arena(4 * rows * o.M).words()
	s.upperScores = s.arena(4 * rows * o.M).floats()
	s.upperAt = s.arena(4 * capacity).words()
	s.deleted = make([]atomic.Uint64, (capacity+63)/64)
	return s, nil
}

// upperRows is how many rows all levels above 0 have together at most: a row has level l
// with probability m^-l, and half as many again are kept in store.
func upperRows(capacity, m int) int { return capacity*3/(2*(m-1)) + 256 }

func (s *state) arena(size int) *arena {
	a := newArena(size)
	s.keep = append(s.keep, a)
	return a
}

// moveTo copies everything but codes to another state.
func (s *state) moveTo(to *state, rows int) {
	copy(to.vectors, s.vectors[:rows*s.span])
	copy(to.links, s.links[:rows*s.width])
	copy(to.linkScores, s.linkScores[:rows*s.width])
	used := int(s.upperUsed.Load())
	copy(to.upper, s.upper[:used*s.m])
	copy(to.upperScores, s.upperScores[:used*s.m])
	copy(to.upperAt, s.upperAt[:rows])
	to.upperUsed.Store(uint32(used))
	for i := range s.deleted {
		to.deleted[i].Store(s.deleted[i].Load())
	}
	to.oversized.Store(s.oversized.Load())
}

// rows returns room for codes.
func (s *state) rows(z *quant.Quantizer) quant.Rows {
	stride, apart := z.Layout()
	r := quant.Rows{Codes: s.arena(s.capacity * stride).data, Stride: stride}
	if apart {
		r.Tails = s.arena(s.capacity * quant.CorrectionBytes).data
	}
	return r
}

// encoders write codes; one for each goroutine.
type encoders struct {
	search, build *quant.Encoder
}

func (s *state) encoders() encoders {
	e := encoders{search: s.z.Encoder()}
	if s.building != s.z {
		e.build = s.building.Encoder()
	}
	return e
}

// encode writes the codes of a row whose vector is in place already. A row that is too long
// gets the code of zero.
func (s *state) encode(e encoders, place uint32) error {
	v := s.vector(place)
	if e.build != nil {
		if err := e.build.EncodeAt(s.buildCodes, place, v); err != nil {
			return err
		}
	}
	if s.z.Options().Kind != quant.None {
		if err := e.search.EncodeAt(s.codes, place, v); err != nil {
			return err
		}
	}
	if s.z.Options().Kind == quant.None && s.metric == lode.Cosine {
		s.extent.add(quant.Extent{Norm: 1.001}) // a unit vector, rounded
	} else {
		s.extent.add(s.z.Extent(s.codes, place))
	}
	return nil
}

func (s *state) isDeleted(ordinal uint32) bool {
	return s.deleted[ordinal/64].Load()&(1<<(ordinal%64)) != 0
}

// atomicExtent is an extent that grows while it is read. Lengths are not negative, so their
// bits ascend with them.
type atomicExtent struct {
	missed, coded, norm atomic.Uint32
}

func (a *atomicExtent) add(e quant.Extent) {
	raise(&a.missed, e.Missed)
	raise(&a.coded, e.Coded)
	raise(&a.norm, e.Norm)
}

func (a *atomicExtent) load() quant.Extent {
	return quant.Extent{
		Missed: math.Float32frombits(a.missed.Load()),
		Coded:  math.Float32frombits(a.coded.Load()),
		Norm:   math.Float32frombits(a.norm.Load()),
	}
}

func raise(a *atomic.Uint32, f float32) {
	b := math.Float32bits(f)
	for {
		old := a.Load()
		if b <= old || a.CompareAndSwap(old, b) {
			return
		}
	}
}
