package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/server"
)

func ptr[T any](v T) *T { return &v }

// library is a node with ten documents of two passages and ten raw vectors.
func library(t *testing.T) (*server.Server, *client.Client) {
	t.Helper()
	node, c := open(t, server.Config{})
	mustCreate(t, c, "lib")
	var docs []v1.DocumentUpload
	var points []v1.Point
	for i := range 10 {
		metadata := lode.Metadata{"n": lode.IntegerValue(int64(i % 4)), "lang": lode.StringValue([]string{"en", "de"}[i%2])}
		words := strings.Repeat(fmt.Sprintf("the number of book %d is unlike those of others. ", i), 30)
		text := "# One\n\n" + words + "\n\n# Two\n\n" + words
		docs = append(docs, v1.DocumentUpload{ID: lode.DocID(fmt.Sprint("d", i)), Content: &text, MediaType: "text/markdown", Metadata: metadata})
		vector := make(lode.Vector, lode.DefaultEmbedder.Dim)
		vector[i] = 1
		points = append(points, v1.Point{ID: lode.DocID(fmt.Sprint("p", i)), Vector: vector, Text: fmt.Sprint("point ", i), Metadata: metadata})
	}
	results, err := c.UploadJSON(t.Context(), "lib", docs, client.UploadOptions{})
	if err != nil || results.Items[0].State != lode.StateReady {
		t.Fatal(results, err)
	}
	if _, err := c.PutVectors(t.Context(), "lib", points...); err != nil {
		t.Fatal(err)
	}
	return node, c
}

func where(field, value string) *lode.Filter {
	f := lode.WhereEq(field, lode.StringValue(value))
	return &f
}

// TestPatchIsVisibleAtOnce through every way of reading, by ids and by filter, before and after
// sealing, and nothing is processed again.
func TestPatchIsVisibleAtOnce(t *testing.T) {
	_, c := library(t)
	ctx := t.Context()
	if _, err := c.SealSegment(ctx, "lib"); err != nil {
		t.Fatal(err)
	}
	got, err := c.PatchDocuments(ctx, "lib", v1.PatchSelected{Filter: where("lang", "en"), Patch: lode.Patch{Set: lode.Metadata{"lang": lode.StringValue("fr")}}})
	if err != nil || got.Matched != 5 || got.Changed != 5 {
		t.Fatalf("%+v, %v", got, err)
	}
	if n, err := c.Count(ctx, "lib", v1.Count{Filter: where("lang", "fr")}); err != nil || n.Documents != 5 || n.Rows < 10 {
		t.Errorf("counted %+v, %v", n, err)
	}
	answer := retrieve(t, c, "lib", "book number", func(r *v1.Retrieve) { r.Filter = where("lang", "fr") })
	if len(answer.Hits) == 0 {
		t.Error("what was patched is not found")
	}
	for _, hit := range answer.Hits {
		if !hit.Metadata["lang"].Equal(lode.StringValue("fr")) {
			t.Errorf("a hit shows %v", hit.Metadata)
		}
	}
	doc, err := c.PatchDocument(ctx, "lib", "d0", lode.Patch{Replace: &lode.Metadata{}})
	if err != nil || doc.Version != 1 || len(doc.Metadata) != 0 || len(doc.Runs) != 0 {
		t.Errorf("%+v, %v", doc, err)
	}
	if doc, err = c.GetDocument(ctx, "lib", "d0"); err != nil || len(doc.Metadata) != 0 || doc.State != lode.StateReady {
		t.Errorf("%+v, %v", doc, err)
	}
	some, err := c.PatchVectors(ctx, "lib", v1.PatchSelected{IDs: []lode.DocID{"p0", "none"}, Patch: lode.Patch{Delete: []string{"lang"}}})
	if err != nil || some.Changed != 1 || some.Items[1].Error == nil || some.Items[1].Error.Code != lode.CodeNotFound {
		t.Errorf("%+v, %v", some, err)
	}
	if p, err := c.GetVector(ctx, "lib", "p0"); err != nil || p.Version != 1 || len(p.Metadata) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestPatchOnce: a repetition under the key of a patch changes nothing and is answered alike.
func TestPatchOnce(t *testing.T) {
	_, c := library(t)
	ctx := client.WithKey(t.Context(), "patch-1")
	req := v1.PatchSelected{Filter: where("lang", "en"), Patch: lode.Patch{Set: lode.Metadata{"lang": lode.StringValue("fr")}}}
	first, err := c.PatchVectors(ctx, "lib", req)
	if err != nil || first.Changed != 5 {
		t.Fatalf("%+v, %v", first, err)
	}
	if _, err := c.PatchVectors(t.Context(), "lib", v1.PatchSelected{Filter: where("lang", "fr"), Patch: lode.Patch{Set: lode.Metadata{"lang": lode.StringValue("en")}}}); err != nil {
		t.Fatal(err)
	}
	again, err := c.PatchVectors(ctx, "lib", req)
	if err != nil || again.Matched != first.Matched || again.Changed != first.Changed {
		t.Errorf("%+v, %v", again, err)
	}
	if n, err := c.Count(t.Context(), "lib", v1.Count{Filter: where("lang", "fr")}); err != nil || n.Documents != 0 {
		t.Errorf("the repetition took effect: %+v, %v", n, err)
	}
	if _, err := c.DeleteVectorsWhere(ctx, "lib", v1.DeleteIDs{Filter: where("lang", "en")}); !lode.IsCode(err, lode.CodeConflict) {
		t.Errorf("the key for another request: %v", err)
	}
	if op, err := c.FindOperation(t.Context(), "patch-1"); err != nil || op.Kind != "patch" || op.State != v1.OperationDone || op.Collection != "lib" {
		t.Errorf("%+v, %v", op, err)
	}
}

// TestLimitsAgree: what the wire promises the engine keeps.
func TestLimitsAgree(t *testing.T) {
	if v1.MaxFacets != collection.MaxFacets || v1.MaxPageLimit != collection.MaxPage || v1.MaxBatchIDs > collection.MaxSelectedIDs {
		t.Error("limits of the wire and of the engine differ")
	}
}

// TestExpiry: what has expired is found no more, and what is patched to expire ends.
func TestExpiry(t *testing.T) {
	_, c := library(t)
	ctx := t.Context()
	past := time.Now().Add(-time.Hour)
	got, err := c.PatchVectors(ctx, "lib", v1.PatchSelected{IDs: []lode.DocID{"p1"}, Patch: lode.Patch{ExpiresAt: &lode.Expiry{At: &past}}})
	if err != nil || got.Changed != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if n, err := c.Count(ctx, "lib", v1.Count{Filter: ptr(lode.HasID("p1"))}); err != nil || n.Documents != 0 {
		t.Errorf("counted %+v, %v", n, err)
	}
	future := time.Now().Add(time.Hour).Truncate(time.Second)
	if p, err := c.PatchVector(ctx, "lib", "p2", lode.Patch{ExpiresAt: &lode.Expiry{At: &future}}); err != nil || p.ExpiresAt == nil || !p.ExpiresAt.Equal(future) {
		t.Errorf("%+v, %v", p, err)
	}
	for item, err := range c.Scroll(ctx, "lib", v1.Scroll{Kind: "vector"}) {
		if err != nil {
			t.Fatal(err)
		}
		if item.ID == "p1" || (item.ID == "p2") != (item.ExpiresAt != nil) {
			t.Errorf("walked past %+v", item)
		}
	}
}

// TestContentsOfANode: facets, walks in order, groups and recommendations, end to end.
func TestContentsOfANode(t *testing.T) {
	_, c := library(t)
	ctx := t.Context()
	facets, err := c.Facets(ctx, "lib", v1.Facets{Field: "n", Filter: where("lang", "en")})
	if err != nil || facets.Distinct != 2 || facets.Values[0].Documents != 6 || !facets.Values[0].Value.Equal(lode.IntegerValue(0)) || facets.Values[0].Rows < 9 {
		t.Errorf("facets %+v, %v", facets, err)
	}
	for _, direction := range []string{"asc", "desc"} {
		last, seen := int64(-1), map[lode.DocID]bool{}
		for item, err := range c.Scroll(ctx, "lib", v1.Scroll{Limit: ptr(3), OrderBy: &v1.ScrollOrder{Field: "n", Direction: direction}, WithText: ptr(true), WithVector: ptr(true)}) {
			if err != nil {
				t.Fatal(err)
			}
			n := item.Metadata["n"].Int
			if last >= 0 && (direction == "asc" && n < last || direction == "desc" && n > last) || seen[item.ID] || item.Text == "" || (item.Vector != nil) != (item.Kind == "vector") {
				t.Errorf("%s: %+v after %d", direction, item, last)
			}
			last, seen[item.ID] = n, true
		}
		if len(seen) != 20 {
			t.Errorf("%s: met %d of 20", direction, len(seen))
		}
	}
	point, err := c.GetVector(ctx, "lib", "p3")
	if err != nil {
		t.Fatal(err)
	}
	groups, err := c.SearchGroups(ctx, "lib", v1.SearchGroups{Vector: point.Vector, Groups: ptr(20), GroupSize: ptr(1)})
	if err != nil || len(groups.Groups) != 20 || groups.Groups[0].DocumentID != "p3" || len(groups.Groups[0].Hits) != 1 || groups.Groups[0].Hits[0].Text != "point 3" {
		t.Errorf("groups %+v, %v", groups, err)
	}
	recommended(t, c)
}

func recommended(t *testing.T, c *client.Client) {
	t.Helper()
	for _, strategy := range []string{"", "best_score", "sum_scores"} {
		got, err := c.Recommend(t.Context(), "lib", v1.Recommend{
			Positive: []v1.Example{{DocumentID: "d1"}, {Text: "the number of book 1"}}, Negative: []v1.Example{{ID: "p1"}}, Strategy: strategy, K: ptr(5), WithText: ptr(false),
		})
		if err != nil || len(got.Hits) != 5 {
			t.Fatalf("%s: %+v, %v", strategy, got, err)
		}
		if slices.ContainsFunc(got.Hits, func(h v1.Hit) bool {
			return h.DocumentID == "d1" || h.DocumentID == "p1" || h.Text != "" || h.DenseScore != nil
		}) {
			t.Errorf("%s: %+v", strategy, got.Hits)
		}
	}
	for field, x := range map[string]v1.Example{"positive[0].id": {ID: "none"}, "positive[0].document_id": {DocumentID: "none"}, "positive[0].vector": {Vector: lode.Vector{1}}} {
		_, err := c.Recommend(t.Context(), "lib", v1.Recommend{Positive: []v1.Example{x}})
		if e, ok := err.(*lode.Error); !ok || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := c.Recommend(t.Context(), "lib", v1.Recommend{Positive: []v1.Example{{ID: "p1"}}, Strategy: "magic"}); lode.CodeOf(err) != lode.CodeInvalid || err.(*lode.Error).Field != "strategy" {
		t.Errorf("a strategy that is none: %v", err)
	}
}

// TestDeleteWhere removes what a filter selects, also what no search shows.
func TestDeleteWhere(t *testing.T) {
	_, c := library(t)
	ctx := t.Context()
	got, err := c.DeleteDocumentsWhere(ctx, "lib", v1.DeleteIDs{Filter: where("lang", "de")})
	if err != nil || got.Deleted != 5 {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := c.GetDocument(ctx, "lib", "d1"); !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("d1: %v", err)
	}
	if n, err := c.Count(ctx, "lib", v1.Count{}); err != nil || n.Documents != 15 {
		t.Errorf("%+v, %v", n, err)
	}
}
