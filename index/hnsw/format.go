package hnsw

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/quant"
	"github.com/lodedb/lode/internal/seal"
)

// FormatVersion is the version of the sealed form that is written, and the only one that
// is read. DESIGN.md has the bytes.
//
//	1  first
const FormatVersion = 1

const (
	kindHead   seal.Kind = 0x40
	blockBytes           = 64 << 10 // of the body, with a checksum each
	headBytes            = 576      // with its envelope
)

// The sections of the body, in order. Each begins at a cache line.
const (
	sectionCenter    = iota // float32 a dimension, or nothing
	sectionCodes            // a row a place
	sectionTails            // the rows' corrections, where they are kept apart
	sectionLinks            // 2·m places a place
	sectionUpper            // m places for each place and level above 0, level by level
	sectionOrdinals         // u32 a place
	sectionPlaces           // u32 an ordinal
	sectionDeleted          // u64 for 64 ordinals, or nothing
	sectionOversized        // u32 ordinals
	sectionVectors          // float32 by ordinal, or nothing
	sections
)

// head is what the sealed form says about itself.
type head struct {
	dim, m, ef int
	metric     lode.Metric
	kind       quant.Kind
	seed       uint64
	rows       int
	entry      uint64
	extent     quant.Extent
	body       int    // bytes
	sums       uint32 // checksum of the checksums
	levels     []int  // rows of level 1 and more, 2 and more, ...
	section    [sections]struct{ start, size int }
}

var (
	metricCodes = []lode.Metric{lode.Cosine, lode.Dot, lode.L2}
	kindCodes   = []quant.Kind{quant.None, quant.Int8, quant.Int4, quant.Bit1}
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
)

func (h *head) encode() []byte {
	b := binary.LittleEndian.AppendUint32(nil, FormatVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(h.dim))
	b = append(b, byte(indexOf(metricCodes, h.metric)), byte(indexOf(kindCodes, h.kind)))
	b = binary.LittleEndian.AppendUint16(b, uint16(h.m))
	b = binary.LittleEndian.AppendUint32(b, uint32(h.ef))
	b = binary.LittleEndian.AppendUint64(b, h.seed)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.rows))
	b = binary.LittleEndian.AppendUint64(b, h.entry)
	for _, f := range []float32{h.extent.Missed, h.extent.Coded, h.extent.Norm} {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	b = binary.LittleEndian.AppendUint32(b, h.sums)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.body))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(h.levels)))
	for l := range maxLevel + 1 {
		n := 0
		if l < len(h.levels) {
			n = h.levels[l]
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
	}
	for _, s := range h.section {
		b = binary.LittleEndian.AppendUint64(b, uint64(s.start))
		b = binary.LittleEndian.AppendUint64(b, uint64(s.size))
	}
	b = append(b, make([]byte, headBytes-seal.HeaderBytes-len(b))...)
	return seal.Seal(kindHead, b)
}

func indexOf[T comparable](list []T, x T) int {
	for i, y := range list {
		if x == y {
			return i
		}
	}
	return -1
}

// fields reads numbers from front to back.
type fields []byte

func (f *fields) u8() int {
	x := (*f)[0]
	*f = (*f)[1:]
	return int(x)
}

func (f *fields) u16() int {
	x := binary.LittleEndian.Uint16(*f)
	*f = (*f)[2:]
	return int(x)
}

func (f *fields) u32() uint32 {
	x := binary.LittleEndian.Uint32(*f)
	*f = (*f)[4:]
	return x
}

func (f *fields) u64() uint64 {
	x := binary.LittleEndian.Uint64(*f)
	*f = (*f)[8:]
	return x
}

func (f *fields) float() float32 { return math.Float32frombits(f.u32()) }

// decodeHead reads a head. Its checksum is right, so what it says is what was written; but
// whoever wrote it is not trusted with this program's memory.
func decodeHead(b []byte) (*head, error) {
	if len(b) < headBytes {
		return nil, corrupt("%d bytes are too few for its head", len(b))
	}
	payload, err := seal.Open(kindHead, b[:headBytes])
	if err != nil {
		return nil, lode.Errorf(lode.CodeCorrupt, "open sealed hnsw index: head: %w", err)
	}
	f := fields(payload)
	if v := f.u32(); v != FormatVersion {
		return nil, lode.Errorf(lode.CodeCorrupt, "open sealed hnsw index: format version %d, this program knows %d", v, FormatVersion).
			WithHint("data written by a newer lode needs a newer lode")
	}
	h := &head{dim: int(f.u32())}
	metric, kind := f.u8(), f.u8()
	if metric >= len(metricCodes) || kind >= len(kindCodes) {
		return nil, corrupt("unknown metric %d or quantization %d", metric, kind)
	}
	h.metric, h.kind = metricCodes[metric], kindCodes[kind]
	h.m, h.ef, h.seed = f.u16(), int(f.u32()), f.u64()
	rows := f.u64()
	if rows > MaxRows {
		return nil, corrupt("%d rows", rows)
	}
	h.rows, h.entry = int(rows), f.u64()
	h.extent = quant.Extent{Missed: f.float(), Coded: f.float(), Norm: f.float()}
	h.sums = f.u32()
	body := f.u64()
	if body > 1<<56 {
		return nil, corrupt("a body of %d bytes", body)
	}
	h.body = int(body)
	levels := int(f.u32())
	if levels > maxLevel {
		return nil, corrupt("%d levels", levels)
	}
	for l := range maxLevel + 1 {
		if n := int(f.u32()); l < levels {
			h.levels = append(h.levels, n)
		}
	}
	for i := range h.section {
		start, size := f.u64(), f.u64()
		if start > body || size > body-start || start%lineBytes != 0 {
			return nil, corrupt("section %d lies at %d and has %d bytes, beyond the body's %d", i, start, size, body)
		}
		h.section[i].start, h.section[i].size = int(start), int(size)
	}
	return h, h.check()
}

// check compares what the head says with itself.
func (h *head) check() error {
	o := Options{Dim: h.dim, Metric: h.metric, M: h.m, Ef: h.ef, Kind: h.kind}.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return lode.Errorf(lode.CodeCorrupt, "open sealed hnsw index: %w", err)
	}
	before := h.rows
	for l, n := range h.levels {
		if n > before {
			return corrupt("level %d has %d rows, the one below %d", l+1, n, before)
		}
		before = n
	}
	level, place := entryOf(h.entry)
	switch {
	case h.entry == 0 && len(h.levels) == 0:
	case h.entry == 0 || level != len(h.levels) || int(place) >= before:
		return corrupt("its entry is row %d of level %d", place, level)
	}
	return nil
}

func corrupt(format string, args ...any) error {
	return lode.Errorf(lode.CodeCorrupt, "open sealed hnsw index: "+format, args...)
}

// sumsBytes is the size of the table of checksums, which lies between head and body.
func (h *head) sumsBytes() int {
	blocks := (h.body + blockBytes - 1) / blockBytes
	return (4*blocks + lineBytes - 1) / lineBytes * lineBytes
}
