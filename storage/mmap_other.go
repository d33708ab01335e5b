//go:build !(linux && (amd64 || arm64))

package storage

const (
	initialMmapBytes        = 0
	initialGrowingMmapBytes = 0
)
