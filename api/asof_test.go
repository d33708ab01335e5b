package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

// TestAsOf: every question may be about the past, and says nothing of it when it is not.
func TestAsOf(t *testing.T) {
	f, c, _ := stocked(t)
	at := time.Date(2026, 3, 4, 5, 6, 7, 8, time.FixedZone("x", 3600))
	words := v1.SparseVector{Indices: []uint32{1}, Values: []float32{1}}
	for name, ask := range map[string]func(context.Context, *client.Client) error{
		"retrieve": func(ctx context.Context, c *client.Client) error {
			_, err := c.Retrieve(ctx, "docs", v1.Retrieve{Text: "x"})
			return err
		},
		"search": func(ctx context.Context, c *client.Client) error {
			_, err := c.SearchVectors(ctx, "docs", v1.SearchVectors{Vector: lode.Vector{1, 0}})
			return err
		},
		"search in JSON": func(ctx context.Context, c *client.Client) error {
			_, err := c.SearchVectors(ctx, "docs", v1.SearchVectors{Vector: lode.Vector{1, 0, 0}, Using: "title"})
			return err
		},
		"sparse": func(ctx context.Context, c *client.Client) error {
			_, err := c.SearchVectors(ctx, "docs", v1.SearchVectors{Sparse: &words, Using: "words"})
			return err
		},
		"batch": func(ctx context.Context, c *client.Client) error {
			_, err := c.SearchVectorsBatch(ctx, "docs", v1.SearchVectorsBatch{Vectors: []lode.Vector{{1, 0}}})
			return err
		},
		"groups": func(ctx context.Context, c *client.Client) error {
			_, err := c.SearchGroups(ctx, "docs", v1.SearchGroups{Vector: lode.Vector{1, 0}})
			return err
		},
		"recommend": func(ctx context.Context, c *client.Client) error {
			_, err := c.Recommend(ctx, "docs", v1.Recommend{Positive: []v1.Example{{ID: "p0"}}})
			return err
		},
		"count": func(ctx context.Context, c *client.Client) error {
			_, err := c.Count(ctx, "docs", v1.Count{})
			return err
		},
		"facets": func(ctx context.Context, c *client.Client) error {
			_, err := c.Facets(ctx, "docs", v1.Facets{Field: "tenant"})
			return err
		},
		"chunk": func(ctx context.Context, c *client.Client) error {
			_, err := c.GetChunk(ctx, "docs", lode.ChunkID{Doc: 1, Version: 1})
			return err
		},
		"trace": func(ctx context.Context, c *client.Client) error {
			_, err := c.TraceChunk(ctx, "docs", lode.ChunkID{Doc: 1, Version: 1})
			return err
		},
		"scroll": func(ctx context.Context, c *client.Client) error {
			_, err := c.ScrollPage(ctx, "docs", v1.Scroll{})
			return err
		},
	} {
		for _, want := range []time.Time{at, {}} {
			f.asOf = time.Unix(1, 0)
			if err := ask(t.Context(), c.AsOf(want)); err != nil || !f.asOf.Equal(want) {
				t.Errorf("%s: asked of %s, want %s: %v", name, f.asOf, want, err)
			}
		}
	}
	if _, err := c.AsOf(at).MeasureRecall(t.Context(), "docs", v1.MeasureRecall{}); err != nil {
		t.Errorf("what is no question about contents is not about the past: %v", err)
	}
}

func TestBadHistory(t *testing.T) {
	h := handler(t, newFake())
	for _, c := range []struct{ method, path, body, field string }{
		{"POST", "/v1/collections/docs/count?as_of=yesterday", `{}`, "as_of"},
		{"POST", "/v1/collections/docs/count?as_of=", `{}`, "as_of"},
		{"POST", "/v1/collections/docs/count?as_of=0001-01-01T00:00:00Z", `{}`, "as_of"},
		{"GET", "/v1/collections/docs/chunks/ch-1-1-0?as_of=0001-01-01T01:00:00%2B01:00", ``, "as_of"},
		{"POST", "/v1/collections/docs/vectors/search?as_of=2026-01-01", `{"vector":[1,0]}`, "as_of"},
		{"POST", "/v1/collections", `{"name":"a","history":"week"}`, "history"},
		{"POST", "/v1/collections", `{"name":"a","history":7}`, "history"},
		{"POST", "/v1/collections", `{"name":"a","history":"-7d"}`, "history"},
		{"POST", "/v1/collections", `{"name":"a","history":"10ms"}`, "history"},
		{"PATCH", "/v1/collections/docs", `{"history":"99999d"}`, "history"},
		{"PATCH", "/v1/collections/docs", `{"history":"99999999d"}`, "history"},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", jsonType)
		h.ServeHTTP(w, r)
		p := problemOf(t, w)
		if p.Status != http.StatusBadRequest || p.Field != c.field {
			t.Errorf("%s %s: %+v", c.path, c.body, p)
		}
	}
}
