package segment

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// writer writes a file from front to back and takes the checksums of its blocks.
type writer struct {
	w    io.Writer
	at   uint64
	sum  uint32 // of the block that has begun
	sums []byte
	foot foot
	err  error
}

func newWriter(w io.Writer) *writer {
	out := &writer{w: w}
	out.write(encodeHead())
	return out
}

// Write writes as [io.Writer] has it; the first error stays.
func (w *writer) Write(b []byte) (int, error) {
	w.write(b)
	return len(b), w.err
}

func (w *writer) write(b []byte) {
	if w.err != nil {
		return
	}
	if _, w.err = w.w.Write(b); w.err != nil {
		w.err = fmt.Errorf("write lexical segment: %w", w.err)
		return
	}
	for len(b) > 0 {
		n := min(uint64(len(b)), blockBytes-w.at%blockBytes)
		w.sum = crc32.Update(w.sum, castagnoli, b[:n])
		if w.at += n; w.at%blockBytes == 0 {
			w.sums = binary.LittleEndian.AppendUint32(w.sums, w.sum)
			w.sum = 0
		}
		b = b[n:]
	}
}

func (w *writer) pad(multiple uint64) {
	if over := w.at % multiple; over != 0 {
		w.write(make([]byte, multiple-over))
	}
}

// begin starts a section; its end is where finish or the next begin comes.
func (w *writer) begin(section int) {
	w.pad(alignment)
	w.foot.section[section].start = w.at
}

func (w *writer) end(section int) {
	w.foot.section[section].size = w.at - w.foot.section[section].start
}

// finish writes checksums and foot.
func (w *writer) finish() error {
	w.pad(alignment)
	end := w.at
	if end%blockBytes != 0 {
		w.sums = binary.LittleEndian.AppendUint32(w.sums, w.sum)
	}
	w.foot.sums = extent{end, uint64(len(w.sums))}
	w.foot.sumsCRC = crc32.Checksum(w.sums, castagnoli)
	sums := w.sums
	w.write(sums)
	w.write(w.foot.encode())
	return w.err
}
