package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// MaxHeaderBytes bounds the header.
const MaxHeaderBytes = 32 << 20

// File is a file of tensors. It may be used by many goroutines at once.
type File struct {
	mapping *vfs.Mapping // keeps the memory; nil when the bytes were given
	tensors map[string]Tensor
}

// Tensor is a block of numbers. It is read in place and must not outlive its file.
type Tensor struct {
	Type  Type
	Shape []int
	data  []byte
}

// Type is the type of a tensor's numbers.
type Type string

// The types that can be read.
const (
	F64  Type = "F64"
	F32  Type = "F32"
	F16  Type = "F16"
	BF16 Type = "BF16"
	I64  Type = "I64"
	I32  Type = "I32"
	I8   Type = "I8"
)

// widths are the bytes of a number of each type.
var widths = map[Type]int{F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I8: 1}

// Open maps a file. The file must not change afterwards.
func Open(fsys vfs.FS, name string) (*File, error) {
	m, err := vfs.Map(fsys, name)
	if err != nil {
		return nil, err
	}
	f, err := Parse(m.Bytes())
	if err != nil {
		return nil, err
	}
	f.mapping = m
	return f, nil
}

// Parse reads a file that is in memory, which must not change as long as it is used. Tensors
// of types that cannot be read are left out.
func Parse(b []byte) (*File, error) {
	if len(b) < 8 {
		return nil, malformed("header", "the file has %d bytes", len(b))
	}
	size := binary.LittleEndian.Uint64(b)
	if size > MaxHeaderBytes || size > uint64(len(b)-8) {
		return nil, malformed("header", "a header of %d bytes in a file of %d", size, len(b))
	}
	var entries map[string]json.RawMessage
	if json.Unmarshal(bytes.TrimRight(b[8:8+size], " "), &entries) != nil {
		return nil, malformed("header", "the header is no JSON object")
	}
	f := &File{tensors: make(map[string]Tensor, len(entries))}
	data := b[8+size:]
	for name, raw := range entries {
		if name == "__metadata__" {
			continue
		}
		t, known, err := parseTensor(name, raw, data)
		if err != nil {
			return nil, err
		}
		if known {
			f.tensors[name] = t
		}
	}
	return f, nil
}

func parseTensor(name string, raw json.RawMessage, data []byte) (t Tensor, known bool, err error) {
	var entry struct {
		Type    Type      `json:"dtype"`
		Shape   []int     `json:"shape"`
		Offsets [2]uint64 `json:"data_offsets"`
	}
	if json.Unmarshal(raw, &entry) != nil {
		return t, false, malformed(name, "the entry of the tensor is not one")
	}
	start, end := entry.Offsets[0], entry.Offsets[1]
	if start > end || end > uint64(len(data)) {
		return t, false, malformed(name, "bytes %d to %d of %d", start, end, len(data))
	}
	width, known := widths[entry.Type]
	if !known {
		return t, false, nil
	}
	want := uint64(width)
	for _, n := range entry.Shape {
		high, low := bits.Mul64(want, uint64(n))
		if n < 0 || high != 0 {
			return t, false, malformed(name, "the shape %v is too large", entry.Shape)
		}
		want = low
	}
	if want != end-start {
		return t, false, malformed(name, "%d bytes for the shape %v of %s", end-start, entry.Shape, entry.Type)
	}
	return Tensor{Type: entry.Type, Shape: entry.Shape, data: data[start:end:end]}, true, nil
}

// Names are the names of the tensors, in order.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.tensors)) }

// Tensor returns a tensor by its name.
func (f *File) Tensor(name string) (Tensor, bool) {
	t, ok := f.tensors[name]
	return t, ok
}

// Len is the number of numbers.
func (t Tensor) Len() int { return len(t.data) / widths[t.Type] }

// At returns the i-th number, row by row.
func (t Tensor) At(i int) float64 {
	switch t.Type {
	case F64:
		return math.Float64frombits(binary.LittleEndian.Uint64(t.data[8*i:]))
	case F32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(t.data[4*i:])))
	case F16:
		return float64(float16(binary.LittleEndian.Uint16(t.data[2*i:])))
	case BF16:
		return float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(t.data[2*i:])) << 16))
	case I64:
		return float64(int64(binary.LittleEndian.Uint64(t.data[8*i:])))
	case I32:
		return float64(int32(binary.LittleEndian.Uint32(t.data[4*i:])))
	}
	return float64(int8(t.data[i]))
}

// Float32s copies the numbers into memory.
func (t Tensor) Float32s() []float32 {
	out := make([]float32, t.Len())
	for i := range out {
		out[i] = float32(t.At(i))
	}
	return out
}

// AddTo adds the numbers from the i-th on, each times a weight, to sums. Products are rounded
// before they are added, so that the sums are the same on every CPU.
func (t Tensor) AddTo(sums []float64, i int, weight float64) {
	if t.Type == F32 { // almost all models
		row := t.data[4*i : 4*(i+len(sums))]
		for j := range sums {
			sums[j] += float64(float64(math.Float32frombits(binary.LittleEndian.Uint32(row[4*j:]))) * weight)
		}
		return
	}
	for j := range sums {
		sums[j] += float64(t.At(i+j) * weight)
	}
}

// float16 widens a number of 16 bits.
func float16(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10&0x1F), uint32(h&0x3FF)
	switch {
	case exponent == 0x1F:
		return math.Float32frombits(sign | 0xFF<<23 | fraction<<13)
	case exponent == 0 && fraction == 0:
		return math.Float32frombits(sign)
	case exponent == 0: // less than the smallest normal one
		shift := uint32(bits.LeadingZeros32(fraction)) - 21
		return math.Float32frombits(sign | (113-shift)<<23 | fraction<<shift&0x3FF<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}

func malformed(field, format string, args ...any) error {
	return lode.FieldError(lode.CodeMalformed, "safetensors:"+lode.CutValue(field), "", "the file of tensors is broken: %s", fmt.Sprintf(format, args...))
}
