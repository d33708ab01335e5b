package bench

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval/evaluation"
)

// answerSet writes a set of texts of invented words, one question and answer each.
func answerSet(t *testing.T, n int) (dir string) {
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
	var corpus, queries, answers strings.Builder
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
		if i > 0 {
			answers.WriteByte(',')
		}
		fmt.Fprintf(&answers, `{"qid":"q%d","doc":"d%d","answers":[{"answer_start":%d,"text":"%s"}]}`, i, i, strings.Index(text, answer), answer)
	}
	dir = t.TempDir()
	write(t, dir, "corpus.jsonl", corpus.String())
	write(t, dir, "queries.jsonl", queries.String())
	write(t, dir, "qrels/test.tsv", judged)
	write(t, dir, "answers.json", "["+answers.String()+"]")
	return dir
}

func TestAnswers(t *testing.T) {
	o := options(t, answerSet(t, 30))
	r, err := Answers(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, budget := range []string{"1500", "400"} {
		if got := figure(t, r, budget+" tokens, an answer in the context").Value; got < 90 {
			t.Errorf("%s tokens: %.0f %% of the answers are in the context", budget, got)
		}
		if got := figure(t, r, budget+" tokens, nDCG@10").Value; got <= 0.5 || got > 1 {
			t.Errorf("%s tokens: nDCG@10 %v", budget, got)
		}
	}
}

func TestDrafts(t *testing.T) {
	o := options(t, answerSet(t, 30))
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

// TestAnswered: the whole answer must be there.
func TestAnswered(t *testing.T) {
	q := &evaluation.Question{Spans: []evaluation.Span{{Document: "d", Start: 10, End: 20, Grade: 1}, {Document: "e", Start: 0, End: 5, Grade: 1}}}
	f := func(id lode.DocID, start, end int, want bool) {
		t.Helper()
		if got := answered(q, []evaluation.Passage{{Document: "x", Span: lode.Span{End: 99}}, {Document: id, Span: lode.Span{Start: start, End: end}}}); got != want {
			t.Errorf("%s %d to %d: %v", id, start, end, got)
		}
	}
	f("d", 10, 20, true)
	f("d", 0, 100, true)
	f("e", 0, 5, true)
	f("d", 11, 100, false)
	f("d", 0, 19, false)
	f("y", 0, 100, false)
}
