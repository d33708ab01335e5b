package vfs

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// Mapping is the content of a file as memory: read in place where the system can, else a
// copy. It begins where any number may. Whoever reads it keeps the Mapping alive meanwhile; it
// is given back when nothing refers to it. A page that the disk does not give, or that was
// behind the end of a file that was cut, faults when it is read.
type Mapping struct {
	data   []byte
	mapped bool
}

// Bytes is the content. Do not modify it.
func (m *Mapping) Bytes() []byte { return m.data }

// Map maps a file as it is now. The file must not change afterwards, but may be removed.
func Map(fsys FS, name string) (m *Mapping, err error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return MapOpen(f)
}

// MapOpen is [Map] for a file that is open, and may be closed afterwards.
func MapOpen(f File) (*Mapping, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > math.MaxInt {
		return nil, fmt.Errorf("map %s: %d bytes are more than this machine can address", f.Name(), info.Size())
	}
	if file := osFile(f); file != nil && info.Size() > 0 {
		return mapFile(file, int(info.Size()))
	}
	return readMapping(io.NewSectionReader(f, 0, info.Size()), int(info.Size()))
}

// osFile is the file of the machine below others, nil where there is none.
func osFile(f File) *os.File {
	for {
		switch at := f.(type) {
		case *os.File:
			return at
		case interface{ under() File }:
			f = at.under()
		default:
			return nil
		}
	}
}

func readMapping(r io.Reader, size int) (*Mapping, error) {
	b := make([]byte, size)
	_, err := io.ReadFull(r, b)
	return &Mapping{data: b}, err
}
