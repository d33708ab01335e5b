package storage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
	"github.com/lodedb/lode/storage/storagetest"
)

// readBlob returns a blob of an export.
func readBlob(tb testing.TB, e *storage.Export, h lode.Hash) []byte {
	tb.Helper()
	var b bytes.Buffer
	err := e.ReadBlob(h, func(r io.Reader) error {
		_, err := io.Copy(&b, r)
		return err
	})
	if err != nil {
		tb.Error(err)
	}
	return b.Bytes()
}

// catalogHash is the hash of a store's state without rows and silver.
func catalogHash(tb testing.TB, b *bench) lode.Hash {
	tb.Helper()
	h, err := b.CatalogHash()
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// fetchFrom gives a restore the segments of an export.
func fetchFrom(e *storage.Export) func(context.Context, storage.SegmentRef) (io.ReadCloser, error) {
	return func(_ context.Context, ref storage.SegmentRef) (io.ReadCloser, error) {
		for _, f := range e.Segments() {
			if f.Collection == ref.Collection && f.ID == ref.ID {
				var b bytes.Buffer
				err := e.ReadSegment(f, func(r io.Reader) error {
					_, err := io.Copy(&b, r)
					return err
				})
				if err == nil && lode.HashOf(b.Bytes()) != f.Content {
					err = errors.New("the segment has another hash")
				}
				return io.NopCloser(&b), err
			}
		}
		return nil, errors.New("the export lacks a segment")
	}
}

// TestExport keeps a moment while documents come and go and blobs are swept.
func TestExport(t *testing.T) {
	b := openReady(t)
	for i := range 20 {
		b.addDocument(1, numbered("doc", i), numbered("text", i))
	}
	stop := make(chan struct{})
	var sweeper sync.WaitGroup
	end := sync.OnceFunc(func() {
		close(stop)
		sweeper.Wait()
	})
	defer end()
	sweeper.Add(1)
	go func() {
		defer sweeper.Done()
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
	}()
	for i := range 20 {
		at := b.Applied()
		e, err := b.Export(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if info := e.Info(); info.Hash != catalogHash(t, b) || info.At != at || info.Cluster != "cluster-1" || !info.SameBlobs(e.Blobs()) || len(e.Blobs()) != 20-i {
			t.Errorf("round %d: %+v, %d blobs", i, info, len(e.Blobs()))
		}
		b.update(func(tx *storage.Tx) error { // the blob is held by the export alone
			d, err := tx.FindDocument(1, lode.KindDocument, lode.DocID(numbered("doc", i)))
			if err != nil {
				return err
			}
			return tx.DropDocument(d)
		})
		if _, err := b.SweepBlobs(ctx); err != nil {
			t.Fatal(err)
		}
		for _, info := range e.Blobs() {
			if content := readBlob(t, e, info.Hash); lode.HashOf(content) != info.Hash || int64(len(content)) != info.Bytes {
				t.Errorf("round %d: blob %s has %d bytes of %d", i, info.Hash, len(content), info.Bytes)
			}
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	end()
	if _, err := b.SweepBlobs(ctx); err != nil {
		t.Fatal(err)
	}
	for _, breach := range b.breaches() {
		t.Error(breach) // nothing is pinned any more, so nothing is left over
	}
	if left, _ := filepath.Glob(filepath.Join(b.dir, "*.tmp")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// TestExportRefuses names a blob that is missing or cut.
func TestExportRefuses(t *testing.T) {
	b := openReady(t)
	b.addDocument(1, "doc", "text")
	h := lode.HashOf([]byte("<text"))
	path := filepath.Join(b.dir, "blobs", h.String()[:2], h.String())
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 10); err != nil {
		t.Fatal(err)
	}
	_, err = b.Export(ctx)
	wantCode(t, err, lode.CodeCorrupt)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err = b.Export(ctx)
	wantCode(t, err, lode.CodeCorrupt)
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := b.Export(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	storagetest.MustCheck(t, b.Store)
	closed := open(t)
	closed.close()
	_, err = closed.Export(ctx)
	wantCode(t, err, lode.CodeUnavailable)
}

// TestRestoreCatalog takes an exported catalogue over, whole or not at all.
func TestRestoreCatalog(t *testing.T) {
	b := openReady(t)
	b.addDocument(1, "doc", "text")
	e, err := b.Export(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	catalog, err := io.ReadAll(e.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "catalog.db")
	if err := os.WriteFile(path, catalog, 0o600); err != nil {
		t.Fatal(err)
	}
	if info, err := storage.InspectCatalog(ctx, path); err != nil || info.Hash != catalogHash(t, b) || info.At != b.Applied() {
		t.Errorf("%+v, %v", info, err)
	}
	target := open(t)
	empty := target.hash()
	at := e.Info().At
	for name, try := range map[string]struct {
		content []byte
		at      storage.Applied
	}{
		"another entry": {catalog, storage.Applied{Index: at.Index + 1, Term: at.Term}},
		"cut":           {catalog[:len(catalog)-5000], at},
		"empty":         {nil, at},
		"noise":         {bytes.Repeat([]byte("noise"), 10_000), at},
	} {
		err := target.RestoreCatalog(ctx, bytes.NewReader(try.content), try.at, fetchFrom(e))
		if !lode.IsCode(err, lode.CodeCorrupt) || target.hash() != empty {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := target.RestoreCatalog(ctx, bytes.NewReader(catalog), at, fetchFrom(e)); err != nil {
		t.Fatal(err)
	}
	if _, release, err := target.Blobs().Put(ctx, []byte("<text")); err != nil {
		t.Error(err)
	} else {
		release()
	}
	if target.hash() != b.hash() || target.Applied() != at || target.NodeID() == b.NodeID() {
		t.Errorf("restored at %+v", target.Applied())
	}
	for i, place := range []int{100, len(catalog) / 2, len(catalog) - 4096 + 20} {
		damaged := bytes.Clone(catalog)
		for j := range 16 {
			damaged[place+j] ^= 0xff
		}
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if info, err := storage.InspectCatalog(ctx, path); err == nil && info.Hash != catalogHash(t, b) {
			t.Errorf("place %d: another state passes", i)
		}
	}
}
