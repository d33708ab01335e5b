package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
)

// Verify reads everything that a backup consists of and recomputes every hash; the catalogue
// is put together in a temporary folder, checked page by page and record by record, and must
// refer to exactly the segments and blobs that the backup has. An empty id is the newest.
// Damage is [lode.CodeCorrupt] and says how much of it there is.
func (r *Repository) Verify(ctx context.Context, id string) (Backup, error) {
	id, m, err := r.find(ctx, id)
	if err != nil {
		return Backup{ID: id}, fmt.Errorf("verify backup: %w", err)
	}
	if err := r.verify(ctx, m); err != nil {
		return Backup{ID: id}, fmt.Errorf("verify backup %s: %w", id, err)
	}
	return m.describe(id), nil
}

func (r *Repository) verify(ctx context.Context, m *manifest) (err error) {
	dir, err := os.MkdirTemp("", "lode-verify-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "catalog.db")
	damage := &tally{repo: r}
	if err := damage.add(r.assemble(ctx, m.catalogue(), path)); err != nil {
		return err
	}
	objects := m.objects()
	for _, h := range m.Chunks {
		delete(objects, h) // read already
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(r.Workers)
	for h, n := range objects {
		group.Go(func() error { return damage.add(readObject(groupCtx, r.target, h, n, io.Discard)) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := damage.err(); err != nil {
		return err
	}
	return inspect(ctx, m, path)
}

// tally counts damaged objects and lets other errors through.
type tally struct {
	repo *Repository
	mu   struct {
		sync.Mutex
		first error
		count int
	}
}

func (d *tally) add(err error) error {
	if err == nil || !lode.IsCode(err, lode.CodeCorrupt) {
		return err
	}
	d.repo.Logger.Error("backup is damaged", "repository", d.repo.String(), "error", err)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.count++; d.mu.first == nil {
		d.mu.first = err
	}
	return nil
}

func (d *tally) err() error {
	if d.mu.count > 1 {
		return fmt.Errorf("%d breaches, the first: %w", d.mu.count, d.mu.first)
	}
	return d.mu.first
}

// assemble puts a file together from its pieces.
func (r *Repository) assemble(ctx context.Context, p pieces, path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, vfs.FilePerm)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.Workers)
	for i, h := range p.hashes {
		group.Go(func() error {
			return readObject(ctx, r.target, h, p.length(i), io.NewOffsetWriter(f, int64(i)*p.size))
		})
	}
	return errors.Join(group.Wait(), f.Close())
}

// inspect compares a catalogue with what the manifest says of it.
func inspect(ctx context.Context, m *manifest, path string) error {
	info, err := storage.InspectCatalog(ctx, path)
	if err != nil {
		return err
	}
	blobs := make([]storage.BlobInfo, len(m.Blobs))
	for i, b := range m.Blobs {
		blobs[i] = storage.BlobInfo{Hash: b.Hash, Bytes: b.Bytes}
	}
	switch {
	case info.At != storage.Applied{Index: m.Index, Term: m.Term}:
		return lode.Errorf(lode.CodeCorrupt, "the catalogue ends at log entry %d, the manifest says %d", info.At.Index, m.Index)
	case info.Cluster != m.Cluster:
		return lode.Errorf(lode.CodeCorrupt, "the catalogue is of cluster %s, the manifest says %s", info.Cluster, m.Cluster)
	case info.Hash != m.CatalogHash:
		return lode.Errorf(lode.CodeCorrupt, "the catalogue has hash %s, the manifest says %s", info.Hash, m.CatalogHash)
	case !m.sameSegments(info.Segments):
		return lode.Errorf(lode.CodeCorrupt, "the catalogue refers to other segments than the manifest lists")
	case !info.SameBlobs(blobs):
		return lode.Errorf(lode.CodeCorrupt, "the catalogue refers to other blobs than the manifest lists")
	}
	return nil
}
