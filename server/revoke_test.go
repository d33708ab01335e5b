package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/server"
)

const labelHeader = "X-Test-Label"

// as sends requests as somebody with one label.
type as string

func (a as) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(labelHeader, string(a))
	return http.DefaultTransport.RoundTrip(r)
}

// TestRevocation: a patch of readers takes a document out of everybody's sight at once, in every
// way of reading, and its absence looks like that of a document that never was.
func TestRevocation(t *testing.T) {
	cfg := server.Config{}
	cfg.Identify(func(r *http.Request) (lode.Principal, error) {
		if label := r.Header.Get(labelHeader); label != "" {
			return lode.Principal{ID: label, Labels: []string{label}}, nil
		}
		return lode.AllSeeing("root"), nil
	})
	node, root := open(t, cfg)
	mustCreate(t, root, "docs")
	sales, err := client.New(client.Options{BaseURL: node.URL(), HTTPClient: &http.Client{Transport: as("sales")}})
	if err != nil {
		t.Fatal(err)
	}
	text := "The price of the quiet harbour is forty crowns."
	secret := lode.Metadata{"secret": lode.StringValue("yes")}
	doc := v1.DocumentUpload{ID: "price", Content: &text, Metadata: secret, Readers: []string{"sales"}}
	if _, err := root.UploadJSON(t.Context(), "docs", []v1.DocumentUpload{doc}, client.UploadOptions{}); err != nil {
		t.Fatal(err)
	}
	vector := make(lode.Vector, lode.DefaultEmbedder.Dim)
	vector[0] = 1
	if _, err := root.PutVectors(t.Context(), "docs", v1.Point{ID: "price", Vector: vector, Metadata: secret, Readers: []string{"sales"}}); err != nil {
		t.Fatal(err)
	}
	if seen := ways(t, sales, vector); seen != "retrieve get point count facets scroll groups recommend" {
		t.Errorf("before: %s", seen)
	}
	everything := lode.And()
	for _, patch := range []func() (*v1.PatchResults, error){
		func() (*v1.PatchResults, error) {
			return root.PatchDocuments(t.Context(), "docs", v1.PatchSelected{Filter: &everything, Patch: lode.Patch{AddReaders: []string{"board"}, RemoveReaders: []string{"sales"}}})
		},
		func() (*v1.PatchResults, error) {
			return root.PatchVectors(t.Context(), "docs", v1.PatchSelected{IDs: []lode.DocID{"price"}, Patch: lode.Patch{Readers: &[]string{"board"}}})
		},
	} {
		if got, err := patch(); err != nil || got.Changed != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if seen := ways(t, sales, vector); seen != "" {
		t.Errorf("after: %s", seen)
	}
	if seen := ways(t, root, vector); !strings.Contains(seen, "retrieve") {
		t.Errorf("root sees %s", seen)
	}
	hidden := v1.PatchSelected{Filter: &everything, Patch: lode.Patch{Readers: &[]string{}}}
	if got, err := sales.PatchDocuments(t.Context(), "docs", hidden); err != nil || got.Matched != 0 {
		t.Errorf("what is hidden can be patched: %+v, %v", got, err)
	}
	own := v1.Point{ID: "own", Vector: vector, Readers: []string{"sales"}}
	if _, err := sales.PutVectors(t.Context(), "docs", own); err != nil {
		t.Fatal(err)
	}
	if p, err := sales.PatchVector(t.Context(), "docs", "own", lode.Patch{Readers: &[]string{"board"}}); p != nil || err != nil {
		t.Errorf("out of one's own sight: %+v, %v", p, err)
	}
}

// ways lists the ways in which a client sees anything of the collection.
func ways(t *testing.T, c *client.Client, vector lode.Vector) string {
	t.Helper()
	ctx := t.Context()
	var seen []string
	add := func(way string, sees bool, err error) {
		t.Helper()
		if err != nil && !lode.IsCode(err, lode.CodeNotFound) {
			t.Errorf("%s: %v", way, err)
		}
		if sees {
			seen = append(seen, way)
		}
	}
	answer, err := c.Retrieve(ctx, "docs", v1.Retrieve{Text: "price of the harbour"})
	add("retrieve", err == nil && len(answer.Hits) > 0, err)
	_, err = c.GetDocument(ctx, "docs", "price")
	add("get", err == nil, err)
	_, err = c.GetVector(ctx, "docs", "price")
	add("point", err == nil, err)
	n, err := c.Count(ctx, "docs", v1.Count{})
	add("count", err == nil && n.Documents > 0, err)
	facets, err := c.Facets(ctx, "docs", v1.Facets{Field: "secret"})
	add("facets", err == nil && facets.Distinct > 0, err)
	page, err := c.ScrollPage(ctx, "docs", v1.Scroll{OrderBy: &v1.ScrollOrder{Field: "secret"}})
	add("scroll", err == nil && len(page.Items) > 0, err)
	groups, err := c.SearchGroups(ctx, "docs", v1.SearchGroups{Vector: vector})
	add("groups", err == nil && len(groups.Groups) > 0, err)
	hits, err := c.Recommend(ctx, "docs", v1.Recommend{Positive: []v1.Example{{ID: "price"}}})
	add("recommend", err == nil && len(hits.Hits) > 0, err)
	return strings.Join(seen, " ")
}
