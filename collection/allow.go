package collection

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/payload"
)

// asking is who asks for what: what decides which rows of a snapshot may be found.
type asking struct {
	reader *payload.Reader // nil: everything may be seen
	query  *payload.Query  // nil: everything matches
	now    int64           // unix nanoseconds
	key    string          // of the two, for what is remembered
}

func (v *View) asking(f lode.Filter) (asking, error) {
	a := asking{now: v.now}
	if !f.MatchesAll() {
		q, err := payload.Compile(f)
		if err != nil {
			return a, coded(err).In("filter")
		}
		key, err := json.Marshal(f)
		if err != nil {
			return a, coded(err).In("filter")
		}
		a.query, a.key = q, string(key)
	}
	if v.reader != nil {
		a.reader = v.reader
		a.key += "\x00" + v.readerKey
	}
	return a, nil
}

// allowed are the rows that a filter leaves of a snapshot: the searches of a question share
// them.
type allowed struct {
	snapshot *snapshot
	filter   lode.Filter
	parts    []*index.Bitset // by part
	rows     *index.Bitset   // by ordinal; nil until somebody wants them
}

// allow returns the rows of the snapshot that the principal may see and the filter matches.
func (v *View) allow(ctx context.Context, s *snapshot, f lode.Filter) (*allowed, error) {
	if err := f.Validate(); err != nil {
		return nil, coded(err).In("filter")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if i := slices.IndexFunc(v.mu.allowed, func(a *allowed) bool { return a.snapshot == s && reflect.DeepEqual(a.filter, f) }); i >= 0 {
		return v.mu.allowed[i], nil
	}
	ask, err := v.asking(f)
	if err != nil {
		return nil, err
	}
	a := &allowed{snapshot: s, filter: f}
	for i := range s.parts {
		if err := index.Stopped(ctx); err != nil {
			return nil, err
		}
		a.parts = append(a.parts, s.parts[i].allow(s, &ask))
	}
	v.mu.allowed = append(v.mu.allowed, a)
	return a, nil
}

// ordinals returns the rows as the collection numbers them.
func (v *View) ordinals(a *allowed) *index.Bitset {
	v.mu.Lock()
	defer v.mu.Unlock()
	if a.rows == nil && a.whole() {
		a.rows = a.snapshot.all()
	}
	if a.rows == nil {
		a.rows = a.snapshot.widen(a.parts)
	}
	return a.rows
}

// whole reports whether nothing was left out.
func (a *allowed) whole() bool {
	for i, rows := range a.parts {
		if rows != a.snapshot.parts[i].live {
			return false
		}
	}
	return true
}

// allow returns the rows of a part that may be found.
//
// SECURITY: this is where access narrows the search itself. A row that is not in the set is
// never compared, scored or counted.
func (p *partView) allow(s *snapshot, ask *asking) *index.Bitset {
	expiring := s.expires != 0 && s.expires <= ask.now
	if ask.reader == nil && ask.query == nil && !expiring {
		return p.live
	}
	if expiring {
		return p.narrow(ask) // what is found changes with time
	}
	return p.memo.get(ask.key, func() *index.Bitset { return p.narrow(ask) })
}

// blockWords is the number of words of a block in the bitset of its part.
const blockWords = payload.BlockRows / 64

func (p *partView) narrow(ask *asking) *index.Bitset {
	out := index.NewBitset(len(p.rows))
	var rows, matching payload.Rows
	for i, b := range p.blocks {
		if ask.reader == nil {
			b.All(&rows)
		} else {
			b.Visible(ask.reader, &rows)
		}
		if ask.query != nil {
			b.Match(ask.query, &matching)
			rows.And(&matching)
		}
		b.Unexpired(ask.now, &rows)
		words := rows[:min(blockWords, (len(p.rows)+63)/64-i*blockWords)]
		for j, w := range words {
			out.SetWord(i*blockWords+j, w&p.live.Word(i*blockWords+j))
		}
	}
	return out
}

// widen gives rows of parts the numbers that they have in the collection.
func (s *snapshot) widen(parts []*index.Bitset) *index.Bitset {
	out := index.NewBitset(len(s.rows))
	for i, rows := range parts {
		p := &s.parts[i]
		if p.aligned && len(p.rows) > 0 {
			out.OrShifted(rows, p.rows[0]-1)
			continue
		}
		rows.Each(func(row uint32) bool {
			out.Set(p.rows[row] - 1)
			return true
		})
	}
	return out
}

// count is the number of rows that are shown.
func (s *snapshot) count() (n int) {
	for i := range s.parts {
		n += s.parts[i].live.Count()
	}
	return n
}

// all are all rows that are shown, as the collection numbers them.
func (s *snapshot) all() *index.Bitset {
	s.everything.once.Do(func() {
		parts := make([]*index.Bitset, len(s.parts))
		for i := range s.parts {
			parts[i] = s.parts[i].live
		}
		s.everything.rows = s.widen(parts)
	})
	return s.everything.rows
}

// memo remembers which rows of a part some filters and principals leave. It belongs to a part
// as it is: one that changes gets another, so that nothing in it is ever out of date.
type memo struct {
	mu   sync.Mutex
	rows map[any]*index.Bitset
}

// memoSize is the number of answers that a part remembers; any goes to make room.
const memoSize = 16

// holds reports whether rows are an answer that is remembered.
func (m *memo) holds(rows *index.Bitset) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, known := range m.rows {
		if known == rows {
			return true
		}
	}
	return false
}

func (m *memo) get(key any, make func() *index.Bitset) *index.Bitset {
	m.mu.Lock()
	known := m.rows[key]
	m.mu.Unlock()
	if known != nil {
		return known
	}
	made := make()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rows == nil {
		m.rows = map[any]*index.Bitset{}
	}
	for other := range m.rows {
		if len(m.rows) < memoSize {
			break
		}
		delete(m.rows, other)
	}
	m.rows[key] = made
	return made
}
