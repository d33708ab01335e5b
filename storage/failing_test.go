package storage_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
)

// TestEveryFailingCall fails each changing call of every operation that goes through our file
// system. The operation says so, the store stays sound and goes on, and so does the next
// process.
func TestEveryFailingCall(t *testing.T) {
	other := openReady(t)
	other.addDocument(1, "theirs", "theirs\n")
	other.seal(1)
	other.addDocument(1, "growing", "growing\n")
	image, theirs := other.snapshot(), other.hash()

	for name, op := range map[string]func(b *bench) error{
		"put blob": func(b *bench) error {
			_, release, err := b.Blobs().Put(ctx, []byte("blob"))
			if err == nil {
				release()
			}
			return err
		},
		"sweep blobs": func(b *bench) error { _, err := b.SweepBlobs(ctx); return err },
		"first flush": func(b *bench) error {
			b.addCollection("new")
			b.update(submitEntry("new", "x"))
			b.update(onDocument("new", "x", commitEntry))
			return b.Flush()
		},
		"build segment": func(b *bench) error {
			_, release, err := b.BuildSegment(ctx, 1, 1)
			if err == nil {
				release()
			}
			return err
		},
		"merge": func(b *bench) error {
			_, release, err := b.BuildSegment(ctx, 2, 2)
			if err != nil {
				return err
			}
			defer release()
			return b.Flush()
		},
		"replace": func(b *bench) error {
			h := b.segmentsOf(2)[0].Hash
			f, err := b.OpenSegment(storage.SegmentRef{Segment: storage.Segment{State: storage.SegmentSealed, Hash: h}})
			if err != nil {
				return err
			}
			return errors.Join(b.ReplaceSealed(ctx, h, f), f.Close())
		},
		"restore": func(b *bench) error { return b.RestoreSnapshot(bytes.NewReader(image)) },
		"export": func(b *bench) error {
			e, err := b.Export(ctx)
			if err == nil {
				err = e.Close()
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			for n := 1; ; n++ {
				b := failingStore(t)
				b.fetchFrom(other)
				copyBlobs(other, b.bench)
				want := b.hash()
				b.failing.arm(n)
				err := op(b.bench)
				if !b.failing.hit() {
					if err != nil {
						t.Fatal(err)
					}
					b.close()
					break
				}
				calls++
				if err == nil || !errors.Is(err, vfs.ErrInjected) {
					t.Errorf("call %d: %v", n, err)
				}
				got, hashErr := b.StateHash()
				if name != "first flush" && (hashErr != nil || got != want) && got != theirs {
					t.Errorf("call %d: another state: %v", n, hashErr)
				}
				_ = b.Close()
				s := mustOpen(t, b.dir, storage.Options{})
				again := &bench{TB: t, Store: s, dir: b.dir}
				for _, br := range again.breaches() {
					if !br.Benign {
						t.Errorf("call %d: %s", n, br)
					}
				}
				if h, err := s.StateHash(); name != "first flush" && h != want && h != theirs || err != nil {
					t.Errorf("call %d: another state after reopening: %v", n, err)
				}
				again.addCollection("goes on")
				again.close()
			}
			if calls == 0 && name != "export" && name != "sweep blobs" {
				t.Error("no call was failed")
			}
		})
	}
}

// failBench is a store on a file system that can be made to fail.
type failBench struct {
	*bench
	failing *switched
}

func failingStore(t *testing.T) *failBench {
	t.Helper()
	failing := &switched{FS: vfs.OS}
	b := &bench{TB: t, dir: t.TempDir()}
	s, err := storage.Open(b.dir, storage.Options{FS: failing, Fetch: b.fetch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	b.Store = s
	b.start()
	b.addDocument(1, "x", "one\ntwo\n")
	_, release, err := b.Blobs().Put(ctx, []byte("orphan"))
	if err != nil {
		t.Fatal(err)
	}
	release()
	b.update(func(tx *storage.Tx) error { _, err := tx.Seal(1); return err })
	b.addCollection("merging")
	b.addDocument(2, "y", "three\nfour\n")
	b.seal(2)
	b.update(func(tx *storage.Tx) error { _, err := tx.Merge(2, []lode.SegmentID{1}); return err })
	b.flush()
	return &failBench{b, failing}
}

// switched is a file system that begins to count calls when it is armed.
type switched struct {
	vfs.FS
	failing *vfs.Failing
}

func (s *switched) arm(n int) {
	s.failing = vfs.FailNth(s.FS, n)
	s.FS = s.failing
}

func (s *switched) hit() bool { return s.failing.Failed() }
