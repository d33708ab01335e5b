package api_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// TestSpacesTravel: what a client says of named spaces arrives, and comes back.
func TestSpacesTravel(t *testing.T) {
	ctx, f := t.Context(), newFake()
	c, _ := serve(t, f)
	spaces := map[string]v1.VectorSpace{"title": {Dim: 3}, "sound": {Dim: 8, Metric: lode.L2}, "words": {Sparse: true}}
	made, err := c.CreateCollection(ctx, v1.CreateCollection{Name: "a", Metric: lode.Dot, Vectors: spaces})
	spaces["title"] = v1.VectorSpace{Dim: 3, Metric: lode.Dot} // the collection's
	if err != nil || cmp.Diff(spaces, made.Vectors) != "" {
		t.Errorf("%+v, %v", made, err)
	}
	point := v1.Point{
		ID: "p", Vector: lode.Vector{1, 0}, Metadata: lode.Metadata{"x": lode.IntegerValue(1)}, Vectors: map[string]lode.Vector{"title": {1, 2, 3}},
		Sparse: map[string]v1.SparseVector{"words": {Indices: []uint32{0, 4294967295}, Values: lode.Vector{1, -0.5}}},
	}
	if _, err := c.PutVectors(ctx, "docs", point); err != nil {
		t.Fatal(err)
	}
	got, err := c.GetVector(ctx, "docs", "p")
	if err != nil || cmp.Diff(point, *got) != "" {
		t.Errorf("%+v, %v", got, err)
	}
	no, yes, k := false, true, 3
	title := v1.SearchVectors{Vector: lode.Vector{0, 0, 1}, Using: "title", K: &k, WithText: &no, WithVector: &yes}
	hits, err := c.SearchVectors(ctx, "docs", title)
	if err != nil || len(hits.Hits) != 1 || cmp.Diff(point.Vectors, hits.Hits[0].Vectors) != "" || hits.Hits[0].Sparse != nil || hits.Hits[0].Vector == nil {
		t.Errorf("%+v, %v", hits, err)
	}
	many, err := c.SearchVectorsBatch(ctx, "docs", v1.SearchVectorsBatch{Vectors: []lode.Vector{{0, 0, 1}, {1, 0, 0}}, Using: "title", WithText: &no})
	if err != nil || len(many.Results) != 2 || many.Results[1].Hits[0].Vectors != nil {
		t.Errorf("%+v, %v", many, err)
	}
	filter := lode.WhereEq("x", lode.IntegerValue(1))
	words := point.Sparse["words"]
	hits, err = c.SearchVectors(ctx, "docs", v1.SearchVectors{Sparse: &words, Using: "words", K: &k, Filter: &filter, WithText: &no, WithVector: &yes})
	if err != nil || len(hits.Hits) != 1 || cmp.Diff(point.Sparse, hits.Hits[0].Sparse) != "" || hits.Hits[0].Vectors != nil {
		t.Errorf("%+v, %v", hits, err)
	}
	if n := f.nearest; len(n) != 2 || n[0].Using != "title" || n[1].Using != "title" || n[0].K != 3 {
		t.Errorf("asked %+v", n)
	}
	if q := f.sparse; len(q) != 1 || q[0].K != 3 || q[0].Filter.MatchesAll() || q[0].With != (lode.With{Metadata: true, Vector: true}) || !q[0].Vector.Equal(lode.SparseVector{Indices: words.Indices, Values: words.Values}) {
		t.Errorf("asked %+v", q)
	}
}

// TestSpacesInFrames: an answer is a frame only where a frame says all of it.
func TestSpacesInFrames(t *testing.T) {
	h := handler(t, newFake())
	f := func(body, want string) {
		t.Helper()
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/v1/collections/docs/vectors/search", strings.NewReader(body))
		r.Header.Set("Content-Type", jsonType)
		r.Header.Set("Accept", framesType)
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Content-Type"); w.Code != 200 || got != want {
			t.Errorf("%s: %d, %s %s", body, w.Code, got, w.Body)
		}
	}
	f(`{"vector":[1,0,0],"using":"title"}`, framesType)
	f(`{"sparse":{"indices":[1],"values":[1]},"using":"words"}`, framesType)
	f(`{"vector":[1,0],"with_vector":true}`, framesType)
	f(`{"vector":[1,0,0],"using":"title","with_vector":true}`, jsonType)
	f(`{"sparse":{"indices":[1],"values":[1]},"using":"words","with_vector":true}`, jsonType)
}

// TestBadSpaces has what is new beside TestBadInput: named spaces and sparse vectors.
func TestBadSpaces(t *testing.T) {
	const create, put, search, batch = "/v1/collections", "/v1/collections/docs/vectors", "/v1/collections/docs/vectors/search", "/v1/collections/docs/vectors/search/batch"
	nine := func(item string) string {
		var b strings.Builder
		for i := range 9 {
			fmt.Fprintf(&b, `,"s%d":%s`, i, item)
		}
		return b.String()[1:]
	}
	made := func(spaces string) string { return `{"name":"a","vectors":` + spaces + `}` }
	point := func(members string) string { return `{"points":[{"id":"a","vector":[1,0],` + members + `}]}` }
	sparse := func(indices, values string) string {
		return `{"sparse":{"indices":` + indices + `,"values":` + values + `},"using":"words"}`
	}
	const entry = `{"indices":[1],"values":[1]}`
	cases := []struct {
		name, path, body string
		code             lode.Code
		field, value     string
	}{
		{"spaces in a list", create, made(`[]`), lode.CodeInvalid, "vectors", "[]"},
		{"no space", create, made(`{"t":null}`), lode.CodeInvalid, "vectors.t", "null"},
		{"a space twice", create, made(`{"t":{"dim":2},"t":{"dim":3}}`), lode.CodeMalformed, "vectors.t", "t"},
		{"too many spaces", create, made(`{` + nine(`{"dim":2}`) + `}`), lode.CodeInvalid, "vectors", "9"},
		{"a space without a name", create, made(`{"":{"dim":2}}`), lode.CodeInvalid, "vectors", ""},
		{"a long name", create, made(`{"` + strings.Repeat("n", 65) + `":{"dim":2}}`), lode.CodeInvalid, "vectors", strings.Repeat("n", 65)},
		{"no dimensions", create, made(`{"a":{"dim":2},"t":{}}`), lode.CodeInvalid, "vectors.t.dim", "0"},
		{"too many dimensions", create, made(`{"t":{"dim":8193}}`), lode.CodeInvalid, "vectors.t.dim", "8193"},
		{"unknown metric", create, made(`{"t":{"dim":2,"metric":"taxi"}}`), lode.CodeInvalid, "vectors.t.metric", "taxi"},
		{"sparse with dimensions", create, made(`{"t":{"dim":2,"sparse":true}}`), lode.CodeInvalid, "vectors.t.dim", "2"},
		{"sparse with a metric", create, made(`{"t":{"metric":"l2","sparse":true}}`), lode.CodeInvalid, "vectors.t.metric", "l2"},
		{"unknown member of a space", create, made(`{"t":{"dim":2,"size":3}}`), lode.CodeUnknownField, "vectors.t.size", ""},
		{"space as text", create, made(`{"t":"sparse"}`), lode.CodeInvalid, "vectors.t", `"sparse"`},

		{"vectors in a list", put, point(`"vectors":[[1]]`), lode.CodeInvalid, "points[0].vectors", "[[1]]"},
		{"vector of an unknown space", put, point(`"vectors":{"x":[1]}`), lode.CodeInvalid, "points[0].vectors.x", "x"},
		{"dense vector in a sparse space", put, point(`"vectors":{"words":[1]}`), lode.CodeInvalid, "points[0].vectors.words", "words"},
		{"sparse vector in a dense space", put, point(`"sparse":{"title":` + entry + `}`), lode.CodeInvalid, "points[0].sparse.title", "title"},
		{"sparse vector of an unknown space", put, point(`"sparse":{"x":` + entry + `}`), lode.CodeInvalid, "points[0].sparse.x", "x"},
		{"both kinds under one name", put, point(`"vectors":{"title":[1,2,3]},"sparse":{"title":` + entry + `}`), lode.CodeInvalid, "points[0].vectors.title", "title"},
		{"named vector of other dimensions", put, point(`"vectors":{"title":[1,2]}`), lode.CodeInvalid, "points[0].vectors.title", "2"},
		{"empty named vector", put, point(`"vectors":{"title":[]}`), lode.CodeInvalid, "points[0].vectors.title", "0"},
		{"number of a named vector", put, point(`"vectors":{"title":[1,2,1e39]}`), lode.CodeInvalid, "points[0].vectors.title[2]", "1e39"},
		{"too many named vectors", put, point(`"vectors":{` + nine(`[1]`) + `}`), lode.CodeInvalid, "points[0].vectors", "9"},
		{"sparse vector twice", put, point(`"sparse":{"words":` + entry + `,"words":` + entry + `}`), lode.CodeMalformed, "points[0].sparse.words", "words"},
		{"unsorted indices", put, point(`"sparse":{"words":{"indices":[2,1],"values":[1,1]}}`), lode.CodeInvalid, "points[0].sparse.words.indices", "1"},
		{"index beyond 32 bits", put, point(`"sparse":{"words":{"indices":[4294967296],"values":[1]}}`), lode.CodeInvalid, "points[0].sparse.words.indices[0]", "4294967296"},
		{"negative index", put, point(`"sparse":{"words":{"indices":[-1],"values":[1]}}`), lode.CodeInvalid, "points[0].sparse.words.indices[0]", "-1"},
		{"too many entries", put, point(`"sparse":{"words":{"indices":[` + strings.Repeat("1,", 4096) + `1],"values":[1]}}`), lode.CodeInvalid, "points[0].sparse.words.indices", "4097"},
		{"more values than indices", put, point(`"sparse":{"words":{"indices":[1],"values":[1,2]}}`), lode.CodeInvalid, "points[0].sparse.words.values", "2"},

		{"unknown space", search, `{"vector":[1,0],"using":"x"}`, lode.CodeInvalid, "using", "x"},
		{"unknown space in a batch", batch, `{"vectors":[[1,0]],"using":"x"}`, lode.CodeInvalid, "using", "x"},
		{"dense in a sparse space", search, `{"vector":[1,0],"using":"words"}`, lode.CodeInvalid, "using", "words"},
		{"sparse in a dense space", search, `{"sparse":` + entry + `,"using":"title"}`, lode.CodeInvalid, "using", "title"},
		{"sparse in no space", search, `{"sparse":` + entry + `}`, lode.CodeInvalid, "using", ""},
		{"wrong dimensions", search, `{"vector":[1,0],"using":"title"}`, lode.CodeInvalid, "vector", "2"},
		{"wrong dimensions in a batch", batch, `{"vectors":[[1,0,0],[1,0]],"using":"title"}`, lode.CodeInvalid, "vectors[1]", "2"},
		{"neither", search, `{"using":"words"}`, lode.CodeInvalid, "vector", ""},
		{"both", search, `{"vector":[1,0],"sparse":` + entry + `,"using":"words"}`, lode.CodeInvalid, "sparse", "1"},
		{"sparse in a batch", batch, `{"sparse":` + entry + `,"using":"words"}`, lode.CodeUnknownField, "sparse", ""},
		{"unsorted", search, sparse(`[2,1]`, `[1,1]`), lode.CodeInvalid, "sparse.indices", "1"},
		{"an index twice", search, sparse(`[2,2]`, `[1,1]`), lode.CodeInvalid, "sparse.indices", "2"},
		{"nothing in it", search, sparse(`[]`, `[]`), lode.CodeInvalid, "sparse.indices", "0"},
		{"a value of 0", search, sparse(`[2]`, `[0]`), lode.CodeInvalid, "sparse.values", "0"},
		{"an infinite value", search, sparse(`[2]`, `[1e39]`), lode.CodeInvalid, "sparse.values[0]", "1e39"},
		{"a value that is missing", search, sparse(`[2,3]`, `[1]`), lode.CodeInvalid, "sparse.values", "1"},
		{"sparse with a breadth", search, `{"sparse":` + entry + `,"using":"words","ef":10}`, lode.CodeInvalid, "ef", "10"},
		{"sparse to explain", search, `{"sparse":` + entry + `,"using":"words","explain":true}`, lode.CodeInvalid, "explain", "true"},
		{"sparse k", search, `{"sparse":` + entry + `,"using":"words","k":0}`, lode.CodeInvalid, "k", "0"},
	}
	f := newFake()
	h := handler(t, f)
	for _, c := range cases {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", jsonType)
		h.ServeHTTP(w, r)
		var p v1.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code != c.code || p.Field != c.field || p.Value != c.value || w.Code != 400 {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
	}
	if f.writes != 0 || f.nearest != nil || f.sparse != nil {
		t.Errorf("%d writes, searches %v %v", f.writes, f.nearest, f.sparse)
	}
}
