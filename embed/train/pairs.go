package train

import (
	"hash/fnv"
	"math/rand/v2"
	"strings"

	"github.com/lodedb/lode/embed/contrast"
)

// related are the relations of WordNet that bring meanings together: similar, see also,
// attribute, verb group, derived, entailed, caused, part, member and substance. Antonyms and
// domains are none.
var related = map[string]bool{
	"&": true, "^": true, "=": true, "$": true, "+": true, "*": true, ">": true, "#p": true, "#m": true, "#s": true, `\`: true, "<": true,
}

// AddWordNet adds the pairs of WordNet, but for those that touch a held-out synset.
func AddWordNet(c *Corpus, w *WordNet, held *HeldOut) {
	for i := range w.Synsets {
		s := &w.Synsets[i]
		if held.Has(s.ID) {
			continue
		}
		addMeaning(c, s)
		for _, p := range s.Pointers {
			other, ok := w.Find(p.ID)
			if !ok || held.Has(p.ID) {
				continue
			}
			switch {
			case p.Symbol == "@" || p.Symbol == "@i":
				c.Add(c.Source("wn_hyp", 1), meaning(s), meaning(other))
			case related[p.Symbol] && s.ID < other.ID:
				c.Add(c.Source("wn_rel", 1), meaning(s), meaning(other))
			}
		}
	}
}

// addMeaning adds a synset's own pairs: words with the definition, words with each other,
// examples with the definition.
func addMeaning(c *Corpus, s *Synset) {
	for i, lemma := range s.Lemmas {
		c.Add(c.Source("wn_gloss", 1), lemma, s.Definition)
		for _, other := range s.Lemmas[i+1:] {
			c.Add(c.Source("wn_syn", .5), lemma, other)
		}
	}
	for _, example := range s.Examples {
		c.Add(c.Source("wn_ex", 1), example, s.Definition)
	}
}

// meaning is the text of a synset.
func meaning(s *Synset) string { return strings.Join(s.Lemmas, ", ") + ": " + s.Definition }

// Bounds of documentation text, in words.
const (
	leastParagraph = 8
	leastSection   = 40
	cropWords      = 40
)

// maxRepeats is how often a heading may come before it says nothing: "Notes", "See also".
const maxRepeats = 20

// DocPairs adds pairs of documentation. It keeps what it has seen, since packages repeat each
// other's paragraphs.
type DocPairs struct {
	corpus   *Corpus
	random   *rand.Rand
	seen     map[uint64]bool
	headings map[string]int
	held     map[string]bool // lemmas of held-out synsets
}

// NewDocPairs returns a maker of documentation pairs that draws crops with a seed.
func NewDocPairs(c *Corpus, w *WordNet, held *HeldOut, seed uint64) *DocPairs {
	d := &DocPairs{corpus: c, random: rand.New(rand.NewPCG(seed, 1)), seen: map[uint64]bool{}, headings: map[string]int{}, held: map[string]bool{}}
	for i := range w.Synsets {
		if held.Has(w.Synsets[i].ID) {
			for _, lemma := range w.Synsets[i].Lemmas {
				d.held[strings.ToLower(lemma)] = true
			}
		}
	}
	return d
}

// Add adds the pairs of one document.
func (d *DocPairs) Add(sections []Section) {
	for _, s := range sections {
		paragraphs := d.fresh(s.Paragraphs)
		if len(paragraphs) == 0 {
			continue
		}
		text := strings.Join(paragraphs, " ")
		d.addHeading(s.Heading, text)
		for i := 1; i < len(paragraphs); i++ {
			d.corpus.Add(d.corpus.Source("adj", 1), paragraphs[i-1], paragraphs[i])
		}
		d.addCrops(text)
		d.addClozes(paragraphs)
	}
}

// fresh returns the paragraphs that are prose and new.
func (d *DocPairs) fresh(paragraphs []string) []string {
	var kept []string
	for _, p := range paragraphs {
		if !isProse(p) {
			continue
		}
		h := fnv.New64a()
		_, _ = h.Write([]byte(p))
		if sum := h.Sum64(); !d.seen[sum] {
			d.seen[sum] = true
			kept = append(kept, p)
		}
	}
	return kept
}

// isProse wants some words, and letters rather than signs.
func isProse(p string) bool {
	if len(strings.Fields(p)) < leastParagraph {
		return false
	}
	plain := 0
	for i := range len(p) {
		if c := p[i] | 0x20; 'a' <= c && c <= 'z' || p[i] == ' ' {
			plain++
		}
	}
	return plain*10 >= len(p)*8
}

func (d *DocPairs) addHeading(heading, text string) {
	heading = strings.TrimRight(heading, "¶# ")
	key := strings.ToLower(heading)
	if heading == "" || d.held[key] {
		return
	}
	if d.headings[key]++; d.headings[key] <= maxRepeats {
		d.corpus.Add(d.corpus.Source("head", 2), heading, text)
	}
}

// addCrops adds two stretches of one section.
func (d *DocPairs) addCrops(text string) {
	words := strings.Fields(text)
	if len(words) < leastSection {
		return
	}
	crop := func() string {
		n := min(len(words)/2, cropWords)
		from := d.random.IntN(len(words) - n + 1)
		return strings.Join(words[from:from+n], " ")
	}
	d.corpus.Add(d.corpus.Source("crop", 1), crop(), crop())
}

// addClozes adds, for each paragraph, a sentence and what stands around it. One time in five the
// sentence stays in.
func (d *DocPairs) addClozes(paragraphs []string) {
	for _, p := range paragraphs {
		sentences := contrast.Sentences(p)
		if len(sentences) < 2 {
			continue
		}
		i := d.random.IntN(len(sentences))
		rest := strings.Join(append(append([]string(nil), sentences[:i]...), sentences[i+1:]...), " ")
		if d.random.IntN(5) == 0 {
			rest = p
		}
		d.corpus.Add(d.corpus.Source("ict", 1), sentences[i], rest)
	}
}
