package payload

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/lodedb/lode"
)

// number is an integer or a float in a form whose order is exact also where an integer has
// no float64 of its own: the whole part and what is left, which has the sign of the number.
// Beyond the integers of 64 bits, whole is the nearest of these and rest the number.
// Instants are numbers too: seconds and nanoseconds.
type number struct {
	whole int64
	rest  float64
}

// numberOf returns the number of a value. ok is false when it is none, or NaN, which has no
// place in the order.
func numberOf(v lode.Value) (n number, ok bool) {
	switch v.Kind {
	case lode.KindInteger:
		return number{whole: v.Int}, true
	case lode.KindFloat:
		return floatNumber(v.Num), !math.IsNaN(v.Num)
	}
	return number{}, false
}

func floatNumber(f float64) number {
	switch whole := math.Trunc(f); {
	case f >= math.MaxInt64: // 2^63, the float64 behind the last int64
		return number{math.MaxInt64, f}
	case f < math.MinInt64:
		return number{math.MinInt64, f}
	default:
		return number{int64(whole), f - whole}
	}
}

// value returns the number as a value; whole ones are integers.
func (n number) value() lode.Value {
	switch {
	case n.rest == 0:
		return lode.IntegerValue(n.whole)
	case math.Abs(n.rest) >= 1:
		return lode.FloatValue(n.rest)
	}
	return lode.FloatValue(float64(n.whole) + n.rest)
}

func (n number) compare(m number) int {
	if n.whole != m.whole {
		return cmp.Compare(n.whole, m.whole)
	}
	return cmp.Compare(n.rest, m.rest)
}

// numbers are different numbers in ascending order with who holds them.
type numbers struct {
	wholes []int64
	rests  []float64 // nil when all are 0
	postings
}

type numberEntry struct {
	number
	head uint16
}

func newNumbers(entries []numberEntry) numbers {
	if len(entries) == 0 {
		return numbers{}
	}
	slices.SortFunc(entries, func(a, b numberEntry) int {
		if order := a.compare(b.number); order != 0 {
			return order
		}
		return cmp.Compare(a.head, b.head)
	})
	var ns numbers
	ns.every = &Rows{}
	ns.rows = make([]uint16, 0, len(entries))
	for i, e := range entries {
		fresh := i == 0 || e.number != entries[i-1].number
		if fresh {
			ns.starts = append(ns.starts, uint32(len(ns.rows)))
			ns.wholes = append(ns.wholes, e.whole)
			ns.rests = append(ns.rests, e.rest)
		}
		if fresh || e.head != entries[i-1].head {
			ns.rows = append(ns.rows, e.head)
		}
	}
	ns.starts = append(ns.starts, uint32(len(ns.rows)))
	ns.finish()
	ns.starts, ns.wholes, ns.rests = slices.Clip(ns.starts), slices.Clip(ns.wholes), slices.Clip(ns.rests)
	if !slices.ContainsFunc(ns.rests, func(rest float64) bool { return rest != 0 }) {
		ns.rests = nil
	}
	return ns
}

func (ns *numbers) at(i int) number {
	if ns.rests == nil {
		return number{whole: ns.wholes[i]}
	}
	return number{ns.wholes[i], ns.rests[i]}
}

// search returns the first of the numbers that is at least n, or above it when after is set.
func (ns *numbers) search(n number, after bool) int {
	least := 0
	if after {
		least = 1
	}
	return sort.Search(len(ns.wholes), func(i int) bool { return ns.at(i).compare(n) >= least })
}

// equal adds the heads that hold n.
func (ns *numbers) equal(n number, into *Rows) {
	if i := ns.search(n, false); i < len(ns.wholes) && ns.at(i).compare(n) == 0 {
		ns.or(i, i+1, into)
	}
}

func (ns *numbers) bytes() int { return 8*(cap(ns.wholes)+cap(ns.rests)) + ns.postings.bytes() }
