//go:build linux && (amd64 || arm64)

package storage

// initialMmapBytes is address space, not memory: mapping it at once means that a growing
// catalogue is never mapped anew, which would make writers wait for readers.
const (
	initialMmapBytes        = 16 << 30
	initialGrowingMmapBytes = 1 << 30
)
