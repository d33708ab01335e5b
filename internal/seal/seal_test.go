package seal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

const kind seal.Kind = 7

func TestBlockRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 17, 100_000} {
		payload := bytes.Repeat([]byte{byte(n)}, n)
		block := seal.Seal(kind, payload)
		if len(block) != n+seal.HeaderBytes {
			t.Errorf("%d bytes are sealed as %d", n, len(block))
		}
		got, err := seal.Open(kind, block)
		if err != nil || !bytes.Equal(got, payload) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if n > 0 && &got[0] != &block[seal.HeaderBytes] {
			t.Error("the payload was copied")
		}
		if appended := seal.AppendSeal([]byte("before"), kind, payload); !bytes.Equal(appended, append([]byte("before"), block...)) {
			t.Errorf("%d bytes: appended differs", n)
		}
		r := io.MultiReader(bytes.NewReader(block), strings.NewReader("after"))
		if got, err := seal.ReadBlock(iotest.OneByteReader(r), kind, n); err != nil || !bytes.Equal(got, payload) {
			t.Errorf("read block of %d bytes: %v", n, err)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "after" {
			t.Errorf("read block left %q", rest)
		}
	}
}

// TestBlockLayout holds the bytes that doc.go promises.
func TestBlockLayout(t *testing.T) {
	got := seal.Seal(0x2A, []byte("ore"))
	want := []byte{0x4C, 1, 0x2A, 0, 0, 0, 0, 0, 3, 0, 0, 0}
	sum := crc32.Checksum(append(bytes.Clone(want), "ore"...), crc32.MakeTable(crc32.Castagnoli))
	want = append(binary.LittleEndian.AppendUint32(want, sum), "ore"...)
	if !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

func TestBlockDamage(t *testing.T) {
	block := seal.Seal(kind, []byte("some payload"))
	for i := range block {
		for bit := range 8 {
			bad := bytes.Clone(block)
			bad[i] ^= 1 << bit
			if _, err := seal.Open(kind, bad); !lode.IsCode(err, lode.CodeCorrupt) {
				t.Errorf("bit %d of byte %d flipped: %v", bit, i, err)
			}
		}
		if _, err := seal.Open(kind, block[:i]); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
	if _, err := seal.Open(kind, append(block, 0)); !lode.IsCode(err, lode.CodeCorrupt) {
		t.Errorf("a byte too many: %v", err)
	}
}

// reseal makes the checksum of a changed block right again.
func reseal(block []byte, change func(b []byte)) []byte {
	b := bytes.Clone(block)
	change(b)
	table := crc32.MakeTable(crc32.Castagnoli)
	binary.LittleEndian.PutUint32(b[12:], crc32.Update(crc32.Checksum(b[:12], table), table, b[16:]))
	return b
}

func TestUnknownIsSaidClearly(t *testing.T) {
	block := seal.Seal(kind, []byte("payload"))
	for name, c := range map[string]struct {
		change func([]byte)
		want   string
	}{
		"version":  {func(b []byte) { b[1] = 2 }, "format version 2"},
		"key":      {func(b []byte) { b[4] = 9 }, "under key 9"},
		"kind":     {func(b []byte) { b[2] = 8 }, "kind 8, not 7"},
		"reserved": {func(b []byte) { b[3] = 1 }, "reserved"},
	} {
		_, err := seal.Open(kind, reseal(block, c.change))
		if !lode.IsCode(err, lode.CodeCorrupt) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadBlockRefusesLargeAnnouncements(t *testing.T) {
	head := seal.Seal(kind, nil)
	binary.LittleEndian.PutUint32(head[8:], 1<<31)
	if _, err := seal.ReadBlock(bytes.NewReader(head), kind, 1<<20); !lode.IsCode(err, lode.CodeCorrupt) {
		t.Errorf("got %v", err)
	}
}

func sealStream(t *testing.T, payload []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := seal.NewWriter(&b, kind, int64(len(payload)))
	if err != nil {
		t.Fatal(err)
	}
	for rest := payload; len(rest) > 0; {
		n := min(len(rest), 10_000)
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func openStream(b []byte) ([]byte, error) {
	r, err := seal.NewReader(bytes.NewReader(b), kind)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8*13)
	}
	return b
}

func TestStreamRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, seal.ChunkBytes - 1, seal.ChunkBytes, seal.ChunkBytes + 1, 3 * seal.ChunkBytes, 3*seal.ChunkBytes + 5} {
		payload := noise(n)
		sealed := sealStream(t, payload)
		if int64(len(sealed)) != seal.StreamBytes(int64(n)) {
			t.Errorf("%d bytes are sealed as %d, announced are %d", n, len(sealed), seal.StreamBytes(int64(n)))
		}
		got, err := openStream(sealed)
		if err != nil || !bytes.Equal(got, payload) {
			t.Errorf("%d bytes: %v", n, err)
		}
		source := io.MultiReader(bytes.NewReader(sealed), strings.NewReader("after"))
		r, err := seal.NewReader(source, kind)
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(r, payload); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
		if rest, _ := io.ReadAll(source); string(rest) != "after" {
			t.Errorf("%d bytes: the reader left %q", n, rest)
		}
	}
}

func TestStreamDamage(t *testing.T) {
	payload := noise(2*seal.ChunkBytes + 100)
	sealed := sealStream(t, payload)
	for i := 0; i < len(sealed); i += 1 + i/50 {
		bad := bytes.Clone(sealed)
		bad[i] ^= 0x10
		if _, err := openStream(bad); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if got, err := openStream(sealed[:i]); !lode.IsCode(err, lode.CodeCorrupt) || !bytes.HasPrefix(payload, got) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
	first, second := seal.StreamHeaderBytes, seal.StreamHeaderBytes+seal.ChunkBytes+4
	swapped := bytes.Clone(sealed)
	copy(swapped[first:], sealed[second:second+seal.ChunkBytes+4])
	copy(swapped[second:], sealed[first:second])
	if _, err := openStream(swapped); !lode.IsCode(err, lode.CodeCorrupt) {
		t.Errorf("chunks exchanged: %v", err)
	}
}

func TestStreamLengthIsKept(t *testing.T) {
	w, err := seal.NewWriter(io.Discard, kind, 3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("four")); err == nil {
		t.Error("more was written than announced")
	}
	if _, err := w.Write([]byte("ab")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil {
		t.Error("less was written than announced")
	}
	if _, err := seal.NewWriter(io.Discard, kind, -1); err == nil {
		t.Error("a negative length was accepted")
	}
}

func TestStreamPassesReadErrorsOn(t *testing.T) {
	boom := errors.New("boom")
	sealed := sealStream(t, noise(100))
	r, err := seal.NewReader(io.MultiReader(bytes.NewReader(sealed[:60]), iotest.ErrReader(boom)), kind)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte{})
	f.Add(seal.Seal(kind, nil))
	f.Add(seal.Seal(kind, []byte("payload")))
	f.Add(seal.Seal(kind+1, []byte("payload")))
	f.Fuzz(func(t *testing.T, b []byte) {
		payload, err := seal.Open(kind, b)
		if err != nil {
			if !lode.IsCode(err, lode.CodeCorrupt) {
				t.Errorf("error without code: %v", err)
			}
			return
		}
		if !bytes.Equal(seal.Seal(kind, payload), b) {
			t.Error("an envelope was opened that Seal does not make")
		}
	})
}

func FuzzStream(f *testing.F) {
	f.Add([]byte{})
	for _, n := range []int{0, 1, 300} {
		var b bytes.Buffer
		w, _ := seal.NewWriter(&b, kind, int64(n))
		_, _ = w.Write(noise(n))
		_ = w.Close()
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := openStream(b)
		if err != nil {
			if !lode.IsCode(err, lode.CodeCorrupt) {
				t.Errorf("error without code: %v", err)
			}
			return
		}
		if !bytes.HasPrefix(b, sealStream(t, got)) {
			t.Error("a stream was opened that Writer does not make")
		}
	})
}
