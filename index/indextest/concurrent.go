package indextest

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

// denseConcurrent lets readers look for rows that were just added: a row whose Add
// returned is the best answer to its own vector, from the next search on.
func denseConcurrent(t *testing.T, newIndex NewDense, metric lode.Metric) {
	const dim, rows, readers = 8, 1500, 3
	rng := seeded(t)
	vectors := make([]lode.Vector, rows)
	for i := range vectors {
		vectors[i] = randomVector(rng, dim, false).Normalize() // so that dot finds itself too
	}
	x := newIndex(dim, metric)
	var added atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, v := range vectors {
			if _, err := x.Add(v); err != nil {
				t.Errorf("add: %v", err)
				break
			}
			added.Add(1)
		}
		added.Add(rows) // the sign to stop
	})
	for range readers {
		wg.Go(func() {
			local := rand.New(rand.NewPCG(uint64(dim), rows))
			for {
				n := added.Load()
				if n >= rows {
					return
				}
				if n > 0 && !findsItself(t, x, vectors, uint32(local.Int64N(n))) {
					return
				}
			}
		})
	}
	wg.Wait()
	if x.Len() != rows {
		t.Errorf("%d rows, want %d", x.Len(), rows)
	}
}

func findsItself(t *testing.T, x index.Dense, vectors []lode.Vector, ordinal uint32) bool {
	got, err := x.Search(t.Context(), vectors[ordinal], 3, nil)
	if err != nil || len(got) == 0 {
		t.Errorf("search for row %d: %v, error %v", ordinal, got, err)
		return false
	}
	own := x.Vector(ordinal)
	if got[0].Ordinal != ordinal && !slices.Equal(x.Vector(got[0].Ordinal), own) {
		// Vectors of length 1 up to rounding: another row may score as high by a hair.
		if only := allowOnly(ordinal); !sameScore(t, x, vectors[ordinal], only, got[0].Score) {
			t.Errorf("search for row %d answers %v", ordinal, got[0])
			return false
		}
	}
	if y := x.Compact(allowOnly(ordinal)); y.Len() != 1 || !slices.Equal(y.Vector(0), own) {
		t.Errorf("compacting to row %d beside the writer gives %d rows", ordinal, y.Len())
		return false
	}
	return x.Bytes() > 0 && x.Len() > int(ordinal)
}

func allowOnly(ordinal uint32) *index.Bitset {
	set := index.NewBitset(int(ordinal) + 1)
	set.Set(ordinal)
	return set
}

func sameScore(t *testing.T, x index.Dense, query lode.Vector, allow *index.Bitset, score float32) bool {
	got, err := x.Search(t.Context(), query, 1, allow)
	return err == nil && len(got) == 1 && close32(got[0].Score, score)
}

// lexicalConcurrent adds and removes rows while readers look for them. Every text has a
// word of its own.
func lexicalConcurrent(t *testing.T, newIndex NewLexical) {
	const rows, readers = 800, 3
	x := newIndex()
	var added, removed atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range rows {
			x.Add("common " + ownWord(i))
			added.Add(1)
			if i%2 == 1 { // remove every even row, one step late
				x.Remove(uint32(i - 1))
				removed.Store(int64(i - 1))
			}
		}
		added.Add(rows) // the sign to stop
	})
	for range readers {
		wg.Go(func() {
			local := rand.New(rand.NewPCG(readers, rows))
			for {
				gone, n := removed.Load(), added.Load()
				if n >= rows {
					return
				}
				if n < 2 {
					continue
				}
				i := int(local.Int64N(n - 1))
				if !lexicalSees(t, x, i, int(gone)) {
					return
				}
			}
		})
	}
	wg.Wait()
	if x.Len() != rows {
		t.Errorf("%d rows, want %d", x.Len(), rows)
	}
}

// lexicalSees reports whether a search for row i is right, when even rows up to gone have
// been removed before it began.
func lexicalSees(t *testing.T, x LexicalIndex, i, gone int) bool {
	got, err := x.Search(t.Context(), ownWord(i), 10, nil)
	if err != nil {
		t.Errorf("search: %v", err)
		return false
	}
	found := len(got) == 1 && got[0].Ordinal == uint32(i)
	switch {
	case i%2 == 1 && !found:
		t.Errorf("row %d was added, the answer is %v", i, got)
		return false
	case i%2 == 0 && i <= gone && len(got) != 0:
		t.Errorf("row %d was removed, the answer is %v", i, got)
		return false
	}
	if i%50 == 0 && x.Compact(allowOnly(uint32(i))).Len() != 1 {
		t.Errorf("compacting beside the writer lost row %d", i)
		return false
	}
	all, err := x.Search(t.Context(), "common", 5, nil)
	return err == nil && len(all) > 0 && x.Len() > i && x.Bytes() > 0
}
