package vfs

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Allocate makes a file that takes size bytes of the disk, which are free again once it is
// removed. A file of the name is replaced. When there is not as much room, nothing is left.
func Allocate(name string, size int64) error {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, FilePerm)
	if err != nil {
		return err
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("allocate %s: %w", name, err), os.Remove(name))
	}
	return nil
}
