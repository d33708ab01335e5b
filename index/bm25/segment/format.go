package segment

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

// FormatVersion is the version of the file that is written, and the only one that is read.
// docs/format.md has the bytes.
//
//	1  first
const FormatVersion = 1

// Limits of a segment.
const (
	MaxFields        = 8
	MaxRows          = 1<<31 - 1
	MaxAnalyzerBytes = 255
	MaxSourceBytes   = 32
)

const (
	kindHead seal.Kind = 0x48
	kindFoot seal.Kind = 0x49

	headBytes    = 64       // with its envelope
	footBytes    = 512      // with its envelope
	blockBytes   = 64 << 10 // of the file, with a checksum each
	alignment    = 64       // of sections
	forwardGroup = 32       // rows with an entry in the forward index together
)

// The sections of the file, in order.
const (
	sectionPostings     = iota // of each term, in order of terms
	sectionDictionary          // FST from a term to where its postings begin
	sectionLengths             // of rows, one array for each field
	sectionForward             // of each row the numbers of its terms
	sectionForwardIndex        // u64 for forwardGroup rows: where they begin in the forward section
	sections
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type extent struct{ start, size uint64 }

func (e extent) end() uint64 { return e.start + e.size }

// foot is what the file says about itself, at its end.
type foot struct {
	fields    int
	positions bool
	rows      uint64
	terms     uint64
	filled    uint64 // rows with a term
	totals    [MaxFields]uint64
	widths    [MaxFields]uint8 // bytes of a length
	section   [sections]extent
	sums      extent // a CRC32C for each blockBytes of what lies before
	sumsCRC   uint32
	analyzer  string
	source    string
}

func encodeHead() []byte {
	b := binary.LittleEndian.AppendUint32(nil, FormatVersion)
	return seal.Seal(kindHead, append(b, make([]byte, headBytes-seal.HeaderBytes-len(b))...))
}

func (f *foot) encode() []byte {
	b := binary.LittleEndian.AppendUint32(nil, FormatVersion)
	b = append(b, byte(f.fields), boolByte(f.positions), byte(len(f.analyzer)), byte(len(f.source)))
	for _, n := range []uint64{f.rows, f.terms, f.filled} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	for _, n := range f.totals {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	b = append(b, f.widths[:]...)
	for _, e := range append(f.section[:], f.sums) {
		b = binary.LittleEndian.AppendUint64(b, e.start)
		b = binary.LittleEndian.AppendUint64(b, e.size)
	}
	b = binary.LittleEndian.AppendUint32(b, f.sumsCRC)
	b = append(append(b, f.analyzer...), f.source...)
	return seal.Seal(kindFoot, append(b, make([]byte, footBytes-seal.HeaderBytes-len(b))...))
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// decodeFoot reads head and foot of a file. Their checksums are right then; whoever wrote them is
// not trusted with this program's memory.
func decodeFoot(data []byte) (*foot, error) {
	if len(data) < headBytes+footBytes {
		return nil, corrupt("%d bytes are too few", len(data))
	}
	head, err := seal.Open(kindHead, data[:headBytes])
	if err != nil {
		return nil, lode.Errorf(lode.CodeCorrupt, "lexical segment: head: %w", err)
	}
	if v := binary.LittleEndian.Uint32(head); v != FormatVersion {
		return nil, lode.Errorf(lode.CodeCorrupt, "lexical segment: format version %d, this program knows %d", v, FormatVersion).
			WithHint("data written by a newer lode needs a newer lode")
	}
	b, err := seal.Open(kindFoot, data[len(data)-footBytes:])
	if err != nil {
		return nil, lode.Errorf(lode.CodeCorrupt, "lexical segment: foot: %w", err)
	}
	f := &foot{fields: int(b[4]), positions: b[5] == 1}
	name, source := int(b[6]), int(b[7])
	b = b[8:]
	next := func() uint64 {
		v := binary.LittleEndian.Uint64(b)
		b = b[8:]
		return v
	}
	f.rows, f.terms, f.filled = next(), next(), next()
	for i := range f.totals {
		f.totals[i] = next()
	}
	copy(f.widths[:], b)
	b = b[MaxFields:]
	for i := range f.section {
		f.section[i] = extent{next(), next()}
	}
	f.sums = extent{next(), next()}
	f.sumsCRC = binary.LittleEndian.Uint32(b)
	if source > MaxSourceBytes {
		return nil, corrupt("the name of its source has %d bytes", source)
	}
	b = b[4:]
	f.analyzer, f.source = string(b[:name]), string(b[name:name+source])
	return f, f.check(uint64(len(data)))
}

// check compares the numbers with each other and with the size of the file.
func (f *foot) check(size uint64) error {
	if f.fields < 1 || f.fields > MaxFields || f.rows > MaxRows || f.terms > math.MaxUint32 || f.filled > f.rows {
		return corrupt("%d fields, %d rows, %d terms, %d rows with terms", f.fields, f.rows, f.terms, f.filled)
	}
	at := uint64(headBytes)
	for i, e := range f.section {
		if e.start < at || e.start%alignment != 0 || e.start > size || e.size > size-e.start {
			return corrupt("section %d is at %d, of %d bytes", i, e.start, e.size)
		}
		at = e.end()
	}
	if f.sums.start < at || f.sums.start > size-footBytes || f.sums.size != size-footBytes-f.sums.start ||
		f.sums.size != (f.sums.start+blockBytes-1)/blockBytes*4 {
		return corrupt("checksums are at %d, of %d bytes", f.sums.start, f.sums.size)
	}
	for i, w := range f.widths[:f.fields] {
		if w != 1 && w != 2 && w != 4 {
			return corrupt("lengths of field %d have %d bytes", i, w)
		}
	}
	_, lengths := f.lengthOffsets()
	groups := (f.rows + forwardGroup - 1) / forwardGroup
	if f.section[sectionLengths].size != lengths || f.section[sectionForwardIndex].size != 8*groups {
		return corrupt("%d rows have %d bytes of lengths and %d of the forward index", f.rows,
			f.section[sectionLengths].size, f.section[sectionForwardIndex].size)
	}
	return nil
}

// lengthOffsets says where the lengths of each field begin in their section, and its size.
func (f *foot) lengthOffsets() (at [MaxFields]uint64, size uint64) {
	for i := range f.fields {
		at[i] = size
		size += align(f.rows * uint64(f.widths[i]))
	}
	return at, size
}

func align(n uint64) uint64 { return (n + alignment - 1) / alignment * alignment }
