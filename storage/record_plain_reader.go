package storage

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/lodedb/lode"
)

// plainReader reads what encMode writes. failed says that it met something else; what it
// returns then means nothing. It reads past no end.
type plainReader struct {
	b      []byte
	failed bool
}

// Major types of CBOR.
const (
	cborUint  = 0
	cborBytes = 2
	cborText  = 3
	cborArray = 4
	cborMap   = 5
	cborNull  = 0xf6 // a whole item
)

// done reports whether everything was read, and was as expected.
func (r *plainReader) done() bool { return !r.failed && len(r.b) == 0 }

// head reads the head of an item: of the major type that is asked for, in its shortest form.
func (r *plainReader) head(major byte) uint64 {
	if r.failed || len(r.b) == 0 || r.b[0]>>5 != major {
		r.failed = true
		return 0
	}
	info := r.b[0] & 31
	if info < 24 {
		r.b = r.b[1:]
		return uint64(info)
	}
	if size := 1 << (info - 24); info > 27 || len(r.b) <= size {
		r.failed = true
		return 0
	}
	return r.longHead(info)
}

func (r *plainReader) longHead(info byte) (n uint64) {
	least, size := uint64(24), 1
	switch info {
	case 24:
		n = uint64(r.b[1])
	case 25:
		n, least, size = uint64(binary.BigEndian.Uint16(r.b[1:])), 1<<8, 2
	case 26:
		n, least, size = uint64(binary.BigEndian.Uint32(r.b[1:])), 1<<16, 4
	default:
		n, least, size = binary.BigEndian.Uint64(r.b[1:]), 1<<32, 8
	}
	r.failed = n < least
	r.b = r.b[1+size:]
	return n
}

// upTo is a number that does not exceed a bound.
func (r *plainReader) upTo(most uint64) uint64 {
	n := r.head(cborUint)
	if n > most {
		r.failed = true
	}
	return n
}

func (r *plainReader) uint() uint64   { return r.head(cborUint) }
func (r *plainReader) uint32() uint32 { return uint32(r.upTo(math.MaxUint32)) }
func (r *plainReader) int() int       { return int(r.upTo(math.MaxInt)) }

// bytes are those of a string of either type; they are the reader's.
func (r *plainReader) bytes(major byte) []byte {
	n := r.head(major)
	if r.failed || n > uint64(len(r.b)) {
		r.failed = true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *plainReader) text() string { return string(r.bytes(cborText)) }

// word is a text that is mostly one of a few, which take no memory.
func (r *plainReader) word(known ...string) string {
	b := r.bytes(cborText)
	for _, w := range known {
		if string(b) == w {
			return w
		}
	}
	return string(b)
}

func (r *plainReader) hash() (h lode.Hash) {
	b := r.bytes(cborBytes)
	if len(b) != len(h) {
		r.failed = true
	}
	copy(h[:], b)
	return h
}

// time is one in UTC; null is the zero time.
func (r *plainReader) time() (at time.Time) {
	if len(r.b) > 0 && r.b[0] == cborNull {
		r.b = r.b[1:]
		return at
	}
	b := r.bytes(cborText)
	if len(b) == 0 || b[len(b)-1] != 'Z' || at.UnmarshalText(b) != nil {
		r.failed = true
	}
	return at
}

// counts is a map that has something in it, in any order of its keys.
func (r *plainReader) counts() map[string]int64 {
	n := r.head(cborMap)
	if n == 0 || n > maxMapPairs || n > uint64(len(r.b)) {
		r.failed = true
		return nil
	}
	counts := make(map[string]int64, n)
	for range n {
		counts[r.text()] = int64(r.int())
	}
	if len(counts) != int(n) {
		r.failed = true // a key twice
	}
	return counts
}

// named is a map from names to bytes that has something in it. What it returns is the caller's.
func (r *plainReader) named() map[string][]byte {
	n := r.head(cborMap)
	if n == 0 || n > maxMapPairs || n > uint64(len(r.b)) {
		r.failed = true
		return nil
	}
	named := make(map[string][]byte, n)
	for range n {
		name := r.text()
		named[name] = append([]byte{}, r.bytes(cborBytes)...)
	}
	if len(named) != int(n) {
		r.failed = true // a name twice
	}
	return named
}

func (r *plainReader) hashes() []lode.Hash {
	n := r.items()
	list := make([]lode.Hash, 0, n.room())
	for r.more(&n) {
		list = append(list, r.hash())
	}
	return list
}

// plainItems are how many items of an array are still to be read.
type plainItems uint64

// items begins an array that has something in it: an empty one is left out of records.
func (r *plainReader) items() plainItems {
	n := r.head(cborArray)
	if n == 0 || n > maxArrayElements {
		r.failed = true
	}
	return plainItems(n)
}

// room is for how many of the items to make room at once, whatever the array says.
func (n plainItems) room() int { return int(min(n, 64)) }

// more goes to the next item, which must be read before the next call.
func (r *plainReader) more(n *plainItems) bool {
	if r.failed || *n == 0 {
		return false
	}
	*n--
	return true
}

// plainFields walks the fields of a struct, which ascend.
type plainFields struct {
	left uint64
	key  uint64 // from 1 on
}

func (r *plainReader) fields() plainFields { return plainFields{left: r.head(cborMap)} }

// next goes to the next field; its value must be read before the next call.
func (r *plainReader) next(f *plainFields) bool {
	if r.failed || f.left == 0 {
		return false
	}
	f.left--
	key := r.head(cborUint)
	if key <= f.key {
		r.failed = true
	}
	f.key = key
	return !r.failed
}
