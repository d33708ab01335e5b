package retrieval_test

import (
	"errors"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval"
)

func TestGroups(t *testing.T) {
	for _, with := range []lode.With{{}, {Text: true}} {
		v := newView()
		v.dense = v.candidates(1, 0.9, 2, 0.7, 3, 0.5)
		groups, err := retriever(v, unit()).Groups(t.Context(), anyone, retrieval.GroupsQuery{Collection: "docs", Vector: lode.Vector{1, 0}, Groups: 2, With: with})
		if err != nil || len(groups) != 2 {
			t.Fatalf("%+v, %v", groups, err)
		}
		for i, g := range groups {
			if len(g.Hits) != 1 || g.Hits[0].Row.ID != lode.RowID(i+1) || *g.Hits[0].Dense != g.Hits[0].Score || g.Document.ID != g.Hits[0].Row.Document.ID || (g.Hits[0].Row.Chunk.Text != "") != with.Text {
				t.Errorf("group %d: %+v", i, g)
			}
		}
		if v.asked.depth[0] != 2 || v.asked.depth[1] != retrieval.DefaultGroupSize || v.calls["View"] != 1 {
			t.Errorf("asked for %v in %d views", v.asked.depth, v.calls["View"])
		}
	}
}

// TestRecommendEmbedsTexts once for each, however many views are needed.
func TestRecommendEmbedsTexts(t *testing.T) {
	v, e := newView(), unit()
	v.dense = v.candidates(1, 0.9, 2, 0.7)
	v.fail["Known"] = retrieval.ErrViewGone
	q := retrieval.RecommendQuery{Collection: "docs", Positive: []retrieval.Example{{Text: "a"}, {Kind: lode.KindDocument, ID: "d"}}, Negative: []retrieval.Example{{Text: "b"}, {Text: "a"}}}
	_, err := retriever(v, e).Recommend(t.Context(), anyone, q)
	wantCode(t, err, lode.CodeUnavailable)
	if e.calls != 2 || v.calls["Recommend"] < 2 {
		t.Errorf("%d texts embedded in %d views", e.calls, v.calls["Recommend"])
	}
	delete(v.fail, "Known")
	hits, err := retriever(v, e).Recommend(t.Context(), anyone, q)
	if err != nil || len(hits) != 2 || hits[0].Score != 0.9 || hits[0].Row.Document == nil {
		t.Fatalf("%+v, %v", hits, err)
	}
	asked := v.asked.examples[len(v.asked.examples)-1]
	if asked.Positive[0].Text != "" || len(asked.Positive[0].Vector) != dim || asked.Positive[1].ID != "d" || len(asked.Negative[1].Vector) != dim || asked.K != lode.DefaultK {
		t.Errorf("asked %+v", asked)
	}
	if q.Positive[0].Text != "a" {
		t.Error("the query of the caller was changed")
	}
}

func TestRecommendRefuses(t *testing.T) {
	f := func(change func(*fakeView, *fakeEmbedder), x retrieval.Example, code lode.Code, field string) {
		t.Helper()
		v, e := newView(), unit()
		change(v, e)
		_, err := retriever(v, e).Recommend(t.Context(), anyone, retrieval.RecommendQuery{Collection: "docs", Negative: []retrieval.Example{{Vector: lode.Vector{1, 0}}, x}})
		wantCode(t, err, code)
		var coded *lode.Error
		if errors.As(err, &coded) && coded.Field != field {
			t.Errorf("field %q, want %q", coded.Field, field)
		}
		if v.calls["Recommend"] != 0 {
			t.Error("a wrong question was asked")
		}
	}
	f(func(v *fakeView, _ *fakeEmbedder) {
		v.collection.Embedder = lode.EmbedderConfig{Provider: lode.ProviderNone, Dim: dim}
	}, retrieval.Example{Text: "a"}, lode.CodeInvalid, "negative[1].text")
	f(func(*fakeView, *fakeEmbedder) {}, retrieval.Example{Text: " "}, lode.CodeInvalid, "negative[1].text")
	f(func(_ *fakeView, e *fakeEmbedder) { e.err = lode.Errorf(lode.CodeProvider, "down") }, retrieval.Example{Text: "a"}, lode.CodeProvider, "")
	f(func(_ *fakeView, e *fakeEmbedder) { e.vector = lode.Vector{0, 0} }, retrieval.Example{Text: "a"}, lode.CodeInvalid, "negative[1].text")
}

// TestScroll reads rows only for what is asked, and takes a new view when they are gone.
func TestScroll(t *testing.T) {
	for _, with := range []lode.With{{}, {Text: true}, {Vector: true}} {
		v := newView()
		v.dense = v.candidates(1, 0, 2, 0, 3, 0)
		q := retrieval.ScrollQuery{Collection: "docs", Limit: 2, With: with}
		page, more, err := retriever(v, unit()).Scroll(t.Context(), anyone, q)
		if err != nil || !more || len(page) != 2 || page[1].Row.ID != 2 || page[1].Place.Row != 2 || page[1].Row.Document == nil || page[1].Rows != 1 {
			t.Fatalf("%+v, %v, %v", page, more, err)
		}
		if (page[0].Row.Chunk.Text != "") != with.Stored() {
			t.Errorf("%+v: text %q", with, page[0].Row.Chunk.Text)
		}
		q.After = &page[1].Place
		if page, more, err = retriever(v, unit()).Scroll(t.Context(), anyone, q); err != nil || more || len(page) != 1 {
			t.Errorf("%+v, %v, %v", page, more, err)
		}
	}
	v := newView()
	v.dense = v.candidates(1, 0)
	v.fail["Rows"] = retrieval.ErrViewGone
	_, _, err := retriever(v, unit()).Scroll(t.Context(), anyone, retrieval.ScrollQuery{Collection: "docs", Limit: 2, With: lode.With{Text: true}})
	wantCode(t, err, lode.CodeUnavailable)
	_, _, err = retriever(v, unit()).Scroll(t.Context(), lode.Principal{}, retrieval.ScrollQuery{Collection: "docs", Limit: 2})
	wantCode(t, err, lode.CodeUnauthorized)
}
