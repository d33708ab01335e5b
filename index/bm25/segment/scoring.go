package segment

import (
	"math"

	"github.com/lodedb/lode"
)

// The defaults of [SearchOptions], those behind the published figures of Anserini.
const (
	DefaultK1 = 0.9
	DefaultB  = 0.4
)

// SearchOptions say how rows are scored. The zero value means the defaults, for one result.
type SearchOptions struct {
	K int // how many results, at most; the default is 1
	// K1 is how slowly repetitions of a word saturate, and B how much long rows are held back;
	// the defaults are DefaultK1 and DefaultB.
	K1, B float64
	// Boosts are by field how much a word of it counts; missing ones are 1. A field with a boost
	// of 0 is as if it were empty.
	Boosts []float64
}

func (o SearchOptions) defaults() SearchOptions {
	if o.K == 0 {
		o.K = 1
	}
	if o.K1 == 0 {
		o.K1 = DefaultK1
	}
	if o.B == 0 {
		o.B = DefaultB
	}
	return o
}

// validate checks the ranges.
func (o SearchOptions) validate() error {
	switch {
	case o.K < 1:
		return lode.Invalid("k", o.K, "k must be at least 1")
	case !(o.K1 >= 0 && o.K1 <= 1000):
		return lode.Invalid("k1", o.K1, "k1 must be 0 to 1000")
	case !(o.B >= 0 && o.B <= 1):
		return lode.Invalid("b", o.B, "b must be 0 to 1")
	case len(o.Boosts) > MaxFields:
		return lode.Invalid("boosts", len(o.Boosts), "there are at most %d fields", MaxFields)
	}
	for _, boost := range o.Boosts {
		if !(boost >= 0 && boost <= maxWeight) {
			return lode.Invalid("boosts", boost, "a boost must be 0 to %v", float64(maxWeight))
		}
	}
	return nil
}

// maxWeight bounds boosts and weights, so that scores are finite.
const maxWeight = 1e6

// scoring turns counts and lengths into scores.
type scoring struct {
	boosts      []float64 // of all MaxFields
	gain        float64   // k1 + 1
	fixed, each float64   // a row of n terms is held back by fixed + each·n
	rows        uint64
	fields      int // that a part has, at most
}

// newScoring fixes what scores depend on. The conversions forbid fused multiply-add here and
// below, which would differ between CPUs.
func newScoring(o SearchOptions, stats Statistics) *scoring {
	s := &scoring{boosts: make([]float64, MaxFields), gain: o.K1 + 1, rows: stats.Rows}
	total := 0.0
	for f := range s.boosts {
		s.boosts[f] = 1
		if f < len(o.Boosts) {
			s.boosts[f] = o.Boosts[f]
		}
		total += float64(s.boosts[f] * float64(stats.Terms[f]))
	}
	s.fixed = o.K1 * (1 - o.B)
	if total > 0 {
		s.each = o.K1 * o.B * float64(stats.Rows) / total
	}
	return s
}

// saturate is what a term that counts so much adds to a row of a length, before the term's
// weight.
func (s *scoring) saturate(count, length float64) float64 {
	held := s.fixed + float64(s.each*length)
	return float64(count*s.gain) / (count + held)
}

// bound is what saturate is at most for what a summary stands for, with counts scaled; nil stands
// for everything.
func (s *scoring) bound(m *summary, scale float64) float64 {
	if m == nil {
		return s.gain
	}
	return max(s.boundClass(&m[0], scale), s.boundClass(&m[1], scale))
}

func (s *scoring) boundClass(c *class, scale float64) (best float64) {
	if len(c.impacts) == 0 {
		return 0
	}
	var count, length float64
	for f := 1; f < s.fields; f++ {
		count += s.boosts[f] * float64(c.most[f])
		length += s.boosts[f] * float64(c.least[f])
	}
	for _, p := range c.impacts {
		n := scale * (count + s.boosts[0]*float64(p.count))
		if n > 0 {
			best = max(best, s.saturate(n, length+s.boosts[0]*float64(p.length)))
		}
	}
	return best
}

// idf is the weight of a term that so many of the rows hold.
func (s *scoring) idf(holders uint64) float64 {
	return math.Log(1 + (float64(s.rows)-float64(holders)+0.5)/(float64(holders)+0.5))
}
