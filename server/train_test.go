package server_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/retrieval/rerank"
	"github.com/lodedb/lode/server"
)

const topics = 40

// topic returns three words that stand in documents of one topic alone.
func topic(n int) [3]string {
	letters := string(rune('a'+n/26)) + string(rune('a'+n%26))
	return [3]string{"zor" + letters + "vak", "mel" + letters + "tin", "dru" + letters + "kop"}
}

// phrases is a node with a document for each topic that has its words as a phrase, and one that has
// them more often, apart from each other: which the search for words prefers.
func phrases(t *testing.T) *client.Client {
	t.Helper()
	_, c := open(t, server.Config{})
	mustCreate(t, c, "docs")
	var docs []v1.DocumentUpload
	for n := range topics {
		w := topic(n)
		whole := fmt.Sprintf("The harbour keeps a book about the %s %s %s of its sheds, and whoever goes there in winter finds it on the table by the door.", w[0], w[1], w[2])
		apart := fmt.Sprintf("A %s was lost. Nobody saw %s again. The %s stood alone. Then %s came, later %s too, at last %s.", w[2], w[1], w[0], w[1], w[2], w[0])
		docs = append(docs, v1.DocumentUpload{ID: lode.DocID(fmt.Sprint("whole-", n)), MediaType: "text/plain", Content: &whole},
			v1.DocumentUpload{ID: lode.DocID(fmt.Sprint("apart-", n)), MediaType: "text/plain", Content: &apart})
	}
	if _, err := c.UploadJSON(t.Context(), "docs", docs, client.UploadOptions{}); err != nil {
		t.Fatal(err)
	}
	return c
}

// questions are a set in which the documents of a kind are the right ones.
func questions(kind func(n int) string, more string) []byte {
	var b strings.Builder
	for n := range topics {
		fmt.Fprintf(&b, `{"id":"q%d","query":"%s","spans":[{"document":"%s-%d"}]%s}`+"\n", n, strings.Join(words(n), " "), kind(n), n, more)
	}
	return []byte(b.String())
}

func words(n int) []string { w := topic(n); return w[:] }

func always(kind string) func(int) string { return func(int) string { return kind } }

// What judgements show is found, given to the collection, and used by its queries.
func TestTrain(t *testing.T) {
	c := phrases(t)
	if _, err := c.PutEvaluation(t.Context(), "docs", "phrases", questions(always("whole"), "")); err != nil {
		t.Fatal(err)
	}
	recency := &v1.Recency{HalfLife: 1 << 50}
	if _, err := c.UpdateCollection(t.Context(), "docs", v1.UpdateCollection{Ranking: &v1.Ranking{Fusion: lode.FusionRRF, Recency: recency}}); err != nil {
		t.Fatal(err)
	}
	trained, err := c.TrainEvaluation(t.Context(), "docs", "phrases", v1.TrainRanking{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	if r := trained; r.Ranking == nil || r.Applied || r.Before > 0.9 || r.HeldOut < 0.99 || r.Questions != topics || r.Trained != topics || r.Depth != lode.DefaultRerank || r.Interval.Low <= 0 {
		t.Fatalf("%+v", trained)
	}
	if got, err := c.GetCollection(t.Context(), "docs"); err != nil || got.Ranking.Features != nil {
		t.Errorf("without apply the collection has %+v, %v", got.Ranking, err)
	}
	run := func() float64 {
		t.Helper()
		report, err := c.RunEvaluation(t.Context(), "docs", "phrases", v1.Retrieve{})
		if err != nil {
			t.Fatal(err)
		}
		return report.Mean.NDCG10
	}
	if before := run(); before != trained.Before {
		t.Errorf("a run has %v, the training %v before", before, trained.Before)
	}
	again, err := c.TrainEvaluation(t.Context(), "docs", "phrases", v1.TrainRanking{Seed: 3, Apply: true})
	if err != nil || !again.Applied || again.HeldOut != trained.HeldOut || again.Pairs != trained.Pairs {
		t.Fatalf("%+v, %v", again, err)
	}
	got, err := c.GetCollection(t.Context(), "docs")
	if err != nil {
		t.Fatal(err)
	}
	if r := got.Ranking; r == nil || r.Rerank == nil || r.Rerank.Name != rerank.NameFeatures || !maps.Equal(r.Features, again.Features) ||
		r.Fusion != lode.FusionRRF || r.Recency == nil || !strings.Contains(r.Reason, "trained on phrases") {
		t.Errorf("the collection has %+v", r)
	}
	if after := run(); after < 0.99 {
		t.Errorf("with the weights a run has %v", after)
	}
	if once, err := c.TrainEvaluation(t.Context(), "docs", "phrases", v1.TrainRanking{Apply: true}); err != nil || once.Applied || once.Ranking != nil || once.Before < 0.99 {
		t.Errorf("trained over what it has: %+v, %v", once, err)
	}
}

// Where judgements show nothing, the default stays, whatever is asked for.
func TestTrainKeeps(t *testing.T) {
	c := phrases(t)
	mixed := func(n int) string { return []string{"whole", "apart"}[n*7%13%2] }
	if _, err := c.PutEvaluation(t.Context(), "docs", "mixed", questions(mixed, "")); err != nil {
		t.Fatal(err)
	}
	trained, err := c.TrainEvaluation(t.Context(), "docs", "mixed", v1.TrainRanking{Apply: true})
	if err != nil || trained.Ranking != nil || trained.Applied {
		t.Errorf("%+v, %v", trained, err)
	}
	if got, err := c.GetCollection(t.Context(), "docs"); err != nil || got.Ranking != nil {
		t.Errorf("%+v, %v", got.Ranking, err)
	}
}

func TestTrainRefuses(t *testing.T) {
	c := phrases(t)
	for name, lines := range map[string][]byte{
		"drafted": questions(always("whole"), `,"drafted":"keywords"`), "gone": questions(always("deleted"), ""),
		"few": []byte(strings.Join(strings.SplitAfter(string(questions(always("whole"), "")), "\n")[:10], "")),
	} {
		if _, err := c.PutEvaluation(t.Context(), "docs", name, lines); err != nil {
			t.Fatal(err)
		}
	}
	deep, shallow := lode.MaxRerankDepth+1, 1
	for _, want := range []struct {
		set  string
		req  v1.TrainRanking
		code lode.Code
		says string
	}{
		{"drafted", v1.TrainRanking{Apply: true}, lode.CodePrecondition, "were drafted"},
		{"gone", v1.TrainRanking{}, lode.CodeInvalid, "0 queries have"},
		{"few", v1.TrainRanking{}, lode.CodeInvalid, "need 20"},
		{"none", v1.TrainRanking{}, lode.CodeNotFound, "none"},
		{"few", v1.TrainRanking{Depth: &deep}, lode.CodeInvalid, "depth"},
		{"few", v1.TrainRanking{Depth: &shallow}, lode.CodeInvalid, "depth"},
	} {
		got, err := c.TrainEvaluation(t.Context(), "docs", want.set, want.req)
		if !lode.IsCode(err, want.code) || !strings.Contains(err.Error(), want.says) {
			t.Errorf("%s: %+v, %v", want.set, got, err)
		}
	}
	if trained, err := c.TrainEvaluation(t.Context(), "docs", "drafted", v1.TrainRanking{Drafted: true}); err != nil || trained.Ranking == nil {
		t.Errorf("drafted questions that the caller wants: %+v, %v", trained, err)
	}
	if trained, err := c.TrainFeedback(t.Context(), "docs", v1.TrainRanking{}); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("no judgements: %+v, %v", trained, err)
	}
}

// What people judged trains as a set does.
func TestTrainFeedback(t *testing.T) {
	c := phrases(t)
	for n := range topics {
		query := strings.Join(words(n), " ")
		found, err := c.Retrieve(t.Context(), "docs", v1.Retrieve{Text: query})
		if err != nil {
			t.Fatal(err)
		}
		for _, hit := range found.Hits[:2] {
			useful := strings.HasPrefix(string(hit.DocumentID), "whole")
			if _, err := c.SendFeedback(t.Context(), "docs", v1.Feedback{Query: query, ChunkID: &hit.ChunkID, Useful: &useful}); err != nil {
				t.Fatal(err)
			}
		}
	}
	trained, err := c.TrainFeedback(t.Context(), "docs", v1.TrainRanking{Apply: true})
	if err != nil || !trained.Applied || trained.Evaluation != "" || !strings.Contains(trained.Ranking.Reason, "feedback") {
		t.Errorf("%+v, %v", trained, err)
	}
}

// Sets and judgements say what others may not see.
func TestTrainAccess(t *testing.T) {
	var cfg server.Config
	cfg.Identify(func(r *http.Request) (lode.Principal, error) {
		if label := r.Header.Get(labelHeader); label != "" {
			return lode.Principal{ID: label, Labels: []string{label}}, nil
		}
		return lode.AllSeeing("root"), nil
	})
	node, root := open(t, cfg)
	mustCreate(t, root, "docs")
	if _, err := root.PutEvaluation(t.Context(), "docs", "set", questions(always("whole"), "")); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Options{BaseURL: node.URL(), HTTPClient: &http.Client{Transport: as("sales")}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.TrainEvaluation(t.Context(), "docs", "set", v1.TrainRanking{}); !lode.IsCode(err, lode.CodeUnauthorized) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := c.TrainFeedback(t.Context(), "docs", v1.TrainRanking{}); !lode.IsCode(err, lode.CodeUnauthorized) {
		t.Errorf("%+v, %v", got, err)
	}
}

// Re-rankers of queries over HTTP: they change the order, and say how.
func TestRerankedQueries(t *testing.T) {
	c := phrases(t)
	query := v1.Retrieve{Text: strings.Join(words(3), " "), Explain: true}
	ask := func(name string) []v1.Hit {
		t.Helper()
		asked := query
		asked.Rerank = &v1.Rerank{Name: name}
		found, err := c.Retrieve(t.Context(), "docs", asked)
		if err != nil {
			t.Fatal(err)
		}
		for _, hit := range found.Hits {
			sum := 0.0
			for _, part := range hit.Explanation.Contributions {
				sum += part.Value
			}
			if sum != hit.Score {
				t.Errorf("%s: contributions of %s sum to %v, its score is %v", name, hit.DocumentID, sum, hit.Score)
			}
		}
		if !slices.IsSortedFunc(found.Hits, func(a, b v1.Hit) int { return cmp.Compare(b.Score, a.Score) }) {
			t.Errorf("%s: not by score", name)
		}
		return found.Hits
	}
	if first := ask("none")[0]; first.DocumentID != "apart-3" || first.RerankScore != nil {
		t.Fatalf("without a re-ranker %+v is first", first)
	}
	if _, err := c.Retrieve(t.Context(), "docs", v1.Retrieve{Text: "x", Rerank: &v1.Rerank{Name: "features"}}); !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(err.Error(), "no trained weights") {
		t.Errorf("features without weights: %v", err)
	}
	if err := prefer(t, c, "docs", "features", map[string]float64{rerank.FeaturePhrase: 2, rerank.FeatureFused: 0.5}); err != nil {
		t.Fatal(err)
	}
	first := ask("features")[0]
	if first.DocumentID != "whole-3" || first.RerankScore == nil || *first.RerankScore != first.Score || first.Explanation.Contributions[0].Name != "feature:fused" {
		t.Errorf("with features %+v is first", first)
	}
	query.Text = "vessel in the cold season"
	plain, similar := ask("none"), ask("maxsim")
	if order(plain) == order(similar) {
		t.Errorf("maxsim leaves %s", order(plain))
	}
	if name := similar[0].Explanation.Contributions[0].Name; !strings.HasPrefix(name, "token:") {
		t.Errorf("maxsim explains by %s", name)
	}
}

func order(hits []v1.Hit) string {
	ids := make([]string, len(hits))
	for i, h := range hits {
		ids[i] = string(h.DocumentID)
	}
	return strings.Join(ids, " ")
}
