package bench

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestRerank runs three sets of one kind: each text has some words of a topic, and of each question
// one text has all words.
func TestRerank(t *testing.T) {
	o := options(t, "")
	o.Data = t.TempDir()
	for seed, name := range []string{"scifact", "cranfield", "xquad-en"} {
		random := rand.New(rand.NewPCG(uint64(seed), 5))
		var corpus, queries, claims, judged strings.Builder
		judged.WriteString("query-id\tcorpus-id\tscore\n")
		for i := range 80 {
			var words []string
			for range 6 {
				words = append(words, fmt.Sprintf("q%c%cro", "abcdefgh"[random.IntN(8)], "lmnrt"[random.IntN(5)]))
			}
			fmt.Fprintf(&corpus, "{\"_id\":\"d%d\",\"title\":\"Part %d\",\"text\":%q}\n", i, i, strings.Join(words, " of the "))
			question := strings.Join(words[1:5], " ")
			if i%2 == 0 {
				fmt.Fprintf(&queries, "{\"_id\":\"q%d\",\"text\":%q}\n", i, question)
				fmt.Fprintf(&judged, "q%d\td%d\t1\n", i, i)
			} else {
				fmt.Fprintf(&claims, "{\"_id\":\"c%d\",\"text\":%q,\"cited_doc_ids\":[\"d%d\"]}\n", i, question, i)
			}
		}
		write(t, o.Data, name+"/corpus.jsonl", corpus.String())
		write(t, o.Data, name+"/queries.jsonl", queries.String())
		write(t, o.Data, name+"/qrels/test.tsv", judged.String())
		write(t, o.Data, name+"/train_claims.jsonl", claims.String())
	}
	r, err := Rerank(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"scifact, training claims, features, cross-validated", "scifact, hybrid", "scifact, hybrid + features", "cranfield, dense + maxsim with weights of words",
		"xquad-en, hybrid + features of its own judgements, cross-validated",
	} {
		if got := figure(t, r, name+", nDCG@10").Value; got < 0.5 || got > 1 {
			t.Errorf("%s: nDCG@10 %v", name, got)
		}
	}
	if low, high := figure(t, r, "scifact, hybrid + features, gain, from").Value, figure(t, r, "scifact, hybrid + features, gain, to").Value; low > high {
		t.Errorf("a gain from %v to %v", low, high)
	}
}
