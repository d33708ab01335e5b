package retrieval_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/retrieval"
)

// blockedEmbedder waits for the end of its context.
type blockedEmbedder struct{ *fakeEmbedder }

func (blockedEmbedder) Embed(ctx context.Context, _ embed.Kind, _ []string) ([]lode.Vector, error) {
	<-ctx.Done()
	return nil, embed.ContextError(ctx)
}

// blockedReranker likewise.
type blockedReranker struct{}

func (blockedReranker) Rank(ctx context.Context, _ string, _ []lode.RerankPassage) ([]lode.RerankScore, error) {
	<-ctx.Done()
	return nil, lode.Errorf(lode.CodeProvider, "ask the re-ranker: %w", ctx.Err())
}

func hurried(q lode.Query) lode.Query {
	q.Timeout = 20 * time.Millisecond
	return q
}

// A search that does not finish leaves the answer to the other. That no goroutine is left behind is
// tested for the whole package.
func TestTimeoutLeavesOneSearch(t *testing.T) {
	v := newView()
	v.dense, v.lexical = v.candidates(1, 0.9), v.candidates(2, 5)
	o := options(v, unit())
	o.EmbedderFor = func(lode.Collection) (embed.Embedder, error) { return blockedEmbedder{unit()}, nil }
	q := hurried(ask("words"))
	q.Explain = true
	result, err := retrieval.New(o).Retrieve(t.Context(), anyone, q)
	if err != nil || !slices.Equal(rowsOf(result), []lode.RowID{2}) || result.Context.Text == "" {
		t.Fatalf("%+v, %v", result, err)
	}
	if !result.Partial || result.PartialReason != "the dense search did not finish" || result.DenseWeight != 0 {
		t.Errorf("partial %v %q, weight %v", result.Partial, result.PartialReason, result.DenseWeight)
	}
	v.block = make(chan struct{})
	if result, err = retriever(v, unit()).Retrieve(t.Context(), anyone, hurried(ask("words"))); err != nil || !slices.Equal(rowsOf(result), []lode.RowID{1}) {
		t.Fatalf("%+v, %v", result, err)
	}
	if result.PartialReason != "the lexical search did not finish" || result.DenseWeight != 1 {
		t.Errorf("%q, weight %v", result.PartialReason, result.DenseWeight)
	}
	// Without time nothing is partial.
	close(v.block)
	if result, err = retriever(v, unit()).Retrieve(t.Context(), anyone, ask("words")); err != nil || result.Partial || len(result.Hits) != 2 {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestTimeoutWithNothing(t *testing.T) {
	v := newView()
	v.lexical, v.block = v.candidates(2, 5), make(chan struct{})
	_, err := retriever(v, unit()).Retrieve(t.Context(), anyone, hurried(ask("words"))) // the dense search finds nothing
	wantCode(t, err, lode.CodeTimeout)
	// The caller's own end is its own.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	q := ask("words")
	q.Timeout = time.Minute
	_, err = retriever(v, unit()).Retrieve(ctx, anyone, q)
	wantCode(t, err, lode.CodeTimeout)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	// A failure is a failure, whether there is time or not.
	_, err = retriever(v, &fakeEmbedder{err: lode.Errorf(lode.CodeProvider, "down")}).Retrieve(t.Context(), anyone, q)
	wantCode(t, err, lode.CodeProvider)
}

func TestReranks(t *testing.T) {
	v := newView()
	v.lexical = v.candidates(1, 9, 2, 8, 3, 7, 4, 6)
	o := options(v, unit())
	var asked []lode.RerankPassage
	o.RerankerFor = func(c lode.Collection, name string) (retrieval.Reranker, error) {
		switch name {
		case "late":
			return blockedReranker{}, nil
		case "back":
			return rerankFunc(func(ps []lode.RerankPassage) []lode.RerankScore {
				asked = ps
				return []lode.RerankScore{{Score: -7}, {Score: -6}, {Score: -5}}[:len(ps)]
			}), nil
		}
		return nil, lode.Invalid("rerank.name", name, "unknown")
	}
	q := ask("words")
	q.Mode, q.K, q.Explain, q.Rerank = lode.ModeLexical, 3, true, &lode.Rerank{Name: "back", Depth: 1} // at least k
	result, err := retrieval.New(o).Retrieve(t.Context(), anyone, q)
	if err != nil || !slices.Equal(rowsOf(result), []lode.RowID{3, 2, 1}) || *result.Hits[0].Rerank != -5 || result.Hits[0].Score != -5 {
		t.Fatalf("%+v, %v", result, err)
	}
	if f := asked[0].Features; !f.HasLexical || f.HasDense || f.Lexical != 9 || f.LexicalRank != 1 || f.Fused != 9 || asked[0].Text != v.rows[1].Chunk.Text {
		t.Errorf("%+v", asked[0])
	}
	// Those that it did not see stand behind, with scores that say so.
	q.Rerank.Depth, q.PerDocument = 3, 1
	for id := lode.RowID(1); id < 3; id++ {
		v.rows[id].Document.No = 77
	}
	if result, err = retrieval.New(o).Retrieve(t.Context(), anyone, q); err != nil || !slices.Equal(rowsOf(result), []lode.RowID{3, 2, 4}) {
		t.Fatalf("%v, %v", rowsOf(result), err)
	}
	if last := result.Hits[2]; last.Rerank != nil || last.Score >= -7 || len(last.Explanation.Contributions) != 2 {
		t.Errorf("%+v", last)
	}
	q.Rerank.Name = "late"
	result, err = retrieval.New(o).Retrieve(t.Context(), anyone, hurried(q))
	if err != nil || !result.Partial || result.PartialReason != "the re-ranker late did not finish" || result.Hits[0].Row.ID != 1 {
		t.Errorf("%+v, %v", result, err)
	}
	q.Rerank.Name = "nobody"
	_, err = retrieval.New(o).Retrieve(t.Context(), anyone, q)
	wantCode(t, err, lode.CodeInvalid)
	q.Rerank.Name = lode.RerankNone
	v.collection.Tuning.Ranking = &lode.Ranking{Rerank: &lode.Rerank{Name: "back"}}
	if result, err = retrieval.New(o).Retrieve(t.Context(), anyone, q); err != nil || result.Hits[0].Rerank != nil {
		t.Errorf("%+v, %v", result, err)
	}
	q.Rerank = nil
	if _, err = retrieval.New(o).Retrieve(t.Context(), anyone, q); err == nil {
		t.Error("four passages had three scores")
	}
}

// Where a re-ranker has no opinion, the order that was stays.
func TestRerankTies(t *testing.T) {
	v := newView()
	v.lexical = v.candidates(3, 9, 1, 8, 2, 7)
	o := options(v, unit())
	o.RerankerFor = func(lode.Collection, string) (retrieval.Reranker, error) {
		return rerankFunc(func([]lode.RerankPassage) []lode.RerankScore {
			return []lode.RerankScore{{Score: 1}, {Score: 1}, {Score: 1}}
		}), nil
	}
	q := ask("words")
	q.Mode, q.K, q.Rerank = lode.ModeLexical, 3, &lode.Rerank{Name: "alike"}
	if result, err := retrieval.New(o).Retrieve(t.Context(), anyone, q); err != nil || !slices.Equal(rowsOf(result), []lode.RowID{3, 1, 2}) {
		t.Errorf("%v, %v", rowsOf(result), err)
	}
}

type rerankFunc func([]lode.RerankPassage) []lode.RerankScore

func (f rerankFunc) Rank(_ context.Context, _ string, ps []lode.RerankPassage) ([]lode.RerankScore, error) {
	return f(ps[:min(3, len(ps))]), nil
}

func TestRerankersAreChecked(t *testing.T) {
	v := newView()
	v.lexical = v.candidates(1, 9)
	for _, bad := range [][]lode.RerankScore{
		{}, {{Score: 1}, {Score: 2}}, {{Score: nan()}},
		{{Score: 1, Contributions: []lode.ScoreContribution{{Name: "feature:a", Value: 0.5}}}},
	} {
		o := options(v, unit())
		o.RerankerFor = func(lode.Collection, string) (retrieval.Reranker, error) {
			return rerankFunc(func([]lode.RerankPassage) []lode.RerankScore { return bad }), nil
		}
		q := ask("words")
		q.Rerank = &lode.Rerank{Name: "bad"}
		_, err := retrieval.New(o).Retrieve(t.Context(), anyone, q)
		wantCode(t, err, lode.CodeProvider)
	}
	q := ask("words")
	q.Rerank = &lode.Rerank{Name: "any"}
	_, err := retriever(v, unit()).Retrieve(t.Context(), anyone, q)
	wantCode(t, err, lode.CodeInvalid)
}
