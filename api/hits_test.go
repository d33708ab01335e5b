package api

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

var everything = lode.With{Text: true, Metadata: true, Vector: true}

// TestHitsAreThoseOfEncodingJSON holds the bytes of random hits against encoding/json.
func TestHitsAreThoseOfEncodingJSON(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 2))
	for range 2000 {
		hits := make([]lode.Hit, rnd.IntN(4))
		for i := range hits {
			hits[i] = randomHit(rnd)
		}
		using := []string{"", "title", "words & more", "none"}[rnd.IntN(4)]
		got, err := appendHitsJSON(nil, hits, everything, using)
		if err != nil {
			t.Fatal(err)
		}
		shown := toHits(hits)
		for i := range shown {
			showSpace(&shown[i], &hits[i].Row, using)
		}
		if want := encoded(t, v1.VectorHits{Hits: shown}); string(got) != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(buf.String(), "\n")
}

var words = []string{"", "plain", "ä & <b>", "quote\" and \\", "line\nend\u2028", "\x01", "\xff", "日本", "a/b c~"}

func randomHit(rnd *rand.Rand) lode.Hit {
	word := func() string { return words[rnd.IntN(len(words))] }
	scores := []float64{0, math.Copysign(0, -1), 1, -0.5, 1e-7, 1.5e-9, 1e21, 123456789.25, -3e300, rnd.NormFloat64(), float64(rnd.Float32())}
	score := func() float64 { return scores[rnd.IntN(len(scores))] }
	h := lode.Hit{Score: score()}
	if dense := score(); rnd.IntN(3) > 0 {
		h.Dense = &dense
		if rnd.IntN(2) == 0 {
			h.Dense = &h.Score
		}
	}
	if lexical := score(); rnd.IntN(2) == 0 {
		h.Lexical = &lexical
	}
	h.Row.Chunk = lode.Chunk{
		ID:   lode.ChunkID{Doc: lode.DocNo(rnd.Uint64()), Version: lode.Version(rnd.Uint32()), Ordinal: rnd.Uint32N(3)},
		Text: word(), Page: rnd.IntN(2), Span: lode.Span{Start: rnd.IntN(9), End: rnd.IntN(99)},
	}
	if rnd.IntN(2) == 0 {
		h.Row.Chunk.Path = []string{word(), word()}
	}
	if rnd.IntN(3) == 0 {
		h.Row.Chunk.Header = &lode.ChunkHeader{Text: word(), Span: lode.Span{Start: rnd.IntN(9), End: rnd.IntN(99)}}
	}
	if rnd.IntN(3) == 0 {
		h.Row.Chunk.Flags = []lode.TextFlag{{Kind: lode.FlagHidden, Span: lode.Span{Start: rnd.IntN(9), End: rnd.IntN(99)}, Rule: word()}}
	}
	h.Row.Document = &lode.Document{ID: lode.DocID(word()), Kind: lode.Kind(1 + rnd.IntN(2))}
	if rnd.IntN(2) == 0 {
		h.Row.Document.Metadata = lode.Metadata{"b": lode.StringValue(word()), "a": lode.ListValue(lode.IntegerValue(1), lode.FloatValue(2)), "": lode.BoolValue(true)}
	}
	if rnd.IntN(2) == 0 {
		h.Row.Version = &lode.DocVersion{URI: word(), Title: word(), Blob: lode.Hash{byte(rnd.IntN(2))}}
	}
	for range rnd.IntN(3) {
		h.Row.Vector = append(h.Row.Vector, math.Float32frombits(rnd.Uint32()&^(1<<30)))
	}
	if rnd.IntN(2) == 0 {
		h.Row.Vectors = map[string]lode.Vector{"title": {1e-7, rnd.Float32()}, "other": {1}}
		h.Row.Sparse = map[string]lode.SparseVector{"words & more": {Indices: []uint32{0, math.MaxUint32}, Values: lode.Vector{-1e21, rnd.Float32()}}}
	}
	return h
}

// TestHitsLeaveOut shows what of a hit is left.
func TestHitsLeaveOut(t *testing.T) {
	score := -1.5
	h := lode.Hit{Score: score, Dense: &score, Row: lode.Row{
		Document: &lode.Document{ID: "a", Kind: lode.KindVector, Metadata: lode.Metadata{"x": lode.IntegerValue(1)}},
		Chunk:    lode.Chunk{ID: lode.ChunkID{Doc: 1, Version: 2}, Text: "words"}, Vector: lode.Vector{1, 0.5},
		Vectors: map[string]lode.Vector{"title": {3}, "other": {4}},
	}}
	f := func(with lode.With, want string) {
		t.Helper()
		got, err := appendHitsJSON(nil, []lode.Hit{h}, with, "title")
		want = `{"hits":[{"score":-1.5,"dense_score":-1.5,"chunk_id":"ch-1-2-0","document_id":"a","kind":"vector","version":2` + want + `}]}`
		if err != nil || string(got) != want {
			t.Errorf("%+v: %v\ngot  %s\nwant %s", with, err, got, want)
		}
	}
	f(lode.With{}, "")
	f(lode.With{Metadata: true}, `,"metadata":{"x":1}`)
	f(lode.With{Vector: true}, `,"vector":[1,0.5],"vectors":{"title":[3]}`)
	f(lode.With{Text: true}, `,"text":"words","span":{"start":0,"end":0}`)
}

func TestHitsRefuseWhatJSONLacks(t *testing.T) {
	for _, x := range []float64{math.NaN(), math.Inf(1)} {
		if b, err := appendHitsJSON(nil, []lode.Hit{{Score: x}}, everything, ""); err == nil {
			t.Errorf("written: %s", b)
		}
	}
}
