package vfs

import "golang.org/x/sys/unix"

func keep(b []byte, r Residence) error {
	switch r {
	case Pinned:
		_ = unix.Madvise(b, unix.MADV_WILLNEED) // reads ahead; Mlock waits for the rest
		return unix.Mlock(b)
	case Cold:
		_ = unix.Munlock(b)
		_ = unix.Madvise(b, unix.MADV_RANDOM)
		_ = unix.Madvise(b, unix.MADV_PAGEOUT) // from Linux 5.4 on; older ones give back what they need
	default:
		_ = unix.Munlock(b)
		_ = unix.Madvise(b, unix.MADV_NORMAL)
	}
	return nil
}
