package segment

import (
	"encoding/binary"
	"math"

	"github.com/lodedb/lode"
)

// reader reads small numbers from front to back. The first thing that is wrong stays in err,
// and everything read after it is 0.
type reader struct {
	data []byte
	at   int
	err  error
}

func corrupt(format string, args ...any) error {
	return lode.Errorf(lode.CodeCorrupt, "lexical segment: "+format, args...)
}

func (r *reader) bad(format string, args ...any) {
	if r.err == nil {
		r.err = corrupt(format, args...)
	}
	r.at = len(r.data)
}

func (r *reader) byte() byte {
	if r.at >= len(r.data) {
		r.bad("a number is cut")
		return 0
	}
	r.at++
	return r.data[r.at-1]
}

// uvarint reads a varint that is not above most.
func (r *reader) uvarint(most uint64) uint64 {
	v, n := binary.Uvarint(r.data[r.at:])
	if n <= 0 || v > most {
		r.bad("a number is cut or larger than %d", most)
		return 0
	}
	r.at += n
	return v
}

func (r *reader) u32() uint32 { return uint32(r.uvarint(math.MaxUint32)) }

// take reads n bytes, and leaves packSlack bytes more in the capacity where there are some.
func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.data)-r.at {
		r.bad("%d bytes are cut", n)
		return nil
	}
	r.at += n
	return r.data[r.at-n : r.at]
}
