package tokens

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// cacheSlots bounds the cache: at most this many pieces of at most shortPiece bytes.
const cacheSlots = 1 << 16

// cache remembers the counts of pieces that are not in the vocabulary. A piece has one slot
// and pushes out whatever is there: no lock, no list, a fixed size. Readers see a whole entry
// or none.
type cache struct {
	seed  maphash.Seed
	slots [cacheSlots]slot
}

type slot struct{ entry atomic.Pointer[entry] }

type entry struct {
	piece string
	count int
}

// get returns the slot for the piece and its count, 0 when it is not there.
func (c *cache) get(piece string) (*slot, int) {
	s := &c.slots[maphash.String(c.seed, piece)%cacheSlots]
	if e := s.entry.Load(); e != nil && e.piece == piece {
		return s, e.count
	}
	return s, 0
}

// put copies the piece, so that the cache does not hold on to a whole document.
func (s *slot) put(piece string, count int) {
	s.entry.Store(&entry{piece: strings.Clone(piece), count: count})
}
