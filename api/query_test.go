package api_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// TestQueryOptions sends every option, so that none is lost on the way.
func TestQueryOptions(t *testing.T) {
	f := newFake()
	score, rerank := 0.5, 0.9
	var asked lode.Query
	f.retrieve = func(_ context.Context, q lode.Query) (*lode.Result, error) {
		asked = q
		return &lode.Result{
			Mode: lode.ModeLexical, Partial: true, PartialReason: "the dense search did not finish",
			Suggestions: []lode.Suggestion{{Word: "lod", Instead: "lode", Rows: 3}},
			Hits: []lode.Hit{{
				Score: score, Rerank: &rerank, Collection: "docs", Duplicates: []lode.ChunkID{{Doc: 1, Version: 2, Ordinal: 3}},
				Explanation: &lode.HitExplanation{
					Contributions: []lode.ScoreContribution{{Name: "lexical", Value: 0.5}}, LexicalRank: 2,
					Terms: []lode.TermContribution{{Term: "lode", Score: 3}}, Highlights: []lode.Span{{Start: 1, End: 2}},
				},
			}},
			Context:     lode.Context{Citations: []lode.Citation{{Number: 1, Collection: "docs"}}},
			Explanation: &lode.QueryExplanation{Stages: []lode.StageExplanation{{Stage: "fuse", In: 3, Out: 2, Nanos: 5, Detail: "rrf"}}},
		}, nil
	}
	body := `{"collections":["docs"],"text":"lode","syntax":"query","k":3,"ef":40,"mode":"hybrid","fusion":"rrf","depth":50,
		"recency":{"half_life":"30d","weight":0.5,"field":"published"},"rerank":{"name":"maxsim","depth":7},"min_score":{"dense":0.2,"score":-1},
		"collapse":0.9,"per_document":2,"per_source":4,"diversity":0.3,"expand":{"before":1,"after":2,"parent":true,"parent_tokens":90},
		"tokenizer":"bytes","form":"markdown","timeout":"500ms","explain":true}`
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", v1.PathRetrieveSeveral, strings.NewReader(body))
	r.Header.Set("Content-Type", jsonType)
	handler(t, f).ServeHTTP(w, r)
	if w.Code != 200 {
		t.Fatal(w.Body)
	}
	collapse, diversity := 0.9, 0.3
	want := lode.Query{
		Collections: []string{"docs"}, Text: "lode", Syntax: lode.SyntaxQuery, K: 3, Ef: 40, Mode: lode.ModeHybrid,
		BudgetTokens: lode.DefaultBudgetTokens, Tokenizer: "bytes", Form: lode.FormMarkdown, Timeout: 500 * time.Millisecond, Explain: true,
		Stages: lode.Stages{
			Fusion: lode.FusionRRF, Depth: 50, Recency: &lode.Recency{HalfLife: lode.Period(30 * 24 * time.Hour), Weight: 0.5, Field: "published"},
			Rerank: &lode.Rerank{Name: "maxsim", Depth: 7}, MinScores: map[lode.Component]float64{lode.ComponentDense: 0.2, lode.ComponentScore: -1},
			Collapse: &collapse, PerDocument: 2, PerSource: 4, Diversity: &diversity, Expand: &lode.Expand{Before: 1, After: 2, Parent: true, ParentTokens: 90},
		},
	}
	if diff := cmp.Diff(want, asked, cmp.AllowUnexported(lode.Filter{})); diff != "" {
		t.Error(diff)
	}
	var got v1.Retrieved
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	hit := got.Hits[0]
	if !got.Partial || got.PartialReason == "" || got.Suggestions[0].Instead != "lode" || got.Explanation.Stages[0].Nanos != 5 || got.Context.Citations[0].Collection != "docs" {
		t.Errorf("%s", w.Body)
	}
	if *hit.RerankScore != rerank || hit.Collection != "docs" || hit.Duplicates[0].Ordinal != 3 || hit.Explanation.LexicalRank != 2 || hit.Explanation.Highlights[0].End != 2 {
		t.Errorf("%s", w.Body)
	}
}

func TestRetrieveSeveral(t *testing.T) {
	f := newFake()
	c, _ := serve(t, f)
	if _, err := c.RetrieveSeveral(t.Context(), v1.Retrieve{Collections: []string{"docs"}, Text: "x"}); err != nil || f.queries[0].Collections[0] != "docs" {
		t.Errorf("%+v, %v", f.queries, err)
	}
	_, err := c.RetrieveSeveral(t.Context(), v1.Retrieve{Collections: []string{"docs", "nope"}, Text: "x"})
	if lode.CodeOf(err) != lode.CodeNotFound {
		t.Error(err)
	}
}

func TestWhyNot(t *testing.T) {
	f := newFake()
	c, _ := serve(t, f)
	k, as := 3, []string{}
	got, err := c.WhyNot(t.Context(), "docs", v1.WhyNot{Query: v1.Retrieve{Text: "x", K: &k}, Document: "a", As: &as})
	if err != nil || got.ChunkID.Ordinal != 3 || got.Reasons[0].Stage != lode.ReasonRank || got.Reasons[0].Change.Value != 37.0 || got.Reasons[0].Values["rank"] != 37 {
		t.Fatalf("%+v, %v", got, err)
	}
	if q := f.whyNot[0]; q.Query.K != 3 || q.Document != "a" || q.Chunk != nil || q.As == nil || len(q.As) > 0 {
		t.Errorf("%+v", q)
	}
	if _, err := c.WhyNot(t.Context(), "docs", v1.WhyNot{Query: v1.Retrieve{Text: "x"}, Chunk: got.ChunkID, Kind: "vector"}); err != nil || *f.whyNot[1].Chunk != *got.ChunkID || f.whyNot[1].As != nil {
		t.Errorf("%+v, %v", f.whyNot, err)
	}
}
