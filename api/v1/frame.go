package v1

import (
	"encoding/binary"
	"math"

	"github.com/lodedb/lode"
)

// A frame is a body of [MediaTypeVectors]: a head of 32 bytes, then columns, all integers and
// floats little-endian, nothing between them and nothing behind. docs/wire.md has the tables
// of bytes. Parsing checks every length before anything of that length is made, copies what
// it returns, and names the offending field in a coded error.

// The kinds of frames, by their first four bytes.
const (
	magicSearch   = "LVSQ"
	magicHits     = "LVSA"
	magicPoints   = "LVPT"
	magicEmbedded = "LVEV"
)

const (
	frameVersion = 1
	frameHead    = 32
)

// FrameParts says which optional columns a frame has; in a search, which ones the answer
// shall have.
type FrameParts uint8

// The optional columns.
const (
	FrameVectors  FrameParts = 1 << iota // not in frames of points, which always have vectors
	FrameMetadata                        // a JSON object for each row, empty for none
	FrameTexts
	FrameExpiry // only in frames of points
	knownParts  = FrameVectors | FrameMetadata | FrameTexts
)

// partsOf are the columns that a kind of frame may have.
func partsOf(magic string) FrameParts {
	switch magic {
	case magicPoints:
		return knownParts | FrameExpiry
	case magicEmbedded:
		return 0
	}
	return knownParts
}

// head is the beginning of every frame. What the numbers are depends on the kind.
type head struct {
	parts   FrameParts
	dim     uint32
	count   uint32
	numbers [4]uint32
}

func (h *head) append(b []byte, magic string) []byte {
	b = append(b, magic...)
	b = append(b, frameVersion, byte(h.parts), 0, 0)
	b = binary.LittleEndian.AppendUint32(b, h.dim)
	b = binary.LittleEndian.AppendUint32(b, h.count)
	for _, n := range h.numbers {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return b
}

// frame is a frame that is being read: what is left of it, and the first thing found wrong.
type frame struct {
	rest []byte
	size int
}

// openFrame reads the head of a frame of a kind.
func openFrame(b []byte, magic string) (head, *frame, error) {
	var h head
	f := &frame{rest: b, size: len(b)}
	switch {
	case len(b) < frameHead:
		return h, nil, lode.FieldError(lode.CodeMalformed, "body", len(b), "the frame has %d bytes, its head alone has %d", len(b), frameHead)
	case string(b[:4]) != magic:
		return h, nil, lode.FieldError(lode.CodeMalformed, "magic", "", "the frame begins with %q, want %q", b[:4], magic)
	case b[4] != frameVersion:
		return h, nil, lode.FieldError(lode.CodeMalformed, "version", b[4], "version %d of the frame is unknown, this is %d", b[4], frameVersion)
	case FrameParts(b[5])&^partsOf(magic) != 0:
		return h, nil, lode.Invalid("flags", b[5], "the frame has unknown flags")
	case b[6] != 0 || b[7] != 0:
		return h, nil, lode.Invalid("reserved", "", "reserved bytes of the head must be zero")
	}
	h.parts = FrameParts(b[5])
	f.rest = b[8:]
	h.dim, h.count = f.number(), f.number()
	for i := range h.numbers {
		h.numbers[i] = f.number()
	}
	return h, f, nil
}

// unused demands zero where a kind of frame has no number: a later version may have one.
func (h *head) unused(from int) error {
	for _, n := range h.numbers[from:] {
		if n != 0 {
			return lode.Invalid("reserved", n, "reserved bytes of the head must be zero")
		}
	}
	return nil
}

// checkDim bounds the dimensions, checkCount the rows.
func (h *head) checkDim() error {
	if h.dim < 1 || h.dim > lode.MaxDim {
		return lode.Invalid("dim", h.dim, "dim must be 1 to %d", lode.MaxDim)
	}
	return nil
}

func (h *head) checkCount(most int) error {
	if h.count < 1 || int64(h.count) > int64(most) {
		return lode.Invalid("count", h.count, "count must be 1 to %d", most)
	}
	return nil
}

// want demands that exactly so many bytes follow.
func (f *frame) want(bytes ...uint64) error {
	var sum uint64
	for _, n := range bytes {
		sum += n // each is less than 2^47: three numbers of 32 bits and small factors
	}
	if sum != uint64(len(f.rest)) {
		return lode.FieldError(lode.CodeMalformed, "body", f.size, "the frame has %d bytes after its head, its numbers say %d", len(f.rest), sum)
	}
	return nil
}

// take cuts bytes off the front; the caller has checked that they are there.
func (f *frame) take(n int) []byte {
	b := f.rest[:n:n]
	f.rest = f.rest[n:]
	return b
}

func (f *frame) number() uint32 { return binary.LittleEndian.Uint32(f.take(4)) }

func (f *frame) long() int64 { return int64(binary.LittleEndian.Uint64(f.take(8))) }

// vectors reads count vectors into one piece of memory.
func (f *frame) vectors(count, dim int) []lode.Vector {
	all := make(lode.Vector, count*dim)
	b := f.take(4 * len(all))
	for i := range all {
		all[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	out := make([]lode.Vector, count)
	for i := range out {
		out[i] = all[i*dim : (i+1)*dim : (i+1)*dim]
	}
	return out
}

// lengths sums up what the rows say of a column, and compares it with what the head says.
func checkColumn(name string, sum uint64, said uint32) error {
	if sum != uint64(said) {
		return lode.FieldError(lode.CodeMalformed, name, said, "the rows have %d bytes of %s, the head says %d", sum, name, said)
	}
	return nil
}

// sameDim returns the dimensions of vectors that go into one frame.
func sameDim(vectors func(yield func(lode.Vector) bool)) (dim int, err error) {
	i := 0
	for v := range vectors {
		switch {
		case len(v) == 0 || len(v) > lode.MaxDim:
			return 0, lode.Invalid("vectors", len(v), "vector %d has %d dimensions, want 1 to %d", i, len(v), lode.MaxDim)
		case i > 0 && len(v) != dim:
			return 0, lode.Invalid("vectors", len(v), "vector %d has %d dimensions, those before it %d", i, len(v), dim)
		}
		dim = len(v)
		i++
	}
	return dim, nil
}
