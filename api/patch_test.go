package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

// stocked is a fake with the documents d0 to d3 and the points p0 to p3; even ones have the tenant
// a, odd ones b, and all of them the reader r.
func stocked(t *testing.T) (*fake, *client.Client, *httptest.Server) {
	t.Helper()
	f := newFake()
	c, server := serve(t, f)
	var docs []v1.DocumentUpload
	var points []v1.Point
	text := "text"
	for i, n := range []string{"0", "1", "2", "3"} {
		metadata := lode.Metadata{"tenant": lode.StringValue([]string{"a", "b"}[i%2])}
		docs = append(docs, v1.DocumentUpload{ID: lode.DocID("d" + n), Content: &text, Metadata: metadata, Readers: []string{"r"}})
		points = append(points, v1.Point{ID: lode.DocID("p" + n), Vector: lode.Vector{1, 0}, Metadata: metadata, Readers: []string{"r"}})
	}
	if _, err := c.UploadJSON(t.Context(), "docs", docs, client.UploadOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutVectors(t.Context(), "docs", points...); err != nil {
		t.Fatal(err)
	}
	return f, c, server
}

func tenant(name string) *lode.Filter {
	f := lode.WhereEq("tenant", lode.StringValue(name))
	return &f
}

// TestPatchSelected: by ids, by filter and by both, for documents and raw vectors alike.
func TestPatchSelected(t *testing.T) {
	f, c, _ := stocked(t)
	ctx := t.Context()
	set := lode.Patch{Set: lode.Metadata{"x": lode.IntegerValue(1)}}
	for kind, send := range map[string]func(v1.PatchSelected) (*v1.PatchResults, error){
		"d": func(r v1.PatchSelected) (*v1.PatchResults, error) { return c.PatchDocuments(ctx, "docs", r) },
		"p": func(r v1.PatchSelected) (*v1.PatchResults, error) { return c.PatchVectors(ctx, "docs", r) },
	} {
		id := func(n string) lode.DocID { return lode.DocID(kind + n) }
		got, err := send(v1.PatchSelected{Filter: tenant("a"), Patch: set})
		if err != nil || got.Matched != 2 || got.Changed != 2 || got.Items == nil || len(got.Items) != 0 {
			t.Errorf("by filter: %+v, %v", got, err)
		}
		got, err = send(v1.PatchSelected{IDs: []lode.DocID{id("0"), "nope", id("1")}, Patch: set})
		if err != nil || got.Matched != 2 || len(got.Items) != 3 || got.Items[0].Error != nil || got.Items[1].Error == nil || got.Items[1].Error.Field != "ids[1]" || got.Items[1].Error.Code != lode.CodeNotFound {
			t.Errorf("by ids: %+v, %v", got, err)
		}
		got, err = send(v1.PatchSelected{IDs: []lode.DocID{id("0"), id("1")}, Filter: tenant("b"), Patch: set})
		if err != nil || got.Matched != 1 || len(got.Items) != 2 || got.Items[0].Error != nil {
			t.Errorf("by both: %+v, %v", got, err)
		}
		got, err = send(v1.PatchSelected{IDs: []lode.DocID{id("0"), id("1")}, Patch: lode.Patch{RemoveReaders: []string{"r"}}})
		if err != nil || got.Changed != 0 || got.Items[1].Error == nil || got.Items[1].Error.Field != "ids[1].remove_readers" {
			t.Errorf("the last reader: %+v, %v", got, err)
		}
		if _, err = send(v1.PatchSelected{IDs: []lode.DocID{"nope"}, Patch: set}); !lode.IsCode(err, lode.CodeNotFound) {
			t.Errorf("a single id: %v", err)
		}
		if _, err = send(v1.PatchSelected{IDs: []lode.DocID{}, Filter: tenant("a"), Patch: set}); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("an empty list must not be all that match: %v", err)
		}
	}
	for _, s := range f.selections {
		if s.Kind == 0 {
			t.Errorf("%+v has no kind", s)
		}
	}
}

// TestPatchOne answers with what it is then.
func TestPatchOne(t *testing.T) {
	_, c, server := stocked(t)
	ctx := t.Context()
	at := time.Date(2030, 5, 1, 14, 0, 0, 0, time.FixedZone("", 7200))
	patch := lode.Patch{Set: lode.Metadata{"author.name": lode.StringValue("Ada")}, Delete: []string{"tenant"}, AddReaders: []string{"s"}, ExpiresAt: &lode.Expiry{At: &at}}
	doc, err := c.PatchDocument(ctx, "docs", "d0", patch)
	if err != nil || doc == nil || len(doc.Metadata) != 1 || strings.Join(doc.Readers, " ") != "r s" || !doc.ExpiresAt.Equal(at) || doc.Version != 1 {
		t.Errorf("document %+v, %v", doc, err)
	}
	point, err := c.PatchVector(ctx, "docs", "p0", patch)
	if err != nil || point == nil || len(point.Metadata) != 1 || !point.ExpiresAt.Equal(at) {
		t.Errorf("point %+v, %v", point, err)
	}
	if point, err = c.PatchVector(ctx, "docs", "p0", lode.Patch{ExpiresAt: &lode.Expiry{}}); err != nil || point.ExpiresAt != nil {
		t.Errorf("cleared %+v, %v", point, err)
	}
	w := httptest.NewRecorder()
	server.Config.Handler.ServeHTTP(w, httptest.NewRequest("GET", "/v1/collections/docs/documents/d0", nil))
	if !strings.Contains(w.Body.String(), `"expires_at":"2030-05-01T12:00:00Z"`) {
		t.Errorf("times are shown in UTC: %s", w.Body)
	}
	if _, err := c.PatchDocument(ctx, "docs", "nope", patch); !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("unknown: %v", err)
	}
	if _, err := c.PatchDocument(ctx, "docs", "d1", lode.Patch{RemoveReaders: []string{"r"}}); !lode.IsCode(err, lode.CodeInvalid) || err.(*lode.Error).Field != "remove_readers" {
		t.Errorf("the last reader: %v", err)
	}
}

// blind is a backend whose caller sees no document.
type blind struct{ *fake }

func (b blind) Document(_ context.Context, _ lode.Principal, _ string, _ lode.Kind, id lode.DocID) (lode.Document, lode.DocVersion, error) {
	return lode.Document{}, lode.DocVersion{}, lode.NotFound("document", id)
}

// TestPatchedOutOfSight: who may not see any more what he patched learns that it was done.
func TestPatchedOutOfSight(t *testing.T) {
	f := newFake()
	c, _ := serve(t, f, func(o *api.Options) { o.Backend.Documents = blind{f} })
	if _, err := c.UploadDocuments(t.Context(), "docs", []client.File{client.FileBytes("a", []byte("x"))}, client.UploadOptions{}); err != nil {
		t.Fatal(err)
	}
	if doc, err := c.PatchDocument(t.Context(), "docs", "a", lode.Patch{Readers: &[]string{"others"}}); err != nil || doc != nil {
		t.Errorf("%+v, %v", doc, err)
	}
}

// TestDeleteSelected: a filter beside or instead of ids.
func TestDeleteSelected(t *testing.T) {
	_, c, _ := stocked(t)
	ctx := t.Context()
	got, err := c.DeleteDocumentsWhere(ctx, "docs", v1.DeleteIDs{IDs: []lode.DocID{"d0", "d1", "nope"}, Filter: tenant("a")})
	if err != nil || got.Matched != 1 || got.Deleted != 1 || len(got.Items) != 3 || got.Items[1].Error != nil || got.Items[2].Error == nil {
		t.Errorf("by both: %+v, %v", got, err)
	}
	got, err = c.DeleteVectorsWhere(ctx, "docs", v1.DeleteIDs{Filter: tenant("b")})
	if err != nil || got.Deleted != 2 || len(got.Items) != 0 {
		t.Errorf("by filter: %+v, %v", got, err)
	}
	got, err = c.DeleteVectors(ctx, "docs", "p0", "p1")
	if err != nil || got.Deleted != 1 || got.Items[1].Error == nil {
		t.Errorf("by ids: %+v, %v", got, err)
	}
	if n, err := c.Count(ctx, "docs", v1.Count{}); err != nil || n.Documents != 4 {
		t.Errorf("left %+v, %v", n, err)
	}
}

// TestExpiryTravels: in uploads of both forms, in points, and back.
func TestExpiryTravels(t *testing.T) {
	f := newFake()
	c, _ := serve(t, f)
	ctx, text := t.Context(), "x"
	at := time.Date(2031, 1, 2, 3, 4, 5, 600_000_001, time.UTC)
	file := client.FileBytes("multipart", []byte("x"))
	file.ExpiresAt = &at
	if _, err := c.UploadDocuments(ctx, "docs", []client.File{file}, client.UploadOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UploadJSON(ctx, "docs", []v1.DocumentUpload{{ID: "json", Content: &text, ExpiresAt: &at}}, client.UploadOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutVectors(ctx, "docs", v1.Point{ID: "p", Vector: lode.Vector{1, 0}, ExpiresAt: &at}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []lode.DocID{"multipart", "json"} {
		if doc, err := c.GetDocument(ctx, "docs", id); err != nil || doc.ExpiresAt == nil || !doc.ExpiresAt.Equal(at) {
			t.Errorf("%s: %+v, %v", id, doc, err)
		}
	}
	if p, err := c.GetVector(ctx, "docs", "p"); err != nil || p.ExpiresAt == nil || !p.ExpiresAt.Equal(at) {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestPatchJSON holds the wire form of a patch beside a selection against its parts.
func TestPatchJSON(t *testing.T) {
	for want, p := range map[string]v1.PatchSelected{
		`{"ids":["a"],"delete":["x"]}`: {IDs: []lode.DocID{"a"}, Patch: lode.Patch{Delete: []string{"x"}}},
		`{"delete":["x"]}`:             {Patch: lode.Patch{Delete: []string{"x"}}},
		`{"ids":["a"]}`:                {IDs: []lode.DocID{"a"}},
		`{"ids":[]}`:                   {IDs: []lode.DocID{}},
		`{}`:                           {},
		`{"filter":{"field":"tenant","eq":"a"},"expires_at":null}`: {Filter: tenant("a"), Patch: lode.Patch{ExpiresAt: &lode.Expiry{}}},
	} {
		if got, err := json.Marshal(p); err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

// TestPatchesTakeKeys: they are writes like others.
func TestPatchesTakeKeys(t *testing.T) {
	f, _, server := stocked(t)
	seen := map[lode.Hash]string{}
	for _, c := range [][2]string{
		{docsPath, `{"ids":["d0"],"delete":["a"]}`}, {docsPath, `{"ids":["d1"],"delete":["a"]}`}, {docsPath, `{"ids":["d1"],"delete":["b"]}`}, {docsPath, `{"filter":{"and":[]},"delete":["b"]}`},
		{docsPath + "/d0", `{"delete":["a"]}`}, {vectorsPath, `{"ids":["p0"],"delete":["a"]}`}, {vectorsPath + "/p0", `{"delete":["a"]}`},
	} {
		before := len(f.named)
		w := keyed(server.Config.Handler, http.MethodPatch, c[0], jsonType, c[1], "k")
		if w.Code != 200 || w.Header().Get(v1.HeaderOperation) != "op-anonymous-k" || len(f.named) != before+1 {
			t.Fatalf("%v: %d %s", c, w.Code, w.Body)
		}
		if hash := f.named[before].Request; seen[hash] != "" {
			t.Errorf("one key would stand for %s and %s", seen[hash], c[1])
		} else {
			seen[hash] = c[1]
		}
	}
	for _, path := range []string{"count", "facets", "scroll", "vectors/search/groups", "vectors/recommend"} {
		if w := keyed(server.Config.Handler, "POST", "/v1/collections/docs/"+path, jsonType, `{}`, "k"); w.Code != 400 || !strings.Contains(w.Body.String(), "idempotency_key") {
			t.Errorf("%s with a key: %d %s", path, w.Code, w.Body)
		}
	}
}
