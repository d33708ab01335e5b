package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// tempSuffix ends the name of every file that has not been committed.
const tempSuffix = ".tmp"

// AtomicFile is a file that appears under its name whole and durable at [AtomicFile.Commit],
// or never.
type AtomicFile struct {
	fsys       FS
	file       File // nil once committed or aborted
	temp, path string
}

// CreateAtomic begins a file. Its temporary form lies in the same folder.
func CreateAtomic(fsys FS, path string) (*AtomicFile, error) {
	return CreateAtomicIn(fsys, filepath.Dir(path), path)
}

// CreateAtomicIn begins a file whose temporary form lies in tempDir, which must be on the
// same file system.
func CreateAtomicIn(fsys FS, tempDir, path string) (*AtomicFile, error) {
	for range 100 {
		temp := filepath.Join(tempDir, fmt.Sprintf("%s.%08x%s", filepath.Base(path), rand.Uint32(), tempSuffix))
		f, err := fsys.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, FilePerm)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("create %s: %w", path, err)
		}
		return &AtomicFile{fsys: fsys, file: f, temp: temp, path: path}, nil
	}
	return nil, fmt.Errorf("create %s: no free temporary name in %s", path, tempDir)
}

// Write appends to the file.
func (a *AtomicFile) Write(b []byte) (int, error) {
	if a.file == nil {
		return 0, fs.ErrClosed
	}
	return a.file.Write(b)
}

// CommitAs is Commit under another name in the same file system, for files that are named by
// what is in them.
func (a *AtomicFile) CommitAs(path string) error {
	a.path = path
	return a.Commit()
}

// Commit makes the file durable and gives it its name. After an error the file is aborted;
// only when the folder could not be synced may the name exist, not safe from a power cut.
func (a *AtomicFile) Commit() error {
	if a.file == nil {
		return fs.ErrClosed
	}
	if err := a.file.Sync(); err != nil {
		return a.fail(fmt.Errorf("sync %s: %w", a.temp, err))
	}
	f := a.file
	a.file = nil
	if err := f.Close(); err != nil {
		return a.fail(fmt.Errorf("close %s: %w", a.temp, err))
	}
	if err := a.fsys.Rename(a.temp, a.path); err != nil {
		return a.fail(err)
	}
	if err := a.fsys.SyncDir(filepath.Dir(a.path)); err != nil {
		return err
	}
	return nil
}

func (a *AtomicFile) fail(err error) error {
	if a.file != nil {
		_ = a.file.Close()
		a.file = nil
	}
	_ = a.fsys.Remove(a.temp) // what stays is removed at the next open
	return err
}

// Abort removes the temporary file. After Commit or Abort it does nothing, so it can be
// deferred.
func (a *AtomicFile) Abort() error {
	if a.file == nil {
		return nil
	}
	err := a.file.Close()
	a.file = nil
	return errors.Join(err, a.fsys.Remove(a.temp))
}

// WriteFile writes a file atomically and durably.
func WriteFile(fsys FS, path string, write func(io.Writer) error) error {
	a, err := CreateAtomic(fsys, path)
	if err != nil {
		return err
	}
	defer a.Abort()
	if err := write(a); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return a.Commit()
}

// RemoveTemps removes the uncommitted atomic files of a folder and returns how many there
// were. No AtomicFile of that folder may be open.
func RemoveTemps(fsys FS, dir string) (int, error) {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	removed := 0
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), tempSuffix) {
			continue
		}
		if err := fsys.Remove(filepath.Join(dir, e.Name())); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}
