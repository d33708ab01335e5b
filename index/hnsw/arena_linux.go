package hnsw

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of a huge page on every Linux that has them on by default.
const hugePage = 2 << 20

// mapArena maps memory that is reserved but not used before it is touched. It returns nil
// where the system refuses.
func mapArena(size int) *arena {
	mapping, err := unix.Mmap(-1, 0, size+hugePage, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil
	}
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(mapping)))) & (hugePage - 1)
	a := &arena{data: mapping[skip : skip+size : skip+size]}
	_ = unix.Madvise(a.data, unix.MADV_HUGEPAGE) // small pages serve too, only slower
	unmap := func(m []byte) { _ = unix.Munmap(m) }
	forgotten := runtime.AddCleanup(a, unmap, mapping)
	a.giveUp = func() {
		forgotten.Stop()
		unmap(mapping)
	}
	return a
}
