package api_test

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

func ptr[T any](v T) *T { return &v }

func TestCountAndFacets(t *testing.T) {
	_, c, _ := stocked(t)
	ctx := t.Context()
	if n, err := c.Count(ctx, "docs", v1.Count{Filter: tenant("a")}); err != nil || *n != (v1.Counts{Documents: 4, Rows: 4}) {
		t.Errorf("count %+v, %v", n, err)
	}
	got, err := c.Facets(ctx, "docs", v1.Facets{Field: "tenant", Limit: ptr(1)})
	if err != nil || got.Field != "tenant" || got.Distinct != 2 || len(got.Values) != 1 || got.Values[0].Documents != 4 || got.Values[0].Rows != 4 {
		t.Errorf("facets %+v, %v", got, err)
	}
	none, err := c.Facets(ctx, "docs", v1.Facets{Field: "nothing"})
	if err != nil || none.Values == nil || len(none.Values) != 0 {
		t.Errorf("facets %+v, %v", none, err)
	}
}

// TestScroll walks pages and shows what is asked for.
func TestScroll(t *testing.T) {
	f, c, _ := stocked(t)
	ctx := t.Context()
	var ids []string
	for item, err := range c.Scroll(ctx, "docs", v1.Scroll{Limit: ptr(3), OrderBy: &v1.ScrollOrder{Field: "tenant", Direction: "desc"}}) {
		if err != nil {
			t.Fatal(err)
		}
		if item.Metadata == nil || item.Text != "" || item.Vector != nil || item.Rows != 1 {
			t.Errorf("item %+v", item)
		}
		ids = append(ids, string(item.ID))
	}
	if strings.Join(ids, " ") != "d0 d1 d2 d3 p0 p1 p2 p3" {
		t.Errorf("walked %v", ids)
	}
	if q := f.scrolls[1]; q.Field != "tenant" || !q.Desc || q.Limit != 3 || q.After == nil || q.After.Row != 3 || !q.After.Value.Equal(lode.StringValue("a")) {
		t.Errorf("the second page is %+v", q)
	}
	page, err := c.ScrollPage(ctx, "docs", v1.Scroll{WithText: ptr(true), WithVector: ptr(true), WithMetadata: ptr(false)})
	if err != nil || len(page.Items) != 8 || page.NextCursor != "" {
		t.Fatalf("page %+v, %v", page, err)
	}
	if d, p := page.Items[0], page.Items[7]; d.Text != "text of d0" || d.Title != "T" || d.Vector != nil || d.Metadata != nil || d.Kind != "document" || p.Kind != "vector" || !slices.Equal(p.Vector, lode.Vector{1, 0}) {
		t.Errorf("items %+v and %+v", d, p)
	}
	if f.scrolls[len(f.scrolls)-1].Kind != 0 {
		t.Error("no kind is both")
	}
	if page, err = c.ScrollPage(ctx, "docs", v1.Scroll{Kind: "vector"}); err != nil || len(page.Items) != 4 {
		t.Errorf("vectors %+v, %v", page, err)
	}
}

// TestScrollCursors: a cursor goes on where it came from, and nowhere else.
func TestScrollCursors(t *testing.T) {
	_, c, _ := stocked(t)
	ctx := t.Context()
	base := v1.Scroll{Limit: ptr(1), Filter: tenant("a"), Kind: "vector", OrderBy: &v1.ScrollOrder{Field: "tenant"}}
	first, err := c.ScrollPage(ctx, "docs", base)
	if err != nil || first.NextCursor == "" {
		t.Fatal(first, err)
	}
	base.Cursor = first.NextCursor
	refuse := func(what string, change func(*v1.Scroll)) {
		t.Helper()
		req := base
		change(&req)
		_, err := c.ScrollPage(ctx, "docs", req)
		if e, ok := err.(*lode.Error); !ok || e.Code != lode.CodeInvalid || e.Field != "cursor" {
			t.Errorf("%s: %v", what, err)
		}
	}
	refuse("another filter", func(q *v1.Scroll) { q.Filter = tenant("b") })
	refuse("no filter", func(q *v1.Scroll) { q.Filter = nil })
	refuse("another kind", func(q *v1.Scroll) { q.Kind = "document" })
	refuse("another direction", func(q *v1.Scroll) { q.OrderBy = &v1.ScrollOrder{Field: "tenant", Direction: "desc"} })
	refuse("another field", func(q *v1.Scroll) { q.OrderBy = &v1.ScrollOrder{Field: "x"} })
	refuse("no order", func(q *v1.Scroll) { q.OrderBy = nil })
	refuse("a longer one", func(q *v1.Scroll) { q.Cursor += "AA" })
	refuse("a cut one", func(q *v1.Scroll) { q.Cursor = q.Cursor[:8] })
	refuse("another list's", func(q *v1.Scroll) { q.Cursor = "ZAE" })
	base.Limit, base.WithText = ptr(5), ptr(true) // what may change
	if next, err := c.ScrollPage(ctx, "docs", base); err != nil || len(next.Items) != 1 || next.Items[0].ID != "p2" {
		t.Errorf("next %+v, %v", next, err)
	}
}

func TestSearchGroups(t *testing.T) {
	f, c, server := stocked(t)
	got, err := c.SearchGroups(t.Context(), "docs", v1.SearchGroups{Vector: lode.Vector{1, 0}, Groups: ptr(7), GroupSize: ptr(2), Filter: tenant("a"), WithMetadata: ptr(false)})
	if err != nil || len(got.Groups) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if g := got.Groups[0]; g.Kind != "vector" || len(g.Hits) != 1 || g.Hits[0].DocumentID != g.DocumentID || g.Hits[0].Metadata != nil {
		t.Errorf("group %+v", g)
	}
	if q := f.groups[0]; q.Groups != 7 || q.Size != 2 || q.With != (lode.With{Text: true}) {
		t.Errorf("asked %+v", q)
	}
	w := keyed(server.Config.Handler, "POST", vectorsPath+"/search/groups", jsonType, `{"vector":[1,0],"filter":{"or":[]}}`)
	if w.Body.String() != "{\"groups\":[]}\n" {
		t.Errorf("no group: %s", w.Body)
	}
}

func TestRecommend(t *testing.T) {
	f, c, _ := stocked(t)
	got, err := c.Recommend(t.Context(), "docs", v1.Recommend{
		Positive: []v1.Example{{ID: "p0"}, {DocumentID: "d1"}, {Vector: lode.Vector{0, 1}}, {Text: "words"}}, Negative: []v1.Example{{ID: "p1"}}, Strategy: "best_score", K: ptr(3),
	})
	if err != nil || len(got.Hits) != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	q := f.recommends[0]
	if q.Strategy != "best_score" || q.K != 3 || len(q.Positive) != 4 || len(q.Negative) != 1 ||
		q.Positive[0].Kind != lode.KindVector || q.Positive[1].Kind != lode.KindDocument || len(q.Positive[2].Vector) != 2 || q.Positive[3].Text != "words" {
		t.Errorf("asked %+v", q)
	}
	for field, x := range map[string]v1.Example{"positive[0].id": {ID: "none"}, "positive[0].document_id": {DocumentID: "none"}} {
		if _, err := c.Recommend(t.Context(), "docs", v1.Recommend{Positive: []v1.Example{x}}); !lode.IsCode(err, lode.CodeNotFound) || err.(*lode.Error).Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// TestReadsTakeALevel: every read of contents has a barrier.
func TestReadsTakeALevel(t *testing.T) {
	f, _, server := stocked(t)
	for path, body := range map[string]string{
		"count": `{}`, "facets": `{"field":"x"}`, "scroll": `{}`, "vectors/search/groups": `{"vector":[1,0]}`, "vectors/recommend": `{"positive":[{"vector":[1,0]}]}`,
	} {
		before := len(f.levels)
		w := keyed(server.Config.Handler, "POST", "/v1/collections/docs/"+path+"?consistency=linearizable", jsonType, body)
		if w.Code != 200 || !slices.Equal(f.levels[before:], []string{"linearizable"}) || strings.Contains(w.Body.String(), "null") || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %d, levels %v: %s", path, w.Code, f.levels[before:], w.Body)
		}
		r := httptest.NewRequest("POST", "/v1/collections/nope/"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", jsonType)
		w = httptest.NewRecorder()
		server.Config.Handler.ServeHTTP(w, r)
		if p := problemOf(t, w); p.Code != lode.CodeNotFound || p.Field != "collection" {
			t.Errorf("%s of no collection: %+v", path, p)
		}
	}
}
