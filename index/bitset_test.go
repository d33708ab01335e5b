package index_test

import (
	"math/rand/v2"
	"testing"

	"github.com/lodedb/lode/index"
)

// TestBitsetRuns compares what sets many ordinals at once with setting them one by one.
func TestBitsetRuns(t *testing.T) {
	const seed = 7
	random := rand.New(rand.NewPCG(seed, seed))
	same := func(what string, got, want *index.Bitset) {
		t.Helper()
		if got.Len() != want.Len() || got.Count() != want.Count() {
			t.Fatalf("seed %d: %s: %d of %d, want %d of %d", seed, what, got.Count(), got.Len(), want.Count(), want.Len())
		}
		want.Each(func(o uint32) bool {
			if !got.Has(o) {
				t.Fatalf("seed %d: %s: %d is missing", seed, what, o)
			}
			return true
		})
	}
	for range 2000 {
		n := random.IntN(300)
		got, want := index.NewBitset(n), index.NewBitset(n)
		from := uint32(random.IntN(320))
		to := from + uint32(random.IntN(200))
		got.SetRange(from, to)
		for o := from; o < to; o++ {
			want.Set(o)
		}
		same("SetRange", got, want)

		by := uint32(random.IntN(200))
		shifted := index.NewBitset(random.IntN(300))
		one := shifted.Clone()
		if last := by + uint32(got.Len()); got.Len() > 0 && !one.Has(last-1) {
			one.Set(last - 1) // the length grows with the set's
			one.Clear(last - 1)
		}
		got.Each(func(o uint32) bool { one.Set(o + by); return true })
		shifted.OrShifted(got, by)
		same("OrShifted", shifted, one)

		if n == 0 {
			continue
		}
		word, i := random.Uint64(), random.IntN((n+63)/64)
		whole, bits := index.NewBitset(n), index.NewBitset(n)
		whole.SetWord(i, word)
		for o := 64 * i; o < min(64*i+64, n); o++ {
			if word>>(o%64)&1 == 1 {
				bits.Set(uint32(o))
			}
		}
		same("SetWord", whole, bits)
	}
}
