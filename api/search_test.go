package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

const framesType = v1.MediaTypeVectors

// TestSearchFormsAgree asks the same as JSON and as frames, once and in a batch.
func TestSearchFormsAgree(t *testing.T) {
	ctx := t.Context()
	f := newFake()
	c, _ := serve(t, f)
	point := v1.Point{ID: "a", Vector: lode.Vector{1, 0}, Metadata: lode.Metadata{"x": lode.IntegerValue(1)}}
	if _, err := c.PutVectors(ctx, "docs", point); err != nil {
		t.Fatal(err)
	}
	no, yes, k := false, true, 3
	filter := lode.WhereEq("x", lode.IntegerValue(1))
	whole, err := c.SearchVectors(ctx, "docs", v1.SearchVectors{Vector: lode.Vector{1, 0}, K: &k, Filter: &filter})
	if err != nil {
		t.Fatal(err)
	}
	lean, err := c.SearchVectors(ctx, "docs", v1.SearchVectors{Vector: lode.Vector{1, 0}, K: &k, Filter: &filter, WithText: &no})
	if err != nil {
		t.Fatal(err)
	}
	lean.Hits[0].DenseScore = whole.Hits[0].DenseScore // the fake has none
	if diff := cmp.Diff(whole, lean); diff != "" || len(whole.Hits) != 1 {
		t.Errorf("JSON and frames differ: %s", diff)
	}
	many := v1.SearchVectorsBatch{Vectors: []lode.Vector{{1, 0}, {0, 1}}, K: &k, WithMetadata: &no}
	asJSON, err := c.SearchVectorsBatch(ctx, "docs", many)
	if err != nil {
		t.Fatal(err)
	}
	many.WithText = &no
	asFrames, err := c.SearchVectorsBatch(ctx, "docs", many)
	if err != nil || len(asJSON.Results) != 2 || len(asFrames.Results) != 2 || asFrames.Results[1].Hits[0].DocumentID != asJSON.Results[1].Hits[0].DocumentID {
		t.Errorf("batch: %+v, %+v, %v", asJSON, asFrames, err)
	}
	if _, err := c.SearchVectors(ctx, "docs", v1.SearchVectors{Vector: lode.Vector{1, 0}, WithVector: &yes, WithMetadata: &no}); err != nil {
		t.Error(err)
	}
	var asked []string
	for _, n := range f.nearest {
		asked = append(asked, fmt.Sprintf("%d of k %d all %v %+v", len(n.Vectors), n.K, n.Filter.MatchesAll(), n.With))
	}
	want := []string{
		"1 of k 3 all false {Text:true Metadata:true Vector:false}",
		"1 of k 3 all false {Text:false Metadata:true Vector:false}",
		"2 of k 3 all true {Text:true Metadata:false Vector:false}",
		"2 of k 3 all true {Text:false Metadata:false Vector:false}",
		"1 of k 10 all true {Text:true Metadata:false Vector:true}",
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

// TestWriteFormsAgree writes points as frames, which the client chooses by itself, and as JSON.
func TestWriteFormsAgree(t *testing.T) {
	f := newFake()
	c, _ := serve(t, f)
	points := []v1.Point{{ID: "a", Vector: lode.Vector{1, 0}, Text: "words", Metadata: lode.Metadata{"x": lode.FloatValue(1)}}, {ID: "b", Vector: lode.Vector{0, 1}}}
	if _, err := c.PutVectors(t.Context(), "docs", points...); err != nil {
		t.Fatal(err)
	}
	framed := f.points
	f.points = map[lode.DocID]lode.Point{}
	body, err := json.Marshal(v1.PutVectors{Points: points})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("PUT", "/v1/collections/docs/vectors", bytes.NewReader(body))
	r.Header.Set("Content-Type", jsonType)
	handler(t, f).ServeHTTP(w, r)
	if diff := cmp.Diff(f.points, framed); w.Code != 200 || diff != "" || len(framed) != 2 {
		t.Errorf("status %d, JSON and frames differ: %s", w.Code, diff)
	}
}

func frameOf(t *testing.T, frame interface {
	Append(b []byte) ([]byte, error)
}) string {
	t.Helper()
	b, err := frame.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestBadSearches has what is new beside TestBadInput: frames and batches.
func TestBadSearches(t *testing.T) {
	const search, batch, put = "/v1/collections/docs/vectors/search", "/v1/collections/docs/vectors/search/batch", "/v1/collections/docs/vectors"
	two := frameOf(t, &v1.SearchFrame{K: 1, Vectors: []lode.Vector{{1, 0}, {0, 1}}})
	filtered := func(filter string) string {
		return frameOf(t, &v1.SearchFrame{K: 1, Vectors: []lode.Vector{{1, 0}}, Filter: []byte(filter)})
	}
	pointed := func(metadata string) string {
		return frameOf(t, &v1.PointsFrame{Points: []v1.FramePoint{{ID: "a", Vector: lode.Vector{1, 0}}, {ID: "b", Vector: lode.Vector{1, 0}, Metadata: []byte(metadata)}}})
	}
	cases := []struct {
		name, path, contentType, body string
		code                          lode.Code
		field                         string
	}{
		{"JSON said to be a frame", search, framesType, `{"vector":[1,0]}` + strings.Repeat(" ", 32), lode.CodeMalformed, "magic"},
		{"a frame said to be JSON", search, jsonType, two, lode.CodeMalformed, "body"},
		{"empty frame", search, framesType, "", lode.CodeMalformed, "body"},
		{"two vectors in one search", search, framesType, two, lode.CodeInvalid, "count"},
		{"other dimensions", search, framesType, frameOf(t, &v1.SearchFrame{K: 1, Vectors: []lode.Vector{{1}}}), lode.CodeInvalid, "vector"},
		{"filter that is no JSON", search, framesType, filtered("{"), lode.CodeMalformed, "filter"},
		{"filter with a wrong member", search, framesType, filtered(`{"and":[{"field":"a","in":5}]}`), lode.CodeInvalid, "filter.and[0].in"},
		{"no vectors", batch, jsonType, `{"vectors":[]}`, lode.CodeInvalid, "vectors"},
		{"an empty vector", batch, jsonType, `{"vectors":[[1,0],[]]}`, lode.CodeInvalid, "vectors[1]"},
		{"a number that is none", batch, jsonType, `{"vectors":[[1,0],[1,x]]}`, lode.CodeMalformed, "vectors[1][1]"},
		{"one of other dimensions", batch, jsonType, `{"vectors":[[1,0],[1]]}`, lode.CodeInvalid, "vectors[1]"},
		{"too many vectors", batch, jsonType, `{"vectors":[` + strings.TrimSuffix(strings.Repeat("[1,0],", 257), ",") + `]}`, lode.CodeInvalid, "vectors"},
		{"too many hits", batch, jsonType, `{"vectors":[[1,0],[0,1]],"k":5001}`, lode.CodeInvalid, "k"},
		{"a recall of no queries", "/v1/collections/docs/recall", jsonType, `{"samples":1,"ef":0,"seed":3}`, lode.CodeInvalid, "ef"},
		{"a breadth of nothing", search, jsonType, `{"vector":[1,0],"ef":0}`, lode.CodeInvalid, "ef"},
		{"too broad", search, jsonType, `{"vector":[1,0],"ef":65537}`, lode.CodeInvalid, "ef"},
		{"exact with a breadth", batch, jsonType, `{"vectors":[[1,0]],"ef":10,"exact":true}`, lode.CodeInvalid, "ef"},
		{"a written zero", batch, jsonType, `{"vectors":[[1,0]],"k":0}`, lode.CodeInvalid, "k"},
		{"wrong type of flag", search, jsonType, `{"vector":[1,0],"with_text":1}`, lode.CodeInvalid, "with_text"},
		{"metadata that is no JSON", put, framesType, pointed("{"), lode.CodeMalformed, "points[1].metadata"},
		{"metadata with a list in a list", put, framesType, pointed(`{"x":[[1]]}`), lode.CodeInvalid, "points[1].metadata.x[0]"},
		{"another type", put, "application/x", "", lode.CodeUnsupportedMedia, "Content-Type"},
	}
	f := newFake()
	h := handler(t, f)
	for _, c := range cases {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.contentType)
		h.ServeHTTP(w, r)
		var p v1.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code != c.code || p.Field != c.field {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
	}
	if f.writes != 0 {
		t.Errorf("%d writes", f.writes)
	}
}

// TestAccept shows when an answer is a frame.
func TestAccept(t *testing.T) {
	h := handler(t, newFake())
	f := func(accept, want string) {
		t.Helper()
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/v1/collections/docs/vectors/search", strings.NewReader(`{"vector":[1,0]}`))
		r.Header.Set("Content-Type", jsonType)
		r.Header.Set("Accept", accept)
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Content-Type"); w.Code != 200 || got != want {
			t.Errorf("%q: %d, %s", accept, w.Code, got)
		}
	}
	f("", jsonType)
	f("*/*", jsonType)
	f("application/json", jsonType)
	f(framesType, framesType)
	f("application/json, Application/Vnd.Lode.Vectors;q=0.5", framesType)
	f(framesType+"; q=0", jsonType)
}
