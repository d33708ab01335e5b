//go:build !linux

package hnsw_test

import (
	"os"
	"testing"
)

func mapFile(t *testing.T, _ *os.File) []byte {
	t.Skip("SKIPPED: files are mapped on Linux only")
	return nil
}
