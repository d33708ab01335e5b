package chaos

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/lodedb/lode"
)

// Kind is what a [Key] names.
type Kind string

// The kinds of objects that the workload writes.
const (
	KindCollection Kind = "collection"
	KindDocument   Kind = "document"
	KindVector     Kind = "vector"
)

// Key names one object. ID is empty for a collection.
type Key struct {
	Kind       Kind
	Collection string
	ID         lode.DocID
}

func (k Key) String() string {
	if k.Kind == KindCollection {
		return "collection " + k.Collection
	}
	return string(k.Kind) + " " + k.Collection + "/" + string(k.ID)
}

// Absent is the value of an object that does not exist.
const Absent = ""

// Ledger holds every write that was tried. One writer at a time writes a key, in order, so
// that an acknowledged write decides all before it. The zero value is not usable.
type Ledger struct {
	mu   sync.Mutex
	keys map[Key]*history
}

// history is the values of a key in order: values[sure] is acknowledged, those behind it
// may or may not have replaced it.
type history struct {
	values []string
	sure   int
	acked  int // acknowledged writes
}

// NewLedger returns an empty ledger: nothing exists.
func NewLedger() *Ledger { return &Ledger{keys: map[Key]*history{}} }

func (l *Ledger) historyLocked(k Key) *history {
	h := l.keys[k]
	if h == nil {
		h = &history{values: []string{Absent}}
		l.keys[k] = h
	}
	return h
}

// Attempt records a write before it is sent.
func (l *Ledger) Attempt(k Key, value string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.historyLocked(k)
	h.values = append(h.values, value)
}

// Acknowledge records that the last write of a key was confirmed.
func (l *Ledger) Acknowledge(k Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.historyLocked(k)
	h.sure = len(h.values) - 1
	h.acked++
}

// Acked counts the writes that were acknowledged.
func (l *Ledger) Acked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, h := range l.keys {
		n += h.acked
	}
	return n
}

// Clone returns a copy that later writes do not reach.
func (l *Ledger) Clone() *Ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := NewLedger()
	for k, h := range l.keys {
		out.keys[k] = &history{values: slices.Clone(h.values), sure: h.sure, acked: h.acked}
	}
	return out
}

// Since returns the ledger for a moment between before, an earlier clone, and now: sure is
// what was sure before, possible what was tried by now.
func (l *Ledger) Since(before *Ledger) *Ledger {
	out := l.Clone()
	for k, h := range out.keys {
		h.sure, h.acked = 0, 0
		if earlier, known := before.keys[k]; known {
			h.sure, h.acked = earlier.sure, earlier.acked
		}
	}
	return out
}

// possible returns the values that a key may have, and former those that it had or was to
// have earlier and must not have any more.
func (l *Ledger) possible(k Key) (possible, former []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.keys[k]
	if h == nil {
		return []string{Absent}, nil
	}
	possible = h.values[h.sure:]
	for _, v := range h.values[:h.sure] {
		if v != Absent && !slices.Contains(possible, v) {
			former = append(former, v)
		}
	}
	return slices.Clone(possible), former
}

// Keys returns all keys in order.
func (l *Ledger) Keys() []Key {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.SortedFunc(maps.Keys(l.keys), func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Collection, b.Collection), cmp.Compare(a.ID, b.ID))
	})
}

// mayExist reports whether a key may have any value.
func (l *Ledger) mayExist(k Key) bool {
	possible, _ := l.possible(k)
	return slices.ContainsFunc(possible, func(v string) bool { return v != Absent })
}

// Certain reports whether a key surely exists.
func (l *Ledger) Certain(k Key) bool {
	possible, _ := l.possible(k)
	return len(possible) == 1 && possible[0] != Absent
}
