package segment

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/blevesearch/vellum"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
)

// Merging is an index that [Merge] reads.
type Merging struct {
	Index *Sealed
	// Keep is the rows to keep, renumbered in the same order; nil keeps all. A row that is kept
	// and removed becomes one without terms.
	Keep *index.Bitset
}

// Merge writes one index with the rows of several, one behind the other, as [Open] reads it. It
// holds the lengths of all rows, the dictionary that it writes, a number for each term of each
// index, and the postings of one term; postings and rows are read and written as streams.
// Merging what a text was split into gives the bytes that adding it at once gives.
func Merge(w io.Writer, opts Options, from ...Merging) (err error) {
	fault := distance.Guard(func() { err = merge(w, opts, from) })
	if fault != nil {
		return faulty("merge", fault)
	}
	return err
}

func merge(w io.Writer, opts Options, from []Merging) error {
	m := merger{opts: opts}
	for i, in := range from {
		if f := in.Index.foot; f.fields != opts.fields() || f.positions != opts.Positions || f.analyzer != opts.Analyzer {
			return lode.Invalid("from", i, "index %d was made with other options than the merged one", i)
		}
		s := newSource(in, m.rows)
		m.rows += s.kept
		m.sources = append(m.sources, s)
	}
	if m.rows > MaxRows {
		return lode.Errorf(lode.CodeTooLarge, "merge lexical segments: %d rows together, at most %d", m.rows, uint64(MaxRows))
	}
	if err := m.number(); err != nil {
		return err
	}
	lengths, err := m.lengths()
	if err != nil {
		return err
	}
	e, err := newEncoder(w, opts, lengths)
	if err != nil {
		return err
	}
	if err := m.writeTerms(e); err != nil {
		return err
	}
	if err := e.endTerms(); err != nil {
		return err
	}
	for _, s := range m.sources {
		if err := s.writeRows(e); err != nil {
			return err
		}
	}
	return e.finish()
}

type merger struct {
	opts    Options
	sources []*source
	rows    uint64
}

// source is one of the indexes that are merged.
type source struct {
	x       *Sealed
	keep    *index.Bitset // rows that live on; nil: all
	ranks   []uint32      // of kept rows, before each 64 of them
	listed  *index.Bitset // rows that get a number
	base    uint64        // the number of the first one
	kept    uint64
	numbers []uint32 // by number of the term here, its new one; noNumber: it is gone
}

const noNumber = ^uint32(0)

func newSource(in Merging, base uint64) *source {
	x := in.Index
	s := &source{x: x, base: base, kept: x.foot.rows, listed: in.Keep, numbers: make([]uint32, x.foot.terms)}
	for i := range s.numbers {
		s.numbers[i] = noNumber
	}
	if in.Keep != nil {
		s.kept = 0
		for i := range (x.Len() + 63) / 64 {
			s.ranks = append(s.ranks, uint32(s.kept))
			s.kept += uint64(popcount(in.Keep.Word(i) & within(i, x.Len())))
		}
	}
	s.keep = x.living(in.Keep)
	return s
}

// living returns the rows of a set, nil for all, that are not removed; nil where that is all.
func (x *Sealed) living(keep *index.Bitset) *index.Bitset {
	if keep == nil && !slices.ContainsFunc(x.deadWords(), func(w uint64) bool { return w != 0 }) {
		return nil
	}
	alive := index.NewBitset(x.Len())
	for i, dead := range x.deadWords() {
		word := ^uint64(0)
		if keep != nil {
			word = keep.Word(i)
		}
		alive.SetWord(i, word&^dead)
	}
	return alive
}

func (x *Sealed) deadWords() []uint64 {
	words := make([]uint64, len(x.dead))
	for i := range x.dead {
		words[i] = x.dead[i].Load()
	}
	return words
}

// row returns the new number of a row that is kept.
func (s *source) row(row uint32) uint32 {
	if s.listed == nil {
		return uint32(s.base) + row
	}
	below := s.listed.Word(int(row/64)) & (1<<(row%64) - 1)
	return uint32(s.base) + s.ranks[row/64] + uint32(popcount(below))
}

// number gives the terms that a living row holds their numbers: in order of the index that
// first holds them, and of their numbers there. That is the order in which a text that was
// added at once would have them.
func (m *merger) number() error {
	err := m.eachTerm(func(_ []byte, at []found) error {
		for _, f := range at {
			ok, err := f.s.lives(&f.rec)
			if err != nil {
				return err
			}
			if ok {
				f.s.numbers[f.rec.number] = 0 // the first; those after are looked up by writeTerms
				return nil
			}
		}
		return nil
	})
	next := uint32(0)
	for _, s := range m.sources {
		for i, n := range s.numbers {
			if n != noNumber {
				s.numbers[i] = next
				next++
			}
		}
	}
	return err
}

// lives reports whether a row that lives on holds the term.
func (s *source) lives(rec *record) (bool, error) {
	if s.keep == nil {
		return true, nil
	}
	p := sealedPostings{r: rec}
	for i := range rec.blocks {
		p.i, p.hasHead, p.decoded = i, false, false
		b, err := p.decode()
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(b.rows[:b.n], s.keep.Has) {
			return true, nil
		}
	}
	return false, nil
}

func (m *merger) lengths() (lengths [MaxFields][]uint32, err error) {
	for f := range m.opts.fields() {
		lengths[f] = make([]uint32, 0, m.rows)
	}
	for _, s := range m.sources {
		if err := s.x.touchLengths(0, uint32(s.x.foot.rows)); err != nil {
			return lengths, err
		}
		for row := range uint32(s.x.foot.rows) {
			if s.listed != nil && !s.listed.Has(row) {
				continue
			}
			for f := range m.opts.fields() {
				n := uint32(0)
				if s.keep == nil || s.keep.Has(row) {
					n = s.x.length(f, row)
				}
				lengths[f] = append(lengths[f], n)
			}
		}
	}
	return lengths, nil
}

func (m *merger) writeTerms(e *encoder) error {
	return m.eachTerm(func(term []byte, at []found) error {
		number := noNumber
		for _, f := range at {
			if number = f.s.numbers[f.rec.number]; number != noNumber {
				break
			}
		}
		if number == noNumber {
			return nil
		}
		e.beginTerm(number)
		for _, f := range at {
			f.s.numbers[f.rec.number] = number
			if err := f.s.writePostings(e, &f.rec); err != nil {
				return err
			}
		}
		return e.endTerm(term)
	})
}

func (s *source) writePostings(e *encoder, rec *record) error {
	p := sealedPostings{r: rec}
	fields := s.x.foot.fields
	var counts [MaxFields]uint32
	for i := range rec.blocks {
		b, err := p.decodeAll(i)
		if err != nil {
			return err
		}
		for j, row := range b.rows[:b.n] {
			positions := b.encodedPositions(j)
			if s.keep != nil && !s.keep.Has(row) {
				continue
			}
			for f := range fields {
				counts[f] = b.count(f, j)
			}
			e.posting(s.row(row), counts[:fields], positions)
		}
	}
	return nil
}

func (s *source) writeRows(e *encoder) error {
	all := s.x.foot.section[sectionForward]
	r := &reader{data: s.x.data[all.start:all.end()]}
	var numbers []uint32
	for row := range uint32(s.x.foot.rows) {
		var err error
		if numbers, err = s.x.readNumbers(numbers[:0], r, all.start); err != nil {
			return err
		}
		if s.listed != nil && !s.listed.Has(row) {
			continue
		}
		if s.keep != nil && !s.keep.Has(row) {
			numbers = numbers[:0]
		}
		for i, n := range numbers {
			numbers[i] = s.numbers[n]
		}
		slices.Sort(numbers)
		if err := e.rowTerms(numbers); err != nil {
			return err
		}
	}
	return nil
}

// found is a term in one of the indexes.
type found struct {
	s   *source
	rec record
}

// eachTerm calls f with every term in order of bytes, and where it is, in order of the indexes.
func (m *merger) eachTerm(f func(term []byte, at []found) error) error {
	open := make([]*terms, len(m.sources))
	for i, s := range m.sources {
		if s.x.foot.terms == 0 {
			continue
		}
		fst, err := s.x.fst()
		if err != nil {
			return err
		}
		t, err := s.x.newTerms(fst, new(vellum.AlwaysMatch), nil, nil)
		if err == nil {
			open[i] = t
		} else if !errors.Is(err, vellum.ErrIteratorDone) {
			return asCorrupt(err)
		}
	}
	var term []byte
	for {
		at, err := m.smallest(open, &term)
		if err != nil || len(at) == 0 {
			return err
		}
		if err := f(term, at); err != nil {
			return err
		}
	}
}

// smallest takes the smallest term off the front of the walks that stand at it. There are few
// indexes, so that looking at all of them is as good as a heap.
func (m *merger) smallest(open []*terms, term *[]byte) (at []found, err error) {
	first := -1
	for i, t := range open {
		if t != nil && (first < 0 || bytes.Compare(t.term, open[first].term) < 0) {
			first = i
		}
	}
	if first < 0 {
		return nil, nil
	}
	*term = append((*term)[:0], open[first].term...)
	for i, t := range open {
		if t == nil || !bytes.Equal(t.term, *term) {
			continue
		}
		s := m.sources[i]
		at = append(at, found{s: s})
		if err := at[len(at)-1].rec.read(s.x, t.offset); err != nil {
			return nil, err
		}
		if err := t.next(); errors.Is(err, vellum.ErrIteratorDone) {
			open[i] = nil
		} else if err != nil {
			return nil, asCorrupt(err)
		}
	}
	return at, nil
}
