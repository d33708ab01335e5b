package vfs

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// File is an open file. Its methods behave as those of [os.File].
type File interface {
	io.Reader
	io.Writer
	io.ReaderAt
	io.Closer
	// Sync makes the bytes written so far survive a power cut. After an error their fate is
	// unknown and stays unknown: a second Sync that succeeds proves nothing.
	Sync() error
	Stat() (fs.FileInfo, error)
	Name() string
}

// FS is a file system. Names are host paths. Its methods may run at the same time.
type FS interface {
	// OpenFile takes the flags of [os.OpenFile]; O_APPEND is not supported.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// Create opens an empty file for reading and writing, cutting one that exists.
	Create(name string) (File, error)
	Remove(name string) error
	// Rename replaces newName when it exists. It is durable after SyncDir of the folder of
	// newName.
	Rename(oldName, newName string) error
	// ReadDir lists a folder by name.
	ReadDir(name string) ([]fs.DirEntry, error)
	MkdirAll(name string, perm fs.FileMode) error
	Stat(name string) (fs.FileInfo, error)
	// SyncDir makes the names in a folder survive a power cut.
	SyncDir(name string) error
}

// The permissions of what this package creates.
const (
	DirPerm  fs.FileMode = 0o750
	FilePerm fs.FileMode = 0o600
)

// OS is the file system of the machine.
var OS FS = osFS{}

type osFS struct{}

func (osFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err // a nil *os.File must not become a non-nil File
	}
	return f, nil
}

func (o osFS) Create(name string) (File, error) {
	return o.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, FilePerm)
}

func (osFS) Remove(name string) error                     { return os.Remove(name) }
func (osFS) Rename(oldName, newName string) error         { return os.Rename(oldName, newName) }
func (osFS) ReadDir(name string) ([]fs.DirEntry, error)   { return os.ReadDir(name) }
func (osFS) MkdirAll(name string, perm fs.FileMode) error { return os.MkdirAll(name, perm) }
func (osFS) Stat(name string) (fs.FileInfo, error)        { return os.Stat(name) }

func (osFS) SyncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	if err := dir.Sync(); err != nil {
		_ = dir.Close()
		return fmt.Errorf("sync folder %s: %w", name, err)
	}
	return dir.Close()
}

// ReadFile returns the content of a file of at most maxBytes.
func ReadFile(fsys FS, name string, maxBytes int64) ([]byte, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(b)) > maxBytes {
		return nil, fmt.Errorf("read %s: file is larger than %d bytes", name, maxBytes)
	}
	return b, nil
}

// MkdirDurable makes a folder, with those above it that are missing, so that it survives a
// power cut. A folder that exists is synced into its parent again: an earlier run may have
// died between making and syncing it.
func MkdirDurable(fsys FS, name string) error {
	missing := []string{name}
	for dir := filepath.Dir(name); ; dir = filepath.Dir(dir) {
		if _, err := fsys.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		missing = append(missing, dir)
	}
	if err := fsys.MkdirAll(name, DirPerm); err != nil {
		return err
	}
	for i := len(missing) - 1; i >= 0; i-- {
		if err := fsys.SyncDir(filepath.Dir(missing[i])); err != nil {
			return err
		}
	}
	return nil
}
