package raft

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/lodedb/lode"
)

// lockDir takes the folder for this process; the lock dies with the process.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock raft folder: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = lode.Errorf(lode.CodeConflict, "raft folder %s is in use by another process", dir)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
