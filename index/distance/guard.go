package distance

import (
	"runtime"
	"runtime/debug"

	"github.com/lodedb/lode"
)

// Guard runs f and returns an error of [lode.CodeCorrupt] if f reads memory that is not
// there: a page of a mapped file that was cut, or that the disk could not deliver. Without
// it such a fault, in assembly or in Go, ends the whole program. Other panics pass through.
//
// It covers the calling goroutine, not those that f starts. What f was writing when it
// faulted is half done and must be thrown away, and f must not hold a lock that it does not
// release by defer.
func Guard(f func()) (err error) {
	before := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(before)
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case interface {
			runtime.Error
			Addr() uintptr
		}:
			err = lode.Errorf(lode.CodeCorrupt, "read vectors: memory fault in a mapped file: %w", cause)
		default:
			panic(cause)
		}
	}()
	f()
	return nil
}
