package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// Folder is a target on a file system.
type Folder struct {
	dir  string
	fsys vfs.FS
	made struct { // folders known to be durable
		sync.Mutex
		dirs map[string]bool
	}
}

var _ Target = (*Folder)(nil)

// NewFolder returns the target in dir, which need not exist. fsys is for tests; nil is
// [vfs.OS].
func NewFolder(dir string, fsys vfs.FS) *Folder {
	if fsys == nil {
		fsys = vfs.OS
	}
	f := &Folder{dir: dir, fsys: fsys}
	f.made.dirs = map[string]bool{}
	return f
}

// Dir returns the folder.
func (f *Folder) Dir() string { return f.dir }

// String returns the path.
func (f *Folder) String() string { return f.dir }

func (f *Folder) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

// tempDir is where files lie that are being written, out of the way of List.
func (f *Folder) tempDir() string { return filepath.Join(f.dir, "tmp") }

// Put writes to a temporary file that is synced and renamed.
func (f *Folder) Put(ctx context.Context, name string, size int64, write func(io.Writer) error) error {
	path := f.path(name)
	if err := errors.Join(ctx.Err(), f.make(f.tempDir()), f.make(filepath.Dir(path))); err != nil {
		return putError(name, err)
	}
	file, err := vfs.CreateAtomicIn(f.fsys, f.tempDir(), path)
	if err != nil {
		return putError(name, err)
	}
	defer file.Abort()
	counted := &countingWriter{w: file}
	if err := write(counted); err != nil {
		return putError(name, err)
	}
	if counted.n != size {
		return fmt.Errorf("write %s: %d bytes instead of %d", name, counted.n, size)
	}
	if err := errors.Join(ctx.Err()); err != nil {
		return putError(name, err)
	}
	if err := file.Commit(); err != nil {
		return putError(name, err)
	}
	return nil
}

func putError(name string, err error) error { return fmt.Errorf("write %s: %w", name, err) }

func (f *Folder) make(dir string) error {
	f.made.Lock()
	defer f.made.Unlock()
	if f.made.dirs[dir] {
		return nil
	}
	if err := vfs.MkdirDurable(f.fsys, dir); err != nil {
		return err
	}
	f.made.dirs[dir] = true
	return nil
}

// Open opens a file.
func (f *Folder) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	file, err := f.fsys.OpenFile(f.path(name), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, lode.NotFound("backup file", name)
	}
	return file, err
}

// List walks a folder.
func (f *Folder) List(ctx context.Context, folder string, fn func(File) error) error {
	entries, err := f.fsys.ReadDir(f.path(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := folder + "/" + e.Name()
		if e.IsDir() {
			err = f.List(ctx, name, fn)
		} else {
			err = f.report(name, e, fn)
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

func (f *Folder) report(name string, e fs.DirEntry, fn func(File) error) error {
	info, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed meanwhile
	}
	if err != nil {
		return err
	}
	return fn(File{Name: name, Bytes: info.Size(), Modified: info.ModTime()})
}

// Remove removes a file.
func (f *Folder) Remove(ctx context.Context, name string) error {
	err := errors.Join(ctx.Err(), f.fsys.Remove(f.path(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
