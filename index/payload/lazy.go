package payload

import (
	"sync"
	"sync/atomic"
)

// lazy is a part of an index that is built when it is needed first, once.
type lazy[T any] struct {
	value atomic.Pointer[T]
	mu    sync.Mutex // held to build
}

// get returns the part, which build makes when it is not there.
func (l *lazy[T]) get(build func() *T) *T {
	if v := l.value.Load(); v != nil {
		return v
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.value.Load()
	if v == nil {
		v = build()
		l.value.Store(v)
	}
	return v
}

// built returns the part, or nil when it was not needed yet.
func (l *lazy[T]) built() *T { return l.value.Load() }
