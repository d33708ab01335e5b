package collection

import (
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/distance"
)

// spaceFile is the file of a graph over a named space of a sealed segment. Unlike the graph over
// the rows' own vectors it holds the vectors too: in the segment they lie with the rows, where
// not every row has one. Little endian, every part padded with zeros to 64 bytes:
//
//	head     64 bytes: "lodespac", version u32, dimension u32, rows n u64, CRC32C of the rows,
//	         of the vectors, and of the 32 bytes before, u32 each
//	rows     n x u32: the number of each row in the segment, ascending
//	vectors  n x dimension x f32
//	graph    as [Graphs] wrote it, to the end
type spaceFile struct {
	rows    []uint32
	vectors []byte
	graph   []byte
	sum     uint32 // of the vectors
}

const (
	spaceMagic   = "lodespac"
	spaceVersion = 1
	spaceAlign   = 64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// padded is a length with what is added to it.
func padded(n int) int { return (n + spaceAlign - 1) / spaceAlign * spaceAlign }

// writeSpaceFile writes the file; graph writes the graph.
func writeSpaceFile(w io.Writer, dim int, rows []uint32, vectors []byte, graph func(io.Writer) error) error {
	table := make([]byte, 0, padded(4*len(rows)))
	for _, row := range rows {
		table = binary.LittleEndian.AppendUint32(table, row)
	}
	head := append(make([]byte, 0, spaceAlign), spaceMagic...)
	head = binary.LittleEndian.AppendUint32(head, spaceVersion)
	head = binary.LittleEndian.AppendUint32(head, uint32(dim))
	head = binary.LittleEndian.AppendUint64(head, uint64(len(rows)))
	head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(table, castagnoli))
	head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(vectors, castagnoli))
	head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(head, castagnoli))
	for _, part := range [][]byte{head, table, vectors} {
		if _, err := w.Write(part); err != nil {
			return err
		}
		if _, err := w.Write(make([]byte, padded(len(part))-len(part))); err != nil {
			return err
		}
	}
	return graph(w)
}

// parseSpaceFile reads the file of a space with a dimension over a segment of so many rows. What
// it returns but the rows lies in b; the vectors are not compared with their checksum.
func parseSpaceFile(b []byte, dim, segmentRows int) (f *spaceFile, err error) {
	if fault := distance.Guard(func() { f, err = readSpaceFile(b, dim, segmentRows) }); fault != nil {
		return nil, fault
	}
	return f, err
}

func readSpaceFile(b []byte, dim, segmentRows int) (*spaceFile, error) {
	wrong := func(what string) (*spaceFile, error) {
		return nil, lode.Errorf(lode.CodeCorrupt, "the graph of a vector space is damaged: %s", what)
	}
	if len(b) < spaceAlign || string(b[:8]) != spaceMagic || crc32.Checksum(b[:32], castagnoli) != binary.LittleEndian.Uint32(b[32:]) {
		return wrong("its head")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != spaceVersion {
		return nil, lode.Errorf(lode.CodeCorrupt, "the graph of a vector space has version %d, this program knows %d", v, spaceVersion)
	}
	n := binary.LittleEndian.Uint64(b[16:])
	if int(binary.LittleEndian.Uint32(b[12:])) != dim || n > uint64(segmentRows) {
		return wrong("it is of another space")
	}
	vectorsAt := spaceAlign + padded(4*int(n))
	graphAt := vectorsAt + padded(4*dim*int(n))
	if graphAt > len(b) {
		return wrong("it is cut short")
	}
	table := b[spaceAlign:][:4*n]
	if crc32.Checksum(table, castagnoli) != binary.LittleEndian.Uint32(b[24:]) {
		return wrong("its rows")
	}
	f := &spaceFile{rows: make([]uint32, n), vectors: b[vectorsAt:][:4*dim*int(n)], graph: b[graphAt:], sum: binary.LittleEndian.Uint32(b[28:])}
	for i := range f.rows {
		f.rows[i] = binary.LittleEndian.Uint32(table[4*i:])
		if int(f.rows[i]) >= segmentRows || i > 0 && f.rows[i] <= f.rows[i-1] {
			return wrong("its rows")
		}
	}
	return f, nil
}

// verify compares the vectors with their checksum.
func (f *spaceFile) verify() error {
	sum := f.sum
	fault := distance.Guard(func() { sum = crc32.Checksum(f.vectors, castagnoli) })
	if fault == nil && sum != f.sum {
		fault = lode.Errorf(lode.CodeCorrupt, "the vectors of a vector space do not have their checksum")
	}
	return fault
}
