package hnsw

import (
	"unsafe"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/quant"
)

// view is a graph as a search reads it: the arrays of an [Index] at its present size, or of
// a [Sealed] one. Rows are numbered by place. In an Index the place is the ordinal; in the
// sealed form rows are laid out in the order in which searches meet them, and two arrays
// translate.
type view struct {
	dim    int
	metric lode.Metric
	m      int // slots of a row at the levels above 0
	width  int // slots at level 0
	places int // that rows may have: every link is below

	z       *quant.Quantizer
	codes   quant.Rows
	vectors []byte // float32, by ordinal
	span    int    // bytes from one vector to the next

	// links has width slots for every row. Unused slots hold the row's own place, which a
	// search has always seen.
	links []uint32
	// upper has m slots for every row and level above 0.
	upper []uint32
	// upperAt is where a row's levels begin in upper, in rows, plus one; 0 for rows of level
	// 0 only. It is nil in the sealed form, where rows of higher levels come first: the rows
	// of level l begin at levels[l-1].start in upper.
	upperAt []uint32
	levels  []span

	// placed says that vectors lie by place: where they are the codes.
	placed bool

	ordinals []uint32 // by place; nil: the same
	byOrder  []uint32 // places by ordinal; nil: the same

	keep []*arena // that the arrays lie in
}

// row returns the links of a row at a level.
func (v *view) row(level int, place uint32) []uint32 {
	if level == 0 {
		start := int(place) * v.width
		return v.links[start : start+v.width]
	}
	var at int
	if v.upperAt != nil {
		at = int(v.upperAt[place]) - 2 + level
	} else {
		at = v.levels[level-1].start + int(place)
	}
	return v.upper[at*v.m : (at+1)*v.m]
}

func (v *view) ordinal(place uint32) uint32 {
	if v.ordinals == nil {
		return place
	}
	return v.ordinals[place]
}

func (v *view) place(ordinal uint32) uint32 {
	if v.byOrder == nil {
		return ordinal
	}
	return v.byOrder[ordinal]
}

// vector returns the numbers of a row.
func (v *view) vector(ordinal uint32) []float32 {
	if v.placed {
		ordinal = v.place(ordinal)
	}
	start := int(ordinal) * v.span
	row := v.vectors[start : start+4*v.dim]
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(row))), v.dim)
}

// span is a run of rows.
type span struct{ start, rows int }
