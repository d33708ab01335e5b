package api

import "sync"

// scratch are buffers of bodies that are gone when the answer is written. What is decoded
// from one must not keep any of its bytes.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// maxScratch is the largest buffer that is kept: rare large bodies shall not stay in memory.
const maxScratch = 256 << 10

// borrow gives an empty buffer, handBack takes it back with what it has grown to.
func borrow() *[]byte { return scratch.Get().(*[]byte) }

func handBack(b *[]byte) {
	if cap(*b) <= maxScratch {
		*b = (*b)[:0]
		scratch.Put(b)
	}
}
