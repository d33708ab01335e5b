package table

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"

	"github.com/lodedb/lode"
)

// Counter counts in how many texts of a collection each word stands. It is for one goroutine at
// a time.
type Counter struct {
	table  *Table
	reader *Reader
	texts  uint64
	rows   []counted          // by number of the word
	others map[uint32]counted // by hash of the word
}

// counted is in how many texts a word stands, and which was the last of them.
type counted struct {
	texts uint32
	last  uint64
}

// NewCounter returns a counter of no texts.
func (t *Table) NewCounter() *Counter {
	c := &Counter{table: t, rows: make([]counted, t.words), others: map[uint32]counted{}}
	c.reader = NewReader(c.word)
	return c
}

// Add counts a text.
func (c *Counter) Add(text string) {
	c.texts++
	c.reader.Read(text)
}

// Texts is how many texts were counted.
func (c *Counter) Texts() uint64 { return c.texts }

func (c *Counter) word(word []byte) {
	if i, ok := c.table.Find(word); ok {
		c.rows[i].note(c.texts)
		return
	}
	h := hash(word)
	n := c.others[h]
	n.note(c.texts)
	c.others[h] = n
}

func (n *counted) note(text uint64) {
	if n.last != text {
		n.last = text
		n.texts++
	}
}

// Weights returns what the words are worth in the texts counted so far. A word that none or one of
// them has is worth the most.
func (c *Counter) Weights() *Weights { return c.WeightsWithin(math.MaxInt) }

// WeightsWithin is Weights in at most so many bytes: of the words that the table does not have those
// that most texts have are weighed, and the others are worth the most.
func (c *Counter) WeightsWithin(bytes int) *Weights {
	w := &Weights{texts: c.texts, most: c.weight(1), rows: make([]uint16, len(c.rows)), others: map[uint32]uint16{}}
	for i, n := range c.rows {
		w.rows[i] = c.weight(n.texts)
	}
	for _, h := range c.frequent((bytes - weightsHead - 2*len(c.rows)) / otherBytes) {
		w.others[h] = c.weight(c.others[h].texts)
	}
	return w
}

// frequent are the words beside the table's that more than one text has, at most so many.
func (c *Counter) frequent(most int) []uint32 {
	var all []uint32
	for h, n := range c.others {
		if n.texts > 1 {
			all = append(all, h)
		}
	}
	if len(all) > most {
		slices.SortFunc(all, func(a, b uint32) int {
			return cmp.Or(cmp.Compare(c.others[b].texts, c.others[a].texts), cmp.Compare(a, b))
		})
	}
	return all[:min(len(all), max(most, 0))]
}

// weight is (ln((N+1)/(n+½)))^½ as an integer. It may round otherwise on another machine: what
// counts is the table that was stored.
func (c *Counter) weight(texts uint32) uint16 {
	n, all := float64(max(texts, 1)), float64(c.texts)
	if c.texts < 2 {
		return weightOne
	}
	return uint16(max(1, math.Round(weightOne*math.Sqrt(math.Log((all+1)/(n+.5))))))
}

// Weights are what the words of a table are worth in a collection. They never change, and may be
// used by many goroutines at once. Nil weighs all words alike.
type Weights struct {
	texts  uint64
	most   uint16 // of a word that no text had, or one
	rows   []uint16
	others map[uint32]uint16
}

func (w *Weights) ofRow(i int) int64 {
	if w == nil {
		return weightOne
	}
	return int64(w.rows[i])
}

func (w *Weights) ofWord(word []byte) int64 {
	if w == nil {
		return weightOne
	}
	if weight, ok := w.others[hash(word)]; ok {
		return int64(weight)
	}
	return int64(w.most)
}

// Of returns what a folded word of the table is worth, or of none; nil weighs every word 1.
func (w *Weights) Of(t *Table, word []byte) float64 {
	if i, ok := t.Find(word); ok {
		return float64(w.ofRow(i)) / weightOne
	}
	return float64(w.ofWord(word)) / weightOne
}

// Texts is how many texts were counted.
func (w *Weights) Texts() uint64 { return w.texts }

// Hash identifies the weights. It belongs in the fingerprint of vectors made with them.
func (w *Weights) Hash() lode.Hash {
	b, _ := w.MarshalBinary()
	return sha256.Sum256(b)
}

// weightsMagic begins stored weights and names their version.
const weightsMagic = "LODEIDF1"

// MarshalBinary encodes the weights: magic, texts, the most, the weights by number of the word, then
// hashes and weights of other words in order of the hash. Little-endian; equal weights are equal bytes.
func (w *Weights) MarshalBinary() ([]byte, error) {
	le := binary.LittleEndian
	b := append([]byte(nil), weightsMagic...)
	b = le.AppendUint16(le.AppendUint64(b, w.texts), w.most)
	b = le.AppendUint32(le.AppendUint32(b, uint32(len(w.rows))), uint32(len(w.others)))
	for _, weight := range w.rows {
		b = le.AppendUint16(b, weight)
	}
	hashes := make([]uint32, 0, len(w.others))
	for h := range w.others {
		hashes = append(hashes, h)
	}
	slices.Sort(hashes)
	for _, h := range hashes {
		b = le.AppendUint16(le.AppendUint32(b, h), w.others[h])
	}
	return b, nil
}

// otherBytes is what a word takes that the table does not have.
const otherBytes = 6

const weightsHead = len(weightsMagic) + 8 + 2 + 4 + 4

// ParseWeights decodes stored weights of this table. Anything else is [lode.CodeCorrupt].
func (t *Table) ParseWeights(b []byte) (*Weights, error) {
	le := binary.LittleEndian
	if len(b) < weightsHead || string(b[:len(weightsMagic)]) != weightsMagic {
		return nil, lode.Errorf(lode.CodeCorrupt, "parse weights: %d bytes that do not begin with their header", len(b))
	}
	w := &Weights{texts: le.Uint64(b[8:]), most: le.Uint16(b[16:])}
	rows, others := int(le.Uint32(b[18:])), int(le.Uint32(b[22:]))
	if b = b[weightsHead:]; rows != t.words || len(b) != rows*2+others*otherBytes {
		return nil, lode.Errorf(lode.CodeCorrupt, "parse weights: %d bytes of %d and %d words, the table has %d", len(b), rows, others, t.words)
	}
	w.rows, w.others = make([]uint16, rows), make(map[uint32]uint16, others)
	largest := w.most
	for i := range w.rows {
		w.rows[i] = le.Uint16(b[2*i:])
		largest = max(largest, w.rows[i])
	}
	for b = b[2*rows:]; len(b) > 0; b = b[6:] {
		w.others[le.Uint32(b)] = le.Uint16(b[4:])
		largest = max(largest, le.Uint16(b[4:]))
	}
	if len(w.others) != others || largest > maxWeight {
		return nil, lode.Errorf(lode.CodeCorrupt, "parse weights: a word stands twice, or weighs more than %d", maxWeight)
	}
	return w, nil
}

// maxWeight is beyond what 2^64 texts give; sums are sized for it.
const maxWeight = 7 * weightOne
