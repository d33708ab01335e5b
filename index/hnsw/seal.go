package hnsw

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"runtime"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/quant"
)

// SealOptions say what the sealed form holds.
type SealOptions struct {
	// WithoutVectors leaves out the full vectors; whoever opens the form hands them in.
	// Where the codes are the vectors ([quant.None]) they are there all the same.
	WithoutVectors bool
}

// Seal writes the rows and the graph in the form that [Open] searches in place. Rows may be
// searched meanwhile; writers wait. Deleted rows are written as such.
func (x *Index) Seal(w io.Writer, o SealOptions) error {
	if _, err := w.Write(x.sealed(o).data); err != nil {
		return lode.Errorf(lode.CodeInternal, "write sealed hnsw index: %w", err)
	}
	return nil
}

// Freeze returns the sealed form in memory of its own: faster to search than the index,
// since rows that are searched together lie together.
func (x *Index) Freeze() (*Sealed, error) {
	memory := x.sealed(SealOptions{})
	sealed, err := Open(memory.data, OpenOptions{Trust: true, Threads: x.o.Threads})
	if err == nil {
		sealed.memory = memory
	}
	return sealed, err
}

// sealed lays out the sealed form in memory.
func (x *Index) sealed(o SealOptions) *arena {
	x.writing.Lock()
	defer x.writing.Unlock()
	s, rows := x.state.Load(), int(x.count.Load())
	defer runtime.KeepAlive(s)
	ordinals, levels := x.order(s, rows)
	places := make([]uint32, rows)
	for place, o := range ordinals {
		places[o] = uint32(place)
	}
	h := x.plan(s, rows, levels, o)
	if level, o := entryOf(x.entry.Load()); level >= 0 {
		h.entry = entryKey(level, places[o])
	}
	memory := newArena(headBytes + h.sumsBytes() + h.body)
	sums, body := memory.data[headBytes:][:h.sumsBytes()], memory.data[headBytes+h.sumsBytes():]
	x.fill(body, h, s, ordinals, places)
	for i := 0; i*blockBytes < len(body); i++ {
		runtime.Gosched()
		block := body[i*blockBytes : min((i+1)*blockBytes, len(body))]
		binary.LittleEndian.PutUint32(sums[4*i:], crc32.Checksum(block, castagnoli))
	}
	h.sums = crc32.Checksum(sums, castagnoli)
	copy(memory.data, h.encode())
	return memory
}

// plan gives every section its place.
func (x *Index) plan(s *state, rows int, levels []int, o SealOptions) *head {
	h := &head{
		dim: x.o.Dim, m: x.o.M, ef: x.o.Ef, metric: x.o.Metric, kind: x.o.Kind, seed: x.o.Seed,
		rows: rows, levels: levels, extent: s.extent.load(),
	}
	upper := 0
	for _, n := range levels {
		upper += n
	}
	h.lay(sectionCenter, 4*len(s.z.Options().Center))
	h.lay(sectionCodes, rows*s.codes.Stride)
	h.lay(sectionTails, 0)
	if s.codes.Tails != nil {
		h.lay(sectionTails, rows*quant.CorrectionBytes)
	}
	h.lay(sectionLinks, 4*rows*s.width)
	h.lay(sectionUpper, 4*upper*s.m)
	h.lay(sectionOrdinals, 4*rows)
	h.lay(sectionPlaces, 4*rows)
	if x.gone.Load() > 0 {
		h.lay(sectionDeleted, (rows+63)/64*8)
	}
	if list := s.oversized.Load(); list != nil {
		h.lay(sectionOversized, 4*len(*list))
	}
	if !o.WithoutVectors && h.kind != quant.None {
		h.lay(sectionVectors, 4*h.dim*rows)
	}
	return h
}

// lay gives a section its place at the end of the body.
func (h *head) lay(section, size int) {
	at := &h.section[section]
	at.start, at.size = h.body, size
	h.body = (h.body + size + lineBytes - 1) / lineBytes * lineBytes
}

func (h *head) bytes(body []byte, section int) []byte {
	at := h.section[section]
	return body[at.start : at.start+at.size : at.start+at.size]
}

func (x *Index) fill(body []byte, h *head, s *state, ordinals, places []uint32) {
	part := func(section int) []byte { return h.bytes(body, section) }
	center := part(sectionCenter)
	for i := range len(center) / 4 {
		binary.LittleEndian.PutUint32(center[4*i:], math.Float32bits(s.z.Options().Center[i]))
	}
	links := part(sectionLinks)
	to := quant.Rows{Codes: part(sectionCodes), Stride: s.codes.Stride}
	if s.codes.Tails != nil {
		to.Tails = part(sectionTails)
	}
	alone := make([]uint32, s.width)
	for place, o := range ordinals {
		breathe(place)
		row := s.row(0, o)
		if s.isSetAside(o) {
			row = alone
			for i := range alone {
				alone[i] = o
			}
		}
		putLinks(links[4*place*s.width:], uint32(place), row, o, places)
		code, tail := s.z.Split(s.codes, o)
		toCode, toTail := s.z.Split(to, uint32(place))
		copy(toCode, code)
		copy(toTail, tail)
	}
	upper := part(sectionUpper)
	for l, n := range h.levels {
		for place := range n {
			o := ordinals[place]
			putLinks(upper, uint32(place), s.row(l+1, o), o, places)
			upper = upper[4*s.m:]
		}
	}
	for i := range ordinals {
		breathe(i)
		binary.LittleEndian.PutUint32(part(sectionOrdinals)[4*i:], ordinals[i])
		binary.LittleEndian.PutUint32(part(sectionPlaces)[4*i:], places[i])
	}
	for i, deleted := 0, part(sectionDeleted); i < len(deleted)/8; i++ {
		binary.LittleEndian.PutUint64(deleted[8*i:], s.deleted[i].Load())
	}
	for i, oversized := 0, part(sectionOversized); i < len(oversized)/4; i++ {
		binary.LittleEndian.PutUint32(oversized[4*i:], (*s.oversized.Load())[i])
	}
	if vectors := part(sectionVectors); len(vectors) > 0 {
		for o := range h.rows {
			copy(vectors[4*h.dim*o:4*h.dim*(o+1)], s.vectors[o*s.span:])
		}
	}
}

// putLinks writes a row's links as places; unused slots hold the row's own.
func putLinks(dst []byte, place uint32, row []uint32, ordinal uint32, places []uint32) {
	n := 0
	for i := range row {
		to := atomic.LoadUint32(&row[i])
		if to == ordinal {
			break
		}
		if int(to) < len(places) { // a batch that is not published has links too
			binary.LittleEndian.PutUint32(dst[4*n:], places[to])
			n++
		}
	}
	for ; n < len(row); n++ {
		binary.LittleEndian.PutUint32(dst[4*n:], place)
	}
}
