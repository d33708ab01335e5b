package collection_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

// TestWeights: a collection keeps the weights that it was made with, on every node and past
// restarts, and no other.
func TestWeights(t *testing.T) {
	n := open(t)
	settings := lode.Collection{Name: "c", Embedder: lode.EmbedderConfig{Provider: lode.ProviderOpenAI, Model: "m", Dim: dim}}
	want := bytes.Repeat([]byte("weights"), 50_000)
	made, err := n.CreateWeighted(ctx, root, lode.Write{}, settings, want)
	if err != nil || made.Embedder.Weights != lode.HashOf(want).String() {
		t.Fatal(made.Embedder, err)
	}
	plain := n.create("plain")
	look := func(n *node) {
		t.Helper()
		if got, err := n.Weights(made.ID); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %v", len(got), err)
		}
		_, err := n.Weights(plain.ID)
		wantCode(t, err, lode.CodeNotFound)
	}
	look(n)
	n.restart()
	look(n)
	look(replay(t, n.log.all(), 1))
	settings.Name = "d"
	_, err = n.CreateWeighted(ctx, root, lode.Write{}, settings, make([]byte, collection.MaxWeightsBytes+1))
	wantCode(t, err, lode.CodeTooLarge)
}

// TestTexts: what is counted is what is embedded, of what one may see.
func TestTexts(t *testing.T) {
	n := open(t)
	n.create("c")
	n.ingest("c", "d", "one\ntwo")
	n.point("p", "a")
	n.point("secret", "a", "boss")
	n.submit(n.accepted("c", "pending", "not yet"))
	for who, want := range map[string]string{"boss": "one two p secret", "other": "one two p"} {
		var texts []string
		err := n.Texts(ctx, lode.Principal{ID: who, Labels: []string{who}}, "c", func(text string) error {
			texts = append(texts, text)
			return nil
		})
		if got := strings.Join(texts, " "); err != nil || got != want {
			t.Errorf("%s: %q, want %q: %v", who, got, want, err)
		}
	}
}
