package backup

import (
	"context"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
	"github.com/lodedb/lode/storage"
)

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

// newUploader notes what the repository has, unless everything is to be written again.
func newUploader(ctx context.Context, r *Repository, full bool) (*uploader, error) {
	u := &uploader{repo: r}
	u.mu.known = map[lode.Hash]int64{}
	if full {
		return u, nil
	}
	err := r.target.List(ctx, objectsFolder, func(f File) error {
		if h, ok := parseObjectName(f.Name); ok {
			u.mu.known[h] = f.Bytes
		}
		return nil
	})
	return u, err
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
	err := u.everything(ctx, group, export, m)
	if groupErr := group.Wait(); groupErr != nil {
		return groupErr
	}
	return err
}

// everything starts the uploads one after another.
func (u *uploader) everything(ctx context.Context, group *errgroup.Group, export *storage.Export, m *manifest) (err error) {
	catalogue := export.Catalog()
	m.Bytes = catalogue.Size()
	if m.Chunks, _, err = u.cut(ctx, group, catalogue, int64(m.ChunkBytes)); err != nil {
		return fmt.Errorf("read the copy of the catalogue: %w", err)
	}
	for _, file := range export.Segments() {
		if !hasFile(file.SegmentRef) {
			continue // empty, as the catalogue says too
		}
		s, err := u.segment(ctx, group, export, file, int64(m.ChunkBytes))
		if err != nil {
			return fmt.Errorf("%s: %w", &s, err)
		}
		m.Segments = append(m.Segments, s)
	}
	for _, info := range export.Blobs() {
		m.Blobs = append(m.Blobs, blob{Hash: info.Hash, Bytes: info.Bytes})
		err := u.whole(ctx, group, info.Hash, info.Bytes, func(fn func(io.Reader) error) error { return export.ReadBlob(info.Hash, fn) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (u *uploader) segment(ctx context.Context, group *errgroup.Group, export *storage.Export, file storage.SegmentFile, size int64) (s segment, err error) {
	s = segment{Collection: file.Collection, ID: file.ID, State: file.State, Hash: file.Content, Bytes: file.Length}
	read := func(fn func(io.Reader) error) error { return export.ReadSegment(file, fn) }
	if s.sealed() {
		return s, u.whole(ctx, group, s.Hash, s.Bytes, read)
	}
	var sum lode.Hash
	err = read(func(content io.Reader) error {
		s.Chunks, sum, err = u.cut(ctx, group, content, size)
		return err
	})
	if err == nil && sum != s.Hash {
		err = errHash(sum, s.Hash)
	}
	return s, err
}

// whole uploads a file as one object under its hash.
func (u *uploader) whole(ctx context.Context, group *errgroup.Group, h lode.Hash, n int64, read func(func(io.Reader) error) error) error {
	if err := ctx.Err(); err != nil || !u.wanted(h, n) {
		return err
	}
	group.Go(func() error {
		return u.put(ctx, h, n, func(w io.Writer) error {
			return read(func(content io.Reader) error { return copyHashed(w, content, h) })
		})
	})
	return nil
}

// cut cuts a bbolt file into pieces of one size and uploads them. Its pages never move, so
// what did not change since the last backup gives the same pieces. The hash is that of all.
func (u *uploader) cut(ctx context.Context, group *errgroup.Group, file io.Reader, size int64) (hashes []lode.Hash, whole lode.Hash, err error) {
	rest := u.repo.newPace(ctx)
	file, sum := hashed(file)
	buffer := make([]byte, size)
	for last := false; !last; {
		n, err := io.ReadFull(file, buffer)
		if last = err == io.EOF || err == io.ErrUnexpectedEOF; err != nil && !last {
			return nil, whole, err
		}
		if n == 0 {
			break
		}
		piece := buffer[:n]
		h := lode.HashOf(piece)
		hashes = append(hashes, h)
		if err := rest.pause(); err != nil {
			return nil, whole, err
		}
		if !u.wanted(h, int64(n)) {
			continue
		}
		buffer = make([]byte, size)
		group.Go(func() error {
			return u.put(ctx, h, int64(n), func(w io.Writer) error {
				_, err := w.Write(piece)
				return err
			})
		})
	}
	return hashes, sum(), nil
}

// put writes one object, and rests where others need the machine.
func (u *uploader) put(ctx context.Context, h lode.Hash, n int64, write func(io.Writer) error) error {
	rest := u.repo.newPace(ctx)
	err := putObject(ctx, u.repo.target, h, n, func(w io.Writer) error { return write(&pacedWriter{w, rest}) })
	if err != nil {
		return err
	}
	return rest.end()
}
