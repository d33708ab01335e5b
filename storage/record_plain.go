package storage

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/lodedb/lode"
)

// A search reads a version and a chunk for each row that it returns, and every transaction
// where it stands. The general decoder finds fields by reflection, and fills hashes byte by
// byte: it took more of the time than all the rest of such a read. So these records have a
// reader of their own. It knows the form that encodeRecord gives them and nothing else: on
// anything that it does not expect, a new field, another form of a number, damage, it gives up
// and the general decoder decides. So what it accepts, that one accepts with the same result.

// plainRecord reads the records that are read most; done is false for others, and for those
// that the general decoder must look at: v is as it was then.
func plainRecord(payload []byte, v any) (done bool) {
	r := plainReader{b: payload}
	switch v := v.(type) {
	case *lode.Chunk:
		plainChunk(&r, v)
		return r.done() || undo(v)
	case *lode.DocVersion:
		plainVersion(&r, v)
		return r.done() || undo(v)
	case *Segment:
		plainSegment(&r, v)
		return r.done() || undo(v)
	case *appliedRecord:
		plainApplied(&r, v)
		return r.done() || undo(v)
	}
	return false
}

// undo makes what was read in part new again.
func undo[T any](v *T) bool {
	*v = *new(T)
	return false
}

func plainChunk(r *plainReader, c *lode.Chunk) {
	for f := r.fields(); r.next(&f); {
		switch f.key {
		case 1:
			plainChunkID(r, &c.ID)
		case 2:
			c.Text = r.text()
		case 3:
			plainSpan(r, &c.Span)
		case 4:
			n := r.items()
			for c.Path = make([]string, 0, n.room()); r.more(&n); {
				c.Path = append(c.Path, r.text())
			}
		case 5:
			c.Page = r.int()
		case 6:
			c.Tokens = r.int()
		default:
			r.failed = true
		}
	}
}

func plainChunkID(r *plainReader, id *lode.ChunkID) {
	for f := r.fields(); r.next(&f); {
		switch f.key {
		case 1:
			id.Doc = lode.DocNo(r.uint())
		case 2:
			id.Version = lode.Version(r.uint32())
		case 3:
			id.Ordinal = r.uint32()
		default:
			r.failed = true
		}
	}
}

func plainSpan(r *plainReader, s *lode.Span) {
	for f := r.fields(); r.next(&f); {
		switch f.key {
		case 1:
			s.Start = r.int()
		case 2:
			s.End = r.int()
		default:
			r.failed = true
		}
	}
}

// plainVersion leaves those that have failed or wait to the general decoder.
func plainVersion(r *plainReader, v *lode.DocVersion) {
	for f := r.fields(); r.next(&f); {
		switch f.key {
		case 1:
			v.Doc = lode.DocNo(r.uint())
		case 2:
			v.Version = lode.Version(r.uint32())
		case 3:
			v.State = lode.DocState(r.word(string(lode.StateReady)))
		case 4:
			v.Blob = r.hash()
		case 5:
			v.Size = int64(r.int())
		case 6:
			v.URI = r.text()
		case 7:
			v.MediaType = r.text()
		case 8:
			v.ReceivedAt = r.time()
		case 9:
			v.Epoch = r.uint32()
		case 10:
			v.Title = r.text()
		default:
			plainReady(r, f.key, v)
		}
	}
}

// plainReady reads a field that is set when a version becomes ready.
func plainReady(r *plainReader, key uint64, v *lode.DocVersion) {
	switch key {
	case 11:
		v.Silver = r.hash()
	case 12:
		v.Gold = r.hash()
	case 13:
		v.Chunks = r.int()
	case 14:
		v.FirstRow = lode.RowID(r.uint())
	case 15:
		n := r.items()
		for v.Runs = make([]lode.Run, 0, n.room()); r.more(&n); {
			v.Runs = append(v.Runs, lode.Run{})
			plainRun(r, &v.Runs[len(v.Runs)-1])
		}
	case 17:
		v.UpdatedAt = r.time()
	case 20:
		v.Segment = lode.SegmentID(r.uint())
	case 21:
		at := r.time()
		v.ExpiresAt, r.failed = &at, r.failed || at.IsZero()
	default:
		r.failed = true
	}
}

func plainRun(r *plainReader, run *lode.Run) {
	for f := r.fields(); r.next(&f); {
		switch f.key {
		case 1:
			run.Stage = lode.Stage(r.word(string(lode.StageReceive), string(lode.StageParse), string(lode.StageChunk), string(lode.StageEmbed), string(lode.StageCommit)))
		case 2:
			run.Start = r.time()
		case 3:
			run.Duration = time.Duration(r.int())
		case 4:
			run.Inputs = r.hashes()
		case 5:
			run.Outputs = r.hashes()
		case 6:
			run.Config = r.text()
		case 7:
			run.Counts = r.counts()
		default:
			r.failed = true
		}
	}
}

func plainSegment(r *plainReader, s *Segment) {
	for f := r.fields(); r.next(&f); {
		switch f.key {
		case 1:
			s.ID = lode.SegmentID(r.uint())
		case 2:
			s.State = SegmentState(r.upTo(math.MaxUint8))
		case 3:
			s.Pending = r.int()
		case 4:
			s.Members = r.int()
		case 5:
			s.Bytes = int64(r.int())
		case 6:
			s.ClosedAt = r.uint()
		case 7:
			s.Hash = r.hash()
		case 8:
			s.FileBytes = int64(r.int())
		case 9:
			s.PutAt = r.uint()
		default:
			plainMerged(r, f.key, s)
		}
	}
}

// plainMerged reads a field that has to do with merges.
func plainMerged(r *plainReader, key uint64, s *Segment) {
	switch key {
	case 10:
		n := r.items()
		for s.Inputs = make([]lode.SegmentID, 0, n.room()); r.more(&n); {
			s.Inputs = append(s.Inputs, lode.SegmentID(r.uint()))
		}
	case 11:
		s.Into = lode.SegmentID(r.uint())
	case 12:
		s.Rows = int64(r.int())
	case 13:
		s.FileRows = int64(r.int())
	default:
		r.failed = true
	}
}

func plainApplied(r *plainReader, a *appliedRecord) {
	for f := r.fields(); r.next(&f); {
		switch f.key {
		case 1:
			a.Index = r.uint()
		case 2:
			a.Term = r.uint()
		default:
			r.failed = true
		}
	}
}

// plainReader reads what encMode writes. failed says that it met something else; what it
// returns then means nothing. It reads past no end.
type plainReader struct {
	b      []byte
	failed bool
}

// Major types of CBOR.
const (
	cborUint  = 0
	cborBytes = 2
	cborText  = 3
	cborArray = 4
	cborMap   = 5
	cborNull  = 0xf6 // a whole item
)

// done reports whether everything was read, and was as expected.
func (r *plainReader) done() bool { return !r.failed && len(r.b) == 0 }

// head reads the head of an item: of the major type that is asked for, in its shortest form.
func (r *plainReader) head(major byte) uint64 {
	if r.failed || len(r.b) == 0 || r.b[0]>>5 != major {
		r.failed = true
		return 0
	}
	info := r.b[0] & 31
	if info < 24 {
		r.b = r.b[1:]
		return uint64(info)
	}
	if size := 1 << (info - 24); info > 27 || len(r.b) <= size {
		r.failed = true
		return 0
	}
	return r.longHead(info)
}

func (r *plainReader) longHead(info byte) (n uint64) {
	least, size := uint64(24), 1
	switch info {
	case 24:
		n = uint64(r.b[1])
	case 25:
		n, least, size = uint64(binary.BigEndian.Uint16(r.b[1:])), 1<<8, 2
	case 26:
		n, least, size = uint64(binary.BigEndian.Uint32(r.b[1:])), 1<<16, 4
	default:
		n, least, size = binary.BigEndian.Uint64(r.b[1:]), 1<<32, 8
	}
	r.failed = n < least
	r.b = r.b[1+size:]
	return n
}

// upTo is a number that does not exceed a bound.
func (r *plainReader) upTo(most uint64) uint64 {
	n := r.head(cborUint)
	if n > most {
		r.failed = true
	}
	return n
}

func (r *plainReader) uint() uint64   { return r.head(cborUint) }
func (r *plainReader) uint32() uint32 { return uint32(r.upTo(math.MaxUint32)) }
func (r *plainReader) int() int       { return int(r.upTo(math.MaxInt)) }

// bytes are those of a string of either type; they are the reader's.
func (r *plainReader) bytes(major byte) []byte {
	n := r.head(major)
	if r.failed || n > uint64(len(r.b)) {
		r.failed = true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *plainReader) text() string { return string(r.bytes(cborText)) }

// word is a text that is mostly one of a few, which take no memory.
func (r *plainReader) word(known ...string) string {
	b := r.bytes(cborText)
	for _, w := range known {
		if string(b) == w {
			return w
		}
	}
	return string(b)
}

func (r *plainReader) hash() (h lode.Hash) {
	b := r.bytes(cborBytes)
	if len(b) != len(h) {
		r.failed = true
	}
	copy(h[:], b)
	return h
}

// time is one in UTC; null is the zero time.
func (r *plainReader) time() (at time.Time) {
	if len(r.b) > 0 && r.b[0] == cborNull {
		r.b = r.b[1:]
		return at
	}
	b := r.bytes(cborText)
	if len(b) == 0 || b[len(b)-1] != 'Z' || at.UnmarshalText(b) != nil {
		r.failed = true
	}
	return at
}

// counts is a map that has something in it, in any order of its keys.
func (r *plainReader) counts() map[string]int64 {
	n := r.head(cborMap)
	if n == 0 || n > maxMapPairs || n > uint64(len(r.b)) {
		r.failed = true
		return nil
	}
	counts := make(map[string]int64, n)
	for range n {
		counts[r.text()] = int64(r.int())
	}
	if len(counts) != int(n) {
		r.failed = true // a key twice
	}
	return counts
}

func (r *plainReader) hashes() []lode.Hash {
	n := r.items()
	list := make([]lode.Hash, 0, n.room())
	for r.more(&n) {
		list = append(list, r.hash())
	}
	return list
}

// plainItems are how many items of an array are still to be read.
type plainItems uint64

// items begins an array that has something in it: an empty one is left out of records.
func (r *plainReader) items() plainItems {
	n := r.head(cborArray)
	if n == 0 || n > maxArrayElements {
		r.failed = true
	}
	return plainItems(n)
}

// room is for how many of the items to make room at once, whatever the array says.
func (n plainItems) room() int { return int(min(n, 64)) }

// more goes to the next item, which must be read before the next call.
func (r *plainReader) more(n *plainItems) bool {
	if r.failed || *n == 0 {
		return false
	}
	*n--
	return true
}

// plainFields walks the fields of a struct, which ascend.
type plainFields struct {
	left uint64
	key  uint64 // from 1 on
}

func (r *plainReader) fields() plainFields { return plainFields{left: r.head(cborMap)} }

// next goes to the next field; its value must be read before the next call.
func (r *plainReader) next(f *plainFields) bool {
	if r.failed || f.left == 0 {
		return false
	}
	f.left--
	key := r.head(cborUint)
	if key <= f.key {
		r.failed = true
	}
	f.key = key
	return !r.failed
}
