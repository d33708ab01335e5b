package segment

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestPackedNumbersComeBack(t *testing.T) {
	rng := seeded(t)
	for range 2000 {
		width, n := rng.IntN(33), rng.IntN(blockPostings+1)
		values := make([]uint32, n)
		for i := range values {
			values[i] = uint32(rng.Uint64() & (1<<width - 1))
		}
		b := pack(nil, values, width)
		if len(b) != packedBytes(n, width) {
			t.Fatalf("%d numbers of %d bits take %d bytes, not %d", n, width, len(b), packedBytes(n, width))
		}
		got := make([]uint32, n)
		unpack(got, append(b, make([]byte, packSlack)...), width)
		if !slices.Equal(got, values) {
			t.Fatalf("%d bits: got %v, want %v", width, got, values)
		}
		if n > 0 && widthOf(values) > width {
			t.Fatalf("%v have %d bits", values, widthOf(values))
		}
	}
}

// A summary covers every posting that it was made of, however many of its impacts were joined,
// and so does one that was made of summaries.
func TestSummariesCover(t *testing.T) {
	rng := seeded(t)
	for range 500 {
		fields := 1 + rng.IntN(3)
		var counts, lengths [][]uint32
		var whole summary
		for range 1 + rng.IntN(4) {
			var s summary
			from := len(counts)
			for range 1 + rng.IntN(blockPostings) {
				c, l := randomNumbers(rng, fields, 40), randomNumbers(rng, fields, 1000)
				counts, lengths = append(counts, c), append(lengths, l)
				s.add(c, l)
			}
			s.reduce()
			whole.merge(&s, fields)
			mustCover(t, &s, counts[from:], lengths[from:])
		}
		whole.reduce()
		mustCover(t, &whole, counts, lengths)

		const mask = 0xff
		r := reader{data: whole.append(nil, fields, mask)}
		var back summary
		back.read(&r, fields, mask)
		if r.err != nil || r.at != len(r.data) {
			t.Fatalf("%+v came back as %+v, error %v", whole, back, r.err)
		}
		mustCover(t, &back, counts, lengths)
	}
}

func randomNumbers(rng *rand.Rand, n, most int) []uint32 {
	out := make([]uint32, n)
	for i := range out {
		out[i] = uint32(rng.IntN(1 + rng.IntN(most)))
	}
	return out
}

func mustCover(t *testing.T, s *summary, counts, lengths [][]uint32) {
	t.Helper()
	if len(s[0].impacts) > maxImpacts || len(s[1].impacts) > maxImpacts {
		t.Fatalf("%d and %d impacts", len(s[0].impacts), len(s[1].impacts))
	}
	for i, c := range counts {
		if !s.covers(c, lengths[i]) {
			t.Fatalf("%v of lengths %v is beyond %+v", c, lengths[i], s)
		}
	}
}
