package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
)

func TestQuote(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		a, b := submit(t, p, "a", story), submit(t, p, "b", "a vector")
		settle(t, p, a, lode.StateReady)
		settle(t, p, b, lode.StateReady)
		w.docs["b"].Kind = lode.KindVector
		text := w.docs["a"].versions[1].text.Text
		first := lode.ChunkID{Doc: a.Doc, Version: 1}
		read := func(cited ...lode.Cited) []lode.Quotation {
			t.Helper()
			got, err := p.Quote(t.Context(), anyone, "docs", cited, time.Time{})
			if err != nil || len(got) != len(cited) {
				t.Fatalf("%+v, %v", got, err)
			}
			return got
		}
		got := read(
			lode.Cited{Chunk: lode.ChunkID{Doc: b.Doc, Version: 1}},
			lode.Cited{Chunk: first},
			lode.Cited{Chunk: lode.ChunkID{Doc: 99, Version: 1}},
			lode.Cited{Chunk: first, Spans: []lode.Span{{Start: 0, End: 3}, {Start: 5, End: 9}}},
			lode.Cited{Chunk: first, Spans: []lode.Span{{Start: 0, End: len(text) + 1}}},
			lode.Cited{Chunk: first, Spans: []lode.Span{{Start: 0, End: len(text)}, {Start: 0, End: 1}}},
			lode.Cited{Chunk: first, Spans: []lode.Span{{Start: -1, End: 1}}},
		)
		for i, want := range []struct {
			found, verified bool
			text, reason    string
		}{
			{true, false, "a vector", "raw vector"},
			{true, true, w.docs["a"].versions[1].chunks[0].Chunk.Text, ""},
			{false, false, "", "no such passage"},
			{true, true, text[:3] + "\n" + text[5:9], ""},
			{true, false, "", "outside"},
			{true, false, "", "repeats"},
			{true, false, "", "outside"},
		} {
			q := got[i]
			if q.Found != want.found || q.Verified != want.verified || q.Text != want.text || !strings.Contains(q.Reason, want.reason) || (want.reason == "") != (q.Reason == "") {
				t.Errorf("%d: %+v, want %+v", i, q, want)
			}
		}
		w.blobs[w.docs["a"].versions[1].Blob] = []byte("other")
		if q := read(lode.Cited{Chunk: first})[0]; !q.Found || q.Verified || !strings.Contains(q.Reason, "bronze_hash") || q.Text == "" {
			t.Errorf("%+v", q)
		}
	})
}

// Citations of one version read it once.
func TestQuoteReadsOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := start(t, options(w))
		r := submit(t, p, "a", story)
		settle(t, p, r, lode.StateReady)
		w.inject("Silver", fault{}, fault{err: lode.Errorf(lode.CodeUnavailable, "a second time")})
		cited := make([]lode.Cited, 20)
		for i := range cited {
			cited[i].Chunk = lode.ChunkID{Doc: r.Doc, Version: 1, Ordinal: uint32(i % 2)}
		}
		got, err := p.Quote(t.Context(), anyone, "docs", cited, time.Time{})
		if err != nil || !got[19].Verified {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
