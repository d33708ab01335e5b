//go:build !linux

package vfs

import (
	"errors"
	"os"
)

func setDirect(_ *os.File, direct bool) error {
	if direct {
		return errors.ErrUnsupported
	}
	return nil
}

func forget(*os.File) {}

func isInvalid(error) bool { return false }
