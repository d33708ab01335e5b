package vfs

import (
	"io/fs"
	"os"
	"sync"
	"time"
)

// leastRate is how many bytes a second a disk that works moves at least. Calls that move many
// have that much longer than [Watch.Limit].
const leastRate = 4 << 20

// Call is one call on a disk.
type Call struct {
	Op, Path string
	Bytes    int64 // that it moves, as far as that is known
}

func (c Call) String() string { return c.Op + " " + c.Path }

// Watch sees calls on a disk that do not return: the goroutine that made one hangs in the
// kernel and cannot tell. A nil Watch sees nothing.
type Watch struct {
	// Limit is how long a call may take, plus a second for each 4 MiB that it moves.
	Limit time.Duration
	// Late is called, in a goroutine of its own, for each call that is over its limit.
	Late func(Call, time.Duration)
	// Done, unless nil, is told how long each call took. It must be quick.
	Done func(Call, time.Duration)
}

// Begin notes a call; end is called when it has returned.
func (w *Watch) Begin(c Call) (end func()) {
	if w == nil {
		return func() {}
	}
	limit := w.Limit + time.Duration(c.Bytes/leastRate)*time.Second
	stop := AfterRunning(limit, func() { w.Late(c, limit) })
	begun := time.Now()
	return func() {
		stop()
		if w.Done != nil {
			w.Done(c, time.Since(begun))
		}
	}
}

// AfterRunning calls f in a goroutine of its own after d, unless stop is called before. A
// process that was stopped and goes on gets half of d again: what it has waited for is there
// in a moment, and its clock says otherwise.
func AfterRunning(d time.Duration, f func()) (stop func()) {
	var mu sync.Mutex
	stopped := false
	mu.Lock()
	defer mu.Unlock()
	var timer *time.Timer
	timer = time.AfterFunc(d/2, func() {
		mu.Lock()
		defer mu.Unlock()
		if !stopped {
			timer = time.AfterFunc(d-d/2, f)
		}
	})
	return func() {
		mu.Lock()
		defer mu.Unlock()
		stopped = true
		timer.Stop()
	}
}

// Watched is a file system whose calls a [Watch] sees. With a nil watch it is fsys itself.
func Watched(fsys FS, w *Watch) FS {
	if w == nil {
		return fsys
	}
	return &watchedFS{fsys: fsys, watch: w}
}

// Begin notes a call that goes past fsys, as those of a library that opens its own files do,
// with the Watch of fsys if it has one.
func Begin(fsys FS, c Call) (end func()) {
	if f, ok := fsys.(*watchedFS); ok {
		return f.watch.Begin(c)
	}
	return func() {}
}

type watchedFS struct {
	fsys  FS
	watch *Watch
}

func (f *watchedFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	defer f.watch.Begin(Call{Op: "open", Path: name})()
	file, err := f.fsys.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &watchedFile{File: file, watch: f.watch}, nil
}

func (f *watchedFS) Create(name string) (File, error) {
	return f.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, FilePerm)
}

func (f *watchedFS) Remove(name string) error {
	defer f.watch.Begin(Call{Op: "remove", Path: name})()
	return f.fsys.Remove(name)
}

func (f *watchedFS) Rename(oldName, newName string) error {
	defer f.watch.Begin(Call{Op: "rename", Path: newName})()
	return f.fsys.Rename(oldName, newName)
}

func (f *watchedFS) ReadDir(name string) ([]fs.DirEntry, error) {
	defer f.watch.Begin(Call{Op: "read", Path: name})()
	return f.fsys.ReadDir(name)
}

func (f *watchedFS) MkdirAll(name string, perm fs.FileMode) error {
	defer f.watch.Begin(Call{Op: "mkdir", Path: name})()
	return f.fsys.MkdirAll(name, perm)
}

func (f *watchedFS) Stat(name string) (fs.FileInfo, error) {
	defer f.watch.Begin(Call{Op: "stat", Path: name})()
	return f.fsys.Stat(name)
}

func (f *watchedFS) SyncDir(name string) error {
	defer f.watch.Begin(Call{Op: "sync", Path: name})()
	return f.fsys.SyncDir(name)
}

// watchedFile belongs to one goroutine, as far as it is written.
type watchedFile struct {
	File
	watch *Watch
	dirty int64 // bytes written since the last sync
}

func (f *watchedFile) Read(b []byte) (int, error) {
	defer f.watch.Begin(Call{"read", f.Name(), int64(len(b))})()
	return f.File.Read(b)
}

func (f *watchedFile) ReadAt(b []byte, off int64) (int, error) {
	defer f.watch.Begin(Call{"read", f.Name(), int64(len(b))})()
	return f.File.ReadAt(b, off)
}

func (f *watchedFile) Write(b []byte) (int, error) {
	defer f.watch.Begin(Call{"write", f.Name(), int64(len(b))})()
	f.dirty += int64(len(b))
	return f.File.Write(b)
}

func (f *watchedFile) Sync() error {
	defer f.watch.Begin(Call{"sync", f.Name(), f.dirty})()
	f.dirty = 0
	return f.File.Sync()
}

func (f *watchedFile) Close() error {
	defer f.watch.Begin(Call{"close", f.Name(), f.dirty})()
	return f.File.Close()
}

func (f *watchedFile) under() File { return f.File }
