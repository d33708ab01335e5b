package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

// slowly reads a vector number by number.
func slowly(src string) (lode.Vector, error) {
	d := &jsonDecoder{jsonScanner: jsonScanner{src: []byte(src)}}
	var v lode.Vector
	d.space()
	if d.peek() != '[' {
		return nil, d.mismatch("a list")
	}
	err := d.numbers(&v)
	return v, err
}

func quickly(src string) (lode.Vector, bool) {
	s := &jsonScanner{src: []byte(src)}
	s.space()
	if s.peek() != '[' {
		return nil, false
	}
	var v lode.Vector
	return v, s.plainVector(&v)
}

func bitsOf(v lode.Vector) []uint32 {
	bits := make([]uint32, len(v))
	for i, x := range v {
		bits[i] = math.Float32bits(x)
	}
	return bits
}

// sameVector holds the quick way against the slow one and against encoding/json.
func sameVector(t *testing.T, src string) {
	t.Helper()
	s := &jsonScanner{src: []byte(src)}
	s.space()
	var quick lode.Vector
	if s.peek() != '[' || !s.plainVector(&quick) {
		return
	}
	slow, err := slowly(src)
	if err != nil || !slices.Equal(bitsOf(slow), bitsOf(quick)) {
		t.Fatalf("%s: quick %v, slow %v, %v", src, quick, slow, err)
	}
	var standard []float32
	if err := json.Unmarshal([]byte(src)[:s.pos], &standard); err != nil || !slices.Equal(bitsOf(standard), bitsOf(quick)) {
		t.Fatalf("%s: quick %v, encoding/json %v, %v", src, quick, standard, err)
	}
}

func TestPlainVectorTakes(t *testing.T) {
	for _, src := range []string{"[1]", "[ -1 , 2.5 ]", "[1e3,1E-2,0,-0,0.1]", "[16777217,0.30000001192092896,1e-45,3.4028235e38,1.4e-46]"} {
		if _, ok := quickly(src); !ok {
			t.Errorf("%s was left to the slow way", src)
		}
		sameVector(t, src)
	}
	for _, src := range []string{"[]", "[1,]", "[01]", "[1.]", "[.5]", "[1e]", "[-]", "[+1]", "[1e39]", "[NaN]", "[1 2]", "[1", "[[1]]", "[null]", `["1"]`, "[1e1000]"} {
		if v, ok := quickly(src); ok {
			t.Errorf("%s was read as %v", src, v)
		}
	}
}

// TestPlainVectorRounds draws numbers where rounding twice and once differ most: halfway
// between neighbours, the ends of the range, and random digits.
func TestPlainVectorRounds(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for range 20_000 {
		x := float64(math.Float32frombits(rnd.Uint32()))
		if math.IsNaN(x) || math.IsInf(x, 0) {
			continue
		}
		next := float64(math.Nextafter32(float32(x), math.MaxFloat32))
		middle := x + (next-x)/2
		for _, y := range []float64{x, middle, math.Nextafter(middle, x), math.Nextafter(middle, next)} {
			sameVector(t, "["+strconv.FormatFloat(y, 'g', -1, 64)+"]")
			sameVector(t, "["+strconv.FormatFloat(y, 'f', rnd.IntN(20), 64)+"]")
		}
		sameVector(t, fmt.Sprintf("[%d.%de%d]", rnd.Uint64N(1<<rnd.IntN(60)), rnd.Uint64N(1<<40), rnd.IntN(60)-40))
	}
}

// FuzzVector demands that a list is read the same by both ways, and that a request is taken
// exactly when the slow way takes it.
func FuzzVector(f *testing.F) {
	for _, src := range []string{"[1,2]", "[-0.5e-3 , 1]", "[1,]", "[0.30000001192092896]", "[9007199254740993e-16]"} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		sameVector(t, src)
		var got lode.Vector
		d := &jsonDecoder{jsonScanner: jsonScanner{src: []byte(src)}}
		if d.space(); d.peek() != '[' || invalidUTF8(d.src) >= 0 {
			return
		}
		err := d.vector(&got)
		want, wantErr := slowly(src)
		if fmt.Sprint(err) != fmt.Sprint(wantErr) || err == nil && !slices.Equal(bitsOf(got), bitsOf(want)) {
			t.Errorf("%q: got %v, %v; want %v, %v", src, got, err, want, wantErr)
		}
	})
}

func BenchmarkVector(b *testing.B) {
	for name, format := range map[string]string{"whole": "%.0f", "short": "%.4f", "long": "%.17g"} {
		rnd := rand.New(rand.NewPCG(1, 1))
		numbers := make([]string, 768)
		for i := range numbers {
			numbers[i] = fmt.Sprintf(format, rnd.NormFloat64())
		}
		src := []byte(`{"vector":[` + strings.Join(numbers, ",") + `]}`)
		for _, way := range []string{"plain", "slow"} {
			b.Run(name+"/"+way, func(b *testing.B) {
				b.SetBytes(int64(len(src)))
				for b.Loop() {
					s := &jsonDecoder{jsonScanner: jsonScanner{src: src, pos: bytes.IndexByte(src, '[')}}
					var v lode.Vector
					if way == "slow" {
						_ = s.numbers(&v)
					} else if !s.plainVector(&v) {
						b.Fatal("not plain")
					}
				}
			})
		}
	}
}
