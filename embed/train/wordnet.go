package train

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Synset is one meaning: the words that have it and its definition.
type Synset struct {
	ID         string   // offset and part of speech, e.g. "00001740-n"
	Lemmas     []string // in their order, with spaces
	Definition string   // the gloss without its examples
	Examples   []string
	Pointers   []Pointer
}

// Pointer is a relation to another synset.
type Pointer struct {
	Symbol string // as WordNet has it: "@" hypernym, "&" similar, "!" antonym …
	ID     string
}

// WordNet is the database, in the order of its files.
type WordNet struct {
	Synsets []Synset
	byID    map[string]int
}

// ReadWordNet reads the files data.* of a folder.
func ReadWordNet(dir string) (*WordNet, error) {
	w := &WordNet{byID: map[string]int{}}
	for _, part := range []string{"noun", "verb", "adj", "adv"} {
		if err := w.read(filepath.Join(dir, "data."+part)); err != nil {
			return nil, fmt.Errorf("read WordNet: %w", err)
		}
	}
	return w, nil
}

// Find returns the synset of an id.
func (w *WordNet) Find(id string) (*Synset, bool) {
	i, ok := w.byID[id]
	if !ok {
		return nil, false
	}
	return &w.Synsets[i], true
}

func (w *WordNet) read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if strings.HasPrefix(lines.Text(), "  ") {
			continue // the licence
		}
		s, err := parseSynset(lines.Text())
		if err != nil {
			return fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		w.byID[s.ID] = len(w.Synsets)
		w.Synsets = append(w.Synsets, s)
	}
	return lines.Err()
}

// parseSynset reads a line of wndb(5):
//
//	offset file type words word lex … pointers symbol offset pos source/target … | gloss
func parseSynset(line string) (Synset, error) {
	head, gloss, ok := strings.Cut(line, " | ")
	f := strings.Fields(head)
	if !ok || len(f) < 6 {
		return Synset{}, fmt.Errorf("no synset: %.60q", line)
	}
	s := Synset{ID: f[0] + "-" + partOfSpeech(f[2])}
	words, err := strconv.ParseUint(f[3], 16, 8)
	if err != nil || len(f) < 4+int(words)*2+1 {
		return Synset{}, fmt.Errorf("number of words %q of %s", f[3], s.ID)
	}
	f = f[4:]
	for range words {
		s.Lemmas = append(s.Lemmas, lemma(f[0]))
		f = f[2:]
	}
	pointers, err := strconv.Atoi(f[0])
	if err != nil || len(f) < 1+pointers*4 {
		return Synset{}, fmt.Errorf("number of pointers %q of %s", f[0], s.ID)
	}
	for f = f[1:]; pointers > 0; pointers-- {
		s.Pointers = append(s.Pointers, Pointer{Symbol: f[0], ID: f[1] + "-" + partOfSpeech(f[2])})
		f = f[4:]
	}
	s.Definition, s.Examples = splitGloss(gloss)
	return s, nil
}

// partOfSpeech counts satellite adjectives as adjectives, as their file does.
func partOfSpeech(p string) string {
	if p == "s" {
		return "a"
	}
	return p
}

// lemma drops underscores and the marker of where an adjective may stand: "galore(ip)".
func lemma(word string) string {
	if i := strings.IndexByte(word, '('); i > 0 {
		word = word[:i]
	}
	return strings.ReplaceAll(word, "_", " ")
}

// splitGloss separates the definition from the examples, which are quoted.
func splitGloss(gloss string) (definition string, examples []string) {
	definition, rest, _ := strings.Cut(gloss, `"`)
	for rest != "" {
		var example string
		example, rest, _ = strings.Cut(rest, `"`)
		if example = strings.TrimSpace(example); example != "" {
			examples = append(examples, example)
		}
		if _, rest, _ = strings.Cut(rest, `"`); rest == "" {
			break
		}
	}
	return strings.Trim(definition, " ;:,"), examples
}
