package vfs

import (
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Mem is a file system in memory that knows what would survive a power cut. Relative names
// start at its root. It has no permissions.
type Mem struct {
	mu   sync.Mutex // covers every inode of the tree
	root *inode
}

// inode is a file or a folder, each in the form that programs see and in the form that is
// safe on disk.
type inode struct {
	dir             bool
	names, safe     map[string]*inode // of a folder
	data, safeBytes []byte            // of a file
}

var _ FS = (*Mem)(nil)

// NewMem returns an empty file system.
func NewMem() *Mem { return &Mem{root: newFolder()} }

func newFolder() *inode {
	return &inode{dir: true, names: map[string]*inode{}, safe: map[string]*inode{}}
}

// CrashClone returns what is on disk after a power cut at this moment: synced bytes under
// synced names, nothing else. The original is not changed.
func (m *Mem) CrashClone() *Mem { return m.crash(func() bool { return false }) }

// CrashCloneRand is like CrashClone, but each change that was not synced survives or not as
// rnd decides, and bytes that were not synced may survive in part.
func (m *Mem) CrashCloneRand(rnd *rand.Rand) *Mem {
	return m.crash(func() bool { return rnd.IntN(2) == 0 })
}

func (m *Mem) crash(keep func() bool) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	clones := map[*inode]*inode{} // a name and its predecessor may lead to one inode
	return &Mem{root: m.root.crash(keep, clones)}
}

func (n *inode) crash(keep func() bool, clones map[*inode]*inode) *inode {
	if c, ok := clones[n]; ok {
		return c
	}
	if !n.dir {
		c := &inode{data: n.survivingBytes(keep)}
		c.safeBytes = slices.Clone(c.data)
		clones[n] = c
		return c
	}
	c := newFolder()
	clones[n] = c
	for _, name := range n.allNames() {
		survivor := n.safe[name]
		if survivor != n.names[name] && keep() {
			survivor = n.names[name]
		}
		if survivor != nil {
			c.names[name] = survivor.crash(keep, clones)
			c.safe[name] = c.names[name]
		}
	}
	return c
}

// allNames is sorted, so that a seed decides a random crash completely.
func (n *inode) allNames() []string {
	var all []string
	for name := range n.names {
		all = append(all, name)
	}
	for name := range n.safe {
		if n.names[name] == nil {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

func (n *inode) survivingBytes(keep func() bool) []byte {
	switch {
	case slices.Equal(n.data, n.safeBytes) || !keep():
		return slices.Clone(n.safeBytes)
	case keep():
		return slices.Clone(n.data)
	}
	return slices.Clone(n.data[:len(n.data)/2]) // torn
}

// walk returns the folder that holds name, and its last element.
func (m *Mem) walk(op, name string) (dir *inode, base string, err error) {
	dir = m.root
	parts := split(name)
	if len(parts) == 0 {
		return nil, "", nil
	}
	for _, part := range parts[:len(parts)-1] {
		next := dir.names[part]
		if next == nil {
			return nil, "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		if !next.dir {
			return nil, "", &fs.PathError{Op: op, Path: name, Err: syscall.ENOTDIR}
		}
		dir = next
	}
	return dir, parts[len(parts)-1], nil
}

func split(name string) []string {
	name = strings.Trim(filepath.ToSlash(filepath.Clean(name)), "/")
	if name == "" || name == "." {
		return nil
	}
	return strings.Split(name, "/")
}

func (m *Mem) find(op, name string) (*inode, error) {
	dir, base, err := m.walk(op, name)
	if err != nil {
		return nil, err
	}
	if dir == nil {
		return m.root, nil
	}
	n := dir.names[base]
	if n == nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

// OpenFile opens or creates a file. The folder must exist.
func (m *Mem) OpenFile(name string, flag int, _ fs.FileMode) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.walk("open", name)
	if err != nil {
		return nil, err
	}
	if dir == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	}
	n := dir.names[base]
	writable := flag&(os.O_WRONLY|os.O_RDWR) != 0
	switch {
	case n == nil && flag&os.O_CREATE == 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case n == nil:
		n = &inode{}
		dir.names[base] = n
	case n.dir && writable:
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	case flag&os.O_CREATE != 0 && flag&os.O_EXCL != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	case flag&os.O_TRUNC != 0:
		n.data = nil
	}
	return &memFile{mem: m, node: n, name: name, writable: writable}, nil
}

// Create opens an empty file.
func (m *Mem) Create(name string) (File, error) {
	return m.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, FilePerm)
}

// Remove removes a file or an empty folder.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.walk("remove", name)
	switch {
	case err != nil:
		return err
	case dir == nil || dir.names[base] == nil:
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	case len(dir.names[base].names) > 0:
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	delete(dir.names, base)
	return nil
}

// Rename moves a file or folder.
func (m *Mem) Rename(oldName, newName string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, oldBase, err := m.walk("rename", oldName)
	if err != nil {
		return err
	}
	to, newBase, err := m.walk("rename", newName)
	if err != nil {
		return err
	}
	if from == nil || to == nil || from.names[oldBase] == nil {
		return &fs.PathError{Op: "rename", Path: oldName, Err: fs.ErrNotExist}
	}
	n := from.names[oldBase]
	delete(from.names, oldBase)
	to.names[newBase] = n
	return nil
}

// ReadDir lists a folder by name.
func (m *Mem) ReadDir(name string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: syscall.ENOTDIR}
	}
	var list []fs.DirEntry
	for base, child := range n.names {
		list = append(list, fs.FileInfoToDirEntry(child.info(base)))
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, nil
}

// MkdirAll makes a folder and those above it.
func (m *Mem) MkdirAll(name string, _ fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir := m.root
	for _, part := range split(name) {
		next := dir.names[part]
		if next == nil {
			next = newFolder()
			dir.names[part] = next
		}
		if !next.dir {
			return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.ENOTDIR}
		}
		dir = next
	}
	return nil
}

// Stat describes a file or folder.
func (m *Mem) Stat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("stat", name)
	if err != nil {
		return nil, err
	}
	return n.info(filepath.Base(name)), nil
}

// SyncDir makes the names in a folder safe.
func (m *Mem) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("sync", name)
	if err != nil {
		return err
	}
	if !n.dir {
		return &fs.PathError{Op: "sync", Path: name, Err: syscall.ENOTDIR}
	}
	clear(n.safe)
	for base, child := range n.names {
		n.safe[base] = child
	}
	return nil
}

func (n *inode) info(name string) fs.FileInfo {
	return memInfo{name: name, size: int64(len(n.data)), dir: n.dir}
}

type memInfo struct {
	name string
	size int64
	dir  bool
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) ModTime() time.Time { return time.Time{} }
func (i memInfo) IsDir() bool        { return i.dir }
func (i memInfo) Sys() any           { return nil }
func (i memInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | DirPerm
	}
	return FilePerm
}

type memFile struct {
	mem      *Mem
	node     *inode
	name     string
	offset   int64
	writable bool
	closed   bool
}

func (f *memFile) Name() string { return f.name }

func (f *memFile) check(op string, write bool) error {
	switch {
	case f.closed:
		return &fs.PathError{Op: op, Path: f.name, Err: fs.ErrClosed}
	case f.node.dir:
		return &fs.PathError{Op: op, Path: f.name, Err: syscall.EISDIR}
	case write && !f.writable:
		return &fs.PathError{Op: op, Path: f.name, Err: syscall.EBADF}
	}
	return nil
}

func (f *memFile) Read(b []byte) (int, error) {
	n, err := f.ReadAt(b, f.offset)
	f.offset += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	f.mem.mu.Lock()
	defer f.mem.mu.Unlock()
	if err := f.check("read", false); err != nil {
		return 0, err
	}
	if off < 0 || off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.node.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Write(b []byte) (int, error) {
	f.mem.mu.Lock()
	defer f.mem.mu.Unlock()
	if err := f.check("write", true); err != nil {
		return 0, err
	}
	end := f.offset + int64(len(b))
	if grow := end - int64(len(f.node.data)); grow > 0 {
		f.node.data = append(f.node.data, make([]byte, grow)...)
	}
	copy(f.node.data[f.offset:], b)
	f.offset = end
	return len(b), nil
}

func (f *memFile) Sync() error {
	f.mem.mu.Lock()
	defer f.mem.mu.Unlock()
	if err := f.check("sync", false); err != nil {
		return err
	}
	f.node.safeBytes = slices.Clone(f.node.data)
	return nil
}

func (f *memFile) Stat() (fs.FileInfo, error) {
	f.mem.mu.Lock()
	defer f.mem.mu.Unlock()
	if f.closed {
		return nil, &fs.PathError{Op: "stat", Path: f.name, Err: fs.ErrClosed}
	}
	return f.node.info(filepath.Base(f.name)), nil
}

func (f *memFile) Close() error {
	f.mem.mu.Lock()
	defer f.mem.mu.Unlock()
	if f.closed {
		return &fs.PathError{Op: "close", Path: f.name, Err: fs.ErrClosed}
	}
	f.closed = true
	return nil
}
