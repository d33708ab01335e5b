package service_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/service"
	"github.com/lodedb/lode/internal/vfs"
)

const cacheDim = 16

func openCache(tb testing.TB, o service.CacheOptions) *service.Cache {
	tb.Helper()
	if o.Bytes == 0 {
		o.Bytes = roomy
	}
	c, err := service.OpenCache(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	c.Loaded()
	return c
}

// cachedVector is the vector of a number.
func cachedVector(n int) lode.Vector {
	rng := rand.New(rand.NewPCG(uint64(n), 7))
	v := make(lode.Vector, cacheDim)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

func keyFor(c *service.Cache, n int) service.Key {
	return c.Key("model", embed.Document, fmt.Sprint(n))
}

// has counts how many of the first n numbers are there, and fails for a wrong vector.
func has(t testing.TB, c *service.Cache, n int) (found []int) {
	t.Helper()
	for i := range n {
		v, ok := c.Get(keyFor(c, i), cacheDim)
		if ok && !slices.Equal(v, cachedVector(i)) {
			t.Fatalf("%d has another vector", i)
		}
		if ok {
			found = append(found, i)
		}
	}
	return found
}

func TestKeys(t *testing.T) {
	c := openCache(t, service.CacheOptions{Dir: t.TempDir()})
	other := openCache(t, service.CacheOptions{Dir: t.TempDir()})
	keys := map[service.Key]bool{}
	for _, k := range []service.Key{
		c.Key("m", embed.Document, "text"), c.Key("m", embed.Query, "text"), c.Key("mt", embed.Document, "ext"),
		c.Key("", embed.Document, "mtext"), other.Key("m", embed.Document, "text"),
	} {
		keys[k] = true
	}
	again := c.Key("m", embed.Document, "text")
	if len(keys) != 5 || !keys[again] {
		t.Errorf("%d keys", len(keys))
	}
	c.Put(keyFor(c, 1), cachedVector(1))
	if _, ok := c.Get(keyFor(c, 1), cacheDim+1); ok {
		t.Error("a vector of other dimensions is taken")
	}
}

// The files stay within the bound, and the oldest entries go first.
func TestBound(t *testing.T) {
	dir := t.TempDir()
	const limit = 1 << 20
	c := openCache(t, service.CacheOptions{Dir: dir, Bytes: limit})
	const many = 40_000 // of 88 bytes: three times the bound
	for i := range many {
		c.Put(keyFor(c, i), cachedVector(i))
	}
	var size int64
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	found, stats := has(t, c, many), c.Stats()
	if size > limit+100 || stats.Bytes > limit || len(found) < limit/88*14/16 || found[0] != many-len(found) || stats.Entries != len(found) {
		t.Errorf("%d bytes on disk, %+v, %d found from %d", size, stats, len(found), found[0])
	}
	again := openCache(t, service.CacheOptions{Dir: dir, Bytes: limit})
	if got := has(t, again, many); !slices.Equal(got, found) {
		t.Errorf("%d entries after opening, want %d", len(got), len(found))
	}
}

func TestAge(t *testing.T) {
	dir, now := t.TempDir(), time.Unix(1_000_000, 0)
	c := openCache(t, service.CacheOptions{Dir: dir, Age: 16 * time.Hour, Clock: func() time.Time { return now }})
	for i := range 32 {
		c.Put(keyFor(c, i), cachedVector(i))
		now = now.Add(time.Hour / 2)
	}
	if found := has(t, c, 32); len(found) < 28 || found[len(found)-1] != 31 {
		t.Errorf("%v are found", found)
	}
	now = now.Add(14 * time.Hour)
	c.Sweep()
	if found := has(t, c, 32); len(found) == 0 || found[0] < 28 {
		t.Errorf("%v are found", found)
	}
	now = now.Add(2 * time.Hour)
	if found := has(t, c, 32); len(found) != 0 {
		t.Errorf("%v are found before a sweep", found)
	}
	c.Sweep()
	if files, _ := filepath.Glob(filepath.Join(dir, "*.vectors")); len(files) != 0 {
		t.Errorf("%q are left", files)
	}
}

// Any byte that changes is found: the entry is a miss, the others stay.
func TestDamage(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 60 {
		dir := t.TempDir()
		c := openCache(t, service.CacheOptions{Dir: dir})
		for i := range 10 {
			c.Put(keyFor(c, i), cachedVector(i))
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*.vectors"))
		b, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		if err := os.WriteFile(files[0], b[:len(b)-rng.IntN(3)], 0o600); err != nil {
			t.Fatal(err)
		}
		c = openCache(t, service.CacheOptions{Dir: dir})
		if found := has(t, c, 10); len(found) > 9 {
			t.Errorf("all of %v are found", found)
		}
		c.Put(keyFor(c, 99), cachedVector(99))
		if _, ok := c.Get(keyFor(c, 99), cacheDim); !ok {
			t.Error("nothing can be added")
		}
	}
}

// After a power cut entries are there or missing, never wrong, and the cache opens.
func TestCrash(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for round := range 40 {
		disk := vfs.NewMem()
		c := openCache(t, service.CacheOptions{Dir: "/cache", FS: disk})
		for i := range 30 {
			c.Put(keyFor(c, i), cachedVector(i))
		}
		after := disk.CrashClone()
		if round > 0 {
			after = disk.CrashCloneRand(rng)
		}
		again := openCache(t, service.CacheOptions{Dir: "/cache", FS: after})
		has(t, again, 30)
		again.Put(keyFor(again, 1), cachedVector(1))
		if got := has(t, again, 2); !slices.Contains(got, 1) {
			t.Error("nothing can be added")
		}
	}
}

// A disk that fails makes a cache that forgets, and nothing worse.
func TestFailingDisk(t *testing.T) {
	for n := 1; n < 40; n++ {
		failing := vfs.FailNth(vfs.NewMem(), n)
		c, err := service.OpenCache(service.CacheOptions{Dir: "/cache", Bytes: roomy, FS: failing})
		if err != nil {
			continue
		}
		for i := range 20 {
			c.Put(keyFor(c, i), cachedVector(i))
		}
		has(t, c, 20)
		_ = c.Clear()
		has(t, c, 20)
		_ = c.Close()
		if !failing.Failed() {
			return
		}
	}
	t.Error("the last call is not reached")
}

func TestRoom(t *testing.T) {
	room := false
	c := openCache(t, service.CacheOptions{Dir: t.TempDir(), Room: func() bool { return room }})
	c.Put(keyFor(c, 0), cachedVector(0))
	room = true
	c.Put(keyFor(c, 1), cachedVector(1))
	if found := has(t, c, 2); !slices.Equal(found, []int{1}) {
		t.Errorf("%v are found", found)
	}
}

// After Clear nothing of what was there can be found, not even in a copy of the files.
func TestClear(t *testing.T) {
	dir := t.TempDir()
	c := openCache(t, service.CacheOptions{Dir: dir})
	c.Put(keyFor(c, 0), cachedVector(0))
	files, _ := filepath.Glob(filepath.Join(dir, "*.vectors"))
	kept, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Clear(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], kept, 0o600); err != nil {
		t.Fatal(err)
	}
	again := openCache(t, service.CacheOptions{Dir: dir})
	if found := append(has(t, c, 1), has(t, again, 1)...); len(found) != 0 {
		t.Error("an entry is found")
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); slices.ContainsFunc(files, func(f string) bool { return strings.Contains(filepath.Base(f), "tmp") }) {
		t.Errorf("%q are left", files)
	}
}

func TestCacheAtOnce(t *testing.T) {
	c := openCache(t, service.CacheOptions{Dir: t.TempDir(), Bytes: 1 << 20})
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 4000 {
				c.Put(keyFor(c, i*4+worker), cachedVector(i*4+worker))
				if i%1000 == 999 {
					c.Sweep()
				}
				if worker == 0 && i == 2000 {
					if err := c.Clear(); err != nil {
						t.Error(err)
					}
				}
				if v, ok := c.Get(keyFor(c, i), cacheDim); ok && !slices.Equal(v, cachedVector(i)) {
					t.Errorf("%d has another vector", i)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkCache(b *testing.B) {
	for _, dim := range []int{256, 1536} {
		c := openCache(b, service.CacheOptions{Dir: b.TempDir(), Bytes: 256 << 20})
		v := make(lode.Vector, dim)
		v[0] = 1
		text := strings.Repeat("words of a passage ", 80)
		for i := range 10_000 {
			c.Put(c.Key("model", embed.Document, text+fmt.Sprint(i)), v)
		}
		b.Run(fmt.Sprintf("hit/dim=%d", dim), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, ok := c.Get(c.Key("model", embed.Document, text+fmt.Sprint(i%10_000)), dim); !ok {
					b.Fatal("missed")
				}
			}
		})
		b.Run(fmt.Sprintf("put/dim=%d", dim), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				c.Put(c.Key("model", embed.Query, text+fmt.Sprint(i)), v)
			}
		})
	}
}

// Files of any content are opened or refused, and nothing is found that has a wrong checksum.
func FuzzCacheFile(f *testing.F) {
	dir := f.TempDir()
	c := openCache(f, service.CacheOptions{Dir: dir})
	for i := range 3 {
		c.Put(keyFor(c, i), cachedVector(i))
	}
	secret, err := os.ReadFile(filepath.Join(dir, "KEY"))
	if err != nil {
		f.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.vectors"))
	good, err := os.ReadFile(files[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(append(slices.Clone(good), good[20:]...))
	f.Add([]byte("LVEC"))
	f.Fuzz(func(t *testing.T, content []byte) {
		disk := vfs.NewMem()
		if err := disk.MkdirAll("/cache", vfs.DirPerm); err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string][]byte{"KEY": secret, filepath.Base(files[0]): content} {
			file, err := disk.Create("/cache/" + name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := file.Write(b); err != nil {
				t.Fatal(err)
			}
			_ = file.Close()
		}
		has(t, openCache(t, service.CacheOptions{Dir: "/cache", FS: disk}), 3)
	})
}
