package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/server"
)

// TestCheckAnswerOfAContext posts the citations of a context as they are: a passage of several chunks,
// one below the header of its table, and the text of a raw vector.
func TestCheckAnswerOfAContext(t *testing.T) {
	node, c := open(t, server.Config{DataDir: t.TempDir()})
	if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "ores", Chunker: &v1.Chunker{Strategy: lode.ChunkRecursive, MaxTokens: 100}}); err != nil {
		t.Fatal(err)
	}
	upload(t, c, "ores", map[string]string{"ores.md": oreBook()})
	collection, err := c.GetCollection(t.Context(), "ores")
	if err != nil {
		t.Fatal(err)
	}
	vector := make(lode.Vector, collection.Dim)
	vector[0] = 1
	put, err := c.PutVectors(t.Context(), "ores", v1.Point{ID: "v", Vector: vector, Text: "The washing plant opened in 1911."})
	if err != nil || put.Items[0].Error != nil {
		t.Fatal(err, put)
	}
	check := func(question, answer string, want v1.CheckedCitation, ask ...func(*v1.Retrieve)) {
		t.Helper()
		found := retrieve(t, c, "ores", question, append(ask, func(r *v1.Retrieve) { r.Mode = lode.ModeLexical; one := 1; r.K = &one })...)
		body, err := json.Marshal(map[string]any{"answer": answer, "citations": found.Context.Citations})
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.Post(node.URL()+"/v1/collections/ores/answers/check", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		reply, err := io.ReadAll(response.Body)
		var got v1.CheckedAnswer
		if err != nil || response.StatusCode != http.StatusOK || json.Unmarshal(reply, &got) != nil {
			t.Fatalf("%s %s, %v", response.Status, reply, err)
		}
		if got.Supported != 1 || len(got.Citations) != 1 {
			t.Fatalf("%s of\n%s", reply, found.Context.Text)
		}
		if cite := got.Citations[0]; cite.Found != want.Found || cite.Verified != want.Verified || cite.Kind != want.Kind || (cite.Reason == "") != want.Verified {
			t.Errorf("%+v, want %+v", cite, want)
		}
	}
	document := v1.CheckedCitation{Found: true, Verified: true, Kind: "document"}
	check("density of metal41", "The density of metal41 is 41 [1].", document)
	check("wash5", "The func wash7 has the p pan [1].", document, func(r *v1.Retrieve) { r.Expand = &v1.Expand{After: 3} })
	check("washing plant opened", "The plant opened in 1911 [1].", v1.CheckedCitation{Found: true, Kind: "vector"})
}
