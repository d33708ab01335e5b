package segment

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/blevesearch/vellum"
	"github.com/blevesearch/vellum/levenshtein"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
)

// Suggestion is a term that is spelled nearly like another one.
type Suggestion struct {
	Term     string
	Distance int // letters to insert, remove, replace or exchange with the next
	Rows     int // visible rows that hold it, counted up to maxCounted
	// Part and Row are the first visible row that holds it. Its text has the word as it is
	// written; see [Written].
	Part int
	Row  uint32
}

const (
	// maxCounted bounds the count of a suggestion's rows.
	maxCounted = 1000
	// maxSuggested is how many terms are looked for in visible rows.
	maxSuggested = 256
	// A word of leastSpelled letters may have one mistake, of leastTwice two.
	leastSpelled = 3
	leastTwice   = 6
)

// Suggest returns at most most terms that are spelled nearly like one, which is left out:
// fewest mistakes first, then those in most rows. It looks at visible rows only: those that
// their view allows. A term that no visible row holds is not suggested, and rows that are not
// visible change nothing but which terms are tried, where more than 256 are similar.
func Suggest(ctx context.Context, term string, views []View, most int) ([]Suggestion, error) {
	s, err := newSpeller(term)
	if s == nil || err != nil {
		return nil, err
	}
	var all []termRows
	for _, v := range views {
		if all, err = v.Part.similar(all, s); err != nil {
			return nil, err
		}
	}
	all = slices.DeleteFunc(addUp(all), func(t termRows) bool { return t.term == term })
	slices.SortStableFunc(all, func(a, b termRows) int {
		return cmp.Or(cmp.Compare(s.distance(a.term), s.distance(b.term)), cmp.Compare(b.rows, a.rows))
	})
	all = all[:min(len(all), maxSuggested)]
	found, err := seen(ctx, all, views)
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i].Distance = s.distance(found[i].Term)
	}
	slices.SortStableFunc(found, func(a, b Suggestion) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Term, b.Term))
	})
	return found[:min(len(found), max(most, 0))], nil
}

// seen returns the terms that visible rows hold.
func seen(ctx context.Context, all []termRows, views []View) ([]Suggestion, error) {
	names := make([]string, len(all))
	found := make([]Suggestion, len(all))
	for i, t := range all {
		names[i], found[i].Term = t.term, t.term
	}
	for i, v := range views {
		p, err := v.Part.prepare(names)
		if err != nil {
			return nil, err
		}
		s := &partSearch{rows: p.rows, allow: v.Allow}
		fault := distance.Guard(func() {
			for j := range found {
				if err := index.Stopped(ctx); err != nil {
					s.fail(err)
					return
				}
				s.look(&found[j], i, p.entries[j])
			}
		})
		if fault != nil {
			return nil, faulty("search", fault)
		}
		if s.err != nil {
			return nil, s.err
		}
	}
	return slices.DeleteFunc(found, func(s Suggestion) bool { return s.Rows == 0 }), nil
}

// look counts the visible rows of a part that hold a term.
func (s *partSearch) look(out *Suggestion, part int, e entry) {
	if e.open == nil {
		return
	}
	p := e.open(new(cursor))
	for from := uint32(0); out.Rows < maxCounted; {
		ok, err := p.seek(from)
		var b *block
		if ok && err == nil {
			b, err = p.decode()
		}
		if err != nil {
			s.fail(err)
		}
		if !ok || err != nil {
			return
		}
		for _, row := range b.rows[:b.n] {
			if !s.isVisible(row) {
				continue
			}
			if out.Rows == 0 {
				out.Part, out.Row = part, row
			}
			out.Rows++
		}
		out.Rows = min(out.Rows, maxCounted)
		from = b.rows[b.n-1] + 1
	}
}

// speller accepts terms that are spelled nearly like one.
type speller struct {
	dfa  *levenshtein.DFA
	most uint8
}

// automata make automata for so many mistakes; making them takes milliseconds.
var automata = [...]func() (*levenshtein.LevenshteinAutomatonBuilder, error){
	1: sync.OnceValues(func() (*levenshtein.LevenshteinAutomatonBuilder, error) {
		return levenshtein.NewLevenshteinAutomatonBuilder(1, true)
	}),
	2: sync.OnceValues(func() (*levenshtein.LevenshteinAutomatonBuilder, error) {
		return levenshtein.NewLevenshteinAutomatonBuilder(2, true)
	}),
}

// newSpeller returns nil for a term that is too short or too long to be misspelled.
func newSpeller(term string) (*speller, error) {
	const longest = 40 // letters: the automaton grows with them
	letters := utf8.RuneCountInString(term)
	if letters < leastSpelled || letters > longest || !utf8.ValidString(term) {
		return nil, nil
	}
	s := &speller{most: 1}
	if letters >= leastTwice {
		s.most = 2
	}
	builder, err := automata[s.most]()
	if err != nil {
		return nil, lode.Errorf(lode.CodeInternal, "suggest: %w", err)
	}
	if s.dfa, err = builder.BuildDfa(term, s.most); err != nil {
		return nil, lode.Errorf(lode.CodeInternal, "suggest: %w", err)
	}
	return s, nil
}

// distance is that of a term that the speller accepts.
func (s *speller) distance(term string) int {
	_, d := s.dfa.MatchAndDistance(term)
	return int(d)
}

func (x *Growing) similar(dst []termRows, s *speller) ([]termRows, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for i, name := range x.mu.names {
		if live := x.mu.lists[i].live; live > 0 {
			if ok, _ := s.dfa.MatchAndDistance(name); ok {
				dst = append(dst, termRows{name, live})
			}
		}
	}
	return dst, nil
}

func (x *Sealed) similar(dst []termRows, s *speller) (out []termRows, err error) {
	fault := distance.Guard(func() { out, err = x.walk(dst, nil, nil, x.Terms(), s.dfa) })
	if fault != nil {
		return dst, faulty("search", fault)
	}
	return out, err
}

// walk appends at most so many terms from one to before another that an automaton accepts and a
// live row holds, in order of bytes.
func (x *Sealed) walk(dst []termRows, from, to []byte, most int, accept vellum.Automaton) ([]termRows, error) {
	fst, err := x.fst()
	if err != nil || x.foot.terms == 0 {
		return dst, err
	}
	end := len(dst) + most
	t, err := x.newTerms(fst, accept, from, to)
	var rec record
	for ; err == nil && len(dst) < end; err = t.next() {
		if err := rec.read(x, t.offset); err != nil {
			return dst, err
		}
		x.mu.RLock()
		live := x.liveLocked(&rec)
		x.mu.RUnlock()
		if live > 0 {
			dst = append(dst, termRows{string(t.term), live})
		}
	}
	if err != nil && !errors.Is(err, vellum.ErrIteratorDone) {
		return dst, asCorrupt(err)
	}
	return dst, nil
}
