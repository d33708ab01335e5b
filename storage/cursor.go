package storage

import "bytes"

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
