package hnsw

import (
	"math"
)

// A key is a row with its score in one number that sorts by score, then by row: the score's
// bits, made to ascend, above; the row below. checked marks a row whose links were
// followed; it moves a row only among those of equal score.
const checked = 1 << 31

func keyOf(score float32, id uint32) uint64 {
	return uint64(ascending(score))<<32 | uint64(id)
}

// ascending maps numbers to integers in the same order.
func ascending(f float32) uint32 {
	b := math.Float32bits(f)
	return b ^ (uint32(int32(b)>>31) | 1<<31)
}

func scoreOf(key uint64) float32 {
	b := uint32(key >> 32)
	return math.Float32frombits(b ^ (uint32(int32(^b)>>31) | 1<<31))
}

func idOf(key uint64) uint32 { return uint32(key) &^ checked }

// pool holds the best rows seen by a search, sorted, at most limit of them.
type pool struct {
	keys  []uint64
	limit int
	next  int // every row before it is checked
}

func (p *pool) reset(limit int) {
	p.limit, p.next = limit, 0
	if cap(p.keys) < limit {
		p.keys = make([]uint64, 0, limit+limit/2)
	}
	p.keys = p.keys[:0]
}

// threshold is the score that a row must be below to enter.
func (p *pool) threshold() float32 {
	if len(p.keys) < p.limit {
		return float32(math.Inf(1))
	}
	return scoreOf(p.keys[len(p.keys)-1])
}

// insert puts in a key that is not there yet, unless the pool is full of better ones.
func (p *pool) insert(key uint64) {
	keys := p.keys
	low, high := 0, len(keys)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if keys[mid] < key {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if len(keys) < p.limit {
		keys = keys[:len(keys)+1]
		p.keys = keys
	}
	if low >= len(keys) {
		return
	}
	copy(keys[low+1:], keys[low:])
	keys[low] = key
	p.next = min(p.next, low)
}

// take marks the best row that is not checked and returns it.
func (p *pool) take() (id uint32, ok bool) {
	for ; p.next < len(p.keys); p.next++ {
		if key := p.keys[p.next]; key&checked == 0 {
			p.keys[p.next] |= checked
			p.next++
			return uint32(key), true
		}
	}
	return 0, false
}
