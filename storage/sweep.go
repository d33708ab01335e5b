package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/lodedb/lode"
)

// SweepBlobs removes the files of blobs to which no version refers and that nobody holds
// through [Blobs.Put], and returns how many. It may run beside everything else. References
// are those of the log entries applied here: after a start, sweep only once the node has
// applied what was committed before, or it removes the bytes of documents whose entry is
// still to come.
func (s *Store) SweepBlobs(ctx context.Context) (removed int, err error) {
	err = s.blobs.each(ctx, func(path string, h lode.Hash, named bool) error {
		if !named {
			return nil // not ours to remove; Check reports it
		}
		gone, err := s.sweepBlob(path, h)
		if gone {
			removed++
		}
		return err
	})
	if err != nil {
		return removed, fmt.Errorf("sweep blobs: %w", err)
	}
	return removed, nil
}

// sweepBlob decides under the lock of the shard: a Put of the same content either has its
// pin by now or comes after the removal and writes the file again.
func (s *Store) sweepBlob(path string, h lode.Hash) (removed bool, err error) {
	shard := &s.blobs.shards[h[0]]
	shard.Lock()
	defer shard.Unlock()
	used, err := s.blobInUse(h)
	if err != nil || used {
		return false, err
	}
	// The removal needs no sync: a file that a power cut brings back is swept again.
	err = s.blobs.fsys.Remove(path)
	if errors.Is(err, fs.ErrNotExist) { // another sweep was faster
		return false, nil
	}
	return err == nil, err
}

// blobInUse looks at the references of this moment.
func (s *Store) blobInUse(h lode.Hash) (used bool, err error) {
	if s.blobs.pinned(h) {
		return true, nil
	}
	err = s.View(func(t *Tx) error {
		refs, err := t.BlobRefs(h)
		used = refs > 0
		return err
	})
	return used, err
}

// each calls fn for every file below the blobs' folder, except those being written. named is
// false for files that no blob would have.
func (b *Blobs) each(ctx context.Context, fn func(path string, h lode.Hash, named bool) error) error {
	shards, err := b.fsys.ReadDir(b.dir)
	if err != nil {
		return err
	}
	for _, shard := range shards {
		path := filepath.Join(b.dir, shard.Name())
		if path == b.tempDir() {
			continue
		}
		if !shard.IsDir() {
			if err := fn(path, lode.Hash{}, false); err != nil {
				return err
			}
			continue
		}
		files, err := b.fsys.ReadDir(path)
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := ctx.Err(); err != nil {
				return err
			}
			path := filepath.Join(path, file.Name())
			var h lode.Hash
			named := h.UnmarshalText([]byte(file.Name())) == nil && b.path(h) == path
			if err := fn(path, h, named); err != nil {
				return err
			}
		}
	}
	return nil
}
