package storage_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
)

func blobFile(dir string, h lode.Hash) string {
	return filepath.Join(dir, "blobs", h.String()[:2], h.String())
}

func TestBlobs(t *testing.T) {
	b := open(t)
	for _, n := range []int{0, 1, seal.ChunkBytes, 3*seal.ChunkBytes + 7} {
		content := bytes.Repeat([]byte{7}, n)
		h, release, err := b.Blobs().Put(ctx, content)
		if err != nil || h != lode.HashOf(content) {
			t.Fatalf("%d bytes: %v", n, err)
		}
		release()
		release()
		if got, err := b.Blobs().Get(ctx, h); err != nil || !bytes.Equal(got, content) || !b.Blobs().Has(h) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	_, err := b.Blobs().Get(ctx, lode.HashOf([]byte("none")))
	wantCode(t, err, lode.CodeNotFound)
	if b.Blobs().Has(lode.HashOf([]byte("none"))) {
		t.Error("a blob exists that was not put")
	}
	left, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := b.Blobs().Put(left, []byte("late")); !errors.Is(err, context.Canceled) || storage.Pinned(b.Blobs(), lode.HashOf([]byte("late"))) {
		t.Errorf("put after the caller left: %v", err)
	}
}

func TestKnownBlobIsNotWrittenAgain(t *testing.T) {
	b := open(t)
	content := []byte("content")
	h, release, err := b.Blobs().Put(ctx, content)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	before, _ := os.Stat(blobFile(b.dir, h))
	if _, again, err := b.Blobs().Put(ctx, content); err != nil {
		t.Fatal(err)
	} else {
		again()
	}
	if after, _ := os.Stat(blobFile(b.dir, h)); !os.SameFile(before, after) {
		t.Error("the file was replaced")
	}
}

func TestDamagedBlobIsFoundAndHealed(t *testing.T) {
	b := open(t)
	content := bytes.Repeat([]byte("content "), 100)
	h, release, err := b.Blobs().Put(ctx, content)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	path := blobFile(b.dir, h)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"flipped": append(append([]byte(nil), good[:100]...), append([]byte{good[100] ^ 1}, good[101:]...)...),
		"cut":     good[:len(good)-1],
		"longer":  append(append([]byte(nil), good...), 0),
		"empty":   nil,
		"another": sealedBlob(t, []byte("another content")),
	} {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := b.Blobs().Get(ctx, h)
		if !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if _, again, err := b.Blobs().Put(ctx, content); err != nil {
			t.Errorf("%s: %v", name, err)
		} else {
			again()
		}
		if got, err := b.Blobs().Get(ctx, h); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: not healed: %v", name, err)
		}
	}
}

func sealedBlob(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := seal.NewWriter(&b, 0x30, int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestBlobPutSurvivesCrash fails each changing call of a put in turn and cuts the power: what
// was acknowledged is there whole, and what was not is there whole or not at all.
func TestBlobPutSurvivesCrash(t *testing.T) {
	first, second := bytes.Repeat([]byte("first "), 5000), []byte("second")
	for _, fail := range []func(vfs.FS, int) *vfs.Failing{vfs.FailNth, vfs.FailFrom} {
		for n := 1; ; n++ {
			m := vfs.NewMem()
			if err := vfs.MkdirDurable(m, "/data"); err != nil {
				t.Fatal(err)
			}
			setup, err := storage.NewBlobs(m, "/data/blobs")
			if err != nil {
				t.Fatal(err)
			}
			known, _, err := setup.Put(ctx, first)
			if err != nil {
				t.Fatal(err)
			}
			failing := fail(m, n)
			blobs, err := storage.NewBlobs(failing, "/data/blobs")
			var putErr error
			if err == nil {
				_, _, putErr = blobs.Put(ctx, first) // known
				if putErr == nil {
					_, _, putErr = blobs.Put(ctx, second)
				}
				if putErr != nil && !errors.Is(putErr, vfs.ErrInjected) {
					t.Fatalf("call %d: %v", n, putErr)
				}
			}
			for seed := range uint64(4) {
				after, err := storage.NewBlobs(m.CrashCloneRand(rand.New(rand.NewPCG(seed, uint64(n)))), "/data/blobs")
				if err != nil {
					t.Fatal(err)
				}
				if got, err := after.Get(ctx, known); err != nil || !bytes.Equal(got, first) {
					t.Fatalf("call %d, seed %d: acknowledged blob: %v", n, seed, err)
				}
				got, err := after.Get(ctx, lode.HashOf(second))
				acknowledged := blobs != nil && putErr == nil
				if err != nil && (acknowledged || !lode.IsCode(err, lode.CodeNotFound)) || err == nil && !bytes.Equal(got, second) {
					t.Fatalf("call %d, seed %d: acknowledged %t, %v", n, seed, acknowledged, err)
				}
			}
			if !failing.Failed() {
				break
			}
		}
	}
}

// TestKnownBlobIsMadeDurable puts a blob whose folder an earlier process had not synced when
// it died: the second put must not rely on the name it sees.
func TestKnownBlobIsMadeDurable(t *testing.T) {
	content := []byte("content")
	for n := 1; ; n++ { // find the call after which the name is there and not durable
		m := vfs.NewMem()
		if _, err := storage.NewBlobs(m, "/blobs"); err != nil {
			t.Fatal(err)
		}
		dead, err := storage.NewBlobs(vfs.FailFrom(m, n), "/blobs")
		if err != nil {
			continue
		}
		if _, _, err := dead.Put(ctx, content); err == nil {
			t.Fatal("no call left the name undurable")
		}
		lost, err := storage.NewBlobs(m.CrashClone(), "/blobs")
		if err != nil {
			t.Fatal(err)
		}
		seen, err := storage.NewBlobs(m, "/blobs")
		if err != nil {
			t.Fatal(err)
		}
		h := lode.HashOf(content)
		if !seen.Has(h) || lost.Has(h) {
			continue
		}
		if _, _, err := seen.Put(ctx, content); err != nil {
			t.Fatal(err)
		}
		after, err := storage.NewBlobs(m.CrashClone(), "/blobs")
		if err != nil {
			t.Fatal(err)
		}
		if !after.Has(h) {
			t.Error("an acknowledged blob was lost")
		}
		return
	}
}

func TestSweepBlobs(t *testing.T) {
	b := openReady(t)
	d := b.addDocument(1, "x", "kept\n")
	kept := lode.HashOf(newContent("kept\n").bronze)
	orphan, release, err := b.Blobs().Put(ctx, []byte("orphan"))
	if err != nil {
		t.Fatal(err)
	}
	sweep := func(want int) {
		t.Helper()
		if n, err := b.SweepBlobs(ctx); n != want || err != nil {
			t.Errorf("swept %d, %v; want %d", n, err, want)
		}
	}
	sweep(0) // pinned
	if !b.Blobs().Has(orphan) || !b.Blobs().Has(kept) {
		t.Fatal("a blob in use was swept")
	}
	release()
	if all := b.breaches(); len(all) != 1 || !all[0].Benign {
		t.Errorf("breaches before the sweep: %v", all)
	}
	sweep(1)
	if b.Blobs().Has(orphan) || !b.Blobs().Has(kept) {
		t.Error("the wrong blob was swept")
	}
	b.update(func(tx *storage.Tx) error { return tx.DropDocument(d) })
	sweep(1)
	if b.Blobs().Has(kept) || len(b.breaches()) != 0 {
		t.Errorf("after the drop: %v", b.breaches())
	}
	stray := filepath.Join(b.dir, "blobs", "stray")
	if err := os.WriteFile(stray, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	sweep(0)
	if all := b.breaches(); len(all) != 1 || !all[0].Benign {
		t.Errorf("stray file: %v", all)
	}
	left, cancel := context.WithCancel(ctx)
	cancel()
	b.addDocument(1, "y", "z")
	if _, err := b.SweepBlobs(left); !errors.Is(err, context.Canceled) {
		t.Errorf("sweep after the caller left: %v", err)
	}
}

// TestSweepBesidePuts puts, refers to, drops and sweeps the same few blobs from many
// goroutines: whatever is referred to or pinned is always there.
func TestSweepBesidePuts(t *testing.T) {
	b := openReady(t)
	var applying sync.Mutex
	update := func(fn func(*storage.Tx) error) {
		applying.Lock()
		defer applying.Unlock()
		if err := b.Update(b.next(), fn); err != nil {
			t.Error(err)
		}
	}
	stop := make(chan struct{})
	var sweeper, writers sync.WaitGroup
	sweeper.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := b.SweepBlobs(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	for w := range lode.DocNo(4) {
		writers.Go(func() {
			for i := range 15 {
				content := []byte{byte(i % 3)}
				h, release, err := b.Blobs().Put(ctx, content)
				if err != nil {
					t.Error(err)
					return
				}
				update(func(tx *storage.Tx) error {
					return tx.PutVersion(1, &lode.DocVersion{Doc: w + 1, Version: 1, State: lode.StatePending, Blob: h})
				})
				release()
				if _, err := b.Blobs().Get(ctx, h); err != nil {
					t.Errorf("a blob with a reference is gone: %v", err)
				}
				update(func(tx *storage.Tx) error { return tx.DropVersion(1, w+1, 1) })
			}
		})
	}
	writers.Wait()
	close(stop)
	sweeper.Wait()
}
