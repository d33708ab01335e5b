package vfs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// LockedError is returned when another process, or another part of this one, holds a lock.
type LockedError struct {
	Path string
	PID  int // of the owner; 0 when it has not written it yet
}

// Error names the owner and says what to do.
func (e *LockedError) Error() string {
	owner := "another process"
	if e.PID != 0 {
		owner = "process " + strconv.Itoa(e.PID)
	}
	return fmt.Sprintf("%s is locked by %s: stop it first or use another folder; the file itself is no lock and need not be removed", e.Path, owner)
}

// Lock takes the lock of a folder: an advisory lock on the file at path, which is created
// when it is missing and holds the PID of the owner. The operating system frees the lock
// when the process ends, however it ends. The error of a taken lock is a [*LockedError].
// Closing twice is allowed.
func Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, FilePerm)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	taken, err := tryLock(f)
	if err == nil && taken {
		err = &LockedError{Path: path, PID: readPID(f)}
	}
	if err == nil {
		err = writePID(f)
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = nil // the PID is only a hint, and a folder on a full disk can be read
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &fileLock{f: f}, nil
}

type fileLock struct{ f *os.File }

// Close frees the lock. The file stays: removing it would let two owners in, one on the
// removed file and one on its successor.
func (l *fileLock) Close() error {
	if l.f == nil {
		return nil
	}
	f := l.f
	l.f = nil
	_ = f.Truncate(0) // the PID is only a hint
	return f.Close()
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("write lock: %w", err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("write lock: %w", err)
	}
	return nil
}

func readPID(f *os.File) int {
	var b [32]byte
	n, _ := f.ReadAt(b[:], 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}
