//go:build !linux

package hnsw

// mapArena has no huge pages to offer here: the heap serves.
func mapArena(int) *arena { return nil }
