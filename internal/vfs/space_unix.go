//go:build unix

package vfs

import (
	"fmt"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// SpaceOf returns the room of the file system that a path lies on.
func SpaceOf(path string) (Space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return Space{}, fmt.Errorf("look for space at %s: %w", path, err)
	}
	block := int64(s.Bsize)
	return Space{Free: int64(s.Bavail) * block, Total: int64(s.Blocks) * block}, nil
}

// Allocated returns how much of the disk a file takes, which is less than its size where it
// has holes and more where blocks were set aside for it.
func Allocated(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		const unit = 512 // of st_blocks, whatever the block size
		return int64(stat.Blocks) * unit
	}
	return info.Size()
}
