package segment

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/internal/text"
)

// seeded returns a source of chance whose seed is in the log, and can be set again.
func seeded(t testing.TB) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("LODE_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("LODE_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// word is a term that no other number has.
func word(i int) string { return "w" + strconv.Itoa(i) }

// randomRow has terms of a skewed vocabulary, few in the fields behind the first.
func randomRow(rng *rand.Rand, fields, vocabulary, most int) Row {
	row := make(Row, fields)
	for f := range row {
		n := rng.IntN(most + 1)
		if f > 0 {
			n /= 5
		}
		at := uint32(0)
		for range n {
			row[f] = append(row[f], text.Token{Term: word(rng.IntN(1 + rng.IntN(vocabulary))), Position: at})
			at += uint32(1 + rng.IntN(12)/11)
		}
	}
	return row
}

func mustGrow(t testing.TB, opts Options, rows []Row) *Growing {
	t.Helper()
	x, err := NewGrowing(opts)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		n, err := x.Add(row)
		if err != nil {
			t.Fatal(err)
		}
		if int(n) != i {
			t.Fatalf("row %d has number %d", i, n)
		}
	}
	return x
}

func mustSeal(t testing.TB, x *Growing) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := x.Seal(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func mustOpen(t testing.TB, data []byte, opts Options) *Sealed {
	t.Helper()
	x, err := Open(data, opts)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func mustSearch(t testing.TB, q Query, views []View, o SearchOptions) []Hit {
	t.Helper()
	got, err := Search(t.Context(), q, views, o)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// words is a query for each of the terms.
func words(terms ...string) (q Query) {
	for _, term := range terms {
		q.Clauses = append(q.Clauses, Clause{Any: []Alternative{Term(term)}})
	}
	return q
}

func randomSet(rng *rand.Rand, n int, share float64) *index.Bitset {
	set := index.NewBitset(n)
	for i := range n {
		if rng.Float64() < share {
			set.Set(uint32(i))
		}
	}
	return set
}
