package segment

import (
	"bytes"
	"context"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

func sample(t testing.TB, opts Options) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, 8)) // the same in every process of a fuzz run
	var rows []Row
	for range 700 {
		rows = append(rows, randomRow(rng, opts.fields(), 300, 30))
	}
	return mustSeal(t, mustGrow(t, opts, rows))
}

var sampleOptions = Options{Fields: 2, Positions: true, Analyzer: "test", Source: "these"}

// exercise does everything that reads a file, and returns the first error. What it must not do is
// panic, run for ever, or read outside.
func exercise(ctx context.Context, data []byte, opts Options) error {
	x, err := Open(data, opts)
	if err != nil {
		return err
	}
	verified := x.Verify(ctx)
	q := words(word(0), word(3), word(50))
	q.Clauses = append(q.Clauses,
		Clause{Any: []Alternative{{Terms: []Place{{word(0), 0}, {word(1), 1}}}}},
		Clause{Any: []Alternative{{Terms: []Place{{Term: "w1"}}, Prefix: true}}})
	views := []View{{Part: x}}
	_, searched := Search(ctx, q, views, SearchOptions{K: 5})
	_, suggested := Suggest(ctx, word(111), views, 5)
	removed := x.Remove(0, 1, 31, 32, 699)
	merged := Merge(new(bytes.Buffer), opts, Merging{Index: x})
	for _, err := range []error{verified, searched, suggested, removed, merged} {
		if err != nil {
			return err
		}
	}
	return nil
}

// Every byte of a file is under a checksum, or the file is refused: a bit that flips is found by
// Open or by Verify, and is damage wherever it is read.
func TestFlippedBitsAreFound(t *testing.T) {
	data := sample(t, sampleOptions)
	if err := exercise(t.Context(), data, sampleOptions); err != nil {
		t.Fatalf("before anything is flipped: %v", err)
	}
	step := 97
	if testing.Short() {
		step = 997
	}
	for at := 0; at < len(data); at += step {
		data[at] ^= 1 << (at % 8)
		x, err := Open(data, sampleOptions)
		if err == nil {
			err = x.Verify(t.Context())
		}
		if !lode.IsCode(err, lode.CodeCorrupt) {
			t.Fatalf("a bit of byte %d of %d is flipped: %v", at, len(data), err)
		}
		if err := exercise(t.Context(), data, sampleOptions); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Fatalf("a bit of byte %d of %d is flipped: %v", at, len(data), err)
		}
		data[at] ^= 1 << (at % 8)
	}
}

func TestCutFilesAreRefused(t *testing.T) {
	data := sample(t, sampleOptions)
	for n := 0; n < len(data); n += 1 + n/3 {
		if _, err := Open(data[:n], sampleOptions); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Fatalf("%d of %d bytes: %v", n, len(data), err)
		}
	}
	if _, err := Open(append(bytes.Clone(data), 0), sampleOptions); !lode.IsCode(err, lode.CodeCorrupt) {
		t.Fatalf("a byte more: %v", err)
	}
}

func TestOtherOptionsAreRefused(t *testing.T) {
	data := sample(t, sampleOptions)
	for _, opts := range []Options{{}, {Fields: 2, Positions: true}, {Fields: 2, Analyzer: "test"}, {Fields: 3, Positions: true, Analyzer: "test", Source: "these"},
		{Fields: 2, Positions: true, Analyzer: "test"}, {Fields: 2, Positions: true, Analyzer: "test", Source: "others"}} {
		if _, err := Open(data, opts); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("%+v: %v", opts, err)
		}
	}
	for _, opts := range []Options{{Fields: -1}, {Fields: MaxFields + 1}, {Analyzer: string(make([]byte, MaxAnalyzerBytes+1))}, {Source: string(make([]byte, MaxSourceBytes+1))}} {
		if _, err := Open(data, opts); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

// resum makes the checksums of a file right again, as somebody could who means harm.
func resum(data []byte) {
	if len(data) < headBytes+footBytes {
		return
	}
	payload := data[len(data)-footBytes+seal.HeaderBytes:]
	foot := bytes.Clone(payload)
	const sumsAt = 8 + 3*8 + MaxFields*8 + MaxFields + sections*16
	start, size := le64(foot[sumsAt:]), le64(foot[sumsAt+8:])
	if start > uint64(len(data)) || size > uint64(len(data))-start {
		return
	}
	for i := uint64(0); 4*i+4 <= size && i*blockBytes < start; i++ {
		put32(data[start+4*i:], crc32.Checksum(data[i*blockBytes:min((i+1)*blockBytes, start)], castagnoli))
	}
	put32(foot[sumsAt+16:], crc32.Checksum(data[start:start+size], castagnoli))
	copy(data[len(data)-footBytes:], seal.Seal(kindFoot, foot))
	copy(data, encodeHead())
}

func put32(b []byte, v uint32) {
	for i := range 4 {
		b[i] = byte(v >> (8 * i))
	}
}

// A file that was made to do harm, with checksums that are right, must not crash the program.
func FuzzRead(f *testing.F) {
	data := sample(f, sampleOptions)
	f.Add(uint32(70), []byte{0xff, 0xff, 0xff, 0xff})
	f.Add(uint32(headBytes), []byte{0})
	f.Add(uint32(len(data)-footBytes+30), []byte{1, 2, 3})
	f.Add(uint32(len(data)-1000), []byte{0x80, 0x80, 0x80})
	f.Add(uint32(len(data)/2), []byte{7, 7, 7, 7, 7, 7, 7, 7})
	f.Fuzz(func(t *testing.T, at uint32, change []byte) {
		damaged := bytes.Clone(data)
		copy(damaged[int(at)%len(damaged):], change)
		resum(damaged)
		err := exercise(t.Context(), damaged, sampleOptions)
		if err != nil && !lode.IsCode(err, lode.CodeCorrupt) {
			t.Fatal(err)
		}
	})
}
