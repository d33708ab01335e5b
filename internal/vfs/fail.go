package vfs

import (
	"errors"
	"io/fs"
	"os"
	"sync/atomic"
)

// ErrInjected is returned by the calls that a [Failing] file system makes fail.
var ErrInjected = errors.New("injected failure")

// Failing is a file system of which chosen changing calls fail: creating and opening for
// writing, Remove, Rename, MkdirAll, SyncDir, and Write and Sync of files. A failing Write
// writes half of its bytes first.
type Failing struct {
	FS
	from, to int64 // 1-based, inclusive
	calls    atomic.Int64
}

// FailNth makes the n-th changing call fail, counted from 1, and no other. The usual loop
// runs an operation with n = 1, 2, 3 … until [Failing.Failed] is false:
//
//	for n := 1; ; n++ {
//		fsys := vfs.FailNth(vfs.NewMem(), n)
//		err := operation(fsys)
//		if !fsys.Failed() { break }
//		// err must be set and the state must be sound
//	}
func FailNth(fsys FS, n int) *Failing { return &Failing{FS: fsys, from: int64(n), to: int64(n)} }

// FailFrom makes the n-th and every later changing call fail, as a disk does that has gone.
func FailFrom(fsys FS, n int) *Failing {
	return &Failing{FS: fsys, from: int64(n), to: int64(^uint64(0) >> 1)}
}

// Failed reports whether a call was made to fail.
func (f *Failing) Failed() bool { return f.calls.Load() >= f.from }

func (f *Failing) hit() bool {
	n := f.calls.Add(1)
	return f.from <= n && n <= f.to
}

func (f *Failing) fail(op, name string) error {
	if f.hit() {
		return &fs.PathError{Op: op, Path: name, Err: ErrInjected}
	}
	return nil
}

// OpenFile counts when it opens for writing.
func (f *Failing) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if flag&(os.O_WRONLY|os.O_RDWR|os.O_CREATE|os.O_TRUNC) != 0 {
		if err := f.fail("open", name); err != nil {
			return nil, err
		}
	}
	file, err := f.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &failingFile{File: file, fsys: f}, nil
}

// Create counts.
func (f *Failing) Create(name string) (File, error) {
	return f.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, FilePerm)
}

// Remove counts.
func (f *Failing) Remove(name string) error {
	if err := f.fail("remove", name); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

// Rename counts.
func (f *Failing) Rename(oldName, newName string) error {
	if err := f.fail("rename", oldName); err != nil {
		return err
	}
	return f.FS.Rename(oldName, newName)
}

// MkdirAll counts.
func (f *Failing) MkdirAll(name string, perm fs.FileMode) error {
	if err := f.fail("mkdir", name); err != nil {
		return err
	}
	return f.FS.MkdirAll(name, perm)
}

// SyncDir counts.
func (f *Failing) SyncDir(name string) error {
	if err := f.fail("sync", name); err != nil {
		return err
	}
	return f.FS.SyncDir(name)
}

type failingFile struct {
	File
	fsys *Failing
}

func (f *failingFile) Write(b []byte) (int, error) {
	if err := f.fsys.fail("write", f.Name()); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

func (f *failingFile) Sync() error {
	if err := f.fsys.fail("sync", f.Name()); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *failingFile) under() File { return f.File }
