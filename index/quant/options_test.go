package quant_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/quant"
)

func TestBadInputIsCoded(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	good := quant.Options{Kind: quant.Int8, Dim: 3, Metric: lode.L2}
	for field, change := range map[string]func(*quant.Options){
		"quantization": func(o *quant.Options) { o.Kind = "int2" },
		"dim":          func(o *quant.Options) { o.Dim = 0 },
		"metric":       func(o *quant.Options) { o.Metric = "l1" },
		"center":       func(o *quant.Options) { o.Center = []float32{1} },
	} {
		o := good
		change(&o)
		_, err := quant.New(o)
		wantInvalid(t, field, field, err)
	}
	for _, center := range [][]float32{{nan, 0, 0}, {inf, 0, 0}} {
		o := good
		o.Center = center
		_, err := quant.New(o)
		wantInvalid(t, "center", "center", err)
	}
	for _, kind := range kinds {
		z, err := quant.New(quant.Options{Kind: kind, Dim: 3, Metric: lode.Dot})
		if err != nil {
			t.Fatal(err)
		}
		row := make([]byte, z.Size())
		for _, v := range [][]float32{nil, {1, 2}, {1, 2, 3, 4}, {nan, 0, 0}, {0, inf, 0}, {0, 0, -inf}, {3e38, 0, 0}} {
			what := fmt.Sprintf("%s %v", kind, v)
			wantInvalid(t, what, "vector", z.Encoder().Encode(row, v))
			wantInvalid(t, what, "query", z.Query().Set(v))
		}
	}
}

func wantInvalid(t *testing.T, what, field string, err error) {
	t.Helper()
	var coded *lode.Error
	if !errors.As(err, &coded) || coded.Code != lode.CodeInvalid || coded.Field != field {
		t.Errorf("%s: got %v", what, err)
	}
}

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		kind              quant.Kind
		dim, size, stride int
	}{
		{quant.None, 100, 400, 448}, {quant.Int8, 100, 112, 128}, {quant.Int4, 100, 62, 64},
		{quant.Int4, 104, 64, 64}, {quant.Bit1, 100, 28, 32}, {quant.Bit1, 768, 108, 128}, {quant.Int4, 1, 13, 16},
	} {
		z, err := quant.New(quant.Options{Kind: c.kind, Dim: c.dim, Metric: lode.L2})
		if err != nil {
			t.Fatal(err)
		}
		if z.Size() != c.size || z.Stride() != c.stride {
			t.Errorf("%s of %d: %d bytes every %d", c.kind, c.dim, z.Size(), z.Stride())
		}
	}
	for dim, want := range map[int]quant.Kind{64: quant.Int4, 104: quant.Int4, 105: quant.Int8, 768: quant.Int8, 1536: quant.Int4} {
		if got := quant.Default(dim); got != want {
			t.Errorf("the default of %d is %s", dim, got)
		}
	}
}

// Rows depend on the vector and the options alone.
func TestEncodingRepeats(t *testing.T) {
	d := gaussian(8, 100, 50, 1, lode.L2)
	for _, kind := range kinds {
		a, b := encode(t, d, kind, 4), encode(t, d, kind, 4)
		if !bytes.Equal(a.data, b.data) {
			t.Errorf("%s: rows differ", kind)
		}
		if other := encode(t, d, kind, 5); (kind != quant.None) == bytes.Equal(a.data, other.data) {
			t.Errorf("%s: the seed does not do what it should", kind)
		}
	}
}

// A row of nothing but noise is scored without harm.
func FuzzRows(f *testing.F) {
	f.Add([]byte("a row of random bytes, longer than any"), uint8(1))
	f.Fuzz(func(t *testing.T, noise []byte, kind uint8) {
		z, err := quant.New(quant.Options{Kind: kinds[int(kind)%len(kinds)], Dim: 20, Metric: lode.L2})
		if err != nil {
			t.Fatal(err)
		}
		row := make([]byte, z.Size())
		copy(row, noise)
		q := z.Query()
		if err := q.Set(make([]float32, 20)); err != nil {
			t.Fatal(err)
		}
		q.SetRows(row, len(row))
		var score [1]float32
		q.Scorer().ScanScores(score[:], 0)
		q.Bound(0, score[0])
	})
}

func BenchmarkEncode(b *testing.B) {
	for _, kind := range kinds {
		for _, dim := range []int{100, 128, 384, 768, 1536} {
			b.Run(fmt.Sprintf("%s/%d", kind, dim), func(b *testing.B) {
				z, e, row, v := benchmarkSetup(b, kind, dim)
				_ = z
				for b.Loop() {
					if err := e.Encode(row, v); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkQuerySet(b *testing.B) {
	for _, kind := range kinds {
		for _, dim := range []int{100, 128, 384, 768, 1536} {
			b.Run(fmt.Sprintf("%s/%d", kind, dim), func(b *testing.B) {
				z, _, _, v := benchmarkSetup(b, kind, dim)
				q := z.Query()
				for b.Loop() {
					if err := q.Set(v); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func benchmarkSetup(b *testing.B, kind quant.Kind, dim int) (*quant.Quantizer, *quant.Encoder, []byte, []float32) {
	b.Helper()
	z, err := quant.New(quant.Options{Kind: kind, Dim: dim, Metric: lode.L2})
	if err != nil {
		b.Fatal(err)
	}
	return z, z.Encoder(), make([]byte, z.Size()), gaussian(1, dim, 1, 0, lode.L2).base[0]
}
