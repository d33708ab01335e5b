package seal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/lodedb/lode"
)

// Sizes of the stream form.
const (
	StreamHeaderBytes = 24
	ChunkBytes        = 64 << 10
	sumBytes          = 4
)

const streamMagic = 0x6C

// StreamBytes returns the size of a sealed stream of n payload bytes.
func StreamBytes(n int64) int64 {
	chunks := n / ChunkBytes
	if n%ChunkBytes != 0 {
		chunks++
	}
	return StreamHeaderBytes + n + chunks*sumBytes
}

// Writer seals a stream of a length that is known beforehand.
type Writer struct {
	w       io.Writer
	seed    uint32 // CRC of the header
	chunk   uint64 // number of the chunk in buf
	missing int64  // bytes that are announced and not yet written
	buf     []byte
}

// NewWriter writes the header of a stream of n payload bytes to w. Close ends the stream; it
// does not close w.
func NewWriter(w io.Writer, kind Kind, n int64) (*Writer, error) {
	if n < 0 {
		return nil, fmt.Errorf("seal stream of %d bytes", n)
	}
	head := make([]byte, 0, StreamHeaderBytes)
	head = append(head, streamMagic, Version, byte(kind), 0)
	head = binary.LittleEndian.AppendUint32(head, 0)
	head = binary.LittleEndian.AppendUint64(head, uint64(n))
	head = binary.LittleEndian.AppendUint32(head, 0)
	seed := crc32.Checksum(head, castagnoli)
	head = binary.LittleEndian.AppendUint32(head, seed)
	if _, err := w.Write(head); err != nil {
		return nil, err
	}
	return &Writer{w: w, seed: seed, missing: n, buf: make([]byte, 0, min(n, ChunkBytes)+sumBytes)}, nil
}

// Write adds payload. More than was announced is an error.
func (w *Writer) Write(b []byte) (int, error) {
	if int64(len(b)) > w.missing {
		return 0, fmt.Errorf("seal stream: %d bytes more than announced", int64(len(b))-w.missing)
	}
	written := 0
	for len(b) > 0 {
		n := min(len(b), ChunkBytes-len(w.buf))
		w.buf = append(w.buf, b[:n]...)
		b = b[n:]
		w.missing -= int64(n)
		written += n
		if len(w.buf) == ChunkBytes {
			if err := w.flush(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

// Close writes the last chunk. It is an error when less was written than announced.
func (w *Writer) Close() error {
	if w.missing > 0 {
		return fmt.Errorf("seal stream: %d bytes fewer than announced", w.missing)
	}
	if len(w.buf) == 0 {
		return nil
	}
	return w.flush()
}

func (w *Writer) flush() error {
	sum := chunkSum(w.seed, w.chunk, w.buf)
	_, err := w.w.Write(binary.LittleEndian.AppendUint32(w.buf, sum))
	w.buf = w.buf[:0]
	w.chunk++
	return err
}

func chunkSum(seed uint32, chunk uint64, b []byte) uint32 {
	var place [12]byte
	binary.LittleEndian.PutUint32(place[:], seed)
	binary.LittleEndian.PutUint64(place[4:], chunk)
	return crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, b)
}

// Reader opens a sealed stream. What it returns has been checked, and it ends with [io.EOF]
// only when all of the announced payload was there. It reads nothing behind the stream.
type Reader struct {
	r      io.Reader
	seed   uint32
	chunk  uint64
	length int64
	left   int64 // payload bytes not yet read from r
	buf    []byte
	ready  []byte // checked bytes of buf that were not yet handed out
	err    error
}

// NewReader reads and checks the header of a stream.
func NewReader(r io.Reader, kind Kind) (*Reader, error) {
	var head [StreamHeaderBytes]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, cutShort("stream header", err)
	}
	if err := checkHead(head[:], streamMagic); err != nil {
		return nil, err
	}
	seed := crc32.Checksum(head[:20], castagnoli)
	if want := binary.LittleEndian.Uint32(head[20:]); seed != want {
		return nil, lode.Errorf(lode.CodeCorrupt, "stream header has checksum %08x, its bytes have %08x", want, seed)
	}
	if err := checkUse(head[:], kind); err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint64(head[8:]))
	if n < 0 || binary.LittleEndian.Uint32(head[16:]) != 0 {
		return nil, lode.Errorf(lode.CodeCorrupt, "stream header is not one of version %d", Version)
	}
	return &Reader{r: r, seed: seed, length: n, left: n}, nil
}

// Len returns the announced length of the payload. It comes from the stream: bound it
// before allocating.
func (r *Reader) Len() int64 { return r.length }

// Read returns checked payload.
func (r *Reader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if len(r.ready) == 0 && r.err == nil {
		r.err = r.next()
	}
	if len(r.ready) == 0 {
		return 0, r.err
	}
	n := copy(b, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

func (r *Reader) next() error {
	if r.left == 0 {
		return io.EOF
	}
	n := int(min(r.left, ChunkBytes))
	if r.buf == nil {
		r.buf = make([]byte, n+sumBytes)
	}
	buf := r.buf[:n+sumBytes]
	if _, err := io.ReadFull(r.r, buf); err != nil {
		return cutShort(fmt.Sprintf("stream chunk %d", r.chunk), err)
	}
	sum := chunkSum(r.seed, r.chunk, buf[:n])
	if want := binary.LittleEndian.Uint32(buf[n:]); sum != want {
		return lode.Errorf(lode.CodeCorrupt, "stream chunk %d has checksum %08x, its bytes have %08x", r.chunk, want, sum)
	}
	r.ready = buf[:n]
	r.left -= int64(n)
	r.chunk++
	return nil
}

// cutShort makes an end that came too early corrupt, and leaves other errors as they are.
func cutShort(what string, err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return lode.Errorf(lode.CodeCorrupt, "%s is cut short", what)
	}
	return fmt.Errorf("read %s: %w", what, err)
}
