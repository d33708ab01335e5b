package segment

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"slices"

	"github.com/blevesearch/vellum"

	"github.com/lodedb/lode"
)

// encoder writes a segment: the terms in order of their bytes, each with its postings in order
// of rows, and then the terms of each row. Nothing that it writes depends on anything else.
type encoder struct {
	out     *writer
	buffer  *bufio.Writer // before out
	opts    Options
	lengths [MaxFields][]uint32 // of all rows, by field

	dictionary bytes.Buffer // held in memory until the postings are written
	builder    *vellum.Builder
	at         uint64 // within the postings

	term      termEncoder
	forward   uint64 // bytes so far
	groups    []byte // the forward index
	row       uint64 // of the next forward entry
	scratch   []byte
	exhausted error
}

func newEncoder(w io.Writer, opts Options, lengths [MaxFields][]uint32) (*encoder, error) {
	e := &encoder{out: newWriter(w), opts: opts, lengths: lengths}
	e.buffer = bufio.NewWriterSize(e.out, 1<<18)
	e.out.begin(sectionPostings)
	builder, err := vellum.New(&e.dictionary, nil)
	e.builder = builder
	return e, err
}

// termEncoder makes the record of a term.
type termEncoder struct {
	number    uint32
	rows      uint32
	base      uint32 // the row after the last one that is encoded
	block     block
	lasts     []uint32
	ends      []uint32
	blocks    []byte
	positions []byte
	inBlock   summary
	top       summary
	bounds    [MaxFields]uint32 // lengths of a row
	mask      uint8
}

func (e *encoder) beginTerm(number uint32) {
	t := &e.term
	t.number, t.rows, t.base, t.mask = number, 0, 0, 0
	t.lasts, t.ends, t.blocks, t.positions = t.lasts[:0], t.ends[:0], t.blocks[:0], t.positions[:0]
	t.top.reset()
	t.inBlock.reset()
	t.block.reset()
}

// posting adds a row that holds the term counts times, by field, at encoded positions.
func (e *encoder) posting(row uint32, counts []uint32, positions []byte) {
	t := &e.term
	if t.block.n == blockPostings {
		e.flush(true)
	}
	for f := range counts {
		t.bounds[f] = e.lengths[f][row]
	}
	if !e.opts.Positions {
		positions = nil
	}
	t.block.add(row, counts, positions)
	t.inBlock.add(counts, t.bounds[:len(counts)])
	t.rows++
}

// flush encodes the block that has gathered.
func (e *encoder) flush(several bool) {
	t := &e.term
	last := t.block.rows[t.block.n-1]
	t.mask |= t.block.mask
	t.inBlock.reduce()
	at := -1
	if several {
		at = len(t.positions)
		if !e.opts.Positions {
			at = 0
		}
	}
	t.positions = append(t.positions, t.block.positions...)
	t.blocks = t.block.encode(t.blocks, e.opts.fields(), t.base, &t.inBlock, at)
	t.top.merge(&t.inBlock, e.opts.fields())
	t.lasts = append(t.lasts, last)
	if len(t.blocks) > math.MaxUint32 {
		e.exhausted = lode.Errorf(lode.CodeTooLarge, "write lexical segment: the postings of a term have more than 4 GiB")
	}
	t.ends = append(t.ends, uint32(len(t.blocks)))
	t.base = last + 1
	t.inBlock.reset()
	t.block.reset()
}

// endTerm writes the record of a term that has a row at least.
func (e *encoder) endTerm(term []byte) error {
	t := &e.term
	several := t.rows > blockPostings
	e.flush(several)
	b := binary.AppendUvarint(e.scratch[:0], uint64(t.number))
	b = binary.AppendUvarint(b, uint64(t.rows))
	if e.opts.Positions {
		b = binary.AppendUvarint(b, uint64(len(t.positions)))
	}
	if several {
		b = binary.AppendUvarint(b, uint64(len(t.blocks)))
		b = append(b, t.mask)
		t.top.reduce()
		b = t.top.append(b, e.opts.fields(), t.mask)
		for i := range t.lasts {
			b = binary.LittleEndian.AppendUint32(b, t.lasts[i])
			b = binary.LittleEndian.AppendUint32(b, t.ends[i])
		}
	}
	e.scratch = b
	if err := e.builder.Insert(term, e.at); err != nil {
		return err
	}
	for _, part := range [][]byte{b, t.blocks, t.positions} {
		if _, err := e.buffer.Write(part); err != nil {
			return err
		}
		e.at += uint64(len(part))
	}
	e.out.foot.terms++
	return e.exhausted
}

// endTerms writes what lies between the postings and the terms of rows.
func (e *encoder) endTerms() error {
	if err := e.builder.Close(); err != nil {
		return err
	}
	if err := e.buffer.Flush(); err != nil {
		return err
	}
	e.out.end(sectionPostings)
	e.out.begin(sectionDictionary)
	e.out.write(e.dictionary.Bytes())
	e.out.end(sectionDictionary)
	e.dictionary = bytes.Buffer{}
	e.writeLengths()
	e.out.begin(sectionForward)
	return e.out.err
}

func (e *encoder) writeLengths() {
	foot := &e.out.foot
	foot.fields, foot.positions = e.opts.fields(), e.opts.Positions
	foot.analyzer, foot.source = e.opts.Analyzer, e.opts.Source
	foot.rows = uint64(len(e.lengths[0]))
	e.out.begin(sectionLengths)
	for f := range foot.fields {
		width := 1
		if most := slices.Max(append(e.lengths[f][:len(e.lengths[f]):len(e.lengths[f])], 0)); most >= 1<<16 {
			width = 4
		} else if most >= 1<<8 {
			width = 2
		}
		foot.widths[f] = uint8(width)
		b := make([]byte, 0, len(e.lengths[f])*width)
		for _, n := range e.lengths[f] {
			foot.totals[f] += uint64(n)
			for i := range width {
				b = append(b, byte(n>>(8*i)))
			}
		}
		e.out.write(b)
		e.out.pad(alignment)
	}
	for row := range e.lengths[0] {
		if e.length(row) > 0 {
			foot.filled++
		}
	}
	e.out.end(sectionLengths)
}

// length is the number of terms of a row in all fields.
func (e *encoder) length(row int) (n uint64) {
	for f := range e.opts.fields() {
		n += uint64(e.lengths[f][row])
	}
	return n
}

// rowTerms writes the numbers of the terms of the next row, which ascend.
func (e *encoder) rowTerms(numbers []uint32) error {
	if e.row%forwardGroup == 0 {
		e.groups = binary.LittleEndian.AppendUint64(e.groups, e.forward)
	}
	e.row++
	e.scratch = appendNumbers(e.scratch[:0], numbers)
	e.forward += uint64(len(e.scratch))
	_, err := e.buffer.Write(e.scratch)
	return err
}

func (e *encoder) finish() error {
	if err := e.buffer.Flush(); err != nil {
		return err
	}
	e.out.end(sectionForward)
	e.out.begin(sectionForwardIndex)
	e.out.write(e.groups)
	e.out.end(sectionForwardIndex)
	return e.out.finish()
}

// appendNumbers appends how many numbers there are, and the distances between them.
func appendNumbers(dst []byte, numbers []uint32) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(numbers)))
	last := uint32(0)
	for _, number := range numbers {
		dst = binary.AppendUvarint(dst, uint64(number-last))
		last = number
	}
	return dst
}
