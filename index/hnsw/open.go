package hnsw

import (
	"context"
	"hash/crc32"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
	"github.com/lodedb/lode/index/quant"
)

// Sealed searches the form that [Index.Seal] wrote, in place: in memory that somebody else
// owns, such as a mapped file, and must keep as it is until no search runs and the Sealed
// is not used any more. It does not change, and may be searched by any number of goroutines.
// A page that cannot be read makes a search fail with [lode.CodeCorrupt].
type Sealed struct {
	o         Options
	view      view
	head      *head
	data      []byte
	memory    *arena          // that data lies in, if it is our own
	deleted   []atomic.Uint64 // nil: none
	gone      int
	oversized []uint32
	searchers sync.Pool
	plans     Planner
}

// OpenOptions say how the sealed form is opened.
type OpenOptions struct {
	// Vectors are the full vectors as little-endian float32, one after another by ordinal,
	// for a form that was written without them. Under cosine they must be of length 1, as
	// [Index.Vector] gives them.
	Vectors []byte
	// Trust leaves out the checksums of codes, links and vectors, and the check of every
	// link. What is wrong in them then gives wrong answers, but never reads foreign memory.
	// Use it for bytes that were checked before; [Sealed.Verify] checks them later.
	Trust bool
	// Threads is how many goroutines SearchBatch may use. The default is GOMAXPROCS.
	Threads int
}

// Open opens the sealed form in data, which must begin at a multiple of 4 in memory, and for
// speed of 64. What does not match its checksum, is cut, or links to rows that do not exist
// is [lode.CodeCorrupt].
func Open(data []byte, o OpenOptions) (x *Sealed, err error) {
	fault := distance.Guard(func() { x, err = open(data, o) })
	if fault != nil {
		return nil, lode.Errorf(lode.CodeCorrupt, "open sealed hnsw index: %w", fault)
	}
	return x, err
}

func open(data []byte, o OpenOptions) (*Sealed, error) {
	if len(data) > 0 && uintptr(unsafe.Pointer(unsafe.SliceData(data)))%4 != 0 {
		return nil, lode.Invalid("data", uintptr(unsafe.Pointer(unsafe.SliceData(data)))%4, "the sealed form must begin at a multiple of 4 in memory")
	}
	h, err := decodeHead(data)
	if err != nil {
		return nil, err
	}
	if want := headBytes + h.sumsBytes() + h.body; len(data) != want {
		return nil, corrupt("%d bytes, its head speaks of %d", len(data), want)
	}
	x := &Sealed{head: h, data: data}
	x.o = Options{
		Dim: h.dim, Metric: h.metric, M: h.m, Ef: h.ef, Kind: h.kind, Seed: h.seed, Threads: o.Threads,
	}.EnsureDefaults()
	x.searchers.New = func() any { return new(searcher) }
	if crc32.Checksum(x.sums(), castagnoli) != h.sums {
		return nil, corrupt("its table of checksums does not match")
	}
	for section := range sections {
		if o.Trust && (section == sectionCodes || section == sectionLinks || section == sectionVectors) {
			continue
		}
		if err := x.verifySection(section); err != nil {
			return nil, err
		}
	}
	if err := x.lay(o.Vectors); err != nil {
		return nil, err
	}
	return x, x.checkNumbers(!o.Trust)
}

func (x *Sealed) sums() []byte { return x.data[headBytes : headBytes+x.head.sumsBytes()] }
func (x *Sealed) body() []byte { return x.data[headBytes+x.head.sumsBytes():] }

// verifySection checks the blocks that a section lies in.
func (x *Sealed) verifySection(section int) error {
	at := x.head.section[section]
	if at.size == 0 {
		return nil
	}
	return x.verifyBlocks(at.start/blockBytes, (at.start+at.size-1)/blockBytes)
}

func (x *Sealed) verifyBlocks(first, last int) error {
	body, sums := x.body(), words(x.sums())
	for i := first; i <= last; i++ {
		block := body[i*blockBytes : min((i+1)*blockBytes, len(body))]
		if crc32.Checksum(block, castagnoli) != sums[i] {
			return corrupt("block %d of %d bytes does not match its checksum", i, blockBytes)
		}
	}
	return nil
}

// Verify compares every byte with its checksum, and checks every link.
func (x *Sealed) Verify(ctx context.Context) error {
	var err error
	fault := distance.Guard(func() {
		if _, err = decodeHead(x.data); err != nil {
			return
		}
		if crc32.Checksum(x.sums(), castagnoli) != x.head.sums {
			err = corrupt("its table of checksums does not match")
			return
		}
		for i := 0; i*blockBytes < x.head.body && err == nil; i++ {
			if err = index.Stopped(ctx); err == nil {
				err = x.verifyBlocks(i, i)
			}
		}
		if err == nil {
			err = x.checkNumbers(true)
		}
	})
	if fault != nil {
		return lode.Errorf(lode.CodeCorrupt, "verify sealed hnsw index: %w", fault)
	}
	return err
}

// lay makes the view's arrays of the sections.
func (x *Sealed) lay(vectors []byte) error {
	h, v := x.head, &x.view
	part := func(section int) []byte { return h.bytes(x.body(), section) }
	center := floats(part(sectionCenter))
	if len(center) == 0 {
		center = nil
	}
	z, err := quant.New(quant.Options{Kind: h.kind, Dim: h.dim, Metric: h.metric, Seed: h.seed, Center: center})
	if err != nil {
		return lode.Errorf(lode.CodeCorrupt, "open sealed hnsw index: %w", err)
	}
	v.dim, v.metric, v.m, v.width, v.places = h.dim, h.metric, h.m, 2*h.m, h.rows
	stride, apart := z.Layout()
	tails := 0
	v.z, v.codes = z, quant.Rows{Codes: part(sectionCodes), Stride: stride}
	if apart {
		tails, v.codes.Tails = h.rows*quant.CorrectionBytes, part(sectionTails)
	}
	v.links, v.upper = words(part(sectionLinks)), words(part(sectionUpper))
	v.ordinals, v.byOrder = words(part(sectionOrdinals)), words(part(sectionPlaces))
	v.levels = make([]span, len(h.levels))
	upper := 0
	for l, n := range h.levels {
		v.levels[l] = span{upper, n}
		upper += n
	}
	v.vectors, v.span = part(sectionVectors), 4*h.dim
	switch {
	case h.kind == quant.None:
		v.vectors, v.span, v.placed = v.codes.Codes, stride, true
	case len(v.vectors) == 0 && h.rows > 0:
		if v.vectors = vectors; len(vectors) != 4*h.dim*h.rows || uintptr(unsafe.Pointer(unsafe.SliceData(vectors)))%4 != 0 {
			return lode.Invalid("vectors", len(vectors), "the sealed form has no vectors: %d bytes of them are needed, at a multiple of 4 in memory", 4*h.dim*h.rows)
		}
	}
	x.oversized = words(part(sectionOversized))
	for section, want := range map[int]int{
		sectionCodes: h.rows * stride, sectionTails: tails, sectionLinks: 4 * h.rows * v.width, sectionUpper: 4 * upper * v.m,
		sectionOrdinals: 4 * h.rows, sectionPlaces: 4 * h.rows,
	} {
		if got := h.section[section].size; got != want {
			return corrupt("section %d has %d bytes, not %d", section, got, want)
		}
	}
	if n := h.section[sectionVectors].size; n != 0 && n != 4*h.dim*h.rows {
		return corrupt("its vectors have %d bytes, not %d", n, 4*h.dim*h.rows)
	}
	return x.layDeleted(part(sectionDeleted))
}

// layDeleted copies the set of deleted rows.
func (x *Sealed) layDeleted(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if len(b) != (x.head.rows+63)/64*8 {
		return corrupt("its set of deleted rows has %d bytes", len(b))
	}
	x.deleted = make([]atomic.Uint64, len(b)/8)
	f := fields(b)
	for i := range x.deleted {
		x.deleted[i].Store(f.u64())
	}
	for o := range uint32(x.head.rows) {
		if x.deleted[o/64].Load()>>(o%64)&1 == 1 {
			x.gone++
		}
	}
	return nil
}

// checkNumbers checks that ordinals and places are each other's inverse, and that links lead
// to rows that exist at their level; those of level 0 only if asked, for they are many.
func (x *Sealed) checkNumbers(all bool) error {
	v, rows := &x.view, uint32(x.head.rows)
	for place, o := range v.ordinals {
		if o >= rows || v.byOrder[o] != uint32(place) {
			return corrupt("row %d has ordinal %d, which is not its own", place, o)
		}
	}
	for _, o := range x.oversized {
		if o >= rows {
			return corrupt("row %d does not exist", o)
		}
	}
	for l, n := range x.head.levels {
		start := v.levels[l].start * v.m
		if to, ok := beyond(v.upper[start:start+n*v.m], uint32(n)); ok {
			return corrupt("a link of level %d leads to row %d of %d", l+1, to, n)
		}
	}
	if all {
		if to, ok := beyond(v.links, rows); ok {
			return corrupt("a link leads to row %d of %d", to, rows)
		}
	}
	return nil
}

// beyond returns a link that is not below rows, if there is one.
func beyond(links []uint32, rows uint32) (uint32, bool) {
	for _, to := range links {
		if to >= rows {
			return to, true
		}
	}
	return 0, false
}

func words(b []byte) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

func floats(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}
