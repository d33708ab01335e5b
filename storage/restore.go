package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// SegmentRef names a segment that a catalogue refers to.
type SegmentRef struct {
	Collection lode.CollectionID
	Segment
}

func (r *SegmentRef) key() segmentKey { return segmentKey{r.Collection, r.ID} }

// fetchFunc opens a segment of somebody else.
type fetchFunc = func(context.Context, SegmentRef) (io.ReadCloser, error)

// RestoreSnapshot replaces the catalogue by the one in a snapshot, all or nothing: it is
// written beside the old one and checked completely, the segments that it names and that are
// not here are fetched ([Options.Fetch]), and then all of them are swapped in. Transactions
// wait during the swap. On error the store is as before, unless the error says that it
// failed in the middle of the swap; then it takes no more writes until it is opened again,
// which finishes the swap.
func (s *Store) RestoreSnapshot(r io.Reader) error {
	if err := s.needFiles(); err != nil {
		return err
	}
	head, catalog, err := openSnapshot(r)
	if err == nil && s.options.MaxBytes > 0 && head.Bytes > s.options.MaxBytes {
		err = lode.Errorf(lode.CodeTooLarge, "the catalogue of the snapshot has %d bytes, the limit here is %d", head.Bytes, s.options.MaxBytes)
	}
	if err == nil {
		err = s.restore(context.Background(), catalog, Applied{Index: head.Index, Term: head.Term}, s.options.Fetch, false)
	}
	if err != nil {
		return fmt.Errorf("restore snapshot: %w", err)
	}
	s.log.Info("snapshot restored", "applied", s.Applied().Index)
	return nil
}

// RestoreCatalog is [Store.RestoreSnapshot] for a bare catalogue file. at is the log
// position that it must have; fetch opens the segments that it names.
func (s *Store) RestoreCatalog(ctx context.Context, r io.Reader, at Applied, fetch func(context.Context, SegmentRef) (io.ReadCloser, error)) error {
	if err := s.needFiles(); err != nil {
		return err
	}
	if err := s.restore(ctx, r, at, fetch, true); err != nil {
		return fmt.Errorf("restore catalogue: %w", err)
	}
	s.log.Info("catalogue restored", "applied", s.Applied().Index)
	return nil
}

func (s *Store) needFiles() error {
	if s.options.Memory != nil {
		return lode.Errorf(lode.CodeInternal, "a store in memory cannot be restored")
	}
	return nil
}

// restore exchanges catalogue and segments. other says that they are of another log than what
// is here: then no growing segment of this node is taken for theirs, and none stays.
func (s *Store) restore(ctx context.Context, catalog io.Reader, at Applied, fetch fetchFunc, other bool) (err error) {
	s.restoring.Lock()
	defer s.restoring.Unlock()
	temp := catalogName + ".restore.tmp"
	p := plan{Why: "restore"}
	written := false
	defer func() {
		if written {
			return
		}
		_ = os.Remove(s.path(temp)) // what stays is removed at the next open
		for _, step := range p.Steps {
			if step.To != "" {
				_ = os.Remove(s.path(step.From))
			}
		}
	}()
	if err := copyToFile(s.path(temp), catalog); err != nil {
		return err
	}
	segments, err := checkReceived(s.path(temp), at)
	if err != nil {
		return err
	}
	for _, ref := range segments {
		if ref.State == SegmentSealed {
			defer s.segments.pin(ref.Hash)() // the sweeper does not know that it is wanted
		}
		step, err := s.fetch(ctx, ref, fetch, other)
		if err != nil {
			return err
		}
		if step.From != "" {
			p.Steps = append(p.Steps, step)
		}
	}
	if other {
		strangers, err := s.strangers(segments)
		if err != nil {
			return err
		}
		p.Steps = append(p.Steps, strangers...)
	}
	// The catalogue comes last: until then the old one has everything that it names.
	p.Steps = append(p.Steps, planStep{From: temp, To: catalogName})
	written, err = s.exchange(p)
	return err
}

// checkReceived opens a received catalogue and walks every page and every record.
func checkReceived(path string, at Applied) (segments []SegmentRef, err error) {
	err = inCatalogFile(path, func(db *bolt.DB, t *Tx) error {
		if t.At() != at {
			return lode.Errorf(lode.CodeCorrupt, "the snapshot announces log entry %d and holds %d", at.Index, t.At().Index)
		}
		if err := checkCatalogFile(context.Background(), db, t, path); err != nil {
			return err
		}
		segments, err = t.listSegments()
		return err
	})
	return segments, err
}

func (t *Tx) listSegments() (all []SegmentRef, err error) {
	err = t.eachSegment(func(k segmentKey, s *Segment) error {
		all = append(all, SegmentRef{Collection: k.collection, Segment: *s})
		return nil
	})
	return all, err
}

// inCatalogFile reads a catalogue file that no store has open.
func inCatalogFile(path string, fn func(*bolt.DB, *Tx) error) error {
	db, err := openCatalog(path, 0, true)
	if err != nil {
		return err
	}
	err = readBolt(db, func(tx *bolt.Tx) error {
		at, err := appliedOf(tx)
		if err != nil {
			return err
		}
		return fn(db, &Tx{at: at, entry: at.Index, catalog: newBoltTx(tx)})
	})
	return errors.Join(err, db.Close())
}

// fetch gets a segment that is not here, under a temporary name, and returns the step that
// gives it its own; no step when it is here.
func (s *Store) fetch(ctx context.Context, ref SegmentRef, fetch fetchFunc, other bool) (step planStep, err error) {
	here, err := s.hasSegment(ref, other)
	if here || err != nil || ref.Bytes == 0 && ref.State != SegmentSealed {
		return step, err
	}
	if fetch == nil {
		return step, lode.Errorf(lode.CodeUnavailable, "segment %s of the snapshot is not on this node, and there is nobody to fetch it from", ref.key())
	}
	r, err := fetch(ctx, ref)
	if err != nil {
		return step, fmt.Errorf("fetch segment %s: %w", ref.key(), err)
	}
	final := s.segmentName(ref)
	step = planStep{From: final + ".fetch.tmp", To: final}
	err = errors.Join(copyToFile(s.path(step.From), &stoppedReader{ctx, r}), r.Close())
	if err == nil {
		err = s.checkFetched(ctx, ref, s.path(step.From))
	}
	if err != nil {
		return planStep{}, errors.Join(fmt.Errorf("fetch segment %s: %w", ref.key(), err), os.Remove(s.path(step.From)))
	}
	return step, nil
}

// segmentName is the file of a segment, relative to the data folder.
func (s *Store) segmentName(ref SegmentRef) string {
	if ref.State == SegmentSealed {
		return filepath.Join(segmentsName, ref.Hash.String()+sealedSuffix)
	}
	return filepath.Join(segmentsName, ref.key().String()+growingSuffix)
}

// strangers are the steps that remove the growing segments which a catalogue of another log
// does not know, or not with anything in them: it may give their numbers out again.
func (s *Store) strangers(segments []SegmentRef) (steps []planStep, err error) {
	known := map[segmentKey]bool{}
	for i := range segments {
		if ref := &segments[i]; ref.State != SegmentSealed && ref.Bytes > 0 {
			known[ref.key()] = true
		}
	}
	all, err := s.files.listGrowing()
	for _, k := range all {
		if !known[k] {
			steps = append(steps, planStep{From: filepath.Join(segmentsName, k.String()+growingSuffix)})
		}
	}
	return steps, err
}

// hasSegment reports whether the file of a segment is here and has all that ref speaks of. A
// growing one counts when the catalogue of this node refers to it too: another may be swept,
// or be of another log.
func (s *Store) hasSegment(ref SegmentRef, other bool) (here bool, err error) {
	info, err := s.fsys.Stat(s.path(s.segmentName(ref)))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if ref.State == SegmentSealed {
		return info.Size() == ref.FileBytes, nil
	}
	if other {
		return false, nil
	}
	s.swap.RLock() // Close must not miss the file that is opened here
	defer s.swap.RUnlock()
	if known, err := s.knowsGrowing(ref.key()); err == nil && !known {
		return false, nil
	} else if errors.Is(err, errClosed) {
		return false, err
	} // and of a damaged catalogue nothing is swept
	h, err := s.segments.growing.get(ref.key())
	if err != nil {
		return false, nil // a damaged one is replaced
	}
	defer h.release()
	at, err := appliedIn(h.value)
	return err == nil && at.Index >= ref.PutAt, nil
}

// knowsGrowing reports whether the catalogue's file refers to a growing segment; the caller
// holds swap.
func (s *Store) knowsGrowing(k segmentKey) (known bool, err error) {
	err = guarded(func() error {
		t, err := s.begin()
		if err != nil {
			return err
		}
		defer t.end()
		_, r, err := t.flushedSegment(k)
		known = err == nil && r != nil && r.hasGrowing()
		return err
	})
	return known, err
}

func appliedIn(b base) (at Applied, err error) {
	err = guarded(func() error {
		tx, err := b.begin()
		if err != nil {
			return err
		}
		defer tx.end()
		at, err = tx.applied()
		return err
	})
	return at, err
}

// checkFetched checks a segment that was received.
func (s *Store) checkFetched(ctx context.Context, ref SegmentRef, path string) error {
	if ref.State == SegmentSealed {
		return verifyFile(ctx, s.fsys, path, ref.Hash)
	}
	db, err := openBolt(path, &bolt.Options{ReadOnly: true, PreLoadFreelist: true})
	if err != nil {
		return err
	}
	err = checkGrowing(db, ref.key())
	if err == nil {
		var at Applied
		if at, err = appliedIn(&boltBase{db: db, path: path}); err == nil && at.Index < ref.PutAt {
			err = lode.Errorf(lode.CodeCorrupt, "it ends at log entry %d, before %d", at.Index, ref.PutAt)
		}
	}
	return errors.Join(err, db.Close())
}

// exchange swaps the files for the checked ones. written says whether the plan, if there was
// an error, is finished by the next open.
func (s *Store) exchange(p plan) (written bool, err error) {
	s.releaseSnapshots(false)
	s.swap.Lock()
	defer s.swap.Unlock()
	if s.catalog == nil {
		return false, errClosed
	}
	// What is applied must not be lost when the exchange fails; a catalogue that cannot be
	// written is what the restore is for.
	_ = s.flushAll()
	before := s.Applied()
	s.flusher.mu.Lock()
	defer s.flusher.mu.Unlock()
	err = errors.Join(s.segments.close(), s.catalog.close())
	s.catalog = nil
	if err == nil {
		written, err = s.execute(p)
	}
	openErr := s.openCatalog() // whichever file has the name is the catalogue
	s.writing.Lock()
	defer s.writing.Unlock()
	switch {
	case openErr != nil:
		s.writing.failed = openErr
	case err != nil && (written || s.Applied() != before):
		s.failLocked(err) // half of it may have happened, or what was applied is gone
	case err == nil:
		s.writing.failed = nil
	}
	return written, errors.Join(err, openErr)
}

func copyToFile(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, vfs.FilePerm)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Sync(), f.Close())
}

// OpenSegment opens the file of a segment for another node: what [Options.Fetch] there
// reads. A growing segment is flushed and copied first. Reading must end with Close.
func (s *Store) OpenSegment(ref SegmentRef) (io.ReadCloser, error) {
	if ref.State == SegmentSealed {
		return s.fsys.OpenFile(s.segments.sealedPath(ref.Hash), os.O_RDONLY, 0)
	}
	s.swap.RLock()
	path, err := s.copyFlushed(ref.key())
	s.swap.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("open segment %s: %w", ref.key(), err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return &removedAtClose{f}, nil
}

// copyFlushed copies a growing segment with all that is applied; the caller holds swap.
func (s *Store) copyFlushed(k segmentKey) (path string, err error) {
	if s.catalog == nil {
		return "", errClosed
	}
	if err := s.flushAll(); err != nil {
		return "", err
	}
	return s.copyGrowing(k)
}

// cutGrowing takes out of a copied growing segment what came after a log entry. A backup
// goes on as another log, which may put something else there.
func cutGrowing(path string, ref SegmentRef, at Applied) error {
	db, err := openBolt(path, &bolt.Options{Timeout: time.Second, FreelistType: bolt.FreelistArrayType, PreLoadFreelist: true, NoSync: true, NoGrowSync: true})
	if err != nil {
		return err
	}
	err = guarded(func() error {
		return db.Update(func(tx *bolt.Tx) error {
			was, err := appliedOf(tx)
			if err == nil && was.Index < ref.PutAt {
				err = &segmentBehindError{lode.Errorf(lode.CodeCorrupt, "it ends at log entry %d, before %d", was.Index, ref.PutAt)}
			}
			if err != nil || was.Index <= at.Index {
				return err
			}
			for _, name := range partBuckets {
				c := tx.Bucket([]byte(name.String())).Cursor()
				for k, raw := c.First(); k != nil; {
					if index, ok := partIndex(k, raw); !ok || index <= at.Index {
						k, raw = c.Next()
						continue
					}
					key := slices.Clone(k)
					if err := tx.Bucket([]byte(name.String())).Delete(key); err != nil {
						return err
					}
					k, raw = c.Seek(key)
				}
			}
			return putApplied(tx, at)
		})
	})
	return errors.Join(err, db.Close())
}

// copyGrowing copies the file of a growing segment, which may hold more than any moment. The
// caller holds swap.
func (s *Store) copyGrowing(k segmentKey) (path string, err error) {
	h, err := s.segments.growing.get(k)
	if err != nil {
		return "", err
	}
	defer h.release()
	f, err := os.CreateTemp(s.tempDir(), "segment.*.tmp")
	if err != nil {
		return "", err
	}
	err = guarded(func() error {
		tx, err := h.value.begin()
		if err != nil {
			return err
		}
		defer tx.end()
		in, is := tx.(*boltTx)
		if !is {
			return lode.Errorf(lode.CodeInternal, "a segment in memory has no file")
		}
		_, err = in.tx.WriteTo(f)
		return err
	})
	if err := errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

type removedAtClose struct{ *os.File }

func (f *removedAtClose) Close() error { return errors.Join(f.File.Close(), os.Remove(f.Name())) }
