package service

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"sync"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// A file of the cache is a head and entries, all little-endian:
//
//	head, 20 bytes     "LVEC", version (4), when it was begun in seconds since 1970 (8), CRC32C of these 16
//	entry, 24 bytes +  key (16), dimensions (4), CRC32C of key, dimensions and vector (4), float32 for each dimension
//
// Nothing is synced: what a crash loses or tears is missing or fails its checksum, and a
// file of an earlier run is never added to.
const (
	fileMagic   = "LVEC"
	fileVersion = 1
	fileHead    = 20
	entryHead   = 24
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errDamaged = errors.New("damaged entry")

// cacheFile is one file of the cache.
type cacheFile struct {
	path    string
	number  uint64
	created time.Time
	sealed  bool // it is not added to any more

	// Guarded by the cache's lock.
	keys []Key // of the entries that the index has
	gone bool
	size int64

	end int64 // where the next entry goes; of who writes

	mu   sync.RWMutex // held while the file is read; its owner closes it
	file vfs.File     // nil once it is closed
}

func entrySize(dim int) int64 { return entryHead + 4*int64(dim) }

func createCacheFile(fsys vfs.FS, path string, number uint64, now time.Time) (*cacheFile, error) {
	file, err := fsys.Create(path)
	if err != nil {
		return nil, err
	}
	head := append([]byte(fileMagic), 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(head[4:], fileVersion)
	head = binary.LittleEndian.AppendUint64(head, uint64(now.Unix()))
	head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(head, castagnoli))
	if _, err := file.Write(head); err != nil {
		return nil, errors.Join(err, file.Close(), fsys.Remove(path))
	}
	return &cacheFile{path: path, number: number, created: time.Unix(now.Unix(), 0), size: fileHead, end: fileHead, file: file}, nil
}

// openCacheFile opens a file of an earlier run.
func openCacheFile(fsys vfs.FS, path string, number uint64) (*cacheFile, error) {
	file, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	var head [fileHead]byte
	info, err := file.Stat()
	if err == nil {
		_, err = file.ReadAt(head[:], 0)
	}
	switch {
	case err != nil:
	case string(head[:4]) != fileMagic || binary.LittleEndian.Uint32(head[4:]) != fileVersion,
		binary.LittleEndian.Uint32(head[16:]) != crc32.Checksum(head[:16], castagnoli):
		err = errDamaged
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	created := time.Unix(int64(binary.LittleEndian.Uint64(head[8:])), 0)
	return &cacheFile{path: path, number: number, created: created, sealed: true, size: info.Size(), file: file}, nil
}

// append adds an entry and returns where it lies. Only one caller at a time.
func (f *cacheFile) append(k Key, v lode.Vector) (at int64, err error) {
	b := make([]byte, 0, entrySize(len(v)))
	b = append(b, k[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(v)))
	b = append(b, 0, 0, 0, 0)
	b = lode.AppendVector(b, v)
	binary.LittleEndian.PutUint32(b[20:], entrySum(b))
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.file == nil {
		return 0, os.ErrClosed
	}
	if _, err := f.file.Write(b); err != nil {
		return 0, err
	}
	at = f.end
	f.end += int64(len(b))
	return at, nil
}

// entrySum is the checksum of everything in an entry but the checksum.
func entrySum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:20], castagnoli), castagnoli, b[entryHead:])
}

// read returns the vector at a place after it has checked it.
func (f *cacheFile) read(p place, k Key) (lode.Vector, error) {
	b := make([]byte, entrySize(int(p.dim)))
	f.mu.RLock()
	if f.file == nil {
		f.mu.RUnlock()
		return nil, os.ErrClosed
	}
	_, err := f.file.ReadAt(b, p.at)
	f.mu.RUnlock()
	switch {
	case err != nil:
		return nil, err
	case Key(b[:16]) != k || int32(binary.LittleEndian.Uint32(b[16:])) != p.dim || binary.LittleEndian.Uint32(b[20:]) != entrySum(b):
		return nil, errDamaged
	}
	return lode.ParseVector(b[entryHead:])
}

// scan calls found for every entry that lies whole in the file. It reads heads only: vectors
// are checked when they are asked for. An entry whose head makes no sense ends it, and so
// does found.
func (f *cacheFile) scan(ctx context.Context, found func(k Key, at int64, dim int32) (more bool)) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.file == nil {
		return
	}
	in := bufio.NewReaderSize(io.NewSectionReader(f.file, fileHead, f.size-fileHead), 256<<10)
	for at := int64(fileHead); ctx.Err() == nil; {
		var head [entryHead]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		dim := binary.LittleEndian.Uint32(head[16:])
		if dim < 1 || dim > lode.MaxDim {
			return
		}
		if n, _ := in.Discard(int(4 * dim)); n != int(4*dim) {
			return
		}
		if !found(Key(head[:16]), at, int32(dim)) {
			return
		}
		at += entrySize(int(dim))
	}
}

func (f *cacheFile) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}
