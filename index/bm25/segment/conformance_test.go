package segment_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/bm25/segment"
	"github.com/lodedb/lode/index/indextest"
	"github.com/lodedb/lode/internal/text"
)

// lexical is an [indextest.LexicalIndex] of sealed parts of a few hundred rows and a growing one.
type lexical struct {
	analyzer text.Analyzer
	seal     int // rows of a part; 0: nothing is sealed

	mu    sync.RWMutex
	parts []segment.Part
	bases []int
	rows  []segment.Row
}

func (x *lexical) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.rows)
}

func (x *lexical) Terms(s string) []string { return x.analyzer.Terms([]string{}, s) }

func (x *lexical) Add(s string) uint32 { return x.add(x.analyzer.Tokens(nil, s)) }

func (x *lexical) AddTerms(terms []string) uint32 {
	var tokens []text.Token
	for _, term := range terms {
		tokens = append(tokens, text.Token{Term: term})
	}
	return x.add(tokens)
}

func (x *lexical) add(tokens []text.Token) uint32 {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := len(x.parts)
	if n > 0 && x.seal > 0 && x.parts[n-1].Len() == x.seal {
		var b bytes.Buffer
		if err := x.parts[n-1].(*segment.Growing).Seal(&b); err != nil {
			panic(err)
		}
		sealed, err := segment.Open(b.Bytes(), segment.Options{})
		if err != nil {
			panic(err)
		}
		x.parts = append(slices.Clone(x.parts[:n-1]), sealed)
	}
	if n == 0 || x.seal > 0 && x.parts[n-1].Len() == x.seal {
		g, err := segment.NewGrowing(segment.Options{})
		if err != nil {
			panic(err)
		}
		x.parts = append(x.parts[:n:n], g)
		x.bases = append(x.bases, len(x.rows))
	}
	row := segment.Row{tokens}
	if _, err := x.parts[len(x.parts)-1].(*segment.Growing).Add(row); err != nil {
		panic(err)
	}
	x.rows = append(x.rows, row)
	return uint32(len(x.rows) - 1)
}

func (x *lexical) Remove(ordinals ...uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, o := range ordinals {
		if int(o) >= len(x.rows) {
			continue
		}
		i := len(x.parts) - 1
		for x.bases[i] > int(o) {
			i--
		}
		x.rows[o] = nil
		switch p := x.parts[i].(type) {
		case *segment.Growing:
			p.Remove(o - uint32(x.bases[i]))
		case *segment.Sealed:
			if err := p.Remove(o - uint32(x.bases[i])); err != nil {
				panic(err)
			}
		}
	}
}

func (x *lexical) query(s string) segment.Query {
	var q segment.Query
	for _, term := range x.analyzer.Terms(nil, s) {
		q.Clauses = append(q.Clauses, segment.Clause{Any: []segment.Alternative{segment.Term(term)}, Weight: 1})
	}
	slices.SortFunc(q.Clauses, func(a, b segment.Clause) int {
		return strings.Compare(a.Any[0].Terms[0].Term, b.Any[0].Terms[0].Term)
	})
	out := q.Clauses[:0]
	for _, c := range q.Clauses {
		if n := len(out); n > 0 && out[n-1].Any[0].Terms[0] == c.Any[0].Terms[0] {
			out[n-1].Weight++
			continue
		}
		out = append(out, c)
	}
	q.Clauses = out
	return q
}

func (x *lexical) Search(ctx context.Context, query string, k int, allow *index.Bitset) ([]index.Candidate, error) {
	if err := index.CheckK(k); err != nil {
		return nil, err
	}
	x.mu.RLock()
	parts, bases := x.parts, x.bases
	x.mu.RUnlock()
	var views []segment.View
	for i, p := range parts {
		v := segment.View{Part: p}
		if allow != nil {
			v.Allow = index.NewBitset(0)
			for row := range p.Len() {
				if allow.Has(uint32(bases[i] + row)) {
					v.Allow.Set(uint32(row))
				}
			}
		}
		views = append(views, v)
	}
	hits, err := segment.Search(ctx, x.query(query), views, segment.SearchOptions{K: k})
	var out []index.Candidate
	for _, h := range hits {
		out = append(out, index.Candidate{Ordinal: uint32(bases[h.Part]) + h.Row, Score: h.Score})
	}
	return out, err
}

func (x *lexical) Compact(keep *index.Bitset) indextest.LexicalIndex {
	x.mu.RLock()
	defer x.mu.RUnlock()
	y := &lexical{seal: x.seal}
	for i, row := range x.rows {
		if keep == nil || keep.Has(uint32(i)) {
			tokens := []text.Token(nil)
			if row != nil {
				tokens = row[0]
			}
			y.add(tokens)
		}
	}
	return y
}

func (x *lexical) Bytes() int64 { return 0 }

func (x *lexical) UpperBound(query string) float64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	bound, err := segment.UpperBound(x.query(query), x.parts, segment.SearchOptions{})
	if err != nil {
		panic(err)
	}
	return bound
}

func TestConformance(t *testing.T) {
	for _, seal := range []int{0, 100, 1000} {
		t.Run(fmt.Sprint(seal), func(t *testing.T) {
			indextest.Lexical(t, func() indextest.LexicalIndex { return &lexical{seal: seal} })
		})
	}
}
