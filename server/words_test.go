package server_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/server"
)

// TestWordsOfSealedSegment: the words of a segment that is sealed get a file without anybody
// asking, and answers are those of before, also after a restart. Documents are found by the rules of
// the languages that they are said to be in or tell that they are, and by the glossary.
func TestWordsOfSealedSegment(t *testing.T) {
	cfg := server.Config{DataDir: t.TempDir(), FlushInterval: 20 * time.Millisecond}
	node, c := open(t, cfg)
	if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "docs"}); err != nil {
		t.Fatal(err)
	}
	content := func(s string) *string { return &s }
	results, err := c.UploadJSON(t.Context(), "docs", []v1.DocumentUpload{
		{ID: "en", Content: content("# Mining\n\nThe veins of the northern shaft hold silver, and more of it the deeper the miners went.")},
		{ID: "said", Content: content("Häuser aus Silber"), Language: "de"},
		{ID: "told", Content: content("Die Bergleute gruben viele Jahre lang in den alten Schächten, weil niemand wusste, wo die Adern endeten und wie tief sie waren.")},
	}, client.UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	part := client.FileBytes("part", []byte("L'avion et les autres"))
	part.Language = "fr"
	parted, err := c.UploadDocuments(t.Context(), "docs", []client.File{part}, client.UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range append(results.Items, parted.Items...) {
		if r.State != lode.StateReady {
			t.Fatalf("%+v", r)
		}
	}
	look := func(when string, c *client.Client) {
		t.Helper()
		for query, want := range map[string]string{
			"vein": "[en]", "Haus": "[said]", "Schächte": "[told]", "avions": "[part]", "mines": "[en]", "Argentum": "[en said]",
		} {
			found, err := c.Retrieve(t.Context(), "docs", v1.Retrieve{Text: query, Mode: lode.ModeLexical})
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(idsOf(found)); got != want {
				t.Errorf("%s: %q finds %s, want %s", when, query, got, want)
			}
		}
	}
	if _, err := c.UpdateCollection(t.Context(), "docs", v1.UpdateCollection{Glossary: &[]lode.Synonym{{Name: "argentum", Also: []string{"silver", "Silber"}}}}); err != nil {
		t.Fatal(err)
	}
	look("in memory", c)
	if _, err := c.SealSegment(t.Context(), "docs"); err != nil {
		t.Fatal(err)
	}
	words := func(c *client.Client) v1.CollectionUsage {
		t.Helper()
		u, err := c.NodeUsage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return u.Memory.Collections[0]
	}
	for deadline := time.Now().Add(30 * time.Second); words(c).Words == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("there is no file of words: %+v", words(c))
		}
	}
	look("in a file", c)
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	_, c = open(t, cfg)
	look("after a restart", c)
	if u := words(c); u.Words == 0 {
		t.Errorf("after a restart: %+v", u)
	}
	for id, want := range map[lode.DocID]string{"en": "en", "said": "de", "told": "de", "part": "fr"} {
		if d, err := c.GetDocument(t.Context(), "docs", id); err != nil || d.Language != want {
			t.Errorf("%s is in %+v, %v", id, d, err)
		}
	}
}

func idsOf(found *v1.Retrieved) []lode.DocID {
	var ids []lode.DocID
	for _, h := range found.Hits {
		ids = append(ids, h.DocumentID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
