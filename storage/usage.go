package storage

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/lodedb/lode/internal/vfs"
)

// Usage is how much of the disk each part of a data folder takes, in bytes of allocated
// blocks, folders included.
type Usage struct {
	Catalogue int64
	Segments  int64
	Blobs     int64
	Log       int64
	Snapshots int64 // of the log
	Other     int64
	Files     int
}

// Total is the whole folder.
func (u Usage) Total() int64 {
	return u.Catalogue + u.Segments + u.Blobs + u.Log + u.Snapshots + u.Other
}

// Usage walks the data folder. It may run beside everything else; files that come or go
// meanwhile may be counted or not.
func (s *Store) Usage(ctx context.Context) (u Usage, err error) {
	err = filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		var info fs.FileInfo
		if err == nil {
			info, err = d.Info()
		}
		if errors.Is(err, fs.ErrNotExist) && path != s.dir {
			return nil // it has just gone
		}
		if err != nil {
			return err
		}
		if !d.IsDir() {
			u.Files++
		}
		*u.part(strings.TrimPrefix(path, s.dir)) += vfs.Allocated(info)
		return nil
	})
	return u, err
}

// part says what a path below the data folder belongs to.
func (u *Usage) part(path string) *int64 {
	first, rest, _ := strings.Cut(strings.TrimPrefix(filepath.ToSlash(path), "/"), "/")
	switch {
	case strings.HasPrefix(first, "catalog"):
		return &u.Catalogue
	case first == segmentsName:
		return &u.Segments
	case first == blobsName:
		return &u.Blobs
	case first == raftName && (rest == "snapshots" || strings.HasPrefix(rest, "snapshots/")):
		return &u.Snapshots
	case first == raftName:
		return &u.Log
	}
	return &u.Other
}

// CatalogueBytes is what the catalogue takes of the disk.
func (s *Store) CatalogueBytes() (int64, error) {
	info, err := s.fsys.Stat(s.path(catalogName))
	if err != nil {
		return 0, err
	}
	return vfs.Allocated(info), nil
}
