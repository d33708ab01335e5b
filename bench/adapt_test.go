package bench

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// adaptSmall runs a set whose questions and texts have invented words for the same things.
func adaptSmall(t *testing.T, o Options) {
	random := rand.New(rand.NewPCG(3, 3))
	word := func(kind string, topic int) string {
		return fmt.Sprintf("%s%c%co", kind, "bdfgk"[topic%5], "lmnrt"[topic/5])
	}
	var corpus, queries, judged strings.Builder
	judged.WriteString("query-id\tcorpus-id\tscore\n")
	for i := range 300 {
		var title, text []string
		for range 3 {
			topic := random.IntN(25)
			title = append(title, word("qui", topic))
			text = append(text, word("zev", topic), "and then again", word("zev", topic))
		}
		fmt.Fprintf(&corpus, "{\"_id\":\"d%d\",\"title\":%q,\"text\":%q}\n", i, strings.Join(title, " "), "Here is "+strings.Join(text, " ")+".")
		if i < 20 {
			fmt.Fprintf(&queries, "{\"_id\":\"q%d\",\"text\":%q}\n", i, strings.Join(title, " "))
			fmt.Fprintf(&judged, "q%d\td%d\t1\n", i, i)
		}
	}
	o.Data = t.TempDir()
	write(t, o.Data, "corpus.jsonl", corpus.String())
	write(t, o.Data, "queries.jsonl", queries.String())
	write(t, o.Data, "qrels/test.tsv", judged.String())
	r, err := Adapt(t.Context(), o, AdaptOptions{Batches: 60})
	if err != nil {
		t.Fatal(err)
	}
	if gain := figure(t, r, "held-out documents, MRR@10, gain, from").Value; gain <= 0 {
		t.Errorf("held-out documents gain %.3f at least", gain)
	}
	if got := figure(t, r, "batches").Value; got != 60 {
		t.Errorf("%v batches", got)
	}
	for _, name := range []string{"base", "weighted", "adapted"} {
		if got := figure(t, r, "queries, dense, nDCG@10, "+name).Value; got <= 0 || got > 1 {
			t.Errorf("%s: nDCG@10 %v", name, got)
		}
	}
}

// The interval holds the difference, and that of no difference holds 0.
func TestGainOf(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	before, same, better := make([]float64, 300), make([]float64, 300), make([]float64, 300)
	for i := range before {
		before[i] = random.Float64()
		same[i] = before[i] + random.NormFloat64()*.2
		better[i] = same[i] + .1
	}
	if low, high := gainOf(before, same, 1); low > 0 || high < 0 || high-low > .1 {
		t.Errorf("no difference: %.3f to %.3f", low, high)
	}
	if low, high := gainOf(before, better, 1); low <= 0 || low > .1 || high < .1 {
		t.Errorf("a difference of .1: %.3f to %.3f", low, high)
	}
}
