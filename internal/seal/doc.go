// Package seal is the envelope of everything that Lode stores or sends through its log:
// every record of the catalogue, every blob, every snapshot, every command.
//
// It owns the header and the checksum; the key id in the header is 0, plain. It does not
// look into the payload and opens no file. There are two forms: a block is sealed and opened
// in memory; a stream is for what may be too large for that.
//
// # Block
//
// All integers are little endian. CRC32C is the Castagnoli polynomial.
//
//	offset  size  field
//	0       1     magic, 0x4C ("L")
//	1       1     format version, 1
//	2       1     kind of payload, chosen by the caller
//	3       1     reserved, 0
//	4       4     key id, 0 = plain
//	8       4     length of the payload, n
//	12      4     CRC32C over bytes 0..11 and the payload
//	16      n     payload
//
// # Stream
//
//	offset  size  field
//	0       1     magic, 0x6C ("l")
//	1       1     format version, 1
//	2       1     kind of payload, chosen by the caller
//	3       1     reserved, 0
//	4       4     key id, 0 = plain
//	8       8     length of the payload, n
//	16      4     reserved, 0
//	20      4     CRC32C over bytes 0..19
//	24            chunks of 65,536 payload bytes, the last one shorter (none when n = 0);
//	              each is followed by 4 bytes: CRC32C over the header's CRC, the chunk's
//	              number (u64, from 0) and the chunk
//
// A chunk's checksum binds it to its place and its stream, so chunks that were exchanged,
// repeated or left out are found.
//
// # Versions
//
//	1  first version; key id must be 0
//
// A block of another version, or one sealed under a key, is refused with a message of its
// own and never taken for damage. When encryption comes, a key id other than 0 says which
// key the payload is under; the header keeps its form.
package seal
