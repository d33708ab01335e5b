package storage

import (
	"bytes"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

// memo remembers what a record decodes to: every write reads a few records that hardly ever
// change. It answers for the very bytes that it has seen, so nobody has to tell it of changes.
type memo[T any] struct{ last atomic.Pointer[memory[T]] }

type memory[T any] struct {
	raw   []byte
	value T
}

// parse is [parseRecord] the result is a copy whose
// slices are shared and must not be modified.
func (m *memo[T]) parse(kind seal.Kind, key, raw []byte) (*T, error) {
	if last := m.last.Load(); last != nil && raw != nil && bytes.Equal(last.raw, raw) {
		value := last.value
		return &value, nil
	}
	v, err := parseRecord[T](kind, key, raw)
	if err == nil && v != nil {
		m.last.Store(&memory[T]{bytes.Clone(raw), *v})
	}
	return v, err
}

// memos are those of a store.
type memos struct {
	cluster     memo[clusterRecord]
	collections [64]memo[lode.Collection] // by the number's last bits
}

func (m *memos) collection(id lode.CollectionID) *memo[lode.Collection] {
	return &m.collections[uint64(id)%uint64(len(m.collections))]
}
