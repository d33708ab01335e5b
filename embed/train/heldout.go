package train

import (
	_ "embed" // the lists
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

//go:embed heldout/synsets.txt
var heldOutSynsets string

//go:embed heldout/prose.jsonl
var heldOutProse string

// Sizes of the held-out choice. The test synsets are reported; the dev synsets may be looked at
// while choosing.
const (
	HeldOutTest = 2000
	HeldOutDev  = 500
	HeldOutSeed = 7
)

// HeldOut are the synsets that no training pair may touch.
type HeldOut struct {
	Test, Dev []string // ids, in the order of the file
	all       map[string]bool
}

// Has reports whether a synset is held out.
func (h *HeldOut) Has(id string) bool { return h.all[id] }

// ReadHeldOut returns the committed choice.
func ReadHeldOut() (*HeldOut, error) { return parseHeldOut(heldOutSynsets) }

func parseHeldOut(list string) (*HeldOut, error) {
	h := &HeldOut{all: map[string]bool{}}
	for line := range strings.Lines(list) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 3 || h.all[f[0]] {
			return nil, fmt.Errorf("held-out synsets: line %q", line)
		}
		h.all[f[0]] = true
		if f[1] == "dev" {
			h.Dev = append(h.Dev, f[0])
		} else {
			h.Test = append(h.Test, f[0])
		}
	}
	return h, nil
}

// WriteHeldOut draws the choice and writes it as heldout/synsets.txt has it. It was done once,
// before the first batch was trained.
func WriteHeldOut(out io.Writer, w *WordNet) error {
	var eligible []*Synset
	for i := range w.Synsets {
		if s := &w.Synsets[i]; isPlain(s) {
			eligible = append(eligible, s)
		}
	}
	random := rand.New(rand.NewPCG(HeldOutSeed, 0))
	random.Shuffle(len(eligible), func(i, j int) { eligible[i], eligible[j] = eligible[j], eligible[i] })
	if len(eligible) < HeldOutTest+HeldOutDev {
		return fmt.Errorf("%d synsets may be held out, want %d", len(eligible), HeldOutTest+HeldOutDev)
	}
	fmt.Fprintf(out, "# Synsets of WordNet 3.0 that training never sees: id, set, words. Drawn with seed %d from %d.\n", HeldOutSeed, len(eligible))
	for i, s := range eligible[:HeldOutTest+HeldOutDev] {
		set := "test"
		if i >= HeldOutTest {
			set = "dev"
		}
		if _, err := fmt.Fprintf(out, "%s\t%s\t%s\n", s.ID, set, strings.Join(s.Lemmas, ", ")); err != nil {
			return err
		}
	}
	return nil
}

// isPlain leaves out names, compounds as the first word, and definitions of a word or two.
func isPlain(s *Synset) bool {
	first := s.Lemmas[0]
	words := asciiWords(first)
	return len(words) == 1 && words[0] == first && len(first) >= 3 && asciiClass(first[0]) == 1 && len(ContentStems(s.Definition)) >= 3
}

// ProseQuestion is a question in free prose over the sample corpora, and where its answer stands.
// It shares no content stem with the paragraph of the answer.
type ProseQuestion struct {
	File  string `json:"file"`  // in the folder of the corpora
	Quote string `json:"quote"` // how the paragraph begins; once in the file
	Query string `json:"query"`
}

// ReadProse returns the committed questions.
func ReadProse() ([]ProseQuestion, error) {
	var questions []ProseQuestion
	for dec := json.NewDecoder(strings.NewReader(heldOutProse)); ; {
		var q ProseQuestion
		if err := dec.Decode(&q); err == io.EOF {
			return questions, nil
		} else if err != nil {
			return nil, fmt.Errorf("held-out questions: %d: %w", len(questions)+1, err)
		}
		questions = append(questions, q)
	}
}
