package remote

import (
	"math"
	"testing"

	"github.com/lodedb/lode"
)

func TestDecodeBase64(t *testing.T) {
	v, err := decodeVector([]byte(`"AACAPwAAAMA="`), 2)
	if err != nil || v[0] != 1 || v[1] != -2 {
		t.Errorf("%v, %v", v, err)
	}
	for _, raw := range []string{`"AACAfwAAgD8="`, `"AADAfwAAgD8="`, `"AACAPw=="`, `"AACAPwA="`, `"%"`, `"\ud800"`, `{}`, `null`, `true`, ``} {
		if v, err := decodeVector([]byte(raw), 2); err == nil {
			t.Errorf("%s is taken for %v", raw, v)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"data":[{"index":0,"embedding":"AACAPwAAAMA="},{"index":1,"embedding":[1,2.5]}]}`), 2, 2)
	f.Add([]byte(`{"data":[{"index":0,"embedding":[1e400]}]}`), 1, 1)
	f.Add([]byte(`{"data":null}`), 0, 1)
	f.Add([]byte(`{"embeddings":{"float":[[1,2]]},"meta":{"billed_units":{"input_tokens":3}}}`), 1, 2)
	f.Add([]byte(`{"embeddings":[{"values":[1,2]}],"usageMetadata":{"promptTokenCount":3}}`), 1, 2)
	f.Add([]byte(`[[1,2],[3,4]]`), 2, 2)
	f.Fuzz(func(t *testing.T, body []byte, n, dim int) {
		if n < 0 || n > 1000 || dim < 1 || dim > lode.MaxDim {
			return
		}
		for _, s := range shapes {
			checkDecoded(t, s, body, n, dim)
		}
	})
}

func checkDecoded(t *testing.T, s *shape, body []byte, n, dim int) {
	vectors, _, err := s.decode(body, n, dim)
	if err != nil {
		if vectors != nil {
			t.Fatal("vectors beside an error")
		}
		return
	}
	if len(vectors) != n {
		t.Fatalf("%d vectors for %d texts", len(vectors), n)
	}
	for _, v := range vectors {
		for _, x := range v {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				t.Fatalf("number %v", x)
			}
		}
		if len(v) != dim {
			t.Fatalf("%d dimensions", len(v))
		}
	}
}
