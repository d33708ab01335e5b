package safetensors_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed/safetensors"
	"github.com/lodedb/lode/internal/vfs"
)

// file is a file with a header and the bytes of its numbers.
func file(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func f32(numbers ...float32) (b []byte) {
	for _, x := range numbers {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func TestRead(t *testing.T) {
	content := file(`{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"h":{"dtype":"F16","shape":[6],"data_offsets":[24,36]},`+
		`"b":{"dtype":"BF16","shape":[1],"data_offsets":[36,38]},"i":{"dtype":"I8","shape":[2],"data_offsets":[38,40]},"odd":{"dtype":"U4","shape":[9],"data_offsets":[0,1]},"s":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}   `,
		append(f32(1, 2, 3, -4, 5, 6), 0x00, 0x3C, 0x00, 0xC0, 0x01, 0x00, 0xFF, 0x03, 0x00, 0x7C, 0xFF, 0x7B, 0x80, 0xBF, 0xFF, 0x7F)...)
	name := filepath.Join(t.TempDir(), "model.safetensors")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(vfs.OS, name)
	if err != nil {
		t.Fatal(err)
	}
	if names := f.Names(); !slices.Equal(names, []string{"a", "b", "h", "i", "s"}) {
		t.Errorf("%q", names)
	}
	for name, want := range map[string][]float64{
		"a": {1, 2, 3, -4, 5, 6}, "b": {-1}, "i": {-1, 127},
		"h": {1, -2, math.Ldexp(1, -24), math.Ldexp(1023, -24), math.Inf(1), 65504},
	} {
		tensor, ok := f.Tensor(name)
		if !ok || tensor.Len() != len(want) {
			t.Fatalf("%s has %d numbers", name, tensor.Len())
		}
		for i := range want {
			if got := tensor.At(i); got != want[i] {
				t.Errorf("%s[%d] = %v, want %v", name, i, got, want[i])
			}
		}
	}
	a, _ := f.Tensor("a")
	sums := []float64{10, 0, 0}
	a.AddTo(sums, 3, 2)
	if !slices.Equal(sums, []float64{2, 10, 12}) || !slices.Equal(a.Shape, []int{2, 3}) {
		t.Errorf("%v, shape %v", sums, a.Shape)
	}
}

// Each value of 16 bits widens to what its bits say.
func TestFloat16(t *testing.T) {
	b := make([]byte, 2*65536)
	for i := range 65536 {
		binary.LittleEndian.PutUint16(b[2*i:], uint16(i))
	}
	f, err := safetensors.Parse(file(`{"h":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}}`, b...))
	if err != nil {
		t.Fatal(err)
	}
	h, _ := f.Tensor("h")
	for i := range 65536 {
		sign, exponent, fraction := 1-2*float64(i>>15), i>>10&31, float64(i&1023)
		want := sign * math.Ldexp(1+fraction/1024, exponent-15)
		switch {
		case exponent == 0:
			want = sign * math.Ldexp(fraction, -24)
		case exponent == 31 && fraction == 0:
			want = math.Inf(int(sign))
		case exponent == 31:
			want = math.NaN()
		}
		if got := h.At(i); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("%#x is %v, want %v", i, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, content := range [][]byte{
		nil, {1, 2, 3}, file(`{`), file(`[]`), file(`{"a":1}`), file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`),
		binary.LittleEndian.AppendUint64(nil, math.MaxUint64), binary.LittleEndian.AppendUint64(nil, 1),
		file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 0, 0, 0, 0),
		file(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 0, 0, 0, 0),
		file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 0, 0, 0, 0),
		file(`{"a":{"dtype":"F32","shape":[4611686018427387904,4,1],"data_offsets":[0,0]}}`),
		file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`, 0, 0, 0, 0),
	} {
		if _, err := safetensors.Parse(content); !lode.IsCode(err, lode.CodeMalformed) {
			t.Errorf("%q: %v", content, err)
		}
	}
	if _, err := safetensors.Open(vfs.OS, filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(file(`{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}`, f32(1, 2)...))
	f.Add(file(`{"a":{"dtype":"F16","shape":[0],"data_offsets":[0,0]},"__metadata__":{}}`))
	f.Add(file(strings.Repeat(" ", 8)))
	f.Fuzz(func(t *testing.T, b []byte) {
		parsed, err := safetensors.Parse(b)
		if err != nil {
			if !lode.IsCode(err, lode.CodeMalformed) {
				t.Errorf("an error of another code: %v", err)
			}
			return
		}
		for _, name := range parsed.Names() {
			tensor, _ := parsed.Tensor(name)
			n := tensor.Len()
			for i := range min(n, 1000) {
				_ = tensor.At(i)
			}
			if n > 0 {
				_ = tensor.At(n - 1)
				tensor.AddTo(make([]float64, 1), n-1, 1)
			}
		}
	})
}
