package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/api/v1"
)

// Embed implements api.Embedding: the vector of a text is its length and whether it is asked.
func (f *fake) Embed(_ context.Context, p lode.Principal, q api.EmbedQuery) (api.Embedded, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.embeds = append(f.embeds, q)
	switch {
	case q.Collection == "" && !p.SeesAll():
		return api.Embedded{}, lode.Errorf(lode.CodeUnauthorized, "not yours")
	case q.Collection != "" && q.Collection != "docs":
		return api.Embedded{}, lode.NotFound("collection", q.Collection)
	case slices.Contains(q.Texts, "down"):
		return api.Embedded{}, lode.Errorf(lode.CodeProvider, "embedding provider x: status 500")
	}
	out := api.Embedded{Embedder: q.Embedder, Fingerprint: "fp"}
	for _, text := range q.Texts {
		v := lode.Vector{float32(len(text)), 0}
		if q.Query {
			v[1] = 1
		}
		out.Vectors = append(out.Vectors, v)
	}
	return out, nil
}

// EmbedUsage implements api.Embedding.
func (f *fake) EmbedUsage(_ context.Context, p lode.Principal) (v1.EmbedUsage, error) {
	if !p.SeesAll() {
		return v1.EmbedUsage{}, lode.Errorf(lode.CodeUnauthorized, "not yours")
	}
	return v1.EmbedUsage{Accounts: []v1.EmbedAccount{{Provider: "x", Texts: 3, Cost: 0.5}}, Cache: &v1.EmbedCache{Entries: 2}}, nil
}

// ClearEmbedCache implements api.Embedding.
func (f *fake) ClearEmbedCache(_ context.Context, p lode.Principal) error {
	if !p.SeesAll() {
		return lode.Errorf(lode.CodeUnauthorized, "not yours")
	}
	f.cleared++
	return nil
}

func TestEmbed(t *testing.T) {
	f := newFake()
	c, _ := serve(t, f)
	texts := []string{"", "ab", "ä<b>"}
	got, err := c.Embed(t.Context(), v1.Embed{Collection: "docs", Texts: texts})
	if err != nil || got.Fingerprint != "fp" || len(got.Vectors) != 3 || !slices.Equal(got.Vectors[2], lode.Vector{5, 0}) {
		t.Errorf("%+v, %v", got, err)
	}
	vectors, err := c.EmbedVectors(t.Context(), v1.Embed{Embedder: &v1.Embedder{Provider: "house", Model: "m", Dim: 2}, Texts: texts, Kind: v1.EmbedQuery})
	if err != nil || len(vectors) != 3 || !slices.Equal(vectors[1], lode.Vector{2, 1}) {
		t.Errorf("%v, %v", vectors, err)
	}
	if q := f.embeds[1]; q.Embedder != (lode.EmbedderConfig{Provider: "house", Model: "m", Dim: 2}) || !q.Query || !slices.Equal(q.Texts, texts) {
		t.Errorf("%+v", q)
	}
	if _, err := c.Embed(t.Context(), v1.Embed{Collection: "docs", Texts: []string{"down"}}); !lode.IsCode(err, lode.CodeProvider) {
		t.Errorf("%v", err)
	}
}

func TestEmbedBadInput(t *testing.T) {
	f := newFake()
	_, node := serve(t, f)
	send := func(body string, code lode.Code, field string) {
		t.Helper()
		answer, err := http.Post(node.URL+v1.PathEmbed, v1.MediaTypeJSON, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var p v1.Problem
		if err := json.NewDecoder(answer.Body).Decode(&p); err != nil || p.Code != code || p.Field != field {
			t.Errorf("%s: %d %s field %q (%s), want %s %q", lode.CutValue(body), answer.StatusCode, p.Code, p.Field, p.Detail, code, field)
		}
	}
	send(``, lode.CodeMalformed, "body")
	send(`{"texts":["x"]}`, lode.CodeInvalid, "collection")
	send(`{"collection":"docs","embedder":{"provider":"builtin"},"texts":["x"]}`, lode.CodeInvalid, "embedder")
	send(`{"collection":"Docs","texts":["x"]}`, lode.CodeInvalid, "collection")
	send(`{"collection":"none","texts":["x"]}`, lode.CodeNotFound, "collection")
	send(`{"embedder":{"provider":""},"texts":["x"]}`, lode.CodeInvalid, "embedder.provider")
	send(`{"embedder":{"provider":"cohere","dim":8},"texts":["x"]}`, lode.CodeInvalid, "embedder.model")
	send(`{"embedder":{"provider":"cohere","model":"m","dim":9000},"texts":["x"]}`, lode.CodeInvalid, "embedder.dim")
	send(`{"collection":"docs","texts":[]}`, lode.CodeInvalid, "texts")
	send(`{"collection":"docs"}`, lode.CodeInvalid, "texts")
	send(`{"collection":"docs","texts":["x",1]}`, lode.CodeInvalid, "texts[1]")
	send(`{"collection":"docs","texts":["x"],"kind":"poem"}`, lode.CodeInvalid, "kind")
	send(`{"collection":"docs","texts":["x"],"model":"m"}`, lode.CodeUnknownField, "model")
	send(fmt.Sprintf(`{"collection":"docs","texts":["x","%s"]}`, strings.Repeat("a", v1.MaxEmbedTextBytes+1)), lode.CodeTooLarge, "texts[1]")
	send(fmt.Sprintf(`{"collection":"docs","texts":[%s"x"]}`, strings.Repeat(`"x",`, v1.MaxEmbedTexts)), lode.CodeInvalid, "texts")
	if len(f.embeds) != 1 { // of the collection that is not there
		t.Errorf("%d queries came through", len(f.embeds))
	}
}

func TestEmbedUsage(t *testing.T) {
	f := newFake()
	c, _ := serve(t, f)
	if u, err := c.EmbedUsage(t.Context()); err != nil || len(u.Accounts) != 1 || u.Accounts[0].Cost != 0.5 || u.Cache.Entries != 2 {
		t.Errorf("%+v, %v", u, err)
	}
	if err := c.ClearEmbedCache(t.Context()); err != nil || f.cleared != 1 {
		t.Errorf("%v, cleared %d times", err, f.cleared)
	}
	c, _ = serve(t, f, func(o *api.Options) {
		o.Authenticate = func(*http.Request) (lode.Principal, error) { return lode.Principal{ID: "somebody"}, nil }
	})
	_, usage := c.EmbedUsage(t.Context())
	_, named := c.Embed(t.Context(), v1.Embed{Embedder: &v1.Embedder{Provider: "builtin"}, Texts: []string{"x"}})
	for what, err := range map[string]error{"usage": usage, "embed": named, "clear": c.ClearEmbedCache(t.Context())} {
		if !lode.IsCode(err, lode.CodeUnauthorized) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if f.cleared != 1 {
		t.Error("somebody cleared it")
	}
}
