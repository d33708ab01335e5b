package adapt

import (
	"math/rand/v2"
	"strings"

	"github.com/lodedb/lode/embed/contrast"
)

// window is how many words of a passage a pair has: what training reads of a text.
const window = 96

// keepOneIn is how often a sentence stays in the passage that it is paired with.
const keepOneIn = 5

// mostSentences is how many sentences of a passage are drawn.
const mostSentences = 12

// pairsOf makes pairs of the documents that are not held out.
func pairsOf(texts []*textsOf, seed uint64) *contrast.Corpus {
	c, random := contrast.NewCorpus(), rand.New(rand.NewPCG(seed, 3))
	for _, d := range texts {
		if d.held {
			continue
		}
		for i, p := range d.passages {
			addHead(c, p)
			if i > 0 {
				c.Add(c.Source("adj", 1), tail(d.passages[i-1].text()), p.text())
			}
			addSentences(c, p, random)
		}
	}
	return c
}

// addHead pairs the question with each stretch of its passage.
func addHead(c *contrast.Corpus, p asked) {
	words := strings.Fields(p.text())
	for len(words) > 0 {
		n := min(window, len(words))
		if len(words)-n < leastWords {
			n = len(words) // a rest too short to be a text
		}
		c.Add(c.Source("head", 2), p.question, strings.Join(words[:n], " "))
		words = words[n:]
	}
}

// tail is the end of a text, which is next to what follows.
func tail(text string) string {
	words := strings.Fields(text)
	return strings.Join(words[max(0, len(words)-window/2):], " ")
}

// addSentences pairs sentences with what stands around them, beginning with what follows.
func addSentences(c *contrast.Corpus, p asked, random *rand.Rand) {
	n := len(p.sentences)
	if n < 2 {
		return
	}
	for _, i := range random.Perm(n)[:min(n, mostSentences)] {
		rest := append(append([]string(nil), p.sentences[i+1:]...), p.sentences[:i]...)
		if random.IntN(keepOneIn) == 0 {
			rest = append([]string{p.sentences[i]}, rest...)
		}
		c.Add(c.Source("ict", 1), p.sentences[i], strings.Join(rest, " "))
	}
}
