package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
	"github.com/lodedb/lode/storage"
)

// longestRest bounds the rest after an object that was slow to write.
const longestRest = time.Second

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
	u := &uploader{repo: r}
	u.mu.known = map[lode.Hash]int64{}
	if !o.Full {
		if err := u.list(ctx); err != nil {
			return b, err
		}
	}
	m := &manifest{
		Version: formatVersion, Cluster: info.Cluster, Node: node, Index: info.At.Index, Term: info.At.Term,
		StateHash: info.StateHash, Product: o.Product, ChunkBytes: r.ChunkBytes,
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

// uploader writes the objects of one backup that are not there yet.
type uploader struct {
	repo *Repository
	mu   struct {
		sync.Mutex
		known   map[lode.Hash]int64 // size of the file in the repository, or on the way to it
		objects int
		bytes   int64
	}
}

// list notes what the repository has.
func (u *uploader) list(ctx context.Context) error {
	return u.repo.target.List(ctx, objectsFolder, func(f File) error {
		if h, ok := parseObjectName(f.Name); ok {
			u.mu.known[h] = f.Bytes
		}
		return nil
	})
}

// wanted reports whether an object must be written, and counts it. A file of a wrong size is
// none.
func (u *uploader) wanted(h lode.Hash, n int64) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	size := seal.StreamBytes(n)
	if u.mu.known[h] == size {
		return false
	}
	u.mu.known[h] = size
	u.mu.objects++
	u.mu.bytes += n
	return true
}

// upload writes the missing objects and enters all into the manifest.
func (u *uploader) upload(ctx context.Context, export *storage.Export, m *manifest) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(u.repo.Workers)
	err := u.catalogue(ctx, group, export.Catalog(), m)
	for _, info := range export.Blobs() {
		m.Blobs = append(m.Blobs, blob{Hash: info.Hash, Bytes: info.Bytes})
		if err != nil || ctx.Err() != nil || !u.wanted(info.Hash, info.Bytes) {
			continue
		}
		group.Go(func() error {
			return u.put(ctx, info.Hash, info.Bytes, func(w io.Writer) error {
				return export.ReadBlob(info.Hash, func(content io.Reader) error { return copyHashed(w, content, info.Hash) })
			})
		})
	}
	if groupErr := group.Wait(); groupErr != nil {
		return groupErr
	}
	return err
}

// catalogue cuts the file into pieces of one size. Its pages never move, so what did not
// change since the last backup gives the same pieces.
func (u *uploader) catalogue(ctx context.Context, group *errgroup.Group, file *io.SectionReader, m *manifest) error {
	m.Bytes = file.Size()
	for offset := int64(0); offset < m.Bytes; offset += int64(m.ChunkBytes) {
		piece := make([]byte, min(int64(m.ChunkBytes), m.Bytes-offset))
		if _, err := file.ReadAt(piece, offset); err != nil && err != io.EOF {
			return fmt.Errorf("read the copy of the catalogue: %w", err)
		}
		h := lode.HashOf(piece)
		m.Chunks = append(m.Chunks, h)
		if err := ctx.Err(); err != nil {
			return err
		}
		if u.wanted(h, int64(len(piece))) {
			group.Go(func() error {
				return u.put(ctx, h, int64(len(piece)), func(w io.Writer) error {
					_, err := w.Write(piece)
					return err
				})
			})
		}
	}
	return nil
}

// put writes one object, and rests afterwards where others need the machine.
func (u *uploader) put(ctx context.Context, h lode.Hash, n int64, write func(io.Writer) error) error {
	start := time.Now()
	if err := putObject(ctx, u.repo.target, h, n, write); err != nil {
		return err
	}
	if !u.repo.Gentle {
		return nil
	}
	select {
	case <-time.After(min(time.Since(start), longestRest)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
