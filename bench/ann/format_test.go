package ann

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

// le is little-endian bytes of numbers, and strings as they are.
func le(values ...any) []byte {
	var b bytes.Buffer
	for _, v := range values {
		if s, ok := v.(string); ok {
			b.WriteString(s)
			continue
		}
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

func decode(ext string, b []byte, limit int) (*Vectors, error) {
	return decodeVectors(ext, bufio.NewReader(bytes.NewReader(b)), int64(len(b)), limit)
}

// npy is a file as numpy.save writes it.
func npy(version byte, header string, data []byte) []byte {
	if version == 1 {
		return le(npyMagic, []byte{1, 0}, uint16(len(header)), header, data)
	}
	return le(npyMagic, []byte{version, 0}, uint32(len(header)), header, data)
}

// wholeFiles hold the rows (1, 2, 3) and (4, 0.5, 250), as far as the format can.
func wholeFiles() map[string][]byte {
	f4 := []float32{1, 2, 3, 4, 0.5, 250}
	f2 := []uint16{0x3c00, 0x4000, 0x4200, 0x4400, 0x3800, 0x5bd0}
	header := func(descr string) string {
		return "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (2, 3), }     \n"
	}
	return map[string][]byte{
		".fvecs": le(uint32(3), f4[:3], uint32(3), f4[3:]), ".fbin": le(uint32(2), uint32(3), f4),
		".f16bin": le(uint32(2), uint32(3), f2), ".npy": npy(1, header("<f4"), le(f4)),
		".npy v2": npy(2, header("<f2"), le(f2)),
		".bvecs":  le(uint32(3), []byte{1, 2, 3}, uint32(3), []byte{4, 0, 250}),
		".u8bin":  le(uint32(2), uint32(3), []byte{1, 2, 3, 4, 0, 250}), ".npy u1": npy(1, header("|u1"), []byte{1, 2, 3, 4, 0, 250}),
	}
}

func TestFormats(t *testing.T) {
	for name, b := range wholeFiles() {
		ext, kind, _ := strings.Cut(name, " ")
		want := []float32{1, 2, 3, 4, 0.5, 250}
		if ext == ".bvecs" || ext == ".u8bin" || kind == "u1" {
			want[4] = 0
		}
		v, err := decode(ext, b, 0)
		if err != nil || v.Rows != 2 || v.Dim != 3 || !slices.Equal(v.Data, want) {
			t.Errorf("%s: %+v %v", name, v, err)
		}
		if v, err = decode(ext, b, 1); err != nil || v.Rows != 1 || !slices.Equal(v.Data, want[:3]) {
			t.Errorf("%s: one row: %+v %v", name, v, err)
		}
		for cut := range b { // every truncation, and a byte too much
			if _, err := decode(ext, b[:cut], 0); !lode.IsCode(err, lode.CodeMalformed) && (cut != 0 || err == nil) && !wholeVecs(ext, cut, len(b)) {
				t.Errorf("%s: %d of %d bytes: %v", name, cut, len(b), err)
			}
		}
		if _, err := decode(ext, append(b, 0), 0); !lode.IsCode(err, lode.CodeMalformed) {
			t.Errorf("%s: a byte too much: %v", name, err)
		}
	}
}

// wholeVecs says that a prefix is a whole file of its own: these formats have no count.
func wholeVecs(ext string, cut, whole int) bool {
	return strings.HasSuffix(ext, "vecs") && cut == whole/2
}

func TestFormatsRefuse(t *testing.T) {
	f := func(ext string, b []byte, want string) {
		t.Helper()
		if _, err := decode(ext, b, 0); lode.CodeOf(err) != lode.CodeMalformed && lode.CodeOf(err) != lode.CodeInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", ext, err, want)
		}
	}
	f(".fbin", le(uint32(math.MaxUint32), uint32(math.MaxUint32)), "dimensions")
	f(".fbin", le(uint32(math.MaxUint32), uint32(8192)), "the file has 8")
	f(".fbin", le(uint32(1), uint32(0)), "0 dimensions")
	f(".fvecs", le(uint32(0x7fffffff), uint32(0)), "dimensions")
	f(".fvecs", le(uint32(2), uint32(0), uint32(0), uint32(1), uint32(0), uint32(0)), "row 1 has 1")
	f(".npy", []byte("no magic here"), "numpy.save")
	f(".npy", npy(3, "{}", nil), "version 3")
	f(".npy", npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }", make([]byte, 8)), "<f8")
	f(".npy", npy(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", make([]byte, 4)), "Fortran")
	f(".npy", npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }", make([]byte, 16)), "two dimensions")
	f(".npy", npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 4), }", make([]byte, 16)), "shape")
	f(".npy", le(npyMagic, []byte{2, 0}, uint32(math.MaxUint32)), "header")
	f(".txt", nil, ".fvecs")
}

// TestHalf holds every 16-bit pattern against arithmetic.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		sign, exponent, fraction := 1-2*float64(h>>15), h>>10&31, float64(h&1023)
		want := sign * (1024 + fraction) * math.Exp2(float64(exponent-25))
		switch exponent {
		case 0:
			want = sign * fraction * 0x1p-24
		case 31:
			if want = math.Inf(int(sign)); fraction > 0 {
				want = math.NaN()
			}
		}
		got := float64(halfToFloat(uint16(h)))
		if got != want && !(math.IsNaN(got) && math.IsNaN(want)) || math.Signbit(got) != (h>>15 == 1) {
			t.Fatalf("%#04x: got %v, want %v", h, got, want)
		}
	}
}

func TestTruthFormats(t *testing.T) {
	d := func(ext string, b []byte) (*Truth, error) {
		return decodeTruth(ext, bufio.NewReader(bytes.NewReader(b)), int64(len(b)))
	}
	ivecs := le(uint32(2), uint32(5), uint32(6), uint32(2), uint32(7), uint32(8))
	bin := le(uint32(2), uint32(2), []uint32{5, 6, 7, 8}, []float32{0, 1, 2, 2})
	for ext, b := range map[string][]byte{".ivecs": ivecs, ".bin": bin} {
		truth, err := d(ext, b)
		if err != nil || truth.Queries != 2 || truth.K != 2 || !slices.Equal(truth.IDs, []uint32{5, 6, 7, 8}) {
			t.Fatalf("%s: %+v %v", ext, truth, err)
		}
		if truth.check(9) != nil || truth.check(8) == nil {
			t.Errorf("%s: ids are not held against the rows", ext)
		}
		if _, err := d(ext, b[:len(b)-1]); !lode.IsCode(err, lode.CodeMalformed) {
			t.Errorf("%s: cut: %v", ext, err)
		}
	}
	if truth, err := d(".bin", le(uint32(1), uint32(2), []uint32{1, 2}, []float32{3, 1})); err != nil || truth.check(9) == nil {
		t.Errorf("descending distances: %v", err)
	}
	if _, err := d(".txt", nil); !lode.IsCode(err, lode.CodeInvalid) {
		t.Error(err)
	}
}

func FuzzVectors(f *testing.F) {
	for name, b := range wholeFiles() {
		ext, _, _ := strings.Cut(name, " ")
		f.Add(ext, b)
	}
	f.Fuzz(func(t *testing.T, ext string, b []byte) {
		v, err := decode(ext, b, 0)
		if (v == nil) == (err == nil) {
			t.Fatalf("vectors %v, error %v", v, err)
		}
		if err == nil && len(v.Data) != v.Rows*v.Dim || err == nil && len(v.Data) > len(b) {
			t.Fatalf("%d rows of %d dimensions in %d numbers from %d bytes", v.Rows, v.Dim, len(v.Data), len(b))
		}
	})
}

func FuzzTruth(f *testing.F) {
	f.Add(".ivecs", le(uint32(2), uint32(5), uint32(6)))
	f.Add(".bin", le(uint32(1), uint32(2), []uint32{5, 6}, []float32{0, 1}))
	f.Fuzz(func(t *testing.T, ext string, b []byte) {
		truth, err := decodeTruth(ext, bufio.NewReader(bytes.NewReader(b)), int64(len(b)))
		if err == nil && (len(truth.IDs) != truth.Queries*truth.K || 4*len(truth.IDs) > len(b)) {
			t.Fatalf("%+v from %d bytes", truth, len(b))
		}
	})
}

// folder writes files into a folder of their own.
func folder(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestLoad finds the three files, and computes what is missing.
func TestLoad(t *testing.T) {
	rows := le(uint32(4), uint32(2), []float32{1, 0, 0, 1, 3, 4, -1, 0})
	files := map[string][]byte{
		"small_base.fbin": rows, "small_query.fbin": le(uint32(1), uint32(2), []float32{2, 0}),
		"groundtruth.bin": le(uint32(1), uint32(2), []uint32{0, 2}, []float32{-1, -0.6}),
	}
	given, err := Load(t.Context(), DataOptions{Dataset: folder(t, files), Metric: lode.Cosine, Cache: t.TempDir()}, nil)
	if err != nil || given.About.Truth != "given" || given.Truth.K != 2 || !slices.Equal(given.Base.Row(2), []float32{0.6, 0.8}) {
		t.Fatalf("%+v %v", given, err)
	}
	delete(files, "groundtruth.bin")
	cache := t.TempDir()
	for range 2 { // computed, then read again
		computed, err := Load(t.Context(), DataOptions{Dataset: folder(t, files), Metric: lode.Cosine, Cache: cache}, nil)
		if err != nil || computed.About.Truth != "computed" || !slices.Equal(computed.Truth.IDs, []uint32{0, 2, 1, 3}) {
			t.Fatalf("%+v %v", computed, err)
		}
	}
	delete(files, "small_query.fbin")
	held, err := Load(t.Context(), DataOptions{Dataset: folder(t, files), HoldOut: 1, Cache: cache}, nil)
	if err != nil || held.Queries.Rows != 1 || held.Base.Rows != 3 || held.Metric != lode.L2 {
		t.Fatalf("%+v %v", held, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	nan := float32(math.NaN())
	base := le(uint32(2), uint32(2), []float32{1, 0, 0, 1})
	f := func(want string, o DataOptions, files map[string][]byte) {
		t.Helper()
		o.Dataset, o.Cache = folder(t, files), t.TempDir()
		if _, err := Load(t.Context(), o, nil); err == nil || lode.CodeOf(err) == lode.CodeInternal || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	one := le(uint32(1), uint32(2), []float32{1, 1})
	f("row 1 of base", DataOptions{}, map[string][]byte{"base.fbin": le(uint32(2), uint32(2), []float32{1, 0, nan, 1}), "query.fbin": one})
	f("zero vector", DataOptions{Metric: lode.Cosine}, map[string][]byte{"base.fbin": le(uint32(1), uint32(2), []float32{0, 0}), "query.fbin": one})
	f("row 0 of queries", DataOptions{}, map[string][]byte{"base.fbin": base, "query.fbin": le(uint32(1), uint32(2), []float32{float32(math.Inf(1)), 1})})
	f("3 dimensions", DataOptions{}, map[string][]byte{"base.fbin": base, "query.fbin": le(uint32(1), uint32(3), []float32{1, 1, 1})})
	f("neighbours of 0 queries", DataOptions{}, map[string][]byte{"base.fbin": base, "query.fbin": one, "groundtruth.bin": le(uint32(0), uint32(2))})
	f("row 9", DataOptions{}, map[string][]byte{"base.fbin": base, "query.fbin": one, "groundtruth.bin": le(uint32(1), uint32(1), uint32(9), float32(0))})
	f("base.*", DataOptions{}, map[string][]byte{"vectors.fbin": base})
	f("held out", DataOptions{HoldOut: 2}, map[string][]byte{"base.fbin": base})
	f("no rows", DataOptions{}, map[string][]byte{"base.fbin": le(uint32(0), uint32(2)), "query.fbin": one})
}

func ExampleParseMixture() {
	m, err := ParseMixture("mixture:n=5000,dim=64,seed=7")
	fmt.Println(m.N, m.Dim, m.Clusters, m.Seed, err)
	// Output: 5000 64 400 7 <nil>
}
