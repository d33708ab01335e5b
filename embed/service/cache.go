package service

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/internal/vfs"
)

// CacheOptions configure a [Cache].
type CacheOptions struct {
	Dir    string        // of the files; made when it is missing
	Bytes  int64         // that the files take at most
	Age    time.Duration // that an entry reaches at most; 0: any
	Room   func() bool   // says whether there is room on the disk; nil: always
	FS     vfs.FS        // the default is the machine's
	Clock  func() time.Time
	Logger *slog.Logger
}

// Bounds of a cache.
const (
	// cacheFiles is how many files a full cache has: what goes when there is no room is the
	// oldest, a part in so many.
	cacheFiles = 16
	// leastCacheBytes holds a vector of the most dimensions in each file.
	leastCacheBytes = cacheFiles * (fileHead + entryHead + 4*lode.MaxDim)
	// cacheRetry is the pause after a failed write.
	cacheRetry = time.Minute
)

// Cache keeps vectors on disk, up to a size and an age; the oldest go first. An entry that is
// damaged is a miss. All methods may be called at the same time.
type Cache struct {
	o       CacheOptions
	secret  atomic.Pointer[[32]byte]
	damaged atomic.Int64
	stop    context.CancelFunc
	loading sync.WaitGroup

	mu struct {
		sync.RWMutex
		index   map[Key]place
		files   []*cacheFile // oldest first; the last may still grow
		bytes   int64
		next    uint64    // number of the next file
		retryAt time.Time // after a failed write
		closed  bool
	}
	writing sync.Mutex // held by who adds to the last file, taken before mu
}

// Key stands for model, kind and text. Without the cache's secret nothing can be told from it.
type Key [16]byte

// place is where an entry lies.
type place struct {
	file *cacheFile
	at   int64
	dim  int32
}

// OpenCache opens a cache. Entries of earlier runs are found one after the other, newest
// first, by a goroutine that Close ends.
func OpenCache(o CacheOptions) (*Cache, error) {
	if o.Bytes < leastCacheBytes {
		return nil, lode.Invalid("embed_cache", o.Bytes, "the cache must have at least %d bytes", leastCacheBytes)
	}
	if o.FS == nil {
		o.FS = vfs.OS
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Cache{o: o}
	c.mu.index = map[Key]place{}
	if err := o.FS.MkdirAll(o.Dir, vfs.DirPerm); err != nil {
		return nil, fmt.Errorf("open embedding cache: %w", err)
	}
	if _, err := vfs.RemoveTemps(o.FS, o.Dir); err != nil {
		return nil, fmt.Errorf("open embedding cache: %w", err)
	}
	fresh, err := c.readSecret()
	if err == nil {
		err = c.openFiles(fresh)
	}
	if err != nil {
		return nil, fmt.Errorf("open embedding cache: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	old := slices.Clone(c.mu.files)
	c.loading.Go(func() { c.load(ctx, old) })
	return c, nil
}

// secretFile holds the secret of the hash.
const secretFile = "KEY"

// readSecret reads the secret, or makes one; fresh says that nothing that is there can be
// found any more.
func (c *Cache) readSecret() (fresh bool, err error) {
	path := filepath.Join(c.o.Dir, secretFile)
	var secret [32]byte
	b, err := vfs.ReadFile(c.o.FS, path, int64(len(secret)))
	if err == nil && copy(secret[:], b) == len(secret) {
		c.secret.Store(&secret)
		return false, nil
	}
	if err != nil && !os.IsNotExist(err) {
		return false, err
	}
	return true, c.newSecret()
}

func (c *Cache) newSecret() error {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // it ends the program rather than fail
	file, err := vfs.CreateAtomic(c.o.FS, filepath.Join(c.o.Dir, secretFile))
	if err != nil {
		return err
	}
	if _, err := file.Write(secret[:]); err != nil {
		return err
	}
	if err := file.Commit(); err != nil {
		return err
	}
	c.secret.Store(&secret)
	return nil
}

// openFiles opens the files of earlier runs, or removes those that are of no use.
func (c *Cache) openFiles(fresh bool) error {
	entries, err := c.o.FS.ReadDir(c.o.Dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		number, ok := fileNumber(entry.Name())
		if !ok {
			continue
		}
		c.mu.next = max(c.mu.next, number+1)
		file, err := openCacheFile(c.o.FS, filepath.Join(c.o.Dir, entry.Name()), number)
		if err != nil || fresh {
			c.o.Logger.Info("a file of the embedding cache is of no use and goes", "file", entry.Name())
			if file != nil {
				_ = file.close() // it is only read
			}
			if err := c.o.FS.Remove(filepath.Join(c.o.Dir, entry.Name())); err != nil {
				return err
			}
			continue
		}
		c.mu.files = append(c.mu.files, file)
		c.mu.bytes += file.size
	}
	slices.SortFunc(c.mu.files, func(a, b *cacheFile) int { return cmp.Compare(a.number, b.number) })
	return nil
}

// load finds the entries of files, newest first.
func (c *Cache) load(ctx context.Context, files []*cacheFile) {
	for _, file := range slices.Backward(files) {
		file.scan(ctx, func(k Key, at int64, dim int32) (more bool) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if _, known := c.mu.index[k]; !known && !file.gone {
				c.mu.index[k] = place{file, at, dim}
				file.keys = append(file.keys, k)
			}
			return !file.gone
		})
	}
}

// Key returns the key of a text.
func (c *Cache) Key(fingerprint string, kind embed.Kind, text string) Key {
	return keyOf(c.secret.Load(), fingerprint, kind, text)
}

// keyOf hashes with a secret of fixed length in front; lengths keep the parts apart.
func keyOf(secret *[32]byte, fingerprint string, kind embed.Kind, text string) Key {
	h := sha256.New()
	var head [37]byte
	copy(head[:], secret[:])
	head[32] = byte(kind)
	binary.LittleEndian.PutUint32(head[33:], uint32(len(fingerprint)))
	_, _ = h.Write(head[:]) // a hash takes everything
	_, _ = h.Write([]byte(fingerprint))
	_, _ = h.Write([]byte(text))
	var sum [32]byte
	return Key(h.Sum(sum[:0])[:len(Key{})])
}

// Get returns the vector of a key when it is there with these dimensions.
func (c *Cache) Get(k Key, dim int) (lode.Vector, bool) {
	c.mu.RLock()
	p, found := c.mu.index[k]
	c.mu.RUnlock()
	if !found || int(p.dim) != dim {
		return nil, false
	}
	if c.expired(p.file) {
		return nil, false
	}
	v, err := p.file.read(p, k)
	if err == nil {
		return v, true
	}
	c.forget(k, p)
	return nil, false
}

func (c *Cache) expired(f *cacheFile) bool {
	return c.o.Age > 0 && c.o.Clock().Sub(f.created) >= c.o.Age
}

// forget drops an entry that cannot be read.
func (c *Cache) forget(k Key, p place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.index[k] != p || p.file.gone {
		return
	}
	delete(c.mu.index, k)
	if c.damaged.Add(1) == 1 {
		c.o.Logger.Warn("the embedding cache holds damaged entries", "file", filepath.Base(p.file.path))
	}
}

// Put keeps a vector. What cannot be written is not kept: a cache may forget.
func (c *Cache) Put(k Key, v lode.Vector) {
	if len(v) == 0 || len(v) > lode.MaxDim || c.o.Room != nil && !c.o.Room() {
		return
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	file := c.growing(entrySize(len(v)))
	if file == nil {
		return
	}
	at, err := file.append(k, v)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		file.sealed = true
		c.mu.retryAt = c.o.Clock().Add(cacheRetry)
		c.o.Logger.Warn("the embedding cache cannot be written", "error", err)
		return
	}
	if !file.gone {
		file.size += entrySize(len(v))
		c.mu.bytes += entrySize(len(v))
		c.mu.index[k] = place{file, at, int32(len(v))}
		file.keys = append(file.keys, k)
	}
}

// growing returns the file that takes an entry of a size, after making room for it; nil when
// there is none.
func (c *Cache) growing(size int64) *cacheFile {
	now := c.o.Clock()
	c.mu.Lock()
	var last *cacheFile
	if n := len(c.mu.files); n > 0 {
		last = c.mu.files[n-1]
	}
	if c.mu.closed || now.Before(c.mu.retryAt) {
		c.mu.Unlock()
		return nil
	}
	full := last == nil || last.sealed || last.size+size > c.o.Bytes/cacheFiles || c.o.Age > 0 && now.Sub(last.created) >= c.o.Age/cacheFiles
	need := size
	if full {
		need += fileHead
	}
	dropped := c.dropLocked(func(f *cacheFile) bool {
		return c.mu.bytes+need > c.o.Bytes || c.expired(f)
	})
	number := c.mu.next
	c.mu.Unlock()
	c.remove(dropped)
	if !full && !slices.Contains(dropped, last) {
		return last
	}
	return c.startFile(number, now)
}

// startFile begins a new file.
func (c *Cache) startFile(number uint64, now time.Time) *cacheFile {
	file, err := createCacheFile(c.o.FS, filepath.Join(c.o.Dir, fileName(number)), number, now)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.mu.retryAt = now.Add(cacheRetry)
		c.o.Logger.Warn("the embedding cache cannot be written", "error", err)
		return nil
	}
	c.mu.next = number + 1
	c.mu.files = append(c.mu.files, file)
	c.mu.bytes += file.size
	return file
}

// dropLocked takes files out of the index, oldest first, as long as the question is answered
// with yes.
func (c *Cache) dropLocked(drop func(*cacheFile) bool) (dropped []*cacheFile) {
	for len(c.mu.files) > 0 && drop(c.mu.files[0]) {
		file := c.mu.files[0]
		c.mu.files = c.mu.files[1:]
		c.mu.bytes -= file.size
		file.gone = true
		for _, k := range file.keys {
			if c.mu.index[k].file == file {
				delete(c.mu.index, k)
			}
		}
		file.keys = nil
		dropped = append(dropped, file)
	}
	return dropped
}

// remove closes and removes files that are out of the index.
func (c *Cache) remove(files []*cacheFile) (err error) {
	for _, file := range files {
		_ = file.close() // it is not needed any more
		if e := c.o.FS.Remove(file.path); e != nil && !os.IsNotExist(e) {
			c.o.Logger.Warn("a file of the embedding cache cannot be removed", "error", e)
			err = e
		}
	}
	return err
}

// Sweep removes what is older than the bound on age.
func (c *Cache) Sweep() {
	c.mu.Lock()
	dropped := c.dropLocked(c.expired)
	c.mu.Unlock()
	_ = c.remove(dropped) // it has been logged
}

// Clear removes every entry, and the secret, so that no copy of the files can be read again.
func (c *Cache) Clear() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	dropped := c.dropLocked(func(*cacheFile) bool { return true })
	c.mu.Unlock()
	if err := c.remove(dropped); err != nil {
		return fmt.Errorf("clear embedding cache: %w", err)
	}
	if err := c.newSecret(); err != nil {
		return fmt.Errorf("clear embedding cache: %w", err)
	}
	return nil
}

// CacheStats is what a cache holds.
type CacheStats struct {
	Entries int
	Bytes   int64 // of its files
	Limit   int64
	Damaged int64 // entries that could not be read, since it was opened
}

// Stats counts what the cache holds.
func (c *Cache) Stats() CacheStats {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return CacheStats{Entries: len(c.mu.index), Bytes: c.mu.bytes, Limit: c.o.Bytes, Damaged: c.damaged.Load()}
}

// Loaded waits until the entries of earlier runs are found.
func (c *Cache) Loaded() { c.loading.Wait() }

// Close ends the goroutine and closes the files. It may be called twice.
func (c *Cache) Close() error {
	c.stop()
	c.loading.Wait()
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.closed {
		return nil
	}
	c.mu.closed = true
	var first error
	for _, file := range c.mu.files {
		if err := file.close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// fileNumber reads the number out of the name of a file of the cache.
func fileNumber(name string) (n uint64, ok bool) {
	digits, found := strings.CutSuffix(name, ".vectors")
	if !found || len(digits) != 16 {
		return 0, false
	}
	_, err := fmt.Sscanf(digits, "%016x", &n)
	return n, err == nil
}

func fileName(n uint64) string { return fmt.Sprintf("%016x.vectors", n) }
