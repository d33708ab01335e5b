package contrast

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/lodedb/lode/embed/table"
)

// Bounds of the texts of a pair, in words.
const (
	maxLeft  = 48
	maxRight = 96
)

// Pair is two texts that mean the same, as numbers of words.
type Pair struct{ Left, Right []uint32 }

// PairSource is pairs of one kind. Batches are of one kind; Weight says how often its pairs are drawn.
type PairSource struct {
	Name   string
	Weight float64
	Pairs  []Pair
}

// Corpus is all pairs and the words they are made of.
type Corpus struct {
	Words   []string // folded, by number
	Sources []PairSource

	numbers map[string]uint32
	words   []uint32 // of the text at hand
	reader  *table.Reader
}

// NewCorpus returns a corpus without pairs.
func NewCorpus() *Corpus {
	c := &Corpus{numbers: map[string]uint32{}}
	c.reader = table.NewReader(func(word []byte) {
		n, ok := c.numbers[string(word)]
		if !ok {
			n = uint32(len(c.Words))
			c.Words = append(c.Words, string(word))
			c.numbers[string(word)] = n
		}
		c.words = append(c.words, n)
	})
	return c
}

// Source returns the pairs of a name, made when they are new.
func (c *Corpus) Source(name string, weight float64) *PairSource {
	for i := range c.Sources {
		if c.Sources[i].Name == name {
			return &c.Sources[i]
		}
	}
	c.Sources = append(c.Sources, PairSource{Name: name, Weight: weight})
	return &c.Sources[len(c.Sources)-1]
}

// Add adds a pair of texts, unless one of them is empty or both are the same words.
func (c *Corpus) Add(s *PairSource, left, right string) {
	l, r := c.text(left, maxLeft), c.text(right, maxRight)
	if len(l) > 0 && len(r) > 0 && !same(l, r) {
		s.Pairs = append(s.Pairs, Pair{Left: l, Right: r})
	}
}

func same(a, b []uint32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// text returns the numbers of the first words of a text.
func (c *Corpus) text(text string, most int) []uint32 {
	c.words = c.words[:0]
	c.reader.Read(text)
	return append([]uint32(nil), c.words[:min(most, len(c.words))]...)
}

// Pairs counts all pairs.
func (c *Corpus) Pairs() (n int) {
	for _, s := range c.Sources {
		n += len(s.Pairs)
	}
	return n
}

// Counts says how often each word stands in the pairs.
func (c *Corpus) Counts() (counts []int, total int) {
	counts = make([]int, len(c.Words))
	for _, s := range c.Sources {
		for _, p := range s.Pairs {
			for _, side := range [][]uint32{p.Left, p.Right} {
				for _, n := range side {
					counts[n]++
				}
				total += len(side)
			}
		}
	}
	return counts, max(1, total)
}

// Write stores the corpus: numbers as varints, in order of words, sources, pairs.
func (c *Corpus) Write(out io.Writer) error {
	w := bufio.NewWriterSize(out, 1<<20)
	var buf []byte
	put := func(n int) { buf = binary.AppendUvarint(buf, uint64(n)) }
	text := func(s string) { put(len(s)); buf = append(buf, s...) }
	put(len(c.Words))
	for _, word := range c.Words {
		text(word)
	}
	put(len(c.Sources))
	for _, s := range c.Sources {
		text(s.Name)
		put(int(s.Weight * 1000))
		put(len(s.Pairs))
		for _, p := range s.Pairs {
			for _, words := range [][]uint32{p.Left, p.Right} {
				put(len(words))
				for _, n := range words {
					put(int(n))
				}
			}
			if _, err := w.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	if _, err := w.Write(buf); err != nil {
		return err
	}
	return w.Flush()
}

// ReadCorpus reads what [Corpus.Write] stored.
func ReadCorpus(path string) (*Corpus, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := corpusDecoder{in: bufio.NewReaderSize(f, 1<<20)}
	c := NewCorpus()
	for range d.number(1 << 26) {
		c.Words = append(c.Words, d.text())
	}
	for range d.number(1 << 10) {
		s := PairSource{Name: d.text(), Weight: float64(d.number(1<<20)) / 1000}
		for range d.number(1 << 28) {
			s.Pairs = append(s.Pairs, Pair{Left: d.words(len(c.Words)), Right: d.words(len(c.Words))})
			if d.err != nil {
				break
			}
		}
		c.Sources = append(c.Sources, s)
	}
	if d.err != nil {
		return nil, fmt.Errorf("read pairs %s: %w", path, d.err)
	}
	return c, nil
}

// corpusDecoder remembers the first error; after it all numbers are 0.
type corpusDecoder struct {
	in  *bufio.Reader
	err error
}

func (d *corpusDecoder) number(most int) int {
	if d.err != nil {
		return 0
	}
	n, err := binary.ReadUvarint(d.in)
	if err == nil && n > uint64(most) {
		err = fmt.Errorf("number %d, want at most %d", n, most)
	}
	if d.err = err; err != nil {
		return 0
	}
	return int(n)
}

func (d *corpusDecoder) text() string {
	b := make([]byte, d.number(1<<10))
	if d.err == nil {
		_, d.err = io.ReadFull(d.in, b)
	}
	return string(b)
}

func (d *corpusDecoder) words(all int) []uint32 {
	words := make([]uint32, d.number(maxRight))
	for i := range words {
		words[i] = uint32(d.number(all - 1))
	}
	return words
}
