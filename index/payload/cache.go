package payload

import (
	"encoding/binary"
	"sync/atomic"
)

const (
	cacheSlots = 64
	cacheWays  = 4
	// cacheDocs is the size of a core below which answering again is as cheap as remembering.
	cacheDocs = 256
)

// cacheKey is a cryptographic hash, so that two questions never share an answer, whoever
// thinks them up.
type cacheKey [32]byte

// cache remembers answers of one core, which never change. It holds no lock: a slot is a
// pointer to an immutable answer, and a hit writes at most one bit that says so.
//
// An answer is kept when its question is asked for the second time, so that the many
// questions that are asked once cost no memory.
type cache struct {
	table atomic.Pointer[cacheTable]
}

type cacheTable struct {
	answers [cacheSlots]atomic.Pointer[answer]
	asked   [cacheSlots]atomic.Uint64 // the last question that missed, by its hash
	hand    atomic.Uint32
}

type answer struct {
	key  cacheKey
	used atomic.Bool // since the hand passed
	rows Rows
}

func (k *cacheKey) hash() uint64 { return binary.LittleEndian.Uint64(k[:]) }

// get sets into to the remembered answer.
func (c *cache) get(key *cacheKey, into *Rows) bool {
	t := c.table.Load()
	if t == nil {
		return false
	}
	set := key.hash() % (cacheSlots / cacheWays) * cacheWays
	for i := range uint64(cacheWays) {
		a := t.answers[set+i].Load()
		if a != nil && a.key == *key {
			if !a.used.Load() {
				a.used.Store(true)
			}
			*into = a.rows
			return true
		}
	}
	return false
}

// put remembers an answer that was not there.
func (c *cache) put(key *cacheKey, rows *Rows) {
	t := c.table.Load()
	if t == nil {
		c.table.CompareAndSwap(nil, &cacheTable{})
		t = c.table.Load()
	}
	hash := key.hash()
	if seen := &t.asked[hash>>32%cacheSlots]; seen.Swap(hash) != hash {
		return
	}
	t.victim(hash % (cacheSlots / cacheWays) * cacheWays).Store(&answer{key: *key, rows: *rows})
}

// victim returns the slot of the set that an answer may take: an empty one, else the first
// that was not used since it was passed over, else any.
func (t *cacheTable) victim(set uint64) *atomic.Pointer[answer] {
	start := uint64(t.hand.Add(1))
	for i := range uint64(cacheWays) {
		slot := &t.answers[set+(start+i)%cacheWays]
		a := slot.Load()
		if a == nil || !a.used.Swap(false) {
			return slot
		}
	}
	return &t.answers[set+start%cacheWays]
}

func (c *cache) bytes() int {
	t := c.table.Load()
	if t == nil {
		return 0
	}
	n := cacheTableBytes
	for i := range t.answers {
		if t.answers[i].Load() != nil {
			n += answerBytes
		}
	}
	return n
}
