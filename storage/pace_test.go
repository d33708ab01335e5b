package storage_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
	"github.com/lodedb/lode/storage/storagetest"
)

// TestPace: what goes on in the background yields while it works and says when it ends, also when
// it fails. What a log entry waits for does not.
func TestPace(t *testing.T) {
	var under, yields, begun atomic.Int64
	b := &bench{TB: t, dir: t.TempDir()}
	b.Store = storagetest.OpenDir(t, b.dir, storage.Options{Pace: func(context.Context) (yield, end func()) {
		under.Add(1)
		begun.Add(1)
		return func() {
			if yields.Add(1); under.Load() == 0 {
				t.Error("work goes on after its end")
			}
		}, func() { under.Add(-1) }
	}})
	b.start()
	b.addDocument(1, "x", "one\ntwo\n")
	built := b.seal(1)
	b.flush()
	paced := func(what string, want bool) {
		t.Helper()
		if under.Load() != 0 || (begun.Swap(0) > 0) != want || (yields.Swap(0) > 0) != want {
			t.Errorf("%s: paced %v", what, !want)
		}
	}
	paced("build a segment", true)
	if _, err := b.WriteSnapshot(io.Discard); err != nil {
		t.Fatal(err)
	}
	paced("write a snapshot", true)
	if _, err := b.WriteSnapshot(failing{}); err == nil {
		t.Error("a snapshot was written nowhere")
	}
	paced("fail to write a snapshot", true)
	other := &bench{TB: t, dir: t.TempDir()}
	other.Store = storagetest.OpenDir(t, other.dir, storage.Options{Pace: func(context.Context) (yield, end func()) {
		begun.Add(1)
		return func() { yields.Add(1) }, func() {}
	}})
	other.start()
	other.addDocument(1, "x", "one\ntwo\n")
	other.update(func(tx *storage.Tx) error {
		_, err := tx.Seal(1)
		return err
	})
	other.update(func(tx *storage.Tx) error { return tx.PutSealed(1, lode.SegmentID(1), built.Hash, built.Bytes) })
	paced("build a segment that an entry names", false)
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no room") }
