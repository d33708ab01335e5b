//go:build !unix

package vfs

import (
	"errors"
	"fmt"
	"io/fs"
)

// SpaceOf is not supported here.
func SpaceOf(path string) (Space, error) {
	return Space{}, fmt.Errorf("look for space at %s: %w", path, errors.ErrUnsupported)
}

// Allocated returns the size of a file: what it takes on the disk is not known here.
func Allocated(info fs.FileInfo) int64 { return info.Size() }
