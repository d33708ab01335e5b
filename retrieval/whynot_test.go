package retrieval_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval"
)

func whyNot(t *testing.T, v *fakeView, q lode.Query, id lode.DocID) *lode.WhyNot {
	t.Helper()
	got, err := retriever(v, unit()).WhyNot(t.Context(), anyone, lode.WhyNotQuery{Query: q, Document: id})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// What a graph misses is told from what is far away: an exact comparison says where it belongs.
func TestWhyNotMissedByTheGraph(t *testing.T) {
	v := newView()
	v.dense = v.candidates(1, 0.9, 3, 0.5)
	v.exact = v.candidates(1, 0.9, 2, 0.7, 3, 0.5)
	q := ask("words")
	q.Mode = lode.ModeDense
	got := whyNot(t, v, q, v.rows[2].Document.ID)
	if r := got.Reasons[0]; r.Stage != lode.ReasonDense || r.Values["rank"] != 2 || r.Change.Field != "exact" || len(got.Reasons) != 1 {
		t.Errorf("%+v", got)
	}
	v.ef = 500
	if got = whyNot(t, v, q, v.rows[2].Document.ID); got.Reasons[0].Change.Field != "ef" || got.Reasons[0].Change.Value.(int) < 500 {
		t.Errorf("%+v", got)
	}
	// Who is merely far away is found deeper.
	v.exact, v.ef, q.K = nil, 0, 1
	if got = whyNot(t, v, q, v.rows[3].Document.ID); !cmp.Equal(got.Reasons[0].Change, &lode.Change{Field: "k", Value: 2}) {
		t.Errorf("%+v", got.Reasons[0])
	}
}

func TestWhyNotNamesTheOther(t *testing.T) {
	v := newView()
	v.lexical = v.candidates(1, 9, 2, 8)
	for id := range v.rows {
		r := v.rows[id]
		r.Chunk.Text = "the same words in both of them"
		v.rows[id] = r
	}
	at, q := 0.9, ask("words")
	q.Mode, q.Collapse = lode.ModeLexical, &at
	got := whyNot(t, v, q, v.rows[2].Document.ID)
	r := got.Reasons[0]
	if r.Stage != lode.ReasonCollapse || *r.By != v.rows[1].Chunk.ID || r.Values["similarity"] != 1 || r.Change.Field != "collapse" || *got.Chunk != v.rows[2].Chunk.ID {
		t.Errorf("%+v", got)
	}
	// Then the context shows the text once, which is nobody's fault.
	if len(got.Reasons) != 2 || got.Reasons[1].Stage != lode.ReasonContext || got.Reasons[1].Change != nil {
		t.Errorf("%+v", got)
	}
}

func TestWhyNotWithoutCommonWords(t *testing.T) {
	v := newView()
	v.lexical = v.candidates(1, 9)
	v.add(2, "something else")
	q := ask("words")
	q.Mode = lode.ModeLexical
	got := whyNot(t, v, q, v.rows[2].Document.ID)
	if r := got.Reasons[0]; r.Stage != lode.ReasonLexical || r.Change == nil || r.Change.Value != lode.ModeHybrid {
		t.Errorf("%+v", got)
	}
}

// Only those who see everything may ask as somebody else, and then their own view says what there is.
func TestWhyNotAs(t *testing.T) {
	v := newView()
	v.lexical = v.candidates(1, 9)
	v.rows[1].Document.Readers = []string{"staff"}
	o, asked := options(v, unit()), []lode.Principal(nil)
	o.View = func(_ context.Context, p lode.Principal, _ string, _ time.Time) (retrieval.View, error) {
		asked = append(asked, p)
		return v, nil
	}
	q := lode.WhyNotQuery{Query: ask("words"), Document: v.rows[1].Document.ID, As: []string{"guest"}}
	_, err := retrieval.New(o).WhyNot(t.Context(), lode.Principal{ID: "somebody", Labels: []string{"staff"}}, q)
	wantCode(t, err, lode.CodeUnauthorized)
	got, err := retrieval.New(o).WhyNot(t.Context(), anyone, q)
	if err != nil || got.Reasons[0].Stage != lode.ReasonAccess || len(asked) != 2 || asked[0].SeesAll() || !asked[1].SeesAll() {
		t.Errorf("%+v, %v, asked as %v", got, err, asked)
	}
	v.fail["Standing"] = lode.NotFound("document", "x") // as the view says to those who may not see it
	q.As = nil
	if got, err = retrieval.New(o).WhyNot(t.Context(), anyone, q); err != nil || got.Reasons[0].Stage != lode.ReasonNotFound {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWhyNotRefuses(t *testing.T) {
	v := newView()
	for _, change := range []func(*lode.WhyNotQuery){
		func(q *lode.WhyNotQuery) { q.Document = "" }, func(q *lode.WhyNotQuery) { q.Chunk = &lode.ChunkID{Doc: 1} },
		func(q *lode.WhyNotQuery) { q.Query.AsOf = time.Now() }, func(q *lode.WhyNotQuery) { q.Query.Collections = []string{"a", "b"} },
		func(q *lode.WhyNotQuery) { q.Query.Text = "" }, func(q *lode.WhyNotQuery) { q.As = []string{""} },
	} {
		q := lode.WhyNotQuery{Query: ask("words"), Document: "a"}
		change(&q)
		_, err := retriever(v, unit()).WhyNot(t.Context(), anyone, q)
		wantCode(t, err, lode.CodeInvalid)
	}
}
