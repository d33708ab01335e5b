package storage_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// TestEverythingAtOnce updates, views, flushes, seals, merges, scrubs, sweeps, checks, exports, takes and
// restores snapshots at the same time, and closes the store under them.
func TestEverythingAtOnce(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := t.TempDir()
	s, err := storage.Open(dir, storage.Options{FlushInterval: 2 * time.Millisecond, FlushBytes: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{TB: t, Store: s, dir: dir}
	b.start()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)

	var all sync.WaitGroup
	gone := func(err error) bool { // what Close and restores may cause
		return storage.IsClosed(err) || lode.IsCode(err, lode.CodeUnavailable)
	}
	loop := func(fn func(rnd *rand.Rand) error) {
		rnd := rand.New(rand.NewPCG(seed, rand.Uint64()))
		all.Go(func() {
			for {
				err := fn(rnd)
				if storage.IsClosed(err) {
					return
				}
				if err != nil && !gone(err) {
					t.Error(err)
					return
				}
			}
		})
	}
	var one sync.Mutex // entries come one after another, and not during a restore
	apply := func(e entry) error {
		one.Lock()
		defer one.Unlock()
		return s.Update(b.next(), e)
	}
	reference := func(rnd *rand.Rand) (name, id string) { return "docs", numbered("d", rnd.IntN(20)) }
	loop(func(rnd *rand.Rand) error {
		name, id := reference(rnd)
		return errors.Join(apply(submitEntry(name, id)), apply(onDocument(name, id, pendingOnly(stageEntry))),
			apply(onDocument(name, id, pendingOnly(commitEntry))))
	})
	loop(func(rnd *rand.Rand) error {
		name, id := reference(rnd)
		time.Sleep(5 * time.Millisecond)
		return apply(onDocument(name, id, func(t *storage.Tx, d *lode.Document, _ *lode.DocVersion) error { return t.DropDocument(d) }))
	})
	loop(func(*rand.Rand) error { // seal
		time.Sleep(3 * time.Millisecond)
		var id lode.SegmentID
		err := apply(func(t *storage.Tx) (err error) {
			id, err = t.Seal(1)
			return err
		})
		if err != nil || id == 0 {
			if lode.IsCode(err, lode.CodeConflict) {
				err = sealAll(b, apply)
			}
			return err
		}
		return sealAll(b, apply)
	})
	loop(func(*rand.Rand) error { // merge
		time.Sleep(7 * time.Millisecond)
		return apply(func(t *storage.Tx) error {
			due, err := t.MergeDue(1, storage.MergePolicy{Factor: 2, MaxInputs: 4})
			if len(due) > 0 {
				_, err = t.Merge(1, due)
			}
			return err
		})
	})
	loop(func(rnd *rand.Rand) error { // scrub, and replace what is whole
		round, err := s.Scrub(ctx, storage.ScrubOptions{BytesPerSecond: 64 << 20, Report: func(d storage.Damage) { t.Error(d) }})
		if err != nil || round.Damaged > 0 {
			return err
		}
		return replaceOne(b, rnd)
	})
	for range 2 {
		loop(func(*rand.Rand) error { _, err := s.StateHash(); return err })
	}
	loop(func(*rand.Rand) error { return errors.Join(s.Flush(), s.View(func(*storage.Tx) error { return nil })) })
	loop(func(*rand.Rand) error { _, err := s.SweepSegments(ctx); return err })
	loop(func(*rand.Rand) error {
		return s.Check(ctx, func(br storage.Breach) {
			if !br.Benign {
				t.Error(br)
			}
		})
	})
	loop(func(*rand.Rand) error {
		e, err := s.Export(ctx)
		if err != nil {
			return err
		}
		return errors.Join(readExport(e), e.Close())
	})
	loop(func(*rand.Rand) error {
		one.Lock()
		defer one.Unlock()
		var image bytes.Buffer
		if _, err := s.WriteSnapshot(&image); err != nil {
			return err
		}
		return s.RestoreSnapshot(&image)
	})
	loop(func(*rand.Rand) error { // a snapshot that is held for a while
		sn, err := s.Snapshot()
		if err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
		defer sn.Release()
		return sn.Write(io.Discard)
	})
	time.Sleep(time.Duration(steps(2, 60)) * time.Second)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
	if open, used := s.OpenHandles(); open != 0 || used != 0 {
		t.Errorf("%d files are open, %d in use", open, used)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
	again := mustOpen(t, dir, storage.Options{})
	for _, br := range (&bench{TB: t, Store: again, dir: dir}).breaches() {
		if !br.Benign {
			t.Error(br)
		}
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// replaceOne replaces the file of a sealed segment by itself, if it stays for so long.
func replaceOne(b *bench, rnd *rand.Rand) error {
	var all []storage.Segment
	err := b.View(func(t *storage.Tx) (err error) {
		all, err = t.Segments(1)
		return err
	})
	if err != nil || len(all) == 0 {
		return err
	}
	s := all[rnd.IntN(len(all))]
	if s.State != storage.SegmentSealed {
		return nil
	}
	f, err := b.OpenSegment(storage.SegmentRef{Collection: 1, Segment: s})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(b.ReplaceSealed(ctx, s.Hash, f), f.Close())
}

func readExport(e *storage.Export) error {
	var errs []error
	for _, f := range e.Segments() {
		errs = append(errs, e.ReadSegment(f, func(r io.Reader) error {
			content, err := io.ReadAll(r)
			if err == nil && lode.HashOf(content) != f.Content {
				err = errors.New("a segment of an export has another hash")
			}
			return err
		}))
	}
	return errors.Join(errs...)
}

// sealAll builds and names what is closed.
func sealAll(b *bench, apply func(entry) error) error {
	var all []storage.Segment
	err := b.View(func(t *storage.Tx) (err error) {
		all, err = t.Segments(1)
		return err
	})
	for _, s := range all {
		if s.State != storage.SegmentSealing && s.State != storage.SegmentMerging || !s.Closed() {
			continue
		}
		built, release, err := b.BuildSegment(ctx, 1, s.ID)
		if lode.IsCode(err, lode.CodeConflict) {
			continue
		}
		if err != nil {
			return err
		}
		err = apply(func(t *storage.Tx) error { return t.PutSealed(1, s.ID, built.Hash, built.Bytes) })
		release()
		if err != nil && !lode.IsCode(err, lode.CodeNotFound) {
			return err
		}
	}
	return err
}
