package distance

import "unsafe"

// call is what a batch kernel works on. Assembly reads the fields by their offsets, which
// the generated file proves at compile time.
type call struct {
	query       unsafe.Pointer // padded with zeros to whole blocks of 64 bytes
	rows        *byte
	stride      int
	ids         *uint32 // nil: rows 0 to n-1
	n           int
	width       int // of a row: elements of floats, bytes of codes
	scores      unsafe.Pointer
	positions   *uint32
	limit       int            // rows there are; ids must be below
	lines       int            // cache lines of a row to ask for before the first sum
	corrections unsafe.Pointer // the first row's addend and factor
	apart       int            // bytes from those to the next row's
	whole       int            // scratch of the kernel, up to rest
	pairs       int
	rest        int
	plane       int // bytes from the query's even places to its odd ones
	flags       int
	mul         float32
	off         float32
	add         float32
	threshold   float32

	// What a walk works on besides; see [Walk].
	links    *uint32
	slots    int
	visited  *uint8
	epoch    int
	keys     *int64
	held     int
	room     int
	follow   int
	next     int
	hops     int
	compared int
}

// The flags of a call.
const (
	flagCorrected = 1 << iota // rows carry their own addend and factor
	flagSums                  // write integer sums as they are
	flagAll                   // write every score
)

// batch is a kernel: it returns how many scores it wrote, or -1 when an id is out of range.
// With [flagSums] or [flagAll] it writes all and the number means nothing.
type batch func(c *call) int
