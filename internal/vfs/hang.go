package vfs

import (
	"io/fs"
	"os"
	"sync"
)

// Hanging is a file system whose changing calls do not return between [Hanging.Freeze] and
// [Hanging.Thaw], as those on a disk that does not answer. The calls that count are those of
// [Failing].
type Hanging struct {
	FS
	mu struct {
		sync.Mutex
		thawed chan struct{} // nil while calls go through
		match  func(op, name string) bool
	}
}

// Hang returns a file system that is not frozen yet.
func Hang(fsys FS) *Hanging { return &Hanging{FS: fsys} }

// Freeze makes the changing calls hang that match picks; nil picks all. The operations are
// open, remove, rename, mkdir, write and sync.
func (h *Hanging) Freeze(match func(op, name string) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.thawed, h.mu.match = make(chan struct{}), match
}

// Thaw lets every call go on. It may be called twice.
func (h *Hanging) Thaw() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mu.thawed != nil {
		close(h.mu.thawed)
		h.mu.thawed = nil
	}
}

func (h *Hanging) wait(op, name string) {
	h.mu.Lock()
	thawed, match := h.mu.thawed, h.mu.match
	h.mu.Unlock()
	if thawed != nil && (match == nil || match(op, name)) {
		<-thawed
	}
}

// OpenFile hangs when it opens for writing.
func (h *Hanging) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if flag&(os.O_WRONLY|os.O_RDWR|os.O_CREATE|os.O_TRUNC) != 0 {
		h.wait("open", name)
	}
	f, err := h.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &hangingFile{File: f, fsys: h}, nil
}

// Create hangs.
func (h *Hanging) Create(name string) (File, error) {
	return h.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, FilePerm)
}

// Remove hangs.
func (h *Hanging) Remove(name string) error {
	h.wait("remove", name)
	return h.FS.Remove(name)
}

// Rename hangs.
func (h *Hanging) Rename(oldName, newName string) error {
	h.wait("rename", newName)
	return h.FS.Rename(oldName, newName)
}

// MkdirAll hangs.
func (h *Hanging) MkdirAll(name string, perm fs.FileMode) error {
	h.wait("mkdir", name)
	return h.FS.MkdirAll(name, perm)
}

// SyncDir hangs.
func (h *Hanging) SyncDir(name string) error {
	h.wait("sync", name)
	return h.FS.SyncDir(name)
}

type hangingFile struct {
	File
	fsys *Hanging
}

func (f *hangingFile) Write(b []byte) (int, error) {
	f.fsys.wait("write", f.Name())
	return f.File.Write(b)
}

func (f *hangingFile) Sync() error {
	f.fsys.wait("sync", f.Name())
	return f.File.Sync()
}
