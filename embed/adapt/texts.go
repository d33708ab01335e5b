package adapt

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/lodedb/lode/embed/contrast"
)

// Document is what is read of a collection's document.
type Document struct {
	ID       string
	Title    string // may be empty
	Passages []Passage
}

// Passage is a stretch of a document, as a search finds it.
type Passage struct {
	Path []string // headings above, outermost first
	Text string
}

// textsOf is a document, prepared.
type textsOf struct {
	hash     uint64
	held     bool // out of training
	passages []asked
}

// asked is a passage and what one would ask to find it, without each other.
type asked struct {
	question  string
	sentences []string // of the passage
}

func (a asked) text() string { return strings.Join(a.sentences, " ") }

// leastWords is the shortest passage, once its heading is taken off.
const leastWords = 8

// heldOneIn is how many documents there are for each that is held out.
const heldOneIn = 10

// prepare takes the documents that have a passage of some length, in the order of their hashes, which
// has nothing to do with that of their names.
func prepare(documents []Document) []*textsOf {
	var all []*textsOf
	for _, d := range documents {
		h := fnv.New64a()
		_, _ = h.Write([]byte(d.ID))
		sum := mix(h.Sum64())
		t := &textsOf{hash: sum, held: sum%heldOneIn == 0}
		for _, p := range d.Passages {
			if a := ask(d.Title, p); len(strings.Fields(a.text())) >= leastWords {
				t.passages = append(t.passages, a)
			}
		}
		if len(t.passages) > 0 {
			all = append(all, t)
		}
	}
	slices.SortStableFunc(all, func(a, b *textsOf) int { return cmp.Compare(a.hash, b.hash) })
	return all
}

// mix spreads the bits of a hash: ids that count up differ in few of them.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// ask finds the question of a passage: title and headings, or the first sentence where there are
// none. The passage is what remains.
func ask(title string, p Passage) asked {
	head := p.Path
	if title != "" && (len(head) == 0 || head[0] != title) {
		head = append([]string{title}, head...)
	}
	text := p.Text
	for _, h := range head { // formats keep headings in the text, or do not
		text = strings.TrimPrefix(strings.TrimLeft(text, "# \t\r\n"), h)
	}
	sentences := sentencesOf(text)
	if len(head) > 0 {
		return asked{question: strings.Join(head, " "), sentences: sentences}
	}
	if len(sentences) < 2 {
		return asked{}
	}
	return asked{question: sentences[0], sentences: sentences[1:]}
}

// sentencesOf cuts at the ends of paragraphs and of sentences.
func sentencesOf(text string) (all []string) {
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		if p := strings.Join(strings.Fields(paragraph), " "); p != "" {
			all = append(all, contrast.Sentences(p)...)
		}
	}
	return all
}
