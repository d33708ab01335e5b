package table

import (
	"encoding/binary"
	"math"

	"github.com/lodedb/lode"
)

// Contents are what a table is built of.
type Contents struct {
	Dim     int
	Buckets int
	Words   []string  // folded, the most frequent first; no two alike
	Rows    []float32 // of the words, then of the buckets, Dim numbers each
}

// Build writes a table. Each row gets the 8-bit numbers and the 16-bit scale that are nearest;
// what is smaller than the smallest scale becomes zero.
func Build(c Contents) ([]byte, error) {
	rows := len(c.Words) + c.Buckets
	if c.Dim < 1 || c.Dim > MaxDim || c.Buckets < 1 || rows > maxRows || len(c.Rows) != rows*c.Dim {
		return nil, lode.Invalid("rows", len(c.Rows), "%d words and %d buckets of %d dimensions do not make a table", len(c.Words), c.Buckets, c.Dim)
	}
	b := make([]byte, headerSize)
	b, scales := appendRows(b, c.Rows, c.Dim)
	le := binary.LittleEndian
	for _, s := range scales {
		b = le.AppendUint16(b, s)
	}
	text := 0
	for _, w := range c.Words {
		b = le.AppendUint32(b, uint32(text))
		text += len(w)
	}
	b = le.AppendUint32(b, uint32(text))
	slots, err := hashSlots(c.Words)
	if err != nil {
		return nil, err
	}
	for _, s := range slots {
		b = le.AppendUint16(b, s)
	}
	for _, w := range c.Words {
		b = append(b, w...)
	}
	putHeader(b, c, len(slots), text)
	t, err := Open(string(b))
	if err != nil {
		return nil, err
	}
	return b, t.Verify()
}

func putHeader(b []byte, c Contents, slots, text int) {
	le := binary.LittleEndian
	copy(b, magic)
	for at, n := range map[int]int{atVersion: version, atDim: c.Dim, atWords: len(c.Words), atBuckets: c.Buckets, atSlots: slots, atText: text} {
		le.PutUint32(b[at:], uint32(n))
	}
	le.PutUint64(b[atLength:], uint64(len(b)))
	le.PutUint32(b[atBodySum:], checksum(string(b[headerSize:])))
	le.PutUint32(b[atHeaderSum:], checksum(string(b[:atHeaderSum])))
}

// appendRows quantizes rows and returns their scales. A scale of 65535 belongs to the row with
// the largest number.
func appendRows(b []byte, rows []float32, dim int) ([]byte, []uint16) {
	step := float64(largest(rows)) / 127 / math.MaxUint16
	var scales []uint16
	for len(rows) > 0 {
		row := rows[:dim]
		rows = rows[dim:]
		scale := 0.
		if step > 0 {
			scale = math.Ceil(float64(largest(row)) / 127 / step)
		}
		scale = min(scale, math.MaxUint16)
		scales = append(scales, uint16(scale))
		for _, x := range row {
			b = append(b, byte(int8(nearest(float64(x), scale*step))))
		}
	}
	return b, scales
}

func nearest(x, scale float64) float64 {
	if scale == 0 {
		return 0
	}
	return max(-127, min(127, math.RoundToEven(x/scale)))
}

func largest(row []float32) (most float32) {
	for _, x := range row {
		most = max(most, x, -x)
	}
	return most
}

// hashSlots places words by open addressing, at most three quarters full.
func hashSlots(words []string) ([]uint16, error) {
	n := 1
	for n*3 < len(words)*4+4 {
		n *= 2
	}
	slots := make([]uint16, n)
	for i, w := range words {
		slot := int(hash([]byte(w))) & (n - 1)
		for ; slots[slot] != 0; slot = (slot + 1) & (n - 1) {
			if words[slots[slot]-1] == w {
				return nil, lode.Invalid("words", w, "the word stands twice")
			}
		}
		slots[slot] = uint16(i + 1)
	}
	return slots, nil
}

// Fold returns the words of a text, folded, as a table is asked for them.
func Fold(text string) []string {
	var words []string
	NewReader(func(word []byte) { words = append(words, string(word)) }).Read(text)
	return words
}
