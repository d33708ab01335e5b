package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/server"
)

// TestWeightedCollection: the words of one collection weigh those of another, whose vectors stay
// what they are past a restart.
func TestWeightedCollection(t *testing.T) {
	dir := t.TempDir()
	node, c := open(t, server.Config{DataDir: dir})
	ctx := t.Context()
	fill := func(collection string) {
		t.Helper()
		for i := range 25 {
			text := fmt.Sprintf("The engine %d is washed in water.", i)
			if i == 7 {
				text = "The engine 7 is painted."
			}
			if _, err := c.UploadJSON(ctx, collection, []v1.DocumentUpload{{ID: lode.DocID(fmt.Sprint("d", i)), Content: &text}}, client.UploadOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, bad := range []v1.CreateCollection{
		{Name: "weighted", IDFFrom: "none"},
		{Name: "weighted", IDFFrom: "plain"}, // too few texts
		{Name: "weighted", IDFFrom: "plain", Embedder: &v1.Embedder{Provider: "builtin", Model: "hash-v1"}},
		{Name: "weighted", IDFFrom: "plain", Embedder: &v1.Embedder{Provider: "none", Dim: 2}},
	} {
		if bad.IDFFrom == "plain" {
			_, _ = c.CreateCollection(ctx, v1.CreateCollection{Name: "plain"})
		}
		_, err := c.CreateCollection(ctx, bad)
		if !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(err.Error(), "idf_from") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	fill("plain")
	made, err := c.CreateCollection(ctx, v1.CreateCollection{Name: "weighted", IDFFrom: "plain"})
	if err != nil || len(made.Weights) != 64 || !strings.Contains(made.Fingerprint, "/idf-"+made.Weights[:16]+" ") {
		t.Fatalf("%+v: %v", made, err)
	}
	fill("weighted")
	vector := func(collection, text string) lode.Vector {
		t.Helper()
		got, err := c.EmbedVectors(ctx, v1.Embed{Collection: collection, Texts: []string{text}})
		if err != nil {
			t.Fatal(err)
		}
		return got[0]
	}
	const text = "a painted engine"
	plain, weighted := vector("plain", text), vector("weighted", text)
	if slices.Equal(plain, weighted) {
		t.Error("the weights change nothing")
	}
	dense := func() v1.Hit {
		t.Helper()
		got, err := c.Retrieve(ctx, "weighted", v1.Retrieve{Text: text, Mode: lode.ModeDense})
		if err != nil {
			t.Fatal(err)
		}
		return got.Hits[0]
	}
	before := dense()
	if before.DocumentID != "d7" {
		t.Errorf("found %+v", before)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	_, c = open(t, server.Config{DataDir: dir})
	if again := vector("weighted", text); !slices.Equal(again, weighted) {
		t.Error("other vectors after a restart")
	}
	if again := dense(); again.DocumentID != before.DocumentID || again.Score != before.Score {
		t.Errorf("found %+v, before %+v", again, before)
	}
	if report, err := c.Check(ctx); err != nil || len(report.Breaches) > 0 {
		t.Errorf("check: %+v, %v", report, err)
	}
}
