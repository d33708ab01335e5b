package retrieval_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval"
)

// spacedView has a dense space of three dimensions and a sparse one.
func spacedView() *fakeView {
	v := newView()
	v.collection.Vectors = []lode.VectorSpace{{Name: "title", Dim: 3, Metric: lode.Dot}, {Name: "words", Sparse: true}}
	v.dense = v.candidates(1, 0.9, 2, 0.7, 3, 0.5)
	return v
}

func sparsely(indices ...uint32) retrieval.SparseQuery {
	q := retrieval.SparseQuery{Collection: "docs", Using: "words", Vector: lode.SparseVector{Indices: indices}}
	for range indices {
		q.Vector.Values = append(q.Vector.Values, 1)
	}
	return q
}

// TestSparse asks once, in the sparse space, and reads what is wanted.
func TestSparse(t *testing.T) {
	v := spacedView()
	o := options(v, unit())
	var steps []retrieval.Step
	o.Events.StepDone = func(s retrieval.Step, _ time.Duration, _ error) { steps = append(steps, s) }
	q := sparsely(3, 9)
	q.K, q.Filter, q.With = 2, lode.WhereEq("x", lode.IntegerValue(1)), lode.With{Text: true}
	hits, err := retrieval.New(o).Sparse(t.Context(), anyone, q)
	if err != nil || len(hits) != 2 || hits[1].Score != 0.7 || hits[1].Dense != nil || hits[1].Row.Chunk.Text == "" {
		t.Fatalf("%+v, %v", hits, err)
	}
	if v.calls["Rows"] != 1 || v.calls["View"] != 1 || v.calls["EmbedderFor"] != 0 || fmt.Sprint(steps) != "[sparse rows]" {
		t.Errorf("calls %v, steps %v", v.calls, steps)
	}
	if s := v.sparse; len(s) != 1 || s[0].Using != "words" || s[0].K != 2 || s[0].Filter.MatchesAll() || !s[0].Vector.Equal(q.Vector) {
		t.Errorf("asked %+v", s)
	}
	q.K, q.With = 0, lode.With{}
	if _, err := retrieval.New(o).Sparse(t.Context(), anyone, q); err != nil || v.sparse[1].K != lode.DefaultK || v.calls["Known"] != 1 {
		t.Errorf("%v, asked %+v, calls %v", err, v.sparse[1], v.calls)
	}
	v.fail["Known"] = retrieval.ErrViewGone
	_, err = retrieval.New(o).Sparse(t.Context(), anyone, q)
	wantCode(t, err, lode.CodeUnavailable)
}

func TestSparseRefuses(t *testing.T) {
	v := spacedView()
	f := func(field string, change func(*retrieval.SparseQuery)) {
		t.Helper()
		q := sparsely(3, 9)
		change(&q)
		_, err := retriever(v, unit()).Sparse(t.Context(), anyone, q)
		wantCode(t, err, lode.CodeInvalid)
		if got := err.(*lode.Error).Field; got != field {
			t.Errorf("field %q, want %q", got, field)
		}
	}
	f("collection", func(q *retrieval.SparseQuery) { q.Collection = "../x" })
	f("k", func(q *retrieval.SparseQuery) { q.K = lode.MaxK + 1 })
	f("using", func(q *retrieval.SparseQuery) { q.Using = "" })
	f("using", func(q *retrieval.SparseQuery) { q.Using = "none" })
	f("using", func(q *retrieval.SparseQuery) { q.Using = "title" })
	f("sparse.indices", func(q *retrieval.SparseQuery) { q.Vector.Indices = []uint32{9, 3} })
	f("sparse.values", func(q *retrieval.SparseQuery) { q.Vector.Values = q.Vector.Values[1:] })
	f("filter.field", func(q *retrieval.SparseQuery) { q.Filter = lode.WhereEq("", lode.IntegerValue(1)) })
	if v.calls["Sparse"] != 0 {
		t.Error("a wrong question was searched")
	}
	_, err := retriever(v, unit()).Sparse(t.Context(), lode.Principal{}, sparsely(1))
	wantCode(t, err, lode.CodeUnauthorized)
}

// TestNearestInASpace holds vectors against the space that they are for.
func TestNearestInASpace(t *testing.T) {
	v := spacedView()
	n := near(lode.With{}, lode.Vector{0, 0, 0}, lode.Vector{1, 2, 3}) // dot takes a zero
	n.Using = "title"
	if found, err := retriever(v, unit()).Nearest(t.Context(), anyone, n); err != nil || len(found) != 2 || fmt.Sprint(v.using) != "[title title]" {
		t.Errorf("%v, %v, using %q", found, err, v.using)
	}
	for using, field := range map[string]string{"": "vectors[0]", "none": "using", "words": "using"} {
		n.Using = using
		_, err := retriever(v, unit()).Nearest(t.Context(), anyone, n)
		wantCode(t, err, lode.CodeInvalid)
		if got := err.(*lode.Error).Field; got != field {
			t.Errorf("%q: field %q, want %q", using, got, field)
		}
	}
	n.Using, n.Vectors[1] = "title", lode.Vector{1, 2}
	_, err := retriever(v, unit()).Nearest(t.Context(), anyone, n)
	wantCode(t, err, lode.CodeInvalid)
	if got := err.(*lode.Error).Field; got != "vectors[1]" {
		t.Errorf("field %q", got)
	}
}
