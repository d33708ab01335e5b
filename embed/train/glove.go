package train

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/lodedb/lode/embed/table"
)

// GloVeDim is the dimensions of the initial word vectors.
const GloVeDim = 100

// GloVe are word vectors in order of how frequent the words are.
type GloVe struct {
	Words   []string // folded; a word and its plural both stand there as the singular
	Ranks   []int    // of the words as the package has them
	Vectors [][]float32
}

// ReadGloVe reads the JSON of the package: {…, "words": […], "vectors": {word: […], …}, …}.
// Only words that are one word of a table are kept.
func ReadGloVe(path string) (*GloVe, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dec := json.NewDecoder(bufio.NewReaderSize(f, 1<<20))
	g := &GloVe{}
	if err := g.read(dec); err != nil {
		return nil, fmt.Errorf("read GloVe %s: %w", path, err)
	}
	return g, nil
}

func (g *GloVe) read(dec *json.Decoder) error {
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		if key == "vectors" {
			return g.vectors(dec)
		}
		var skip json.RawMessage
		if err := dec.Decode(&skip); err != nil {
			return err
		}
	}
	return fmt.Errorf("no vectors")
}

func (g *GloVe) vectors(dec *json.Decoder) error {
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		word, err := dec.Token()
		if err != nil {
			return err
		}
		var numbers []float32 // the vector, its length, its rank
		if err := dec.Decode(&numbers); err != nil {
			return err
		}
		if len(numbers) != GloVeDim+2 {
			return fmt.Errorf("%d numbers for %q, want %d", len(numbers), word, GloVeDim+2)
		}
		if folded := table.Fold(word.(string)); len(folded) == 1 && asciiClass(folded[0][0]) != 0 {
			g.Words = append(g.Words, folded[0])
			g.Ranks = append(g.Ranks, int(numbers[GloVeDim+1]))
			g.Vectors = append(g.Vectors, numbers[:GloVeDim:GloVeDim])
		}
	}
	return nil
}
