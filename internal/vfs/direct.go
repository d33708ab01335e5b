package vfs

import "os"

// directBytes is what is read from the disk at a time, and directAlign a multiple of the
// sectors of all disks.
const (
	directBytes = 256 << 10
	directAlign = 4096
)

// DirectFile is a file that is read from the disk itself, not from what the system keeps of it
// in memory, where file system and system can do that. It belongs to one goroutine.
type DirectFile struct {
	File
	// Direct says whether it can be done here. Else the system was asked to forget what it
	// keeps, which it does but for pages that somebody has mapped.
	Direct bool

	os    *os.File
	buf   []byte
	start int64 // of what is in buf
	n     int
}

// OpenDirect opens a file for reading.
func OpenDirect(fsys FS, name string) (*DirectFile, error) {
	file, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	f := &DirectFile{File: file, os: osFile(file)}
	if f.os == nil {
		return f, nil
	}
	if f.Direct = setDirect(f.os, true) == nil; f.Direct {
		// Memory of this size begins with a page in Go, as such reads demand. Where it did not,
		// fill would go on without them.
		f.buf = make([]byte, directBytes)
	} else {
		forget(f.os)
	}
	return f, nil
}

// ReadAt is as that of [io.ReaderAt], at any offset.
func (f *DirectFile) ReadAt(b []byte, offset int64) (n int, err error) {
	for f.Direct && n < len(b) {
		at := offset + int64(n)
		if at < f.start || at >= f.start+int64(f.n) {
			if err := f.fill(at); err != nil {
				return n, err
			}
			continue
		}
		n += copy(b[n:], f.buf[at-f.start:f.n])
	}
	if n == len(b) {
		return n, nil
	}
	more, err := f.File.ReadAt(b[n:], offset+int64(n))
	return n + more, err
}

// fill reads what lies around an offset. A file system that takes the flag and not the reads
// is read the usual way.
func (f *DirectFile) fill(at int64) error {
	f.start = at / directAlign * directAlign
	n, err := f.File.ReadAt(f.buf, f.start)
	f.n = n
	switch {
	case at < f.start+int64(n):
		return nil
	case isInvalid(err):
		f.Direct = false
		forget(f.os)
		return setDirect(f.os, false)
	}
	return err
}
