package hnsw

import "unsafe"

// arena is a run of zeroed memory that begins at a cache line. Large ones lie outside of
// the Go heap, where the collector neither scans nor counts them and pages are huge if the
// system has such; they are given back when the arena is unreachable. Whoever reads data
// keeps the arena reachable meanwhile.
type arena struct {
	data   []byte
	giveUp func() // returns a mapping at once; nil for the heap
}

// release returns the memory. Nobody may read data any more.
func (a *arena) release() {
	if a.giveUp != nil {
		a.giveUp()
	}
	a.data, a.giveUp = nil, nil
}

const (
	lineBytes = 64
	// arenaBytes is from where on an arena is mapped: below, huge pages waste more than
	// they save.
	arenaBytes = 1 << 20
)

func newArena(size int) *arena {
	if size >= arenaBytes {
		if a := mapArena(size); a != nil {
			return a
		}
	}
	b := make([]byte, size+lineBytes)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (lineBytes - 1)
	return &arena{data: b[skip : skip+size : skip+size]}
}

// words are the arena as numbers.
func (a *arena) words() []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(a.data))), len(a.data)/4)
}

func (a *arena) floats() []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(a.data))), len(a.data)/4)
}
