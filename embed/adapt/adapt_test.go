package adapt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed/table"
)

// coined returns words that no rule of spelling changes.
func coined(n int, first string) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("%s%c%c%c", first, 'a'+i/26, "bdfgk"[i%5], 'a'+i%26)+"o")
	}
	return all
}

var askedWith, answeredWith, fillers = coined(60, "qua"), coined(60, "zel"), coined(40, "mu")

// small is a table of the coined words, with rows that know nothing.
func small(t testing.TB) *table.Table {
	t.Helper()
	words := slices.Concat(askedWith, answeredWith, fillers)
	c := table.Contents{Dim: 32, Buckets: 64, Words: words, Rows: make([]float32, (len(words)+64)*32)}
	random := rand.New(rand.NewPCG(1, 1))
	for i := range c.Rows {
		c.Rows[i] = float32(random.NormFloat64())
	}
	b, err := table.Build(c)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := table.Open(string(b))
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// made are documents whose titles say in some words what the passages say in others: word i of the
// ones goes with word i of the others. Without sense both are drawn by chance.
func made(n int, sense bool) []Document {
	random := rand.New(rand.NewPCG(7, 7))
	var all []Document
	for i := range n {
		var title, text []string
		for range 4 {
			topic := random.IntN(len(askedWith))
			title = append(title, askedWith[topic])
			if !sense {
				topic = random.IntN(len(askedWith))
			}
			for range 3 {
				text = append(text, answeredWith[topic], fillers[random.IntN(len(fillers))])
			}
		}
		all = append(all, Document{ID: fmt.Sprint("doc-", i), Title: strings.Join(title, " "), Passages: []Passage{{Text: strings.Join(text, " ") + "."}}})
	}
	return all
}

func adapted(t *testing.T, documents []Document, o Options) *Result {
	t.Helper()
	r, err := Run(t.Context(), small(t), documents, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Held-out documents are found better after it, and the same batches give the same bytes.
func TestLearns(t *testing.T) {
	documents := made(600, true)
	r := adapted(t, documents, Options{Batches: 300})
	if !r.Better() || r.Plain.After.Recall < r.Plain.Before.Recall+.2 || r.Plain.GainRecall.Low <= 0 || r.Loss[1] > r.Loss[0]*.9 {
		t.Errorf("%+v", r)
	}
	if r.HeldOut < 30 || r.HeldOut > 90 || r.Passages != 600 || r.Documents != 600 || r.Batches != 300 {
		t.Errorf("%+v", r)
	}
	if again := adapted(t, documents, Options{Batches: 300, Threads: 3}); !bytes.Equal(again.Table, r.Table) || again.Plain != r.Plain {
		t.Error("a second run gives other bytes")
	}
	if other := adapted(t, documents, Options{Batches: 300, Seed: 2}); bytes.Equal(other.Table, r.Table) {
		t.Error("another seed gives the same bytes")
	}
	base := small(t)
	after, err := table.Open(string(r.Table))
	if err != nil || !slices.Equal(words(after), words(base)) || after.Buckets() != base.Buckets() || after.Dim() != base.Dim() {
		t.Errorf("more than rows changed: %v", err)
	}
}

// Where titles say nothing about passages there is nothing to gain, and that is what the figures say.
func TestNoise(t *testing.T) {
	documents := made(600, false)
	for seed := range uint64(5) {
		if r := adapted(t, documents, Options{Batches: 200, Seed: seed + 1}); r.Better() {
			t.Errorf("seed %d: noise is better: %+v", seed+1, r)
		}
	}
}

func TestTime(t *testing.T) {
	r := adapted(t, made(300, true), Options{Time: 50 * time.Millisecond})
	if r.Batches < 1 || r.Batches > mostPasses*(r.Pairs["head"]+r.Pairs["ict"])/r.Batch {
		t.Errorf("%+v", r)
	}
}

func TestRefused(t *testing.T) {
	for name, documents := range map[string][]Document{"none": nil, "few": made(40, true), "no text": {{ID: "a", Title: "title"}}} {
		if _, err := Run(t.Context(), small(t), documents, Options{Batches: 1}); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, o := range []Options{{Time: -1}, {Batches: -1}, {Batches: maxBatches + 1}, {Threads: -1}} {
		if _, err := Run(t.Context(), small(t), made(300, true), o); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, small(t), made(300, true), Options{Batches: 5}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestAsk(t *testing.T) {
	body := "It is washed in water. Then it dries on the sun for a day."
	for name, c := range map[string]struct {
		title    string
		passage  Passage
		question string
		text     string
	}{
		"title":              {"Ore", Passage{Text: body}, "Ore", body},
		"title in the text":  {"Ore", Passage{Text: "# Ore\n\n" + body}, "Ore", body},
		"headings":           {"Ore", Passage{Path: []string{"Ore", "Washing"}, Text: "Washing\n\n" + body}, "Ore Washing", body},
		"headings and title": {"Mines", Passage{Path: []string{"Washing"}, Text: body}, "Mines Washing", body},
		"first sentence":     {"", Passage{Text: body}, "It is washed in water.", "Then it dries on the sun for a day."},
		"first paragraph":    {"", Passage{Text: "Of ore\n\n" + body}, "Of ore", body},
		"one sentence":       {"", Passage{Text: "It is washed."}, "", ""},
	} {
		if got := ask(c.title, c.passage); got.question != c.question || got.text() != c.text {
			t.Errorf("%s: %q, %q", name, got.question, got.text())
		}
	}
}

// No word of a held-out document is in the pairs.
func TestHeldOut(t *testing.T) {
	documents := made(200, true)
	for i := range documents {
		documents[i].Passages[0].Text = fmt.Sprintf("Only %s is here and no more than that. And this is about it all.", coined(200, "ze")[i])
	}
	texts := prepare(documents)
	has := func(d *textsOf) bool {
		word := table.Fold(d.passages[0].text())[1]
		return slices.Contains(pairsOf(texts, 1).Words, word)
	}
	held := 0
	for _, d := range texts {
		if d.held {
			held++
		}
		if has(d) == d.held {
			t.Errorf("held out: %v, in the pairs: %v", d.held, has(d))
		}
	}
	if held < 10 || held > 35 {
		t.Errorf("%d of 200 are held out", held)
	}
}

func TestRank(t *testing.T) {
	scores := []float32{.5, .9, .7, .7, .1}
	for _, c := range []struct {
		answers []int
		want    int
	}{{[]int{1}, 0}, {[]int{2}, 2}, {[]int{2, 3}, 1}, {[]int{4}, 4}, {[]int{4, 1}, 0}} {
		if got := rank(scores, c.answers); got != c.want {
			t.Errorf("%v: rank %d, want %d", c.answers, got, c.want)
		}
	}
	if reciprocal(0) != 1 || reciprocal(9) != .1 || reciprocal(10) != 0 || found(9) != 1 || found(10) != 0 {
		t.Error("scores of ranks")
	}
}

// The interval holds the difference, narrows with more documents, and knows that the questions of one
// document go together.
func TestBootstrap(t *testing.T) {
	width := func(documents, each int) float64 {
		random := rand.New(rand.NewPCG(3, 3))
		m := &measure{held: documents}
		var before, after []int
		gain := 0.
		for d := range documents {
			found := random.IntN(2) * 10
			for range each {
				m.questions = append(m.questions, question{document: d})
				before, after = append(before, 10), append(after, found)
				gain += float64(1-found/10) / float64(documents*each)
			}
		}
		got := m.bootstrap(before, after, found, 1)
		if got.Low > gain || got.High < gain {
			t.Errorf("%d documents: %+v does not hold %.3f", documents, got, gain)
		}
		return got.High - got.Low
	}
	few, many, repeated := width(50, 1), width(800, 1), width(50, 16)
	if many > few/3 || math.Abs(repeated-few) > .02 {
		t.Errorf("widths %.3f, %.3f and %.3f", few, many, repeated)
	}
}
