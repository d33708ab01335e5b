package hnsw

import (
	"encoding/binary"
	"hash/crc32"
)

// Repair makes the checksums of a sealed form right, as far as its head makes sense.
func Repair(data []byte) {
	head := data[:headBytes]
	binary.LittleEndian.PutUint32(head[12:], crc32.Update(crc32.Checksum(head[:12], castagnoli), castagnoli, head[16:]))
	h, err := decodeHead(data)
	if err != nil || headBytes+h.sumsBytes()+h.body != len(data) {
		return
	}
	sums, body := data[headBytes:][:h.sumsBytes()], data[headBytes+h.sumsBytes():]
	for i := 0; i*blockBytes < len(body); i++ {
		binary.LittleEndian.PutUint32(sums[4*i:], crc32.Checksum(body[i*blockBytes:min((i+1)*blockBytes, len(body))], castagnoli))
	}
	h.sums = crc32.Checksum(sums, castagnoli)
	copy(head, h.encode())
}
