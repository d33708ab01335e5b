package payload

import (
	"strings"

	"github.com/lodedb/lode"
)

// span is a range between bounds that one item must keep all of.
type span struct {
	bounds []bound
	kinds  spanKinds
}

type bound struct {
	constant
	lower  bool // items lie above
	strict bool // the bound itself is outside
}

type spanKinds uint8

const (
	spanNothing spanKinds = iota // bounds that no item can keep: of values without order, or of numbers and strings
	spanNumbers
	spanTimes // all bounds are times: other times compare by the instant, other strings by bytes
	spanWords // no bound is a time: all strings compare by bytes
	spanMixed
)

// newSpan makes the span of a test's bounds. ok is false when an index cannot decide.
func newSpan(t *lode.Test) (s span, ok bool) {
	for _, b := range []struct {
		v             *lode.Value
		lower, strict bool
	}{{t.Gt, true, true}, {t.Gte, true, false}, {t.Lt, false, true}, {t.Lte, false, false}} {
		if b.v == nil {
			continue
		}
		k, ok := constantOf(b.v)
		if !ok {
			return s, false
		}
		s.bounds = append(s.bounds, bound{k, b.lower, b.strict})
	}
	s.kinds = s.classify()
	return s, true
}

func (s *span) classify() spanKinds {
	var count [isNull + 1]int
	for _, b := range s.bounds {
		count[b.kind]++
	}
	switch len(s.bounds) {
	case count[isNumber]:
		return spanNumbers
	case count[isTime]:
		return spanTimes
	case count[isWord]:
		return spanWords
	case count[isTime] + count[isWord]:
		return spanMixed
	}
	return spanNothing
}

// or adds the heads that hold an item within the span.
func (s *span) or(col *column, into *Rows) {
	switch s.kinds {
	case spanNumbers:
		from, to := s.limits(len(col.numbers.wholes), col.numbers.place)
		col.numbers.or(from, to, into)
		return
	case spanNothing:
		return
	case spanTimes:
		from, to := s.limits(len(col.moments.at), col.moments.place)
		col.moments.or(from, to, into)
	case spanWords:
		from, to := s.limits(len(col.times.list), col.times.place)
		col.times.or(from, to, into)
	case spanMixed:
		s.orMixed(col, into)
	}
	from, to := s.limits(len(col.words.list), col.words.place)
	col.words.or(from, to, into)
}

// orMixed adds the heads of times within bounds of which some are times and some are not.
func (s *span) orMixed(col *column, into *Rows) {
	for i, at := range col.moments.at {
		text := col.times.list[col.moments.text[i]]
		if s.holds(at, text) {
			col.moments.or(i, i+1, into)
		}
	}
}

func (s *span) holds(at number, text string) bool {
	for _, b := range s.bounds {
		order := strings.Compare(text, b.text)
		if b.kind == isTime {
			order = at.compare(b.number)
		}
		if b.lower && order < 0 || !b.lower && order > 0 || b.strict && order == 0 {
			return false
		}
	}
	return true
}

// limits returns which of size sorted values lie within all bounds; place says where a bound
// falls among them.
func (s *span) limits(size int, place func(k *constant, after bool) int) (from, to int) {
	to = size
	for i := range s.bounds {
		b := &s.bounds[i]
		if at := place(&b.constant, b.lower == b.strict); b.lower {
			from = max(from, at)
		} else {
			to = min(to, at)
		}
	}
	return from, to
}

func (ns *numbers) place(k *constant, after bool) int  { return ns.search(k.number, after) }
func (t *texts) place(k *constant, after bool) int     { return t.search(k.text, after) }
func (in *instants) place(k *constant, after bool) int { return in.search(k.number, after) }
