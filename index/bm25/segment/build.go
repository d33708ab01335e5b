package segment

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"

	"github.com/lodedb/lode/internal/vfs"
)

// DefaultMemory is how much a [Builder] gathers before it puts it aside.
const DefaultMemory = 256 << 20

// Builder makes the file of an index that is too large to be made in memory: it gathers rows in
// a [Growing], puts that aside as a file whenever it has grown large, and merges the files in the
// end. The bytes of the index do not depend on when that happened. It serves one goroutine.
type Builder struct {
	opts    Options
	memory  int64
	scratch NewScratch
	growing *Growing
	aside   []Scratch
}

// BuilderOptions say what a [Builder] works with.
type BuilderOptions struct {
	// Memory is how many bytes of rows are gathered; the default is [DefaultMemory]. Merging
	// takes memory for the dictionary and the lengths of rows beside it; see [Merge].
	Memory int64
	// Scratch makes a place for what is put aside. The default is memory.
	Scratch NewScratch
}

// Scratch is a place for bytes that are written once and then read.
type Scratch interface {
	io.Writer
	// Bytes is what was written. Nothing may be written afterwards. It is valid until Close.
	Bytes() ([]byte, error)
	Close() error
}

// NewScratch makes an empty place.
type NewScratch = func() (Scratch, error)

// NewBuilder returns a builder without rows.
func NewBuilder(opts Options, o BuilderOptions) (*Builder, error) {
	g, err := NewGrowing(opts)
	if err != nil {
		return nil, err
	}
	b := &Builder{opts: opts, memory: o.Memory, scratch: o.Scratch, growing: g}
	if b.memory == 0 {
		b.memory = DefaultMemory
	}
	if b.scratch == nil {
		b.scratch = func() (Scratch, error) { return new(memoryScratch), nil }
	}
	return b, nil
}

// checkRows is after how many rows a builder looks at its memory.
const checkRows = 256

// Add appends a row.
func (b *Builder) Add(row Row) error {
	n, err := b.growing.Add(row)
	if err != nil {
		return err
	}
	if n%checkRows == checkRows-1 && b.growing.Bytes() > b.memory {
		return b.putAside()
	}
	return nil
}

func (b *Builder) putAside() error {
	s, err := b.scratch()
	if err != nil {
		return fmt.Errorf("put part of a lexical segment aside: %w", err)
	}
	b.aside = append(b.aside, s)
	if err := b.growing.Seal(s); err != nil {
		return fmt.Errorf("put part of a lexical segment aside: %w", err)
	}
	b.growing, err = NewGrowing(b.opts)
	return err
}

// Finish writes the index as [Open] reads it. The builder is closed then.
func (b *Builder) Finish(w io.Writer) (err error) {
	defer func() { err = errors.Join(err, b.Close()) }()
	if len(b.aside) == 0 {
		return b.growing.Seal(w)
	}
	if err := b.putAside(); err != nil {
		return err
	}
	b.growing = nil // its memory is for merging now
	var parts []Merging
	for _, s := range b.aside {
		data, err := s.Bytes()
		if err != nil {
			return err
		}
		x, err := Open(data, b.opts)
		if err != nil {
			return err
		}
		parts = append(parts, Merging{Index: x})
	}
	return Merge(w, b.opts, parts...)
}

// Close gives back what was put aside. It may be called twice.
func (b *Builder) Close() error {
	var errs []error
	for _, s := range b.aside {
		errs = append(errs, s.Close())
	}
	b.aside = nil
	return errors.Join(errs...)
}

type memoryScratch struct{ bytes.Buffer }

func (s *memoryScratch) Bytes() ([]byte, error) { return s.Buffer.Bytes(), nil }
func (s *memoryScratch) Close() error           { return nil }

// InFolder puts what is aside into files of a folder that exists. Their names begin with a
// prefix and end in .tmp, as those of [vfs.CreateAtomic]; what a crash leaves is the caller's to remove.
func InFolder(fsys vfs.FS, dir, prefix string) NewScratch {
	n := 0
	return func() (Scratch, error) {
		n++
		name := filepath.Join(dir, prefix+strconv.Itoa(n)+".tmp")
		f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, vfs.FilePerm)
		return &fileScratch{File: f, fsys: fsys, name: name}, err
	}
}

type fileScratch struct {
	vfs.File
	fsys   vfs.FS
	name   string
	mapped *vfs.Mapping
}

func (s *fileScratch) Bytes() (b []byte, err error) {
	if s.mapped, err = vfs.MapOpen(s.File); err != nil {
		return nil, err
	}
	return s.mapped.Bytes(), nil
}

func (s *fileScratch) Close() error {
	s.mapped = nil // unmapped when nobody reads it any more
	return errors.Join(s.File.Close(), s.fsys.Remove(s.name))
}

func popcount(w uint64) int { return bits.OnesCount64(w) }

// within has a bit for each of the 64 rows from 64·i that is below n.
func within(i, n int) uint64 {
	if left := n - 64*i; left < 64 {
		return 1<<max(left, 0) - 1
	}
	return ^uint64(0)
}
