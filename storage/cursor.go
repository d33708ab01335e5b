package storage

import (
	"bytes"
	"slices"
)

// mergedCursor walks a space of a transaction by ascending key: what the layers say, newest
// first, over what lies below them.
type mergedCursor struct {
	sources []source // newest first
}

// source is one level of the merge with where it stands.
type source struct {
	cursor baseCursor
	k, v   []byte
}

// cursor returns a cursor. It must not be used after a write to the space.
func (b bucket) cursor() *mergedCursor {
	m := &mergedCursor{sources: make([]source, 0, 3)}
	prefix := string(b.s.appendKey(nil, nil))
	for _, l := range b.t.layers {
		if l.entries.Len() > 0 {
			m.sources = append(m.sources, source{cursor: &treeCursor{prefix: prefix, iter: l.entries.Iter()}})
		}
		if l.hides(b.s.collection) {
			return m
		}
	}
	if base := b.t.base(b.s); base != nil {
		m.sources = append(m.sources, source{cursor: base.cursor(b.s)})
	}
	return m
}

// last returns the last key with the prefix, nil when there is none, in a bucket of the
// catalogue. Behind the prefix, keys have at most 8 bytes.
func (b bucket) last(prefix []byte) []byte {
	bound := append(slices.Clone(prefix), bytes.Repeat([]byte{0xff}, 9)...)
	for {
		var last []byte
		for _, s := range b.cursor().sources {
			if k := s.cursor.(reverseCursor).before(bound); bytes.HasPrefix(k, prefix) && bytes.Compare(k, last) > 0 {
				last = slices.Clone(k)
			}
		}
		if last == nil || b.get(last) != nil {
			return last
		}
		bound = last // deleted
	}
}

// seek moves to the first key at or behind key, which is returned; nil is the end.
func (m *mergedCursor) seek(key []byte) (k, v []byte) {
	for i := range m.sources {
		s := &m.sources[i]
		s.k, s.v = s.cursor.seek(key)
	}
	return m.settle()
}

// next moves to the next key. Call seek first.
func (m *mergedCursor) next() (k, v []byte) {
	m.pass(m.first().k)
	return m.settle()
}

// settle passes over what is deleted.
func (m *mergedCursor) settle() (k, v []byte) {
	for {
		s := m.first()
		if s == nil || s.v != nil {
			if s == nil {
				return nil, nil
			}
			return s.k, s.v
		}
		m.pass(s.k)
	}
}

// first returns the source with the smallest key, the newest of those with equal keys; nil
// at the end.
func (m *mergedCursor) first() *source {
	var first *source
	for i := range m.sources {
		s := &m.sources[i]
		if s.k != nil && (first == nil || bytes.Compare(s.k, first.k) < 0) {
			first = s
		}
	}
	return first
}

// pass moves every source that stands at key.
func (m *mergedCursor) pass(key []byte) {
	for i := range m.sources {
		if s := &m.sources[i]; s.k != nil && bytes.Equal(s.k, key) {
			s.k, s.v = s.cursor.next()
		}
	}
}
