package storage

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/tidwall/btree"

	"github.com/lodedb/lode"
)

// Memory holds the catalogue and the growing segments of a store that has no bbolt files,
// for simulations: opening a store on it again after throwing the old one away is a start
// after a crash. Beside it, [Options.FS] must be a file system in memory too.
type Memory struct {
	mu      sync.Mutex
	catalog *memoryBase
	growing map[segmentKey]*memoryBase
}

// NewMemory returns an empty one.
func NewMemory() *Memory { return &Memory{growing: map[segmentKey]*memoryBase{}} }

func (m *Memory) createCatalog() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.catalog = newMemoryBase()
	return nil
}

func (m *Memory) hasCatalog() (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.catalog != nil, nil
}

func (m *Memory) openCatalog() (base, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.catalog == nil {
		return nil, fmt.Errorf("open catalogue in memory: %w", fs.ErrNotExist)
	}
	return m.catalog, nil
}

func (m *Memory) createGrowing(k segmentKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.growing[k] == nil {
		m.growing[k] = newMemoryBase()
	}
	return nil
}

func (m *Memory) openGrowing(k segmentKey) (base, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.growing[k]
	if b == nil {
		return nil, fmt.Errorf("open growing segment %s in memory: %w", k, fs.ErrNotExist)
	}
	return b, nil
}

func (m *Memory) removeGrowing(k segmentKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.growing, k)
	return nil
}

func (m *Memory) listGrowing() ([]segmentKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []segmentKey
	for k := range m.growing {
		all = append(all, k)
	}
	slices.SortFunc(all, compareSegments)
	return all, nil
}

// memoryBase is a base whose writes swap one tree for the next.
type memoryBase struct {
	mu      sync.RWMutex
	records *btree.Map[string, []byte]
	at      Applied
	bytes   int64
}

func newMemoryBase() *memoryBase { return &memoryBase{records: new(btree.Map[string, []byte])} }

func (b *memoryBase) close() error { return nil }

func (b *memoryBase) size() int64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.bytes
}

func (b *memoryBase) begin() (baseTx, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return &memoryTx{records: b.records, at: b.at}, nil
}

func (b *memoryBase) write(at Applied, fn func(baseWriter) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := &memoryTx{records: b.records.Copy(), bytes: b.bytes}
	if err := fn(w); err != nil {
		return err
	}
	b.records, b.at, b.bytes = w.records, at, w.bytes
	return nil
}

type memoryTx struct {
	records *btree.Map[string, []byte]
	at      Applied
	bytes   int64
}

func (t *memoryTx) applied() (Applied, error) { return t.at, nil }
func (t *memoryTx) end()                      {}

func (t *memoryTx) get(s space, key []byte) []byte {
	v, _ := t.records.Get(string(s.appendKey(nil, key)))
	return v
}

func (t *memoryTx) put(s space, key, value []byte) error {
	old, _ := t.records.Set(string(s.appendKey(nil, key)), slices.Clone(value))
	t.bytes += int64(len(value) - len(old))
	return nil
}

func (t *memoryTx) delete(s space, key []byte) error {
	old, _ := t.records.Delete(string(s.appendKey(nil, key)))
	t.bytes -= int64(len(old))
	return nil
}

func (t *memoryTx) drop(c lode.CollectionID) error {
	first := string(space{segmentKey: segmentKey{collection: c}}.appendKey(nil, nil))
	end := string(space{segmentKey: segmentKey{collection: c + 1}}.appendKey(nil, nil))
	var gone []string
	t.records.Ascend(first, func(k string, _ []byte) bool {
		if k >= end {
			return false
		}
		gone = append(gone, k)
		return true
	})
	for _, k := range gone {
		old, _ := t.records.Delete(k)
		t.bytes -= int64(len(old))
	}
	return nil
}

func (t *memoryTx) cursor(s space) baseCursor {
	return &treeCursor{prefix: string(s.appendKey(nil, nil)), iter: t.records.Iter()}
}

// treeCursor walks one space of a tree in memory.
type treeCursor struct {
	prefix string
	iter   btree.MapIter[string, []byte]
}

func (c *treeCursor) seek(key []byte) (k, v []byte) {
	return c.here(c.iter.Seek(c.prefix + string(key)))
}

func (c *treeCursor) next() (k, v []byte) { return c.here(c.iter.Next()) }

func (c *treeCursor) here(ok bool) (k, v []byte) {
	if !ok {
		return nil, nil
	}
	key, inside := strings.CutPrefix(c.iter.Key(), c.prefix)
	if !inside {
		return nil, nil
	}
	return []byte(key), c.iter.Value()
}
