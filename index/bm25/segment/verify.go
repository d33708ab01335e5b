package segment

import (
	"context"
	"errors"

	"github.com/blevesearch/vellum"

	"github.com/lodedb/lode/index"
)

// eachTerm calls f with every term in order of bytes and its record, until f fails.
func (x *Sealed) eachTerm(f func(term []byte, rec *record) error) error {
	if x.foot.terms == 0 {
		return nil
	}
	fst, err := x.fst()
	if err != nil {
		return err
	}
	it, err := x.newTerms(fst, new(vellum.AlwaysMatch), nil, nil)
	for ; err == nil; err = it.next() {
		var rec record
		if err := rec.read(x, it.offset); err != nil {
			return err
		}
		if err := f(it.term, &rec); err != nil {
			return err
		}
	}
	if errors.Is(err, vellum.ErrIteratorDone) {
		return nil
	}
	return asCorrupt(err)
}

// terms walks a dictionary.
type terms struct {
	it     vellum.Iterator
	term   []byte // until next
	offset uint64
	left   uint64 // more there cannot be
}

// newTerms walks the terms from one to before another, nil: all, that an automaton accepts. It
// stands at the first one then, or the error is that it is done.
func (x *Sealed) newTerms(fst *vellum.FST, accept vellum.Automaton, from, to []byte) (*terms, error) {
	t := &terms{left: x.foot.terms}
	return t, t.move(func() (err error) {
		t.it, err = fst.Search(accept, from, to)
		return err
	})
}

func (t *terms) next() error { return t.move(func() error { return t.it.Next() }) }

func (t *terms) move(step func() error) error {
	return strict(func() error {
		if err := step(); err != nil {
			return err
		}
		if t.left == 0 {
			return corrupt("there are more terms than there should be")
		}
		t.left--
		t.term, t.offset = t.it.Current()
		return nil
	})
}

func (x *Sealed) verifyTerms(ctx context.Context) error {
	seen := uint64(0)
	var p sealedPostings
	err := x.eachTerm(func(term []byte, rec *record) error {
		if seen++; seen > x.foot.terms {
			return corrupt("more than %d terms", x.foot.terms)
		}
		if seen%1024 == 0 {
			if err := index.Stopped(ctx); err != nil {
				return err
			}
		}
		p = sealedPostings{r: rec}
		return x.verifyTerm(&p)
	})
	if err == nil && seen != x.foot.terms {
		return corrupt("%d terms, not %d", seen, x.foot.terms)
	}
	return err
}

func (x *Sealed) verifyTerm(p *sealedPostings) error {
	for i := range p.r.blocks {
		b, err := p.decodeAll(i)
		if err != nil {
			return err
		}
		if err := x.verifyBounds(p, b); err != nil {
			return err
		}
		places := 0
		for j := range b.n {
			places += b.total(j)
		}
		if x.foot.positions && varints(b.positions) != places {
			return corrupt("block %d of term %d has %d positions, not %d", i, p.r.number, varints(b.positions), places)
		}
	}
	return nil
}

// varints is the number of varints in b.
func varints(b []byte) (n int) {
	for _, c := range b {
		if c < 0x80 {
			n++
		}
	}
	return n
}

// verifyBounds checks that no posting is beyond what bounds its block and its term.
func (x *Sealed) verifyBounds(p *sealedPostings, b *block) error {
	var counts, lengths [MaxFields]uint32
	fields := x.foot.fields
	for i, row := range b.rows[:b.n] {
		for f := range fields {
			counts[f], lengths[f] = b.count(f, i), x.length(f, row)
		}
		inBlock := b.n < leastSummary || p.head.summary.covers(counts[:fields], lengths[:fields])
		if !inBlock || p.r.top != nil && !p.r.top.covers(counts[:fields], lengths[:fields]) {
			return corrupt("row %d is beyond the bounds of term %d", row, p.r.number)
		}
	}
	return nil
}

func (x *Sealed) verifyRows(ctx context.Context) error {
	var numbers []uint32
	var stats Statistics
	all := x.foot.section[sectionForward]
	r := &reader{data: x.data[all.start:all.end()]}
	for row := range uint32(x.foot.rows) {
		if row%4096 == 0 {
			if err := index.Stopped(ctx); err != nil {
				return err
			}
		}
		at := x.foot.section[sectionForwardIndex].start + uint64(row)/forwardGroup*8
		if row%forwardGroup == 0 && le64(x.data[at:]) != uint64(r.at) {
			return corrupt("the terms of row %d are not where the index says", row)
		}
		var err error
		if numbers, err = x.readNumbers(numbers[:0], r, all.start); err != nil {
			return err
		}
		if len(numbers) > 0 {
			stats.Rows++
		}
		for f := range x.foot.fields {
			stats.Terms[f] += uint64(x.length(f, row))
		}
	}
	if stats.Rows != x.foot.filled || stats.Terms != x.foot.totals {
		return corrupt("its rows and its statistics differ")
	}
	return nil
}
