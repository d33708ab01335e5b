package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/lodedb/lode"
)

// SweepBlobs removes the files of blobs to which nothing refers and that nobody holds
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
		// After a crash the files count, until the log has been applied again.
		used = refs > 0 || t.catalog.get(space{bucket: blobsBucket}, h[:]) != nil
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

// SweepSegments removes files of segments that the catalogue does not know any more, as an
// interrupted process leaves them, and returns how many. As with [Store.SweepBlobs], after a
// start everything that was committed before must have been applied.
func (s *Store) SweepSegments(ctx context.Context) (removed int, err error) {
	s.swap.RLock() // files are removed by its holders only, so never beside a restore
	defer s.swap.RUnlock()
	if s.catalog == nil {
		return 0, fmt.Errorf("sweep segments: %w", errClosed)
	}
	gone, err := s.orphanSegments(ctx)
	if err != nil {
		return 0, fmt.Errorf("sweep segments: %w", err)
	}
	s.epochs.retire(gone)
	return len(gone), nil
}

// orphanSegments returns how to remove the files that nothing refers to. Files are listed
// before references: one that comes later may be named later.
func (s *Store) orphanSegments(ctx context.Context) (gone []func() error, err error) {
	sealed := map[lode.Hash]*doomed{}
	var growing []segmentKey
	indexes, err := s.segments.indexes()
	if err != nil {
		return nil, err
	}
	err = s.segments.each(func(_ string, hash lode.Hash, k segmentKey) error {
		switch {
		case k.segment != 0:
			growing = append(growing, k)
		case !hash.IsZero():
			if mark := s.segments.doom(hash); mark != nil {
				sealed[hash] = mark
			}
		}
		return ctx.Err()
	})
	refs := segmentRefs{}
	if err == nil {
		refs, err = s.currentRefs()
	}
	for h, mark := range sealed {
		if err != nil || refs.sealed[h] {
			s.segments.spare(h, mark)
			continue
		}
		gone = append(gone, func() error { return s.segments.removeDoomed(h, mark) })
	}
	for _, n := range indexes {
		if err == nil && !refs.sealed[n.Hash] && sealed[n.Hash] == nil && !s.segments.pinned(n.Hash) { // a file that is going takes its indexes along
			gone = append(gone, func() error { return s.DropIndex(n) })
		}
	}
	for _, k := range growing {
		if err == nil && !refs.growing[k] {
			gone = append(gone, func() error { return s.segments.removeGrowing(k) })
		}
	}
	return gone, err
}

// currentRefs are the references of this moment; the caller holds swap.
func (s *Store) currentRefs() (refs segmentRefs, err error) {
	err = guarded(func() error {
		t, err := s.begin()
		if err != nil {
			return err
		}
		defer t.end()
		refs, err = t.segmentRefs()
		return err
	})
	return refs, err
}

// segmentRefs are the files that the catalogue refers to, now or as it was last flushed.
type segmentRefs struct {
	growing map[segmentKey]bool
	sealed  map[lode.Hash]bool
}

func (t *Tx) segmentRefs() (refs segmentRefs, err error) {
	refs = segmentRefs{growing: map[segmentKey]bool{}, sealed: map[lode.Hash]bool{}}
	for _, tx := range []*Tx{t, {catalog: t.catalog}} {
		err := tx.eachSegment(func(k segmentKey, s *Segment) error {
			switch {
			case s.State == SegmentSealed:
				refs.sealed[s.Hash] = true
			case s.hasGrowing():
				refs.growing[k] = true
			}
			return nil
		})
		if err != nil {
			return refs, err
		}
	}
	return refs, nil
}

// eachSegment calls fn for every segment of every collection.
func (t *Tx) eachSegment(fn func(segmentKey, *Segment) error) error {
	return t.top(collectionsBucket).scanAll(nil, func(k, _ []byte) error {
		c := lode.CollectionID(parseDocumentKey(k))
		all, err := t.Segments(c)
		if err != nil {
			return err
		}
		for i := range all {
			if err := fn(segmentKey{c, all[i].ID}, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}
