//go:build !unix

package vfs

import (
	"errors"
	"fmt"
	"os"
)

func tryLock(f *os.File) (taken bool, err error) {
	return false, fmt.Errorf("lock %s: %w", f.Name(), errors.ErrUnsupported)
}

// Unlock frees an advisory lock that a library took on f.
func Unlock(f *os.File) error { return nil }
