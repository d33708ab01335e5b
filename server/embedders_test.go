package server_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/embed/local"
	"github.com/lodedb/lode/embed/local/localtest"
	"github.com/lodedb/lode/embed/remote"
	"github.com/lodedb/lode/embed/remote/remotetest"
	"github.com/lodedb/lode/server"
)

// Several providers serve one node: collections name them, equal texts are embedded once,
// also over a restart, and the figures say what was sent.
func TestProviders(t *testing.T) {
	far, house := remotetest.New(t, 8), remotetest.New(t, 8)
	cfg := server.Config{
		DataDir: t.TempDir(), OpenAI: server.OpenAIConfig{BaseURL: far.URL},
		Providers: map[string]server.ProviderConfig{
			"cohere": {BaseURL: far.Root, APIKey: "co-secret", Price: 100},
			"house":  {API: remote.TEI, BaseURL: house.Root, QueryPrefix: "query: "},
		},
		Egress: server.EgressConfig{Proxy: "none"},
	}
	node, c := open(t, cfg)
	for provider, s := range map[string]*remotetest.Server{"openai": far, "cohere": far, "house": house} {
		before := len(s.Requests())
		if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: provider, Embedder: &v1.Embedder{Provider: provider, Model: "m", Dim: 8}}); err != nil {
			t.Fatal(err)
		}
		upload(t, c, provider, map[string]string{"a.md": "# Ore\n\nOre is washed in running water."})
		if _, err := c.Retrieve(t.Context(), provider, v1.Retrieve{Text: "washing"}); err != nil {
			t.Fatal(err)
		}
		if got := s.Requests()[before:]; len(got) != 2 || provider == "house" && got[1].Input[0] != "query: washing" {
			t.Errorf("%s: %d requests", provider, len(got))
		}
	}
	figures := metrics(t, c.BaseURL())
	for name, want := range map[string]float64{
		`lode_embed_requests_total{end="ok",provider="cohere"}`: 2,
		`lode_embed_texts_total{from="sent",provider="house"}`:  2,
		`lode_embed_cache_entries`:                              6,
	} {
		if figures[name] != want {
			t.Errorf("%s = %v, want %v", name, figures[name], want)
		}
	}
	if figures[`lode_embed_cost_total{provider="cohere"}`] <= 0 {
		t.Error("nothing was paid for")
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	sent := len(far.Requests())
	_, c = open(t, cfg)
	if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "again", Embedder: &v1.Embedder{Provider: "cohere", Model: "m", Dim: 8}}); err != nil {
		t.Fatal(err)
	}
	upload(t, c, "again", map[string]string{"b.md": "# Ore\n\nOre is washed in running water."})
	if got := far.Requests()[sent:]; len(got) != 0 {
		t.Errorf("%d requests for a text that was embedded before", len(got))
	}
	if entries, err := os.ReadDir(filepath.Join(cfg.DataDir, "embeddings")); err != nil || len(entries) < 3 {
		t.Errorf("%v, %v", entries, err)
	}
}

// A provider that may not be reached fails as one that is down, and says why.
func TestEgress(t *testing.T) {
	s := remotetest.New(t, 8)
	_, c := open(t, server.Config{OpenAI: server.OpenAIConfig{BaseURL: s.URL}, Egress: server.EgressConfig{Allow: []string{"*.example.org"}}})
	if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "docs", Embedder: &v1.Embedder{Provider: "openai", Model: "m", Dim: 8}}); err != nil {
		t.Fatal(err)
	}
	_, err := c.Retrieve(t.Context(), "docs", v1.Retrieve{Text: "x"})
	if !lode.IsCode(err, lode.CodeProvider) || !strings.Contains(err.Error(), "--egress-allow") || len(s.Requests()) != 0 {
		t.Errorf("%v after %d requests", err, len(s.Requests()))
	}
	if n := metrics(t, c.BaseURL())["lode_egress_refused_total"]; n != 1 {
		t.Errorf("%v refusals are counted", n)
	}
}

// A node without providers keeps no folder for them.
func TestNoProviders(t *testing.T) {
	dir := t.TempDir()
	_, c := open(t, server.Config{DataDir: dir})
	mustCreate(t, c, "docs")
	if _, err := os.Stat(filepath.Join(dir, "embeddings")); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
}

func TestProviderConfig(t *testing.T) {
	f := func(field string, change func(*server.Config)) {
		t.Helper()
		cfg := server.Config{DataDir: t.TempDir(), Listen: "127.0.0.1:0"}
		change(&cfg)
		cfg.EnsureDefaults()
		err := cfg.Validate()
		if !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(err.Error(), `"`+field+`"`) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", field, err)
		}
	}
	provider := func(name string, p server.ProviderConfig) func(*server.Config) {
		return func(c *server.Config) { c.Providers = map[string]server.ProviderConfig{name: p} }
	}
	f("providers", provider("builtin", server.ProviderConfig{}))
	f("providers", provider("Cohere", server.ProviderConfig{}))
	f("providers.x.api", provider("x", server.ProviderConfig{API: "telepathy"}))
	f("providers.house.url", provider("house", server.ProviderConfig{API: remote.TEI}))
	f("providers.cohere.url", provider("cohere", server.ProviderConfig{BaseURL: "https://user:secret@host"}))
	f("providers.cohere.key", provider("cohere", server.ProviderConfig{APIKey: "secret\n"}))
	f("providers.cohere.price", provider("cohere", server.ProviderConfig{Price: -1}))
	f("providers.cohere.batch_texts", provider("cohere", server.ProviderConfig{BatchTexts: 97}))
	f("openai_url", func(c *server.Config) {
		c.OpenAI.BaseURL, c.Providers = "http://host", map[string]server.ProviderConfig{"openai": {}}
	})
	f("egress_allow", func(c *server.Config) { c.Egress.Allow = []string{"http://host"} })
	f("egress_proxy", func(c *server.Config) { c.Egress.Proxy = "nonsense" })
	f("embed_cache", func(c *server.Config) { c.Embedding.CacheBytes = 1000 })
	f("embed_cache_age", func(c *server.Config) { c.Embedding.CacheAge = 1 })
}

// Texts are embedded as a collection would, once, and what it cost is reported.
func TestEmbed(t *testing.T) {
	s := remotetest.New(t, 8)
	_, c := open(t, server.Config{Providers: map[string]server.ProviderConfig{"house": {API: remote.TEI, BaseURL: s.Root, QueryPrefix: "query: ", Price: 10}}})
	embedder := &v1.Embedder{Provider: "house", Model: "m", Dim: 8}
	if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "docs", Embedder: embedder}); err != nil {
		t.Fatal(err)
	}
	got, err := c.Embed(t.Context(), v1.Embed{Collection: "docs", Texts: []string{"ore", "coal", "ore"}})
	if err != nil || got.Embedder != *embedder || got.Fingerprint == "" || len(got.Vectors) != 3 || !slices.Equal(got.Vectors[1], s.Vector("coal")) {
		t.Fatalf("%+v, %v", got, err)
	}
	if requests := s.Requests(); len(requests) != 1 || len(requests[0].Input) != 2 {
		t.Errorf("%d requests", len(requests))
	}
	vectors, err := c.EmbedVectors(t.Context(), v1.Embed{Embedder: embedder, Texts: []string{"coal"}})
	if err != nil || !slices.Equal(vectors[0], s.Vector("coal")) || len(s.Requests()) != 1 {
		t.Errorf("%v, %v", vectors, err)
	}
	if vectors, err = c.EmbedVectors(t.Context(), v1.Embed{Embedder: embedder, Texts: []string{"coal"}, Kind: v1.EmbedQuery}); err != nil || !slices.Equal(vectors[0], s.Vector("query: coal")) {
		t.Errorf("%v, %v", vectors, err)
	}
	u, err := c.EmbedUsage(t.Context())
	if err != nil || len(u.Accounts) != 2 || u.Accounts[0].Texts != 2 || u.Accounts[0].Cached != 1 || u.Accounts[1].Collection != "docs" || u.Accounts[1].Shared != 1 || u.Accounts[1].Cost <= 0 || u.Cache == nil || u.Cache.Entries != 3 {
		t.Errorf("%+v, %v", u, err)
	}
	if err := c.ClearEmbedCache(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Embed(t.Context(), v1.Embed{Collection: "docs", Texts: []string{"ore"}}); err != nil || len(s.Requests()) != 3 {
		t.Errorf("%v after %d requests", err, len(s.Requests()))
	}
	mustCreate(t, c, "plain")
	if got, err = c.Embed(t.Context(), v1.Embed{Collection: "plain", Texts: []string{"ore"}}); err != nil || got.Embedder.Provider != "builtin" {
		t.Errorf("%+v, %v", got, err)
	}
	for name, e := range map[string]v1.Embedder{"embedder.provider": {Provider: "none", Dim: 8}, "no provider": {Provider: "cohere", Model: "m", Dim: 8}} {
		if _, err := c.Embed(t.Context(), v1.Embed{Embedder: &e, Texts: []string{"x"}}); !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(err.Error(), "embedder.provider") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A model in a folder embeds documents and questions; without its files, or with others under
// its name, the collection says so instead of mixing vectors.
func TestLocalModel(t *testing.T) {
	dir := t.TempDir()
	models := local.Store{Dir: server.ModelsDir(dir)} // before the node's first start
	if _, err := models.Add(t.Context(), localtest.Model(t), local.Info{Name: "small"}); err != nil {
		t.Fatal(err)
	}
	cfg := server.Config{DataDir: dir}
	node, c := open(t, cfg)
	create := func(model string, dim int) error {
		_, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "docs", Embedder: &v1.Embedder{Provider: "local", Model: model, Dim: dim}})
		return err
	}
	for field, err := range map[string]error{"embedder.model": create("none", 4), "embedder.dim": create("small", 5)} {
		if !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if err := create("small", localtest.Dim); err != nil {
		t.Fatal(err)
	}
	upload(t, c, "docs", map[string]string{"a.md": "ore is washed", "b.md": "coal"})
	found, err := c.Retrieve(t.Context(), "docs", v1.Retrieve{Text: "coal!", Mode: lode.ModeDense})
	if err != nil || len(found.Hits) != 2 || found.Hits[0].DocumentID != "b.md" {
		t.Fatalf("%+v, %v", found, err)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(models.Dir, "small")); err != nil {
		t.Fatal(err)
	}
	_, c = open(t, cfg)
	if _, err := c.Retrieve(t.Context(), "docs", v1.Retrieve{Text: "coal", Mode: lode.ModeDense}); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("without the model: %v", err)
	}
	other := localtest.Write(t, map[string]any{"model": map[string]any{"type": "WordPiece", "vocab": map[string]int{"coal": 0}}}, map[string]any{},
		map[string]localtest.Tensor{"embeddings": {Shape: []int{1, 4}, Data: []float32{1, 2, 3, 4}}})
	if _, err := models.Add(t.Context(), other, local.Info{Name: "small"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Retrieve(t.Context(), "docs", v1.Retrieve{Text: "coal", Mode: lode.ModeDense}); !lode.IsCode(err, lode.CodeConflict) || !strings.Contains(err.Error(), "local/small/4/") {
		t.Errorf("with another model: %v", err)
	}
}
