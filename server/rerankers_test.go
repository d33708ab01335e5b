package server_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/retrieval/rerank"
	"github.com/lodedb/lode/retrieval/rerank/reranktest"
	"github.com/lodedb/lode/server"
)

// prefer sets the re-ranker of a collection.
func prefer(t *testing.T, c *client.Client, collection, name string, features map[string]float64) error {
	t.Helper()
	_, err := c.UpdateCollection(t.Context(), collection, v1.UpdateCollection{Ranking: &v1.Ranking{Rerank: &v1.Rerank{Name: name}, Features: features}})
	return err
}

// A node asks the re-rankers that it was told of, and counts what they cost by collection.
func TestRerankers(t *testing.T) {
	s := reranktest.New(t)
	node, c := open(t, server.Config{
		Rerankers: map[string]server.RerankerConfig{"house": {API: rerank.Jina, BaseURL: s.URL, Model: "m", APIKey: "secret", Price: 100}},
		Egress:    server.EgressConfig{Proxy: "none"},
	})
	if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "docs", Ranking: &v1.Ranking{Rerank: &v1.Rerank{Name: "house"}}}); err != nil {
		t.Fatal(err)
	}
	ps := []lode.RerankPassage{{Text: "gold"}, {Text: "washed ore"}}
	scores, err := node.Rank(t.Context(), "docs", "house", "washed ore", ps)
	if err != nil || scores[0].Score != 0 || scores[1].Score != 1 {
		t.Fatalf("%v, %v", scores, err)
	}
	if r := s.Requests()[0]; r.Model != "m" || r.Header.Get("Authorization") != "Bearer secret" {
		t.Errorf("%+v", r)
	}
	usage, err := c.EmbedUsage(t.Context())
	if err != nil || len(usage.Accounts) != 1 {
		t.Fatalf("%+v, %v", usage, err)
	}
	if a := usage.Accounts[0]; a.Provider != "house" || a.Model != "m" || a.Collection != "docs" || a.Texts != 2 || a.Requests != 1 || a.Tokens != 14 || a.Cost <= 0 {
		t.Errorf("%+v", a)
	}
	if n := metrics(t, c.BaseURL())[`lode_embed_requests_total{end="ok",provider="house"}`]; n != 1 {
		t.Errorf("%v requests in the figures", n)
	}
}

// Re-rankers obey the gate as everything does that connects to others.
func TestRerankersAndEgress(t *testing.T) {
	s := reranktest.New(t)
	node, c := open(t, server.Config{
		Rerankers: map[string]server.RerankerConfig{"tei": {BaseURL: s.URL}}, Egress: server.EgressConfig{Allow: []string{"*.example.org"}},
	})
	if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "docs"}); err != nil {
		t.Fatal(err)
	}
	_, err := node.Rank(t.Context(), "docs", "tei", "ore", []lode.RerankPassage{{Text: "ore"}})
	if !lode.IsCode(err, lode.CodeProvider) || !strings.Contains(err.Error(), "not in the list") || len(s.Requests()) != 0 {
		t.Errorf("%v after %d requests", err, len(s.Requests()))
	}
}

// The re-rankers of the program itself work for collections whose embedder has words, and weights of
// features travel with the settings of a collection, also over a restart.
func TestOwnRerankers(t *testing.T) {
	cfg := server.Config{DataDir: t.TempDir()}
	node, c := open(t, cfg)
	if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "docs"}); err != nil {
		t.Fatal(err)
	}
	if err := prefer(t, c, "docs", "maxsim", nil); err != nil {
		t.Fatal(err)
	}
	ps := []lode.RerankPassage{{Text: "The oven is hot."}, {Text: "The ore is washed in running water."}}
	scores, err := node.Rank(t.Context(), "docs", "maxsim", "washing ores", ps)
	if err != nil || scores[1].Score <= scores[0].Score || len(scores[1].Contributions) != 2 || scores[1].Contributions[1].Name != "token:ore" {
		t.Errorf("%v, %v", scores, err)
	}
	weights := map[string]float64{rerank.FeatureCoverage: 0.1, rerank.FeatureMaxSim: 1. / 3}
	if err := prefer(t, c, "docs", "features", weights); err != nil {
		t.Fatal(err)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	node, c = open(t, cfg)
	got, err := c.GetCollection(t.Context(), "docs")
	if err != nil || got.Ranking == nil || !maps.Equal(got.Ranking.Features, weights) {
		t.Fatalf("%+v, %v", got, err)
	}
	scores, err = node.Rank(t.Context(), "docs", "features", "washing ores", ps)
	if err != nil || scores[1].Score <= scores[0].Score || len(scores[1].Contributions) != 2 || scores[1].Contributions[0].Name != "feature:coverage" {
		t.Errorf("%v, %v", scores, err)
	}
}

// What queries could not be answered with is refused when it is set, with the reason.
func TestRerankersThatAreMissing(t *testing.T) {
	node, c := open(t, server.Config{})
	for _, want := range []v1.CreateCollection{
		{Name: "docs"}, {Name: "raw", Embedder: &v1.Embedder{Provider: lode.ProviderNone, Dim: 2}}, {Name: "hashed", Embedder: &v1.Embedder{Provider: lode.ProviderBuiltin, Model: "hash-v1"}},
	} {
		if _, err := c.CreateCollection(t.Context(), want); err != nil {
			t.Fatal(err)
		}
	}
	f := func(collection, name string, features map[string]float64, says string) {
		t.Helper()
		err := prefer(t, c, collection, name, features)
		var coded *lode.Error
		if !errors.As(err, &coded) || coded.Code != lode.CodeInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s of %s: %v", name, collection, err)
		}
	}
	f("docs", "house", nil, "there are maxsim, features")
	f("docs", "features", nil, "no trained weights")
	f("docs", "features", map[string]float64{"luck": 1}, "no feature of the name luck")
	f("raw", "maxsim", nil, "raw vectors")
	f("raw", "features", map[string]float64{rerank.FeatureMaxSim: 1}, "no vectors of single words")
	f("hashed", "maxsim", nil, "hash-v1")
	f("docs", "none", map[string]float64{"luck": 1}, "no feature of the name luck")
	if err := prefer(t, c, "hashed", "features", map[string]float64{rerank.FeatureFused: 1}); err != nil {
		t.Error(err)
	}
	if err := prefer(t, c, "docs", lode.RerankNone, nil); err != nil {
		t.Error(err)
	}
	_, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "new", Ranking: &v1.Ranking{Rerank: &v1.Rerank{Name: "house"}}})
	var coded *lode.Error
	if !errors.As(err, &coded) || coded.Field != "ranking.rerank.name" {
		t.Errorf("%v", err)
	}
	if _, err := node.Rank(t.Context(), "docs", "house", "x", nil); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("%v", err)
	}
}
