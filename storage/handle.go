package storage

import (
	"container/list"
	"errors"
	"sync"
)

// handles keep files open that are used, and a number of those that were used last. Their
// methods may be called at the same time.
type handles[K comparable, V interface{ close() error }] struct {
	open  func(K) (V, error)
	limit int // of idle ones

	mu   sync.Mutex
	all  map[K]*handle[K, V]
	idle list.List // least recently used first
}

// handle is an open file with the number of its users.
type handle[K comparable, V interface{ close() error }] struct {
	owner *handles[K, V]
	key   K
	value V

	opening sync.Mutex // held while the file is opened
	opened  bool

	refs int           // the rest is guarded by owner.mu
	gone bool          // closed when the last user leaves
	at   *list.Element // in owner.idle
}

func newHandles[K comparable, V interface{ close() error }](limit int, open func(K) (V, error)) *handles[K, V] {
	return &handles[K, V]{open: open, limit: limit, all: map[K]*handle[K, V]{}}
}

// get opens a file, or finds it open. The handle must be released.
func (h *handles[K, V]) get(key K) (*handle[K, V], error) {
	f := h.enter(key)
	f.opening.Lock()
	defer f.opening.Unlock()
	if f.opened {
		return f, nil
	}
	value, err := h.open(key)
	if err != nil {
		f.release() // who waits for opening tries it again
		return nil, err
	}
	f.value, f.opened = value, true
	return f, nil
}

func (h *handles[K, V]) enter(key K) *handle[K, V] {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.all[key]
	if f == nil {
		f = &handle[K, V]{owner: h, key: key}
		h.all[key] = f
	}
	if f.at != nil {
		h.idle.Remove(f.at)
		f.at = nil
	}
	f.refs++
	return f
}

// forgetLocked makes the next get open the file again. Users of the present one keep it.
func (h *handles[K, V]) forgetLocked(f *handle[K, V]) {
	f.gone = true
	if h.all[f.key] == f {
		delete(h.all, f.key)
	}
}

// drop forgets a file by key, before it is removed or replaced.
func (h *handles[K, V]) drop(key K) error {
	h.mu.Lock()
	f := h.all[key]
	if f == nil {
		h.mu.Unlock()
		return nil
	}
	h.forgetLocked(f)
	idle := f.at != nil
	if idle {
		h.idle.Remove(f.at)
		f.at = nil
	}
	h.mu.Unlock()
	if idle {
		return f.value.close()
	}
	return nil
}

// release ends the use of a file.
func (f *handle[K, V]) release() {
	h := f.owner
	h.mu.Lock()
	f.refs--
	var excess []*handle[K, V]
	switch {
	case f.refs > 0 || f.gone:
	case f.opened:
		f.at = h.idle.PushBack(f)
	default:
		h.forgetLocked(f)
	}
	last := f.refs == 0 && f.gone
	for h.idle.Len() > h.limit {
		old := h.idle.Remove(h.idle.Front()).(*handle[K, V])
		old.at = nil
		h.forgetLocked(old)
		excess = append(excess, old)
	}
	h.mu.Unlock()
	if last && f.opened {
		_ = f.value.close() // nothing is written any more
	}
	for _, old := range excess {
		_ = old.value.close()
	}
}

// closeAll closes the idle ones; users of others close them.
func (h *handles[K, V]) closeAll() error {
	h.mu.Lock()
	var idle []*handle[K, V]
	for _, f := range h.all {
		h.forgetLocked(f)
		if f.at != nil {
			h.idle.Remove(f.at)
			f.at = nil
			idle = append(idle, f)
		}
	}
	h.mu.Unlock()
	var errs []error
	for _, f := range idle {
		errs = append(errs, f.value.close())
	}
	return errors.Join(errs...)
}
