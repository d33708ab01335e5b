package ann

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/lodedb/lode"
)

// Formats are the endings of the files that [ReadVectors] knows.
//
//	.fvecs .bvecs   each row: int32 dimensions, then float32 or uint8
//	.fbin .u8bin .f16bin   uint32 rows, uint32 dimensions, then float32, uint8, float16
//	.npy            version 1 or 2, two dimensions, C order, f4, f2 or u1
//
// All are little-endian.
var Formats = []string{".fvecs", ".bvecs", ".fbin", ".u8bin", ".f16bin", ".npy"}

// maxVectorBytes bounds the memory of one file's vectors.
const maxVectorBytes = 16 << 30

// element is how a format holds a number.
type element struct {
	size int
	read func(b []byte) float32
}

var (
	float32Element = element{4, func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }}
	float16Element = element{2, func(b []byte) float32 { return halfToFloat(binary.LittleEndian.Uint16(b)) }}
	byteElement    = element{1, func(b []byte) float32 { return float32(b[0]) }}
)

// layout is where a file keeps its rows.
type layout struct {
	element
	rows, dim int
	prefix    int // bytes before each row, which repeat the dimensions
}

// ReadVectors reads a file of vectors, at most limit rows unless limit is 0. The ending of
// the name says the format, one of [Formats]. A file that is shorter or longer than its
// header says is [lode.CodeMalformed].
func ReadVectors(path string, limit int) (*Vectors, error) {
	return openData("dataset", path, func(ext string, r *bufio.Reader, size int64) (*Vectors, error) {
		return decodeVectors(ext, r, size, limit)
	})
}

// openData decodes a file of a run. Errors that name no field yet name the kind of the file.
func openData[T any](kind, path string, decode func(ext string, r *bufio.Reader, size int64) (*T, error)) (*T, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, lode.NotFound(kind, path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	v, err := decode(filepath.Ext(path), bufio.NewReaderSize(f, 1<<20), info.Size())
	var coded *lode.Error
	if errors.As(err, &coded) && coded.Field == "" {
		return nil, lode.FieldError(coded.Code, kind, path, "%s", coded.Message)
	}
	return v, err
}

// decodeVectors reads size bytes of a format.
func decodeVectors(ext string, r *bufio.Reader, size int64, limit int) (*Vectors, error) {
	l, err := readLayout(ext, r, size)
	if err != nil {
		return nil, err
	}
	rows := l.rows
	if limit > 0 {
		rows = min(rows, limit)
	}
	if int64(rows)*int64(l.dim)*4 > maxVectorBytes {
		return nil, lode.Errorf(lode.CodeTooLarge, "%d rows of %d dimensions need more than %d GiB; bound the rows", rows, l.dim, maxVectorBytes>>30)
	}
	v := &Vectors{Rows: rows, Dim: l.dim, Data: make([]float32, rows*l.dim)}
	row := make([]byte, l.prefix+l.dim*l.size)
	for i := range rows {
		if _, err := io.ReadFull(r, row); err != nil {
			return nil, malformed("row %d of %d: %v", i, l.rows, err)
		}
		if l.prefix > 0 && binary.LittleEndian.Uint32(row) != uint32(l.dim) {
			return nil, malformed("row %d has %d dimensions, the first has %d", i, binary.LittleEndian.Uint32(row), l.dim)
		}
		for j, into := 0, v.Row(i); j < l.dim; j++ {
			into[j] = l.read(row[l.prefix+j*l.size:])
		}
	}
	return v, nil
}

// readLayout reads a header and holds it against the size of the file, before anything is
// allocated for it.
func readLayout(ext string, r *bufio.Reader, size int64) (layout, error) {
	switch strings.ToLower(ext) {
	case ".fvecs":
		return vecsLayout(r, size, float32Element)
	case ".bvecs":
		return vecsLayout(r, size, byteElement)
	case ".fbin":
		return binLayout(r, size, float32Element)
	case ".u8bin":
		return binLayout(r, size, byteElement)
	case ".f16bin":
		return binLayout(r, size, float16Element)
	case ".npy":
		return npyLayout(r, size)
	}
	return layout{}, lode.Invalid("dataset", ext, "vectors are read from %s", strings.Join(Formats, ", "))
}

// vecsLayout looks at the first row's dimensions, which all other rows repeat.
func vecsLayout(r *bufio.Reader, size int64, e element) (layout, error) {
	head, err := r.Peek(4)
	if err != nil {
		return layout{}, malformed("%d bytes are too short for a row", size)
	}
	dim := int64(binary.LittleEndian.Uint32(head))
	if err := checkDim(dim); err != nil {
		return layout{}, err
	}
	row := 4 + dim*int64(e.size)
	if size%row != 0 {
		return layout{}, malformed("%d bytes are not a whole number of rows of %d dimensions (%d bytes each)", size, dim, row)
	}
	return layout{element: e, rows: int(size / row), dim: int(dim), prefix: 4}, nil
}

func binLayout(r *bufio.Reader, size int64, e element) (layout, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return layout{}, malformed("%d bytes are too short for a header", size)
	}
	rows, dim := int64(binary.LittleEndian.Uint32(head[:])), int64(binary.LittleEndian.Uint32(head[4:]))
	if err := checkDim(dim); err != nil {
		return layout{}, err
	}
	if want := 8 + rows*dim*int64(e.size); size != want {
		return layout{}, malformed("%d rows of %d dimensions are %d bytes, the file has %d", rows, dim, want, size)
	}
	return layout{element: e, rows: int(rows), dim: int(dim)}, nil
}

func checkDim(dim int64) error {
	if dim < 1 || dim > lode.MaxDim {
		return malformed("the header says %d dimensions; 1 to %d are possible", dim, lode.MaxDim)
	}
	return nil
}

func malformed(format string, args ...any) error {
	return lode.Errorf(lode.CodeMalformed, format, args...)
}

// halfToFloat widens an IEEE 754 binary16.
func halfToFloat(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exponent {
	case 0: // zero and subnormal numbers
		x := float32(fraction) * 0x1p-24
		return math.Float32frombits(math.Float32bits(x) | sign)
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}
