package distance

import "math"

// A key is a row with its score in one number that sorts by score, then by row: the score's
// bits, made to ascend, above; the row below; last a flag that marks rows whose links were
// followed, where it changes no order.
const checked = 1

// MaxWalkRows is the number of rows that a graph may have, because of that flag.
const MaxWalkRows = 1<<31 - 1

// Key puts a score and a row, which is below [MaxWalkRows], into one number that sorts by
// score, then by row.
func Key(score float32, row uint32) int64 {
	return int64(ascending(math.Float32bits(score)))<<32 | int64(row)<<1
}

// KeyScore returns the score of a key.
func KeyScore(key int64) float32 {
	return math.Float32frombits(uint32(ascending(uint32(key >> 32))))
}

// KeyRow returns the row of a key.
func KeyRow(key int64) uint32 { return uint32(key) >> 1 }

// ascending maps the bits of a float to an integer that sorts like it, and back.
func ascending(bits uint32) int32 {
	return int32(bits ^ uint32(int32(bits)>>31)>>1)
}

// Pool holds the best rows that a search has met, sorted by score, at most as many as it was
// reset to. The zero value holds none.
type Pool struct {
	keys   []int64 // the smallest number lanes times, then the pool
	held   int
	room   int
	follow int
	next   int // every row before it is checked
}

// lanes is how many keys the widest register holds; as many stand before the pool, so that
// whole registers can be read.
const lanes = 8

// Reset empties the pool. Its best rows, as many as follow, are to be followed; another
// spare rows are kept beside them.
func (p *Pool) Reset(follow, spare int) {
	room := follow + spare
	if len(p.keys) < lanes+room {
		p.keys = make([]int64, lanes+room+room/2)
		for i := range lanes {
			p.keys[i] = math.MinInt64
		}
	}
	p.held, p.room, p.follow, p.next = 0, room, follow, 0
}

// Resize changes how many rows are followed and how many are kept beside them, and drops the
// worst of those that are held and have no room any more. Rows that a fuller pool has turned
// away do not come back: to follow more later, keep them as spare rows from the start.
func (p *Pool) Resize(follow, spare int) {
	room := follow + spare
	if grown := lanes + room; len(p.keys) < grown {
		keys := make([]int64, grown+room/2)
		for i := range lanes {
			keys[i] = math.MinInt64
		}
		copy(keys[lanes:], p.Keys())
		p.keys = keys
	}
	p.held = min(p.held, room)
	p.room, p.follow, p.next = room, follow, min(p.next, p.held)
}

// Held is how many rows are held.
func (p *Pool) Held() int { return p.held }

// Keys are the rows that are held, best first, valid until the pool changes.
func (p *Pool) Keys() []int64 { return p.keys[min(lanes, len(p.keys)):][:p.held] }

// Threshold is the score that a row must be below to enter.
func (p *Pool) Threshold() float32 {
	if p.held < p.room {
		return float32(math.Inf(1))
	}
	return KeyScore(p.keys[lanes+p.held-1])
}

// Insert puts in a key that is not there yet, unless the pool is full of better ones.
func (p *Pool) Insert(key int64) {
	keys := p.keys[lanes : lanes+p.held]
	low, high := 0, len(keys)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if keys[mid] < key {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if p.held < p.room {
		p.held++
		keys = p.keys[lanes : lanes+p.held]
	}
	if low >= len(keys) {
		return
	}
	copy(keys[low+1:], keys[low:])
	keys[low] = key
	p.next = min(p.next, low)
}

// more reports whether a row is left that is to be followed and was not.
func (p *Pool) more() bool {
	keys := p.Keys()[:min(p.held, p.follow)]
	for p.next < len(keys) && keys[p.next]&checked != 0 {
		p.next++
	}
	return p.next < len(keys)
}

// Take marks the best row that is to be followed and was not, and returns it.
func (p *Pool) Take() (row uint32, ok bool) {
	if !p.more() {
		return 0, false
	}
	key := &p.keys[lanes+p.next]
	row = KeyRow(*key)
	*key |= checked
	p.next++
	return row, true
}
