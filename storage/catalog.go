package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// catalogVersion is the format version of the catalogue; its history is in
// docs/format/catalogue.md.
const catalogVersion = 5

// minCatalogBytes is the size of the two meta pages.
const minCatalogBytes = 2 * 4096

// openCatalog opens an existing catalogue file.
func openCatalog(path string, maxBytes int64, readOnly bool) (db *bolt.DB, err error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if info.Size() < minCatalogBytes {
		// Of an empty file bbolt would make a new one.
		return nil, lode.Errorf(lode.CodeCorrupt, "%s has %d bytes, no catalogue is that short", path, info.Size())
	}
	db, err = openBolt(path, &bolt.Options{
		Timeout:         time.Second,
		FreelistType:    bolt.FreelistMapType,
		InitialMmapSize: initialMmapBytes,
		MaxSize:         int(maxBytes),
		ReadOnly:        readOnly,
		PreLoadFreelist: true,
		NoStatistics:    maxBytes == 0, // free pages are counted for Admit only
	})
	if err != nil {
		return nil, err
	}
	if err := checkFormat(db); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return db, nil
}

func openBolt(path string, o *bolt.Options) (db *bolt.DB, err error) {
	var file *os.File
	o.OpenFile = func(name string, flag int, perm fs.FileMode) (f *os.File, err error) {
		f, err = os.OpenFile(name, flag, perm)
		file = f
		return f, err
	}
	defer func() {
		if err != nil && file != nil {
			// A panic in bbolt leaves the file open, locked and mapped.
			_ = vfs.Unlock(file)
			_ = file.Close()
		}
	}()
	defer guard(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	db, err = bolt.Open(path, vfs.FilePerm, o)
	if errors.Is(err, syscall.ENOMEM) && o.InitialMmapSize > 0 {
		smaller := *o // address space is limited here (ulimit -v)
		smaller.InitialMmapSize = 0
		db, err = bolt.Open(path, vfs.FilePerm, &smaller)
	}
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, lode.Errorf(lode.CodeConflict, "%s is in use by another process", path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, lode.Errorf(lode.CodeCorrupt, "open %s: %w", path, err)
	}
	return nil, fmt.Errorf("open %s: %w", path, err)
}

// checkFormat refuses a catalogue of another version, and one that lacks a bucket.
func checkFormat(db *bolt.DB) error {
	return readBolt(db, func(tx *bolt.Tx) error {
		local := tx.Bucket(localBucket)
		if local == nil {
			return lode.Errorf(lode.CodeCorrupt, "the file is no catalogue of lode")
		}
		raw := local.Get(formatKey)
		if raw == nil {
			return lode.Errorf(lode.CodeCorrupt, "the catalogue has no format version")
		}
		var format formatRecord
		if err := decodeRecord(kindFormat, raw, &format); err != nil {
			return recordError(kindFormat, formatKey, err)
		}
		if format.Version != catalogVersion {
			return lode.Errorf(lode.CodeCorrupt, "the catalogue has format version %d, this program knows %d", format.Version, catalogVersion).
				WithHint("data written by a newer lode needs a newer lode")
		}
		for _, name := range topBuckets {
			if tx.Bucket([]byte(name.String())) == nil {
				return lode.Errorf(lode.CodeCorrupt, "the catalogue has no bucket %s", name)
			}
		}
		if tx.Bucket(dataBucket) == nil {
			return lode.Errorf(lode.CodeCorrupt, "the catalogue has no bucket %s", dataBucket)
		}
		return nil
	})
}

// createCatalog makes an empty catalogue.
func createCatalog(fsys vfs.FS, path string) error { return createBolt(fsys, path, makeCatalog) }

// makeCatalog fills an empty file.
func makeCatalog(tx *bolt.Tx) error {
	for _, name := range topBuckets {
		if _, err := tx.CreateBucket([]byte(name.String())); err != nil {
			return err
		}
	}
	if _, err := tx.CreateBucket(dataBucket); err != nil {
		return err
	}
	local, err := tx.CreateBucket(localBucket)
	if err != nil {
		return err
	}
	raw, err := encodeRecord(kindFormat, &formatRecord{Version: catalogVersion})
	if err != nil {
		return err
	}
	return local.Put(formatKey, raw)
}

// createBolt makes a bbolt file that appears under its name complete and durable: bbolt
// itself would leave a file behind that cannot be opened when the power goes during its
// first write.
func createBolt(fsys vfs.FS, path string, fill func(*bolt.Tx) error) error {
	defer vfs.Begin(fsys, vfs.Call{Op: "create", Path: path})() // its syncs go past fsys
	temp := path + ".new.tmp"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := fillBolt(temp, fill); err != nil {
		return errors.Join(fmt.Errorf("create %s: %w", path, err), os.Remove(temp))
	}
	_, err := install(fsys, temp, path)
	return err
}

func fillBolt(path string, fill func(*bolt.Tx) error) error {
	// One sync at the end of install is enough: nobody reads the file before.
	db, err := openBolt(path, &bolt.Options{Timeout: time.Second, FreelistType: bolt.FreelistMapType, NoSync: true, NoGrowSync: true})
	if err != nil {
		return err
	}
	return errors.Join(db.Update(fill), db.Close())
}

// install gives a finished and closed catalogue file its name. renamed says whether it has
// it, durable or not.
func install(fsys vfs.FS, temp, path string) (renamed bool, err error) {
	f, err := os.OpenFile(temp, os.O_RDWR, 0)
	if err != nil {
		return false, err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return false, fmt.Errorf("sync %s: %w", temp, err)
	}
	if err := fsys.Rename(temp, path); err != nil {
		return false, err
	}
	return true, fsys.SyncDir(filepath.Dir(path))
}

// guarded runs fn, which reads mapped pages, and turns damage that bbolt or the mapping runs
// into to an error.
func guarded(fn func() error) (err error) {
	defer guard(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	return fn()
}

// readBolt runs fn in a read transaction of db.
func readBolt(db *bolt.DB, fn func(*bolt.Tx) error) error {
	return inBolt(db, false, fn)
}

// inBolt runs fn in a transaction that is rolled back.
func inBolt(db *bolt.DB, writable bool, fn func(*bolt.Tx) error) error {
	return guarded(func() error {
		tx, err := db.Begin(writable)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		return fn(tx)
	})
}

// commitError is an error after which nobody knows what is on disk.
type commitError struct{ err error }

func (e *commitError) Error() string { return e.err.Error() }
func (e *commitError) Unwrap() error { return e.err }

// commitFailure tells the failures that left everything as it was from those that must stop
// the store.
func commitFailure(err error) error {
	var path *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bolterrors.ErrMaxSizeReached):
		return lode.Errorf(lode.CodeNoStorage, "the catalogue has reached its largest size: %w", err).
			WithHint("raise the limit or delete documents")
	case errors.As(err, &path) && path.Op == "write" && errors.Is(err, syscall.ENOSPC):
		return lode.Errorf(lode.CodeNoStorage, "the disk of the catalogue is full: %w", err).WithHint("free some space")
	}
	return &commitError{err}
}

// pageError is damage that bbolt or the memory mapping ran into.
type pageError struct{ err *lode.Error }

func (e *pageError) Error() string { return e.err.Error() }
func (e *pageError) Unwrap() error { return e.err }

// guard, deferred, turns a panic about damaged pages into an error; bbolt has no checksums
// on pages and trusts what it reads. Other panics are bugs and go on.
func guard(err *error) {
	r := recover()
	if r == nil {
		return
	}
	if !isPageFault(r) && !panickedInBolt() {
		panic(r)
	}
	*err = &pageError{lode.Errorf(lode.CodeCorrupt, "the catalogue is damaged: %v", r).
		WithHint("stop the node and run lode repair; else restore it from a backup")}
}

// isPageFault reports a read of mapped memory that the file does not back; see
// [debug.SetPanicOnFault].
func isPageFault(r any) bool {
	_, ok := r.(interface {
		runtime.Error
		Addr() uintptr
	})
	return ok
}

// panickedInBolt looks for the function that panicked: the first below the run-time's own.
func panickedInBolt() bool {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	panicking := false
	for {
		frame, more := frames.Next()
		inRuntime := strings.HasPrefix(frame.Function, "runtime.")
		if panicking && !inRuntime {
			return strings.HasPrefix(frame.Function, "go.etcd.io/bbolt")
		}
		panicking = panicking || inRuntime
		if !more {
			return false
		}
	}
}
