package table

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/lodedb/lode"
)

// The header of a table; docs of each field are in DESIGN.md.
const (
	magic      = "LODETABL"
	version    = 1
	headerSize = 64

	atVersion   = 8
	atDim       = 12
	atWords     = 16
	atBuckets   = 20
	atSlots     = 24
	atText      = 28
	atLength    = 32
	atBodySum   = 40
	atHeaderSum = 60
)

// Bounds of a table.
const (
	MaxDim   = 1024
	maxRows  = math.MaxUint16 - 1 // a slot holds the number of a word in 16 bits
	maxSlots = 1 << 17
	maxText  = maxRows * maxWordBytes
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Table is a table of words. It is read in place: opening it reads the header alone, so that a
// program that holds one and does not use it has none of it in memory. It may be used by many
// goroutines at once.
type Table struct {
	data    string
	dim     int
	words   int
	buckets int
	mask    uint32 // slots - 1

	rows, scales, offsets, slots, text string // parts of data
}

// Open opens a table over the bytes of its file, which must not change. Of the file only the
// header is checked, see [Table.Verify]. Bytes that are not a table of a known version are
// [lode.CodeCorrupt]; a table stays safe to use whatever its body holds.
func Open(data string) (*Table, error) {
	if len(data) < headerSize || data[:len(magic)] != magic {
		return nil, lode.Errorf(lode.CodeCorrupt, "open table: %d bytes that do not begin with a table's header", len(data))
	}
	if v := u32(data, atVersion); v != version {
		return nil, lode.Errorf(lode.CodeCorrupt, "open table: format version %d, this program reads %d", v, version)
	}
	if checksum(data[:atHeaderSum]) != u32(data, atHeaderSum) {
		return nil, lode.Errorf(lode.CodeCorrupt, "open table: the header's checksum does not fit")
	}
	t := &Table{data: data, dim: number(data, atDim), words: number(data, atWords), buckets: number(data, atBuckets)}
	slots, text := number(data, atSlots), number(data, atText)
	if err := t.checkBounds(slots, text); err != nil {
		return nil, err
	}
	t.mask = uint32(slots - 1)
	t.cut(slots, text)
	return t, nil
}

func (t *Table) checkBounds(slots, text int) error {
	switch {
	case t.dim < 1 || t.dim > MaxDim:
		return lode.Errorf(lode.CodeCorrupt, "open table: %d dimensions, want 1 to %d", t.dim, MaxDim)
	case t.words > maxRows || t.buckets < 1 || t.words+t.buckets > maxRows:
		return lode.Errorf(lode.CodeCorrupt, "open table: %d words and %d buckets, want at most %d and one bucket", t.words, t.buckets, maxRows)
	case slots <= t.words || slots > maxSlots || slots&(slots-1) != 0:
		return lode.Errorf(lode.CodeCorrupt, "open table: %d slots for %d words", slots, t.words)
	case text > maxText:
		return lode.Errorf(lode.CodeCorrupt, "open table: %d bytes of words", text)
	}
	if want := size(t.dim, t.words, t.buckets, slots, text); len(t.data) != want || binaryU64(t.data, atLength) != uint64(want) {
		return lode.Errorf(lode.CodeCorrupt, "open table: %d bytes, want %d", len(t.data), want)
	}
	return nil
}

// cut finds the parts of the file, in their order.
func (t *Table) cut(slots, text int) {
	rest := t.data[headerSize:]
	take := func(n int) string {
		part := rest[:n]
		rest = rest[n:]
		return part
	}
	rows := t.words + t.buckets
	t.rows, t.scales = take(rows*t.dim), take(rows*2)
	t.offsets, t.slots, t.text = take((t.words+1)*4), take(slots*2), take(text)
}

// size is the length of a file.
func size(dim, words, buckets, slots, text int) int {
	return headerSize + (words+buckets)*(dim+2) + (words+1)*4 + slots*2 + text
}

// Verify reads the whole table: its checksum, and that every word is found where it stands.
func (t *Table) Verify() error {
	if checksum(t.data[headerSize:]) != u32(t.data, atBodySum) {
		return lode.Errorf(lode.CodeCorrupt, "verify table: the checksum does not fit")
	}
	for i := range t.words {
		word := t.Word(i)
		if row, ok := t.Find([]byte(word)); word == "" || !ok || row != i {
			return lode.Errorf(lode.CodeCorrupt, "verify table: word %d is not found", i)
		}
	}
	return nil
}

// Dim is the number of dimensions.
func (t *Table) Dim() int { return t.dim }

// Words is the number of words that have a row of their own.
func (t *Table) Words() int { return t.words }

// Buckets is the number of rows for parts of other words.
func (t *Table) Buckets() int { return t.buckets }

// Bytes is the size of the file.
func (t *Table) Bytes() int { return len(t.data) }

// Word returns a word by its number, which is its place among the most frequent ones.
func (t *Table) Word(i int) string {
	start, end := int(u32(t.offsets, 4*i)), int(u32(t.offsets, 4*i+4))
	if start > end || end > len(t.text) {
		return "" // damaged
	}
	return t.text[start:end]
}

// Row writes the numbers of a row, as they are summed, to dst.
func (t *Table) Row(i int, dst []float32) {
	row, scale := t.row(i)
	for d := range dst[:t.dim] {
		dst[d] = float32(int8(row[d])) * float32(scale)
	}
}

func (t *Table) row(i int) (row string, scale int64) {
	return t.rows[i*t.dim : (i+1)*t.dim], int64(uint16(t.scales[2*i]) | uint16(t.scales[2*i+1])<<8)
}

// Find returns the number of a folded word, if it has a row of its own.
func (t *Table) Find(word []byte) (int, bool) {
	slot := hash(word) & t.mask
	for range t.mask + 1 { // a sound table has free slots
		i := int(uint16(t.slots[2*slot]) | uint16(t.slots[2*slot+1])<<8)
		if i == 0 || i > t.words {
			return 0, false // free, or damaged
		}
		if t.Word(i-1) == string(word) {
			return i - 1, true
		}
		slot = (slot + 1) & t.mask
	}
	return 0, false
}

const (
	fnvOffset = 0x811c9dc5
	fnvPrime  = 0x01000193
)

// hash is FNV-1a.
func hash(b []byte) uint32 { return hashOn(fnvOffset, b) }

func hashOn(h uint32, b []byte) uint32 {
	for _, c := range b {
		h = (h ^ uint32(c)) * fnvPrime
	}
	return h
}

func checksum(s string) uint32 {
	var sum uint32
	var buf [4096]byte
	for len(s) > 0 {
		n := copy(buf[:], s)
		sum = crc32.Update(sum, castagnoli, buf[:n])
		s = s[n:]
	}
	return sum
}

func u32(s string, at int) uint32 {
	return uint32(s[at]) | uint32(s[at+1])<<8 | uint32(s[at+2])<<16 | uint32(s[at+3])<<24
}

func binaryU64(s string, at int) uint64 {
	return binary.LittleEndian.Uint64([]byte(s[at : at+8]))
}

// number reads a count; what is too large for any stays too large.
func number(s string, at int) int { return int(min(u32(s, at), math.MaxInt32)) }
