package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// setDirect makes reads of a file go past the page cache, or through it again.
func setDirect(f *os.File, direct bool) error {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	flags &^= unix.O_DIRECT
	if direct {
		flags |= unix.O_DIRECT
	}
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETFL, flags)
	return err
}

// forget drops what the page cache has of a file, but for mapped pages. It is a hint: whether
// the system follows it is not known.
func forget(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }

func isInvalid(err error) bool { return errors.Is(err, unix.EINVAL) }
