package storage

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
	"github.com/lodedb/lode/internal/vfs"
)

// MaxBlobBytes is the largest blob.
const MaxBlobBytes = 512 << 20

// Blobs are files under the SHA-256 of their content: documents as received. They do not
// travel through the log; the catalogue counts who refers to them, and [Store.SweepBlobs]
// removes those to which nobody does. Methods may be called at the same time.
type Blobs struct {
	fsys vfs.FS
	dir  string

	// A shard is the folder of all blobs with one first byte. Its lock is held while one of
	// its files is written or removed.
	shards [256]struct {
		sync.Mutex
		synced bool // the folder and its names were synced since Open
	}

	pins struct { // covers no I/O
		sync.Mutex
		count map[lode.Hash]int
	}
}

func newBlobs(fsys vfs.FS, dir string) *Blobs {
	b := &Blobs{fsys: fsys, dir: dir}
	b.pins.count = map[lode.Hash]int{}
	return b
}

func (b *Blobs) shardDir(first byte) string { return filepath.Join(b.dir, fmt.Sprintf("%02x", first)) }
func (b *Blobs) path(h lode.Hash) string    { return filepath.Join(b.shardDir(h[0]), h.String()) }
func (b *Blobs) tempDir() string            { return filepath.Join(b.dir, "tmp") }

// Put stores content and returns its hash. On return it is durable, also when it was known
// before; a damaged file of the same content is replaced. The blob cannot be swept before
// release is called, which the caller does once a version refers to it or will never do so.
// On error release is nil.
func (b *Blobs) Put(ctx context.Context, content []byte) (h lode.Hash, release func(), err error) {
	if len(content) > MaxBlobBytes {
		return h, nil, lode.FieldError(lode.CodeTooLarge, "content", len(content), "a blob has at most %d bytes", MaxBlobBytes)
	}
	h = lode.HashOf(content)
	release = b.pin(h)
	if err = b.put(ctx, h, content); err != nil {
		release()
		return lode.Hash{}, nil, fmt.Errorf("put blob %s: %w", h, err)
	}
	return h, release, nil
}

func (b *Blobs) put(ctx context.Context, h lode.Hash, content []byte) error {
	shard := &b.shards[h[0]]
	shard.Lock()
	defer shard.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if !shard.synced {
		// An earlier process may have died between a rename and the sync of the folder: what
		// is there may not be durable yet.
		if err := vfs.MkdirDurable(b.fsys, b.shardDir(h[0])); err != nil {
			return err
		}
		if err := b.fsys.SyncDir(b.shardDir(h[0])); err != nil {
			return err
		}
		shard.synced = true
	}
	if b.verify(h) == nil {
		return nil
	}
	shard.synced = false // until the commit has synced the folder again
	if err := b.write(h, content); err != nil {
		return err
	}
	shard.synced = true
	return nil
}

func (b *Blobs) write(h lode.Hash, content []byte) error {
	f, err := vfs.CreateAtomicIn(b.fsys, b.tempDir(), b.path(h))
	if err != nil {
		return err
	}
	defer f.Abort()
	w, err := seal.NewWriter(f, kindBlob, int64(len(content)))
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return f.Commit()
}

// pin keeps a blob from the sweeper.
func (b *Blobs) pin(h lode.Hash) (release func()) {
	b.pins.Lock()
	b.pins.count[h]++
	b.pins.Unlock()
	return sync.OnceFunc(func() {
		b.pins.Lock()
		defer b.pins.Unlock()
		if b.pins.count[h]--; b.pins.count[h] == 0 {
			delete(b.pins.count, h)
		}
	})
}

func (b *Blobs) pinned(h lode.Hash) bool {
	b.pins.Lock()
	defer b.pins.Unlock()
	return b.pins.count[h] > 0
}

// Get returns the content of a blob, checked against its hash.
func (b *Blobs) Get(ctx context.Context, h lode.Hash) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var content []byte
	err := b.read(h, func(r *seal.Reader) error {
		content = make([]byte, r.Len()) // which read has seen to be the size of the file
		_, err := io.ReadFull(r, content)
		return err
	})
	if err != nil {
		return nil, err
	}
	if lode.HashOf(content) != h {
		return nil, lode.Errorf(lode.CodeCorrupt, "blob %s has other content than its hash says", h)
	}
	return content, nil
}

// verify is Get without keeping the content.
func (b *Blobs) verify(h lode.Hash) error {
	sum := sha256.New()
	err := b.read(h, func(r *seal.Reader) error {
		_, err := io.Copy(sum, r)
		return err
	})
	if err == nil && lode.Hash(sum.Sum(nil)) != h {
		err = lode.Errorf(lode.CodeCorrupt, "blob %s has other content than its hash says", h)
	}
	return err
}

// read opens a blob for fn and sees that the file is exactly one stream.
func (b *Blobs) read(h lode.Hash, fn func(*seal.Reader) error) error {
	f, err := b.fsys.OpenFile(b.path(h), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return lode.NotFound("blob", h)
	}
	if err != nil {
		return fmt.Errorf("open blob %s: %w", h, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open blob %s: %w", h, err)
	}
	r, err := seal.NewReader(f, kindBlob)
	if err != nil {
		return fmt.Errorf("blob %s: %w", h, err)
	}
	if r.Len() > MaxBlobBytes || seal.StreamBytes(r.Len()) != info.Size() {
		return lode.Errorf(lode.CodeCorrupt, "blob %s announces %d bytes in a file of %d", h, r.Len(), info.Size())
	}
	if err := fn(r); err != nil {
		return fmt.Errorf("blob %s: %w", h, err)
	}
	return nil
}

// Has reports whether the file of a blob is there. It does not look inside.
func (b *Blobs) Has(h lode.Hash) bool {
	_, err := b.fsys.Stat(b.path(h))
	return err == nil
}
