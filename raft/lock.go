package raft

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// lockDir takes the folder for this process; the lock dies with the process.
func lockDir(dir string) (io.Closer, error) {
	lock, err := vfs.Lock(filepath.Join(dir, "LOCK"))
	var taken *vfs.LockedError
	if errors.As(err, &taken) {
		return nil, lode.Errorf(lode.CodeConflict, "raft folder: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("lock raft folder: %w", err)
	}
	return lock, nil
}
