package collection_test

import (
	"fmt"
	"testing"

	"github.com/lodedb/lode"
)

// TestSpellingOfLanguages: a word that rows in another language than most hold is known, and words
// of theirs are suggested too.
func TestSpellingOfLanguages(t *testing.T) {
	w := newWordsNode(t)
	for i := range 8 {
		w.speak(lode.DocID(fmt.Sprint("en", i)), "en", fmt.Sprint("the house and its cats ", i))
	}
	for i := range 6 {
		w.speak(lode.DocID(fmt.Sprint("de", i)), "de", fmt.Sprint("Katzen auf Leitern ", i))
	}
	for query, want := range map[string]string{
		"Katzen":  "[]", // katz by the rules of German, katzen by those of English
		"Katze":   "[]",
		"Leitren": "[{Leitren Leitern 6}]",
		"hoouse":  "[{hoouse house 8}]",
	} {
		found, err := w.view(root, "c").Suggest(ctx, query, 3)
		if got := fmt.Sprint(found); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", query, got, err, want)
		}
	}
}
