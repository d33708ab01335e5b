package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// bigrams is a model of a language: which words follow a word in real texts, as often as they
// do. Texts that it writes have the words of the real ones at their frequencies, and most of
// their neighbours, but no sense.
type bigrams struct {
	words []string
	next  [][]uint32 // by word, the words behind it, with repetitions
	begin []uint32   // words that texts begin with
}

// learnBigrams reads the abstracts and paragraphs of retrieval sets and the documentation.
func learnBigrams(data string) (*bigrams, error) {
	m := new(bigrams)
	numbers := make(map[string]uint32)
	for _, set := range []string{"scifact", "cranfield", "xquad-en"} {
		err := eachDocument(filepath.Join(data, "retrieval", set, "corpus.jsonl"), func(text string) { m.learn(numbers, text) })
		if err != nil {
			return nil, err
		}
	}
	for _, folder := range []string{"go-website", "rust-book"} {
		err := filepath.WalkDir(filepath.Join(data, "corpora", folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".md" {
				return err
			}
			b, err := os.ReadFile(path)
			m.learn(numbers, string(b))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}

func eachDocument(path string, f func(text string)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for dec := json.NewDecoder(bufio.NewReader(file)); ; {
		var doc struct{ Title, Text string }
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		f(doc.Title + " " + doc.Text)
	}
}

func (m *bigrams) learn(numbers map[string]uint32, text string) {
	last := -1
	for _, word := range strings.Fields(text) {
		number, ok := numbers[word]
		if !ok {
			number = uint32(len(m.words))
			numbers[word] = number
			m.words, m.next = append(m.words, word), append(m.next, nil)
		}
		if last < 0 {
			m.begin = append(m.begin, number)
		} else {
			m.next[last] = append(m.next[last], number)
		}
		last = int(number)
	}
}

// write appends n words.
func (m *bigrams) write(dst []byte, rng *rand.Rand, n int) []byte {
	word := m.begin[rng.IntN(len(m.begin))]
	for i := range n {
		if i > 0 {
			dst = append(dst, ' ')
			if after := m.next[word]; len(after) > 0 {
				word = after[rng.IntN(len(after))]
			} else {
				word = m.begin[rng.IntN(len(m.begin))]
			}
		}
		dst = append(dst, m.words[word]...)
	}
	return dst
}

// writeCorpus writes so many documents, one on a line: a title, a tab and a text of about 100
// words. Every second text ends with an identifier that no other has: a model of bigrams knows no
// new words, of which real collections have about as many as documents. The first documents are
// those that first writes; it returns how many they are.
func (m *bigrams) writeCorpus(path string, rows int, seed uint64, first func(*bufio.Writer) (int, error)) (real int, err error) {
	f, err := os.Create(path + ".part")
	if err != nil {
		return 0, err
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	out := bufio.NewWriterSize(f, 1<<20)
	if real, err = first(out); err != nil {
		return 0, errors.Join(err, f.Close())
	}
	var line []byte
	for row := real; row < rows; row++ {
		line = append(m.write(line[:0], rng, 3+rng.IntN(8)), '\t')
		length := min(int(90*math.Exp(0.5*rng.NormFloat64()))+1, 1000)
		line = m.write(line, rng, length)
		if row%2 == 1 {
			line = fmt.Appendf(line, " k%dx%06x", row, rng.Uint32N(1<<24))
		}
		line = append(line, '\n')
		if _, err := out.Write(line); err != nil {
			return 0, errors.Join(err, f.Close())
		}
	}
	if err := errors.Join(out.Flush(), f.Close()); err != nil {
		return 0, err
	}
	return real, os.Rename(path+".part", path)
}

// lexicalQueries draws queries of 1 to 6 words, so many of each, from documents of a corpus: the
// words of a query stand in one text, and each of them is as likely as it is frequent there. The
// words that keep says no to are no words.
func lexicalQueries(path string, rows, each int, seed uint64, keep func(word string) bool) ([][]string, error) {
	rng := rand.New(rand.NewPCG(seed, 2))
	wanted := make(map[int]bool)
	for len(wanted) < min(6*each, rows) {
		wanted[rng.IntN(rows)] = true
	}
	var texts []string
	err := eachLine(path, func(row int, line string) error {
		if wanted[row] {
			texts = append(texts, line)
		}
		return nil
	})
	rng.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
	queries := make([][]string, 6)
	for i, text := range texts {
		n := i%6 + 1
		var words []string
		for _, word := range shuffled(rng, strings.Fields(text)) {
			if len(words) < n && !slices.Contains(words, word) && keep(word) {
				words = append(words, word)
			}
		}
		queries[n-1] = append(queries[n-1], strings.Join(words, " "))
	}
	return queries, err
}

func shuffled(rng *rand.Rand, words []string) []string {
	rng.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	return words
}

func eachLine(path string, f func(row int, line string) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for row := 0; lines.Scan(); row++ {
		if err := f(row, lines.Text()); err != nil {
			return err
		}
	}
	return lines.Err()
}
