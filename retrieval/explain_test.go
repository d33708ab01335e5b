package retrieval_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval"
)

func nan() float64 { return math.NaN() }

func TestExplains(t *testing.T) {
	v := newView()
	v.add(2, "two words here")
	v.dense, v.lexical = v.candidates(1, 0.9, 2, 0.7, 3, 0.5), v.candidates(2, 9, 4, 8, 3, 1)
	one, most := 0.5, 1.0
	q := ask("words")
	q.Explain, q.DenseWeight, q.Collapse, q.PerDocument, q.K = true, &one, &most, 1, 3
	q.Recency, q.Diversity = &lode.Recency{HalfLife: lode.Period(time.Hour)}, &one
	q.MinScores = map[lode.Component]float64{lode.ComponentFused: 0.05}
	o := options(v, unit())
	o.Clock = func() time.Time { return time.Time{} } // nothing is old
	result, err := retrieval.New(o).Retrieve(t.Context(), anyone, q)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range result.Explanation.Stages {
		got = append(got, fmt.Sprintf("%s %d>%d", s.Stage, s.In, s.Out))
	}
	want := []string{"dense 0>3", "lexical 0>3", "fuse 6>4", "recency 4>4", "min_score 4>3", "rows 3>3", "collapse 3>3", "caps 3>3", "rows 3>3", "diversity 3>3", "context 3>3"}
	if got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "embed") }); !slices.Equal(want, got) {
		t.Error(cmp.Diff(want, got))
	}
	h := result.Hits[0]
	x := h.Explanation
	if h.Row.ID != 2 || x.DenseRank != 2 || x.LexicalRank != 1 || len(x.Contributions) != 3 || math.Abs(x.Contributions[0].Value-0.25) > 1e-9 || x.Contributions[2].Name != "recency" {
		t.Errorf("%+v", x)
	}
	if !cmp.Equal(x.Terms, []lode.TermContribution{{Term: "words", Score: 9}}) || !cmp.Equal(x.Highlights, []lode.Span{{Start: 4, End: 9}}) {
		t.Errorf("%+v", x)
	}
	q.Explain = false
	if result, err = retrieval.New(o).Retrieve(t.Context(), anyone, q); err != nil || result.Explanation != nil || result.Hits[0].Explanation != nil || v.calls["LexicalExplain"] != 3 {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestSuggestsWhereFewRowsAreFound(t *testing.T) {
	v := newView()
	v.dense, v.lexical = v.candidates(1, 0.9, 2, 0.8, 3, 0.7), v.candidates(1, 3, 2, 2)
	result, err := retriever(v, unit()).Retrieve(t.Context(), anyone, ask("wrd"))
	if err != nil || !cmp.Equal(result.Suggestions, []lode.Suggestion{{Word: "wrd", Instead: "wrds", Rows: 4}}) {
		t.Errorf("%+v, %v", result, err)
	}
	v.lexical = v.candidates(1, 3, 2, 2, 3, 1)
	if result, err = retriever(v, unit()).Retrieve(t.Context(), anyone, ask("wrd")); err != nil || result.Suggestions != nil || v.calls["Suggest"] != 1 {
		t.Errorf("%+v, %v", result, err)
	}
	v.lexical, v.fail["Suggest"] = nil, lode.Errorf(lode.CodeCorrupt, "damaged")
	if result, err = retriever(v, unit()).Retrieve(t.Context(), anyone, ask("wrd")); err != nil || len(result.Hits) != 3 {
		t.Errorf("%+v, %v", result, err)
	}
}

// several asks two collections of one space.
func several(a, b *fakeView) retrieval.Options {
	a.collection.Name, b.collection.Name, b.collection.ID = "docs", "more", 2
	o := options(a, unit())
	o.View = func(_ context.Context, _ lode.Principal, name string, _ time.Time) (retrieval.View, error) {
		switch name {
		case "docs":
			return a, nil
		case "more":
			return b, nil
		}
		return nil, lode.NotFound("collection", name)
	}
	return o
}

// Scores of words are made comparable by what the query could reach in each collection; those of
// vectors compare as they are.
func TestSeveralCollections(t *testing.T) {
	a, b := newView(), newView()
	a.dense, b.dense = a.candidates(1, 0.9, 2, 0.3), b.candidates(1, 0.8, 2, 0.5)
	a.lexical, a.bound = a.candidates(1, 10, 2, 2), 20 // holds half of the query
	b.lexical, b.bound = b.candidates(2, 3), 3         // all of it
	o := several(a, b)
	show := func(mode lode.Mode) string {
		t.Helper()
		q := lode.Query{Collections: []string{"docs", "more"}, Text: "words", Mode: mode}
		result, err := retrieval.New(o).Retrieve(t.Context(), anyone, q)
		if err != nil {
			t.Fatal(err)
		}
		var s strings.Builder
		for _, h := range result.Hits {
			fmt.Fprintf(&s, "%s/%d=%.3g ", h.Collection, h.Row.ID, h.Score)
		}
		for i, c := range result.Context.Citations {
			if c.Collection != result.Hits[i].Collection {
				t.Errorf("citation %d is of %q", i, c.Collection)
			}
		}
		return s.String()
	}
	if got := show(lode.ModeDense); got != "docs/1=0.9 more/1=0.8 more/2=0.5 docs/2=0.3 " {
		t.Error(got)
	}
	if got := show(lode.ModeLexical); got != "more/2=1 docs/1=0.5 docs/2=0.1 " {
		t.Error(got)
	}
	if got := show(lode.ModeHybrid); got != "docs/1=0.722 more/2=0.667 more/1=0.417 docs/2=0 " {
		t.Error(got)
	}
	b.bound = math.Inf(1) // the best of its own is all that is known then
	if got := show(lode.ModeLexical); got != "more/2=1 docs/1=0.5 docs/2=0.1 " {
		t.Error(got)
	}
	if len(a.asked.depth) == 0 || a.calls["Rows"] == 0 || b.calls["Rows"] == 0 {
		t.Error("a collection was not asked")
	}
}

func TestSeveralCollectionsMustCompare(t *testing.T) {
	a, b := newView(), newView()
	o := several(a, b)
	ask := func(mode lode.Mode, names ...string) error {
		_, err := retrieval.New(o).Retrieve(t.Context(), anyone, lode.Query{Collections: names, Text: "words", Mode: mode})
		return err
	}
	b.collection.Metric = lode.Dot
	err := ask(lode.ModeHybrid, "docs", "more")
	wantCode(t, err, lode.CodeInvalid)
	if !strings.Contains(err.Error(), "docs") || !strings.Contains(err.Error(), "more") {
		t.Error(err)
	}
	if err := ask(lode.ModeLexical, "docs", "more"); err != nil {
		t.Error(err)
	}
	b.collection.Metric, b.collection.Fingerprint = lode.Cosine, "other/1 chunker cosine"
	wantCode(t, ask(lode.ModeDense, "docs", "more"), lode.CodeInvalid)
	wantCode(t, ask(lode.ModeLexical, "docs", "hidden"), lode.CodeNotFound)
	wantCode(t, ask(lode.ModeLexical, "docs", "docs"), lode.CodeInvalid)
}
