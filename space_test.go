package lode_test

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

func sparse(entries ...float32) (v lode.SparseVector) {
	for i := 0; i < len(entries); i += 2 {
		v.Indices, v.Values = append(v.Indices, uint32(entries[i])), append(v.Values, entries[i+1])
	}
	return v
}

// long is a sparse vector of n entries.
func long(n int) (v lode.SparseVector) {
	for i := range n {
		v.Indices, v.Values = append(v.Indices, uint32(i)), append(v.Values, 1)
	}
	return v
}

func TestSparseVectors(t *testing.T) {
	for what, v := range map[string]lode.SparseVector{
		"none":           {},
		"uneven":         {Indices: []uint32{1}, Values: []float32{1, 2}},
		"no values":      {Indices: []uint32{1}},
		"descending":     sparse(2, 1, 1, 1),
		"twice":          sparse(2, 1, 2, 1),
		"zero":           sparse(1, 0),
		"minus zero":     sparse(1, float32(math.Copysign(0, -1))),
		"not a number":   sparse(1, float32(math.NaN())),
		"infinite":       sparse(1, float32(math.Inf(-1))),
		"too long":       long(lode.MaxSparseEntries + 1),
		"second is zero": sparse(1, 1, 2, 0),
	} {
		if err := v.Validate(); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, v := range []lode.SparseVector{sparse(0, -1), sparse(1, 1e-45, 7, -3), {Indices: []uint32{0, math.MaxUint32}, Values: []float32{1, 2}}, long(lode.MaxSparseEntries)} {
		if err := v.Validate(); err != nil {
			t.Error(err)
		}
		got, err := lode.ParseSparse(lode.AppendSparse([]byte{1}, v)[1:])
		if err != nil || !got.Equal(v) {
			t.Errorf("%v became %v (%v)", v, got, err)
		}
	}
	if _, err := lode.ParseSparse(make([]byte, 12)); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("12 bytes: %v", err)
	}
	if sparse(1, 2).Equal(sparse(1, 3)) || sparse(1, 2).Equal(sparse(2, 2)) {
		t.Error("different vectors are equal")
	}
}

func spaced(spaces ...lode.VectorSpace) *lode.Collection {
	c := &lode.Collection{Name: "c", Vectors: spaces}
	c.EnsureDefaults()
	return c
}

func TestVectorSpaces(t *testing.T) {
	given := []lode.VectorSpace{{Name: "title", Dim: 4}, {Name: "image", Dim: 2, Metric: lode.L2}, {Name: "words", Sparse: true}}
	c := spaced(given...)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if c.Vectors[0].Metric != c.Metric || c.Vectors[2].Metric != "" || given[0].Metric != "" {
		t.Errorf("metrics: %+v, given: %+v", c.Vectors, given)
	}
	if at, ok := c.Space("words"); at != 2 || !ok {
		t.Errorf("words is space %d, %v", at, ok)
	}
	f := func(field string, spaces ...lode.VectorSpace) {
		t.Helper()
		err, _ := spaced(spaces...).Validate().(*lode.Error)
		if err == nil || err.Code != lode.CodeInvalid || err.Field != field {
			t.Errorf("%+v: %v, want an error about %s", spaces, err, field)
		}
	}
	f("vectors[0].name", lode.VectorSpace{Dim: 1})
	f("vectors[0].name", lode.VectorSpace{Dim: 1, Name: "a\x00"})
	f("vectors[0].name", lode.VectorSpace{Dim: 1, Name: strings.Repeat("n", lode.MaxSpaceNameBytes+1)})
	f("vectors[1].name", lode.VectorSpace{Name: "a", Dim: 1}, lode.VectorSpace{Name: "a", Sparse: true})
	f("vectors[0].dim", lode.VectorSpace{Name: "a"})
	f("vectors[0].dim", lode.VectorSpace{Name: "a", Dim: lode.MaxDim + 1})
	f("vectors[0].dim", lode.VectorSpace{Name: "a", Dim: 3, Sparse: true})
	f("vectors[0].metric", lode.VectorSpace{Name: "a", Dim: 3, Metric: "near"})
	f("vectors[0].metric", lode.VectorSpace{Name: "a", Metric: lode.Dot, Sparse: true})
	f("vectors", slices.Repeat([]lode.VectorSpace{{Name: "a", Dim: 1}}, lode.MaxVectorSpaces+1)...)
}

func TestNamedVectors(t *testing.T) {
	c := spaced(lode.VectorSpace{Name: "title", Dim: 2}, lode.VectorSpace{Name: "words", Sparse: true})
	fine := lode.NamedVectors{Dense: map[string]lode.Vector{"title": {1, 2}}, Sparse: map[string]lode.SparseVector{"words": sparse(3, 1)}}
	for _, n := range []lode.NamedVectors{fine, {}, {Dense: fine.Dense}, {Sparse: fine.Sparse}} {
		if err := n.ValidateFor(c); err != nil {
			t.Error(err)
		}
		if got, err := lode.UnpackVectors(n.Pack()); err != nil || !reflect.DeepEqual(got, n) {
			t.Errorf("%+v became %+v (%v)", n, got, err)
		}
	}
	f := func(code lode.Code, field string, dense map[string]lode.Vector, sparse map[string]lode.SparseVector) {
		t.Helper()
		err, _ := lode.NamedVectors{Dense: dense, Sparse: sparse}.ValidateFor(c).(*lode.Error)
		if err == nil || err.Code != code || err.Field != field {
			t.Errorf("got %v, want %s about %s", err, code, field)
		}
	}
	type d = map[string]lode.Vector
	type s = map[string]lode.SparseVector
	f(lode.CodeInvalid, "vectors.title", d{"title": {1}}, nil)
	f(lode.CodeInvalid, "vectors.title", d{"title": {}}, nil)
	f(lode.CodeInvalid, "vectors.title", d{"title": {0, 0}}, nil)
	f(lode.CodeInvalid, "vectors.title", d{"title": {1, float32(math.NaN())}}, nil)
	f(lode.CodeInvalid, "vectors.title", d{"title": {1, 1}}, s{"title": sparse(1, 1)})
	f(lode.CodeInvalid, "vectors.title", nil, s{"title": sparse(1, 1)})
	f(lode.CodeInvalid, "vectors.words", d{"words": {1, 1}}, nil)
	f(lode.CodeInvalid, "vectors.words.indices", nil, s{"words": {}})
	f(lode.CodeInvalid, "vectors.words.values", nil, s{"words": sparse(1, 0)})
	f(lode.CodeInvalid, "vectors.none", d{"none": {1}}, nil)
	f(lode.CodeInvalid, "vectors.", nil, s{"": sparse(1, 1)})
	wide := make(lode.Vector, lode.MaxDim)
	wide[0] = 1
	f(lode.CodeTooLarge, "vectors.g", d{"a": wide, "b": wide, "c": wide, "d": wide, "e": wide, "f": wide, "g": {1}}, nil)
	for _, bad := range []map[string][]byte{{"a": {1}}} {
		if _, err := lode.UnpackVectors(bad, nil); !lode.IsCode(err, lode.CodeInvalid) {
			t.Error(err)
		}
		if _, err := lode.UnpackVectors(nil, bad); !lode.IsCode(err, lode.CodeInvalid) {
			t.Error(err)
		}
	}
}
