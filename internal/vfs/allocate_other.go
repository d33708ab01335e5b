//go:build !linux

package vfs

import (
	"errors"
	"fmt"
)

// Allocate is not supported here.
func Allocate(name string, size int64) error {
	return fmt.Errorf("allocate %s: %w", name, errors.ErrUnsupported)
}
