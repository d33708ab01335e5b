package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// CreateOptions are the settings of one backup. The zero value is good.
type CreateOptions struct {
	// Product is the version of the program, for the manifest.
	Product string
	// Keep is how many backups stay, this one included; older ones are removed with the
	// objects that only they need. 0 keeps all.
	Keep int
	// Full writes every object again, also those that are there: it heals a repository in
	// which Verify found damage.
	Full bool
}

// Create makes a backup of everything in the store as of one log entry, while writes go on.
// Only objects that the repository does not have are written; the manifest is written last,
// so a backup is there whole or not at all. The repository must be new or of the same
// cluster ([lode.CodeConflict] otherwise, and while another backup is being made).
func (r *Repository) Create(ctx context.Context, src *storage.Store, o CreateOptions) (Backup, error) {
	b, err := r.create(ctx, src, o)
	if err != nil {
		return Backup{}, fmt.Errorf("back up to %s: %w", r, err)
	}
	return b, nil
}

func (r *Repository) create(ctx context.Context, src *storage.Store, o CreateOptions) (b Backup, err error) {
	if o.Keep < 0 {
		return b, lode.Invalid("keep", o.Keep, "keep must not be negative")
	}
	start := time.Now()
	lock, ctx, err := r.acquire(ctx, src.NodeID())
	if err != nil {
		return b, err
	}
	defer func() {
		if cause := context.Cause(ctx); err != nil && cause != nil {
			err = errors.Join(cause, err)
		}
		err = errors.Join(err, lock.release(ctx))
	}()
	// What lies in the files already is copied as it lies there, so that it gives the same
	// pieces the next time.
	if err := src.Flush(); err != nil {
		return b, err
	}
	export, err := src.Export(ctx)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, export.Close()) }()
	if b, err = r.write(ctx, lock, export, src.NodeID(), o); err != nil {
		return b, err
	}
	r.Logger.Info("backup made", "backup", b.ID, "index", b.Index, "objects", b.Objects, "bytes", b.Bytes,
		"uploaded", b.Uploaded, "uploaded_bytes", b.UploadedBytes, "took", time.Since(start).Round(time.Millisecond))
	if o.Keep > 0 {
		if err := r.prune(ctx, o.Keep); err != nil {
			// The backup is made; old ones are tried again with the next.
			r.Logger.Warn("old backups were not removed", "repository", r.String(), "error", err)
		}
	}
	return b, nil
}

func (r *Repository) write(ctx context.Context, lock *lock, export *storage.Export, node string, o CreateOptions) (b Backup, err error) {
	info := export.Info()
	if info.Cluster == "" {
		return b, lode.Errorf(lode.CodeUnavailable, "the node holds nothing yet, not even the name of its cluster")
	}
	if err := r.claim(ctx, info.Cluster); err != nil {
		return b, err
	}
	u, err := newUploader(ctx, r, o.Full)
	if err != nil {
		return b, err
	}
	m := &manifest{
		Version: formatVersion, Cluster: info.Cluster, Node: node, Index: info.At.Index, Term: info.At.Term,
		CatalogHash: info.Hash, Product: o.Product, ChunkBytes: r.ChunkBytes,
	}
	if err := u.upload(ctx, export, m); err != nil {
		return b, err
	}
	if err := lock.held(ctx); err != nil {
		return b, err
	}
	m.Created = r.now()
	sealed, err := encode(kindManifest, m, maxManifestBytes)
	if err != nil {
		return b, err
	}
	id := idOf(m.Created, sealed)
	if err := r.writeFile(ctx, backupsFolder+"/"+id, sealed); err != nil {
		return b, err
	}
	b = m.describe(id)
	b.Uploaded, b.UploadedBytes = u.mu.objects, u.mu.bytes
	return b, nil
}
