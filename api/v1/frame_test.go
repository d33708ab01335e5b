package v1_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

func searchFrame() v1.SearchFrame {
	return v1.SearchFrame{Parts: v1.FrameMetadata, K: 7, Vectors: []lode.Vector{{1, -2.5}, {0, float32(math.Inf(1))}}, Filter: []byte(`{"field":"x","eq":1}`)}
}

func hitsFrame() v1.HitsFrame {
	return v1.HitsFrame{Parts: v1.FrameVectors | v1.FrameMetadata | v1.FrameTexts, Results: [][]v1.FrameHit{
		{
			{Chunk: lode.ChunkID{Doc: 1 << 40, Version: 2, Ordinal: 3}, Score: -1.5, Kind: lode.KindVector, ID: "ä/b", Text: "words", Metadata: []byte(`{"a":1}`), Vector: lode.Vector{1, 2}},
			{Chunk: lode.ChunkID{Doc: 2, Version: 1}, Score: -2, Kind: lode.KindDocument, ID: "c", Metadata: []byte{}, Vector: lode.Vector{3, 4}},
		},
		{},
	}}
}

var expiry = time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC)

func pointsFrame() v1.PointsFrame {
	return v1.PointsFrame{Points: []v1.FramePoint{
		{ID: "a", Vector: lode.Vector{1, 2, 3}, Text: "words", Metadata: []byte(`{"a":1}`)},
		{ID: "b", Vector: lode.Vector{4, 5, 6}},
		{ID: "c", Vector: lode.Vector{7, 8, 9}, ExpiresAt: &expiry},
	}}
}

func embeddedFrame() v1.EmbeddedFrame {
	return v1.EmbeddedFrame{Vectors: []lode.Vector{{1, -2}, {3, 4}, {5, 6}}}
}

// must returns the bytes of a frame.
func must(t testing.TB, frame interface {
	Append(b []byte) ([]byte, error)
}) []byte {
	t.Helper()
	b, err := frame.Append([]byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimPrefix(b, []byte("before"))
}

func TestFramesRoundTrip(t *testing.T) {
	search, hits, points := searchFrame(), hitsFrame(), pointsFrame()
	gotSearch, err := v1.ParseSearchFrame(must(t, &search))
	if diff := cmp.Diff(&search, gotSearch); err != nil || diff != "" {
		t.Errorf("search: %v\n%s", err, diff)
	}
	gotHits, err := v1.ParseHitsFrame(must(t, &hits))
	if diff := cmp.Diff(&hits, gotHits, equalEmpty); err != nil || diff != "" {
		t.Errorf("hits: %v\n%s", err, diff)
	}
	gotPoints, err := v1.ParsePointsFrame(must(t, &points))
	if diff := cmp.Diff(&points, gotPoints, equalEmpty); err != nil || diff != "" {
		t.Errorf("points: %v\n%s", err, diff)
	}
	embedded := embeddedFrame()
	gotEmbedded, err := v1.ParseEmbeddedFrame(must(t, &embedded))
	if diff := cmp.Diff(&embedded, gotEmbedded); err != nil || diff != "" {
		t.Errorf("embedded: %v\n%s", err, diff)
	}
	hits.Parts = 0
	gotHits, err = v1.ParseHitsFrame(must(t, &hits))
	if err != nil {
		t.Fatal(err)
	}
	if h := gotHits.Results[0][0]; h.ID != "ä/b" || h.Text != "" || len(h.Metadata) > 0 || h.Vector != nil {
		t.Errorf("a hit without optional columns has some: %+v", h)
	}
}

var equalEmpty = cmp.Comparer(func(a, b []byte) bool { return bytes.Equal(a, b) })

// TestFrameBytes holds the layout against the tables of docs/wire.md.
func TestFrameBytes(t *testing.T) {
	search := v1.SearchFrame{K: 10, Vectors: []lode.Vector{{1}}, Filter: []byte("{}")}
	want := "LVSQ\x01\x00\x00\x00" + "\x01\x00\x00\x00" + "\x01\x00\x00\x00" + "\x0a\x00\x00\x00" + "\x02\x00\x00\x00" + strings.Repeat("\x00", 8) + "\x00\x00\x80\x3f" + "{}"
	if got := string(must(t, &search)); got != want {
		t.Errorf("search %q, want %q", got, want)
	}
	hits := v1.HitsFrame{Results: [][]v1.FrameHit{{{Chunk: lode.ChunkID{Doc: 5, Version: 6, Ordinal: 7}, Score: 1, Kind: lode.KindVector, ID: "id"}}}}
	want = "LVSA\x01\x00\x00\x00" + "\x00\x00\x00\x00" + "\x01\x00\x00\x00" + "\x01\x00\x00\x00" + "\x02\x00\x00\x00" + strings.Repeat("\x00", 8) +
		"\x01\x00\x00\x00" + "\x05\x00\x00\x00\x00\x00\x00\x00" + "\x06\x00\x00\x00" + "\x07\x00\x00\x00" + "\x00\x00\x80\x3f" + "\x02\x00" + "\x02\x00" + strings.Repeat("\x00", 8) + "id"
	if got := string(must(t, &hits)); got != want {
		t.Errorf("hits %q, want %q", got, want)
	}
	points := v1.PointsFrame{Points: []v1.FramePoint{{ID: "id", Vector: lode.Vector{1}, Text: "t"}}}
	want = "LVPT\x01\x04\x00\x00" + "\x01\x00\x00\x00" + "\x01\x00\x00\x00" + "\x02\x00\x00\x00" + "\x01\x00\x00\x00" + strings.Repeat("\x00", 8) +
		"\x02\x00\x00\x00" + "\x01\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x80\x3f" + "id" + "t"
	if got := string(must(t, &points)); got != want {
		t.Errorf("points %q, want %q", got, want)
	}
	points = v1.PointsFrame{Points: []v1.FramePoint{{ID: "i", Vector: lode.Vector{1}, ExpiresAt: &expiry}, {ID: "j", Vector: lode.Vector{1}}}}
	want = "LVPT\x01\x08\x00\x00" + "\x01\x00\x00\x00" + "\x02\x00\x00\x00" + "\x02\x00\x00\x00" + strings.Repeat("\x00", 12) +
		strings.Repeat("\x01\x00\x00\x00"+strings.Repeat("\x00", 8), 2) + strings.Repeat("\x00\x00\x80\x3f", 2) + strings.Repeat("\xff", 8) + strings.Repeat("\x00", 7) + "\x80" + "ij"
	if got := string(must(t, &points)); got != want {
		t.Errorf("points %q, want %q", got, want)
	}
	embedded := v1.EmbeddedFrame{Vectors: []lode.Vector{{1, 0}, {0, 1}}}
	want = "LVEV\x01\x00\x00\x00" + "\x02\x00\x00\x00" + "\x02\x00\x00\x00" + strings.Repeat("\x00", 16) + "\x00\x00\x80\x3f" + strings.Repeat("\x00", 8) + "\x00\x00\x80\x3f"
	if got := string(must(t, &embedded)); got != want {
		t.Errorf("embedded %q, want %q", got, want)
	}
}

// TestFramesRefuse changes one number of a good frame at a time.
func TestFramesRefuse(t *testing.T) {
	parsers := map[string]func([]byte) error{
		"search":   func(b []byte) error { _, err := v1.ParseSearchFrame(b); return err },
		"hits":     func(b []byte) error { _, err := v1.ParseHitsFrame(b); return err },
		"points":   func(b []byte) error { _, err := v1.ParsePointsFrame(b); return err },
		"embedded": func(b []byte) error { _, err := v1.ParseEmbeddedFrame(b); return err },
	}
	search, hits, points, embedded := searchFrame(), hitsFrame(), pointsFrame(), embeddedFrame()
	frames := map[string][]byte{"search": must(t, &search), "hits": must(t, &hits), "points": must(t, &points), "embedded": must(t, &embedded)}
	f := func(name string, at int, value uint32, code lode.Code, field string) {
		t.Helper()
		b := bytes.Clone(frames[name])
		binary.LittleEndian.PutUint32(b[at:], value)
		err := parsers[name](b)
		if lode.CodeOf(err) != code || !strings.Contains(err.Error(), "(field \""+field+"\"") {
			t.Errorf("%s with %#x at %d: %v", name, value, at, err)
		}
	}
	for name, b := range frames {
		f(name, 0, 0, lode.CodeMalformed, "magic")
		f(name, 4, 2, lode.CodeMalformed, "version")
		f(name, 4, 0x8001, lode.CodeInvalid, "flags")
		f(name, 4, uint32(b[5])<<8|0x10001, lode.CodeInvalid, "reserved")
		f(name, 8, lode.MaxDim+1, lode.CodeInvalid, "dim")
		f(name, 12, 0, lode.CodeInvalid, "count")
		f(name, 12, math.MaxUint32, lode.CodeInvalid, "count")
		for size := range b {
			if err := parsers[name](b[:size]); !lode.IsCode(err, lode.CodeMalformed) {
				t.Errorf("%s cut to %d bytes: %v", name, size, err)
			}
		}
		if err := parsers[name](append(bytes.Clone(b), 0)); !lode.IsCode(err, lode.CodeMalformed) {
			t.Errorf("%s with a byte more: %v", name, err)
		}
	}
	f("search", 16, 0, lode.CodeInvalid, "k")
	f("search", 16, math.MaxUint32, lode.CodeInvalid, "k")
	f("search", 20, 2<<20, lode.CodeTooLarge, "filter")
	f("search", 24, lode.MaxEf+1, lode.CodeInvalid, "ef")
	f("search", 24, math.MaxUint32, lode.CodeInvalid, "ef")
	f("search", 28, 2, lode.CodeInvalid, "exact")
	f("points", 28, 1, lode.CodeInvalid, "reserved")
	f("embedded", 16, 1, lode.CodeInvalid, "reserved")
	f("embedded", 28, 1, lode.CodeInvalid, "reserved")
	f("embedded", 4, 0x0101, lode.CodeInvalid, "flags")
	f("embedded", 12, v1.MaxEmbedTexts+1, lode.CodeInvalid, "count")
	f("search", 4, 0x0a01, lode.CodeInvalid, "flags")
	f("hits", 4, 0x0f01, lode.CodeInvalid, "flags")
	f("points", 4, 0x1801, lode.CodeInvalid, "flags")
	f("points", 4, 0x0701, lode.CodeInvalid, "flags")
	f("points", 4, 0x0001, lode.CodeInvalid, "flags")
	f("points", 32, 2, lode.CodeMalformed, "ids")
	f("hits", 16, math.MaxUint32, lode.CodeInvalid, "hits")
	f("hits", 32, 3, lode.CodeMalformed, "hits")
	f("hits", 32, 1, lode.CodeMalformed, "hits")
	f("hits", 40+20, 0x030004, lode.CodeMalformed, "kind")
	f("hits", 40+20, 0x020005, lode.CodeMalformed, "ids")
	f("hits", 40+24, 9, lode.CodeMalformed, "texts")
	f("hits", 40+28, 9, lode.CodeMalformed, "metadata")
}

func TestFramesRefuseToWrite(t *testing.T) {
	nanos := expiry.Add(1)
	for name, frame := range map[string]interface {
		Append(b []byte) ([]byte, error)
	}{
		"k":       &v1.SearchFrame{Vectors: []lode.Vector{{1}}},
		"ragged":  &v1.SearchFrame{K: 1, Vectors: []lode.Vector{{1}, {1, 2}}},
		"empty":   &v1.PointsFrame{Points: []v1.FramePoint{{ID: "a"}}},
		"nanos":   &v1.PointsFrame{Points: []v1.FramePoint{{ID: "a", Vector: lode.Vector{1}, ExpiresAt: &nanos}}},
		"no text": &v1.EmbeddedFrame{Vectors: []lode.Vector{{}}},
		"missing": &v1.HitsFrame{Parts: v1.FrameVectors, Results: [][]v1.FrameHit{{{ID: "a"}}}},
	} {
		if _, err := frame.Append(nil); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzFrames demands of any bytes that they are refused with a code, or are a frame that is
// written and read as the same again.
func FuzzFrames(f *testing.F) {
	search, hits, points, embedded := searchFrame(), hitsFrame(), pointsFrame(), embeddedFrame()
	f.Add(must(f, &embedded))
	f.Add(must(f, &search))
	f.Add(must(f, &hits))
	f.Add(must(f, &points))
	f.Add([]byte("LVSA"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := v1.ParseSearchFrame(b)
		checkFrame(t, b, s, err)
		h, err := v1.ParseHitsFrame(b)
		checkFrame(t, b, h, err)
		e, err := v1.ParseEmbeddedFrame(b)
		checkFrame(t, b, e, err)
		p, err := v1.ParsePointsFrame(b)
		checkFrame(t, nil, p, err) // flags may name a column that nobody uses
	})
}

func checkFrame(t *testing.T, b []byte, frame interface {
	Append(b []byte) ([]byte, error)
}, err error) {
	t.Helper()
	if err != nil {
		if lode.CodeOf(err) == lode.CodeInternal {
			t.Errorf("an error without a code: %v", err)
		}
		return
	}
	again, err := frame.Append(nil)
	if err != nil {
		t.Fatalf("what was read cannot be written: %v", err)
	}
	if hits, ok := frame.(*v1.HitsFrame); ok && (hits.Parts != 7 || len(hits.Results[0]) == 0) {
		return // columns that the flags do not name are not written again
	}
	if b != nil && !bytes.Equal(b, again) {
		t.Errorf("read %q, written %q", b, again)
	}
}
