package seal

import (
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/lodedb/lode"
)

// Kind says what is inside an envelope. The caller chooses it, and names it again to open:
// a block of one kind is never taken for another.
type Kind uint8

// Version is the format version of both forms.
const Version = 1

// HeaderBytes is what a block is longer than its payload.
const HeaderBytes = 16

// MaxPayloadBytes is the largest payload of a block.
const MaxPayloadBytes = 1<<31 - 1

const blockMagic = 0x4C

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Seal returns payload in an envelope.
func Seal(kind Kind, payload []byte) []byte {
	return AppendSeal(make([]byte, 0, HeaderBytes+len(payload)), kind, payload)
}

// AppendSeal appends payload in an envelope to dst. It panics when payload is larger than
// [MaxPayloadBytes].
func AppendSeal(dst []byte, kind Kind, payload []byte) []byte {
	if len(payload) > MaxPayloadBytes {
		panic("seal: payload is too large for a block")
	}
	start := len(dst)
	dst = append(dst, blockMagic, Version, byte(kind), 0)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(payload)))
	sum := crc32.Update(crc32.Checksum(dst[start:], castagnoli), castagnoli, payload)
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	return append(dst, payload...)
}

// Open checks the envelope b, all of it, and returns its payload, which shares memory with
// b. Damage, a wrong kind and bytes after the end are [lode.CodeCorrupt]; a version or key
// that this program does not know is too, with a message and a hint that say so.
func Open(kind Kind, b []byte) (payload []byte, err error) {
	if len(b) < HeaderBytes {
		return nil, lode.Errorf(lode.CodeCorrupt, "envelope has %d bytes, a header has %d", len(b), HeaderBytes)
	}
	if err := checkHead(b, blockMagic); err != nil {
		return nil, err
	}
	payload = b[HeaderBytes:]
	if n := binary.LittleEndian.Uint32(b[8:]); uint64(n) != uint64(len(payload)) {
		return nil, lode.Errorf(lode.CodeCorrupt, "envelope announces %d bytes and holds %d", n, len(payload))
	}
	sum := crc32.Update(crc32.Checksum(b[:12], castagnoli), castagnoli, payload)
	if want := binary.LittleEndian.Uint32(b[12:]); sum != want {
		return nil, lode.Errorf(lode.CodeCorrupt, "envelope has checksum %08x, its bytes have %08x", want, sum)
	}
	if err := checkUse(b, kind); err != nil {
		return nil, err
	}
	return payload, nil
}

// checkHead checks what must be known before a checksum can be computed.
func checkHead(b []byte, magic byte) error {
	if b[0] != magic {
		return lode.Errorf(lode.CodeCorrupt, "envelope begins with %#02x, not %#02x", b[0], magic)
	}
	if b[1] != Version {
		return lode.Errorf(lode.CodeCorrupt, "envelope has format version %d, this program knows %d", b[1], Version).
			WithHint("data written by a newer lode needs a newer lode; otherwise the bytes are damaged")
	}
	return nil
}

// checkUse checks what the caller needs of an envelope whose checksum is right.
func checkUse(b []byte, kind Kind) error {
	if b[3] != 0 {
		return lode.Errorf(lode.CodeCorrupt, "envelope has %#02x in its reserved byte", b[3])
	}
	if id := binary.LittleEndian.Uint32(b[4:]); id != 0 {
		return lode.Errorf(lode.CodeCorrupt, "envelope is under key %d, this program reads plain envelopes only", id).
			WithHint("data written by a newer lode needs a newer lode")
	}
	if Kind(b[2]) != kind {
		return lode.Errorf(lode.CodeCorrupt, "envelope holds kind %d, not %d", b[2], kind)
	}
	return nil
}

// ReadBlock reads one block from r, and nothing behind it, and returns its payload. A
// payload that is announced to be larger than maxPayload is refused before it is read.
func ReadBlock(r io.Reader, kind Kind, maxPayload int) (payload []byte, err error) {
	head := make([]byte, HeaderBytes)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, cutShort("envelope header", err)
	}
	if err := checkHead(head, blockMagic); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(head[8:])
	if uint64(n) > uint64(maxPayload) {
		return nil, lode.Errorf(lode.CodeCorrupt, "envelope announces %d bytes, at most %d are allowed here", n, maxPayload)
	}
	block := append(head, make([]byte, n)...)
	if _, err := io.ReadFull(r, block[HeaderBytes:]); err != nil {
		return nil, cutShort("envelope", err)
	}
	return Open(kind, block)
}
