package ann

import (
	"bufio"
	"encoding/binary"
	"io"
	"regexp"
	"strconv"
)

const (
	npyMagic     = "\x93NUMPY"
	maxNPYHeader = 64 << 10 // headers of plain arrays have some hundred bytes
)

// The three entries of an .npy header, a Python literal whose form numpy fixes.
var (
	npyDescr   = regexp.MustCompile(`'descr'\s*:\s*'([^']*)'`)
	npyFortran = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	npyShape   = regexp.MustCompile(`'shape'\s*:\s*\(\s*(\d+)\s*,\s*(\d+)\s*,?\s*\)`)
)

var npyElements = map[string]element{
	"<f4": float32Element, "<f2": float16Element, "|u1": byteElement, "<u1": byteElement,
}

// npyLayout reads the header of an array as numpy.save writes it.
func npyLayout(r *bufio.Reader, size int64) (layout, error) {
	header, skipped, err := npyHeader(r, size)
	if err != nil {
		return layout{}, err
	}
	descr, fortran, shape := npyDescr.FindStringSubmatch(header), npyFortran.FindStringSubmatch(header), npyShape.FindStringSubmatch(header)
	if descr == nil || fortran == nil || shape == nil {
		return layout{}, malformed("the header of the array does not say its type, its order and two dimensions: %.80q", header)
	}
	e, known := npyElements[descr[1]]
	switch {
	case !known:
		return layout{}, malformed("the array holds %q; <f4, <f2 and |u1 are read", descr[1])
	case fortran[1] == "True":
		return layout{}, malformed("the array is in Fortran order; save it with numpy.ascontiguousarray")
	}
	rows, err1 := strconv.ParseInt(shape[1], 10, 32)
	dim, err2 := strconv.ParseInt(shape[2], 10, 32)
	if err1 != nil || err2 != nil {
		return layout{}, malformed("the array's shape is (%s, %s)", shape[1], shape[2])
	}
	if err := checkDim(dim); err != nil {
		return layout{}, err
	}
	if want := skipped + rows*dim*int64(e.size); size != want {
		return layout{}, malformed("an array of %d × %d is %d bytes, the file has %d", rows, dim, want, size)
	}
	return layout{element: e, rows: int(rows), dim: int(dim)}, nil
}

// npyHeader returns the header's text and how many bytes stand before the data.
func npyHeader(r *bufio.Reader, size int64) (header string, skipped int64, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:6]) != npyMagic {
		return "", 0, malformed("no array as numpy.save writes it")
	}
	width := map[byte]int{1: 2, 2: 4}[head[6]]
	if width == 0 {
		return "", 0, malformed("version %d of the array format; 1 and 2 are read", head[6])
	}
	var count [4]byte
	if _, err := io.ReadFull(r, count[:width]); err != nil {
		return "", 0, malformed("the header of the array is cut")
	}
	length := int64(binary.LittleEndian.Uint32(count[:]))
	if length > maxNPYHeader || length > size {
		return "", 0, malformed("the header of the array says it has %d bytes", length)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return "", 0, malformed("the header of the array is cut")
	}
	return string(text), int64(8+width) + length, nil
}
