package storage

import (
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/lodedb/lode"
)

// health is what this process knows of a sealed file beside what its readers find themselves.
// All readers of the file share it. It is this node's own and not kept: a start, or the next
// round of the scrubber, finds again what is still damaged.
type health struct {
	mu sync.Mutex // held by who changes bad
	// bad are blocks of vectors that were found damaged, by a read or on the disk. They are
	// refused even where memory still has them whole, as nobody knows for how long. nil: none.
	bad      atomic.Pointer[bitset]
	found    atomic.Pointer[string] // what is damaged, as it was found first
	replaced atomic.Bool
}

// isBad reports whether a block of vectors must not be used.
func (h *health) isBad(block int) bool {
	if h == nil {
		return false
	}
	bad := h.bad.Load()
	return bad != nil && block < len(*bad)*64 && bad.has(block)
}

// note remembers damage.
func (h *health) note(err error) {
	if h == nil {
		return
	}
	what := withoutHint(err)
	h.found.CompareAndSwap(nil, &what)
}

// condemn marks blocks of vectors as damaged.
func (h *health) condemn(blocks ...int) {
	if h == nil || len(blocks) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	all := newBitset(slices.Max(blocks) + 1)
	if bad := h.bad.Load(); bad != nil {
		all = make(bitset, max(len(all), len(*bad)))
		for i := range *bad {
			all[i].Store((*bad)[i].Load())
		}
	}
	for _, block := range blocks {
		all.add(block)
	}
	h.bad.Store(&all)
}

// healthOf returns what is known of a sealed file.
func (f *segmentFiles) healthOf(h lode.Hash) *health {
	f.mu.Lock()
	defer f.mu.Unlock()
	is := f.mu.health[h]
	if is == nil {
		is = &health{}
		f.mu.health[h] = is
	}
	return is
}

// recovered forgets what was known of a file that has been replaced.
func (f *segmentFiles) recovered(h lode.Hash) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if was := f.mu.health[h]; was != nil {
		was.replaced.Store(true)
		delete(f.mu.health, h)
	}
}

// damagedFiles are the sealed files in which something was found.
func (f *segmentFiles) damagedFiles() map[lode.Hash]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[lode.Hash]string{}
	for h, is := range f.mu.health {
		if what := is.found.Load(); what != nil {
			all[h] = *what
		}
	}
	return all
}

// bitset are bits that many may set and read at the same time.
type bitset []atomic.Uint64

func newBitset(bits int) bitset { return make(bitset, (bits+63)/64) }

func (b bitset) has(i int) bool { return b[i/64].Load()>>(i%64)&1 == 1 }
func (b bitset) add(i int)      { b[i/64].Or(1 << (i % 64)) }

// faultless runs fn, which reads mapped memory, and makes a page that the file does not back
// an error.
func faultless(fn func()) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover(); {
		case r == nil:
		case isPageFault(r):
			err = lode.Errorf(lode.CodeCorrupt, "the mapped file cannot be read: %v", r)
		default:
			panic(r)
		}
	}()
	fn()
	return nil
}
