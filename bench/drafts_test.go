package bench

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// draftSet writes a set of texts of invented words, one question each.
func draftSet(t *testing.T, n int) (dir string) {
	t.Helper()
	random := rand.New(rand.NewPCG(5, 5))
	word := func() string {
		var b strings.Builder
		for range 3 {
			b.WriteByte("bdfgklmnprst"[random.IntN(12)])
			b.WriteByte("aeiou"[random.IntN(5)])
		}
		return b.String()
	}
	var corpus, queries strings.Builder
	judged := "query-id\tcorpus-id\tscore\n"
	for i := range n {
		var sentences []string
		for range 4 {
			var words []string
			for range 9 {
				words = append(words, word())
			}
			sentences = append(sentences, strings.Join(words, " ")+".")
		}
		text := strings.Join(sentences, " ")
		answer := strings.Fields(sentences[2])[4]
		fmt.Fprintf(&corpus, "{\"_id\":\"d%d\",\"title\":\"%s\",\"text\":\"%s\"}\n", i, word(), text)
		fmt.Fprintf(&queries, "{\"_id\":\"q%d\",\"text\":\"%s\"}\n", i, strings.Replace(sentences[2], answer, "what", 1))
		judged += fmt.Sprintf("q%d\td%d\t1\n", i, i)
	}
	dir = t.TempDir()
	write(t, dir, "corpus.jsonl", corpus.String())
	write(t, dir, "queries.jsonl", queries.String())
	write(t, dir, "qrels/test.tsv", judged)
	return dir
}

func TestDrafts(t *testing.T) {
	o := options(t, draftSet(t, 30))
	r, err := Drafts(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"people", "drafted"} {
		if got := figure(t, r, "lexical, "+who+", nDCG@10").Value; got <= 0.5 || got > 1 {
			t.Errorf("%s: nDCG@10 %v", who, got)
		}
	}
	if tau := figure(t, r, "Kendall's tau of the systems' order").Value; tau < -1 || tau > 1 {
		t.Errorf("tau %v", tau)
	}
}
