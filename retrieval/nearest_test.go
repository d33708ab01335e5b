package retrieval_test

import (
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval"
)

func near(with lode.With, vectors ...lode.Vector) lode.Nearest {
	return lode.Nearest{Collection: "docs", Vectors: vectors, K: 2, With: with}
}

// TestNearestReadsWhatIsAsked: stored rows only where text or vectors are wanted.
func TestNearestReadsWhatIsAsked(t *testing.T) {
	for _, with := range []lode.With{{}, {Metadata: true}, {Text: true}, {Vector: true}} {
		v := newView()
		v.dense = v.candidates(1, 0.9, 2, 0.7, 3, 0.5)
		found, err := retriever(v, unit()).Nearest(t.Context(), anyone, near(with, lode.Vector{1, 0}, lode.Vector{0, 1}))
		if err != nil || len(found) != 2 || len(found[1]) != 2 {
			t.Fatalf("%+v: %v, %v", with, found, err)
		}
		h := found[1][1]
		if h.Row.ID != 2 || h.Score != 0.7 || *h.Dense != 0.7 || h.Row.Document == nil || h.Row.Chunk.ID.Doc != 2 {
			t.Errorf("%+v: hit %+v", with, h)
		}
		known, stored := 2, 0
		if with.Stored() {
			known, stored = 0, 2
		}
		if v.calls["Known"] != known || v.calls["Rows"] != stored || v.calls["View"] != 1 || v.calls["EmbedderFor"] != 0 {
			t.Errorf("%+v: calls %v", with, v.calls)
		}
		if (h.Row.Chunk.Text != "") != with.Stored() {
			t.Errorf("%+v: text %q", with, h.Row.Chunk.Text)
		}
	}
}

func TestNearestRefuses(t *testing.T) {
	v := newView()
	f := func(n lode.Nearest, code lode.Code, field string) {
		t.Helper()
		_, err := retriever(v, unit()).Nearest(t.Context(), anyone, n)
		wantCode(t, err, code)
		if got := err.(*lode.Error).Field; got != field {
			t.Errorf("field %q, want %q", got, field)
		}
	}
	f(near(lode.With{}), lode.CodeInvalid, "vectors")
	f(near(lode.With{}, lode.Vector{1, 0}, lode.Vector{1}), lode.CodeInvalid, "vectors[1]")
	f(near(lode.With{}, lode.Vector{0, 0}), lode.CodeInvalid, "vectors[0]") // no direction
	f(near(lode.With{}, make([]lode.Vector, lode.MaxSearches+1)...), lode.CodeInvalid, "vectors")
	n := near(lode.With{}, lode.Vector{1, 0}, lode.Vector{0, 1})
	n.K = lode.MaxK/2 + 1
	f(n, lode.CodeInvalid, "k")
	if v.calls["Dense"] != 0 {
		t.Error("a wrong question was searched")
	}
	_, err := retriever(v, unit()).Nearest(t.Context(), lode.Principal{}, near(lode.With{}, lode.Vector{1, 0}))
	wantCode(t, err, lode.CodeUnauthorized)
}

// TestNearestTakesNewViews while rows go away, and gives up in the end.
func TestNearestTakesNewViews(t *testing.T) {
	v := newView()
	v.dense = v.candidates(1, 0.9)
	v.fail["Known"] = retrieval.ErrViewGone
	_, err := retriever(v, unit()).Nearest(t.Context(), anyone, near(lode.With{}, lode.Vector{1, 0}))
	wantCode(t, err, lode.CodeUnavailable)
	if v.calls["View"] < 2 {
		t.Errorf("%d views were taken", v.calls["View"])
	}
	delete(v.rows, 1)
	delete(v.fail, "Known")
	_, err = retriever(v, unit()).Nearest(t.Context(), anyone, near(lode.With{}, lode.Vector{1, 0}))
	wantCode(t, err, lode.CodeUnavailable) // a row is missing from what came back
}
