package beir_test

import (
	"math/rand/v2"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/beir"
)

func TestTokenOverlap(t *testing.T) {
	// "Over 100 million of you": five tokens, spaces before the words.
	tokens := []lode.Span{{Start: 0, End: 4}, {Start: 4, End: 8}, {Start: 8, End: 16}, {Start: 16, End: 19}, {Start: 19, End: 23}}
	f := func(retrieved, gold []lode.Span, want beir.Overlap) {
		t.Helper()
		if got := beir.TokenOverlap(tokens, retrieved, gold); got != want {
			t.Errorf("TokenOverlap(%v, %v) = %+v, want %+v", retrieved, gold, got, want)
		}
	}
	all := []lode.Span{{Start: 0, End: 23}}
	f(all, all, beir.Overlap{Retrieved: 5, Relevant: 5, Both: 5})
	f(nil, all, beir.Overlap{Relevant: 5})
	f(all, nil, beir.Overlap{Retrieved: 5})
	// A token that a span holds a part of is in it.
	f(all, []lode.Span{{Start: 5, End: 9}}, beir.Overlap{Retrieved: 5, Relevant: 2, Both: 2})
	// Spans of one token each, out of order; one of them repeats what another holds.
	f([]lode.Span{{Start: 16, End: 23}, {Start: 0, End: 4}, {Start: 19, End: 23}}, []lode.Span{{Start: 4, End: 19}},
		beir.Overlap{Retrieved: 4, Relevant: 3, Both: 1})
	// Gold that is named twice counts once.
	f([]lode.Span{{Start: 0, End: 8}}, []lode.Span{{Start: 0, End: 4}, {Start: 1, End: 3}}, beir.Overlap{Retrieved: 2, Relevant: 1, Both: 1})
	// Empty spans and spans after the text hold nothing.
	f([]lode.Span{{Start: 5, End: 5}, {Start: 23, End: 30}}, all, beir.Overlap{Relevant: 5})
}

func TestOverlapShares(t *testing.T) {
	o := beir.Overlap{Retrieved: 8, Relevant: 4, Both: 2}
	if o.Recall() != 0.5 || o.Precision() != 0.25 || o.IoU() != 0.2 {
		t.Errorf("recall %v, precision %v, IoU %v", o.Recall(), o.Precision(), o.IoU())
	}
	if o = (beir.Overlap{}); o.Recall() != 0 || o.Precision() != 0 || o.IoU() != 0 {
		t.Errorf("of nothing: recall %v, precision %v, IoU %v", o.Recall(), o.Precision(), o.IoU())
	}
}

// Counting token by token must give the same.
func TestTokenOverlapAgainstCounting(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		var tokens []lode.Span
		for at := 0; at < 60; {
			end := at + 1 + r.IntN(5)
			tokens = append(tokens, lode.Span{Start: at, End: end})
			at = end + r.IntN(2)
		}
		retrieved, gold := randomSpans(r), randomSpans(r)
		want := beir.Overlap{}
		for _, token := range tokens {
			got, relevant := holders(token, retrieved), holders(token, gold)
			want.Retrieved += got
			want.Relevant += min(1, relevant)
			want.Both += min(1, got*relevant)
		}
		if got := beir.TokenOverlap(tokens, retrieved, gold); got != want {
			t.Fatalf("seed %d: TokenOverlap(%v, %v, %v) = %+v, want %+v", seed, tokens, retrieved, gold, got, want)
		}
	}
}

func randomSpans(r *rand.Rand) []lode.Span {
	spans := make([]lode.Span, r.IntN(6))
	for i := range spans {
		start := r.IntN(70)
		spans[i] = lode.Span{Start: start, End: start + r.IntN(20)}
	}
	return spans
}

func holders(token lode.Span, spans []lode.Span) (n int) {
	for _, s := range spans {
		if max(s.Start, token.Start) < min(s.End, token.End) {
			n++
		}
	}
	return n
}
