package bm25

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

type posting struct{ ordinal, count uint32 }

func TestPostingsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ordinals := rapid.SliceOfDistinct(rapid.Uint32Max(math.MaxUint32-1), rapid.ID).Draw(t, "ordinals")
		slices.Sort(ordinals)
		var l list
		var want, got []posting
		for _, ordinal := range ordinals {
			p := posting{ordinal, rapid.Uint32Range(1, math.MaxUint32).Draw(t, "count")}
			l.append(p.ordinal, p.count)
			want = append(want, p)
		}
		c := cursor{data: l.data}
		for c.advance(); !c.done; c.advance() {
			got = append(got, posting{c.ordinal, c.count})
		}
		if !slices.Equal(got, want) || int(l.live) != len(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestTermNumbersComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var forward []byte
		var starts []int
		rows := rapid.SliceOf(rapid.SliceOfDistinct(rapid.Uint32(), rapid.ID)).Draw(t, "rows")
		for _, numbers := range rows {
			slices.Sort(numbers)
			starts = append(starts, len(forward))
			forward = appendNumbers(forward, numbers)
		}
		for i, numbers := range rows {
			if got := readNumbers(nil, forward[starts[i]:]); !slices.Equal(got, numbers) {
				t.Fatalf("row %d: got %v, want %v", i, got, numbers)
			}
		}
	})
}
