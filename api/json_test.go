package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// requests are zero values of every request type.
var requests = []any{
	v1.CreateCollection{}, v1.UploadDocuments{}, v1.DocumentPart{}, v1.DeleteIDs{}, v1.Retrieve{}, v1.PutVectors{}, v1.SearchVectors{},
	v1.Count{}, v1.Facets{}, v1.Scroll{}, v1.SearchGroups{}, v1.Recommend{},
}

func TestDecodeJSONReads(t *testing.T) {
	one, weight, text := 1, 0.25, "ä\"\\/\b\f\n\r\t😀é"
	filter := lode.WhereEq("x", lode.IntegerValue(1))
	f := func(src string, want any) {
		t.Helper()
		got := reflect.New(reflect.TypeOf(want))
		if err := decodeJSON([]byte(src), got.Interface()); err != nil {
			t.Errorf("%s: %v", src, err)
			return
		}
		if diff := cmp.Diff(want, got.Elem().Interface(), cmp.AllowUnexported(lode.Filter{})); diff != "" {
			t.Errorf("%s: %s", src, diff)
		}
	}
	f(" {\t\"k\" : 1 ,\r\n \"dense_weight\":0.25, \"text\": \"a\" } ", v1.Retrieve{K: &one, DenseWeight: &weight, Text: "a"})
	f(`{"filter":{"field":"x","eq":1},"mode":"dense","vector":[1,-2.5,3e2,0,-0.5E-1]}`,
		v1.Retrieve{Filter: &filter, Mode: lode.ModeDense, Vector: lode.Vector{1, -2.5, 300, 0, -0.05}})
	f(`{"vector":[]}`, v1.Retrieve{Vector: lode.Vector{}})
	f(`{"documents":[{"content":"\u00e4\"\\\/\b\f\n\r\t\ud83d\ude00é"}]}`, v1.UploadDocuments{Documents: []v1.DocumentUpload{{Content: &text}}})
	f(`{"documents":[{"content_base64":"AAH/","readers":["a","b"]},{"content_base64":""}]}`,
		v1.UploadDocuments{Documents: []v1.DocumentUpload{{ContentBase64: []byte{0, 1, 255}, Readers: []string{"a", "b"}}, {ContentBase64: []byte{}}}})
	f(`{"ids":["a","b"]}`, v1.DeleteIDs{IDs: []lode.DocID{"a", "b"}})
	f(`{"points":[{"id":"a","vectors":{"title":[1,2],"":[]},"sparse":{"words":{"indices":[0,4294967295],"values":[1,-2.5]}}}]}`, v1.PutVectors{Points: []v1.Point{{
		ID: "a", Vectors: map[string]lode.Vector{"title": {1, 2}, "": {}}, Sparse: map[string]v1.SparseVector{"words": {Indices: []uint32{0, 4294967295}, Values: lode.Vector{1, -2.5}}},
	}}})
	f(`{"vectors":{}}`, v1.CreateCollection{Vectors: map[string]v1.VectorSpace{}})
	f(`{"metadata":{"a":1,"b":[true,"x",1.5]}}`, v1.DocumentPart{Metadata: lode.Metadata{
		"a": lode.IntegerValue(1), "b": lode.ListValue(lode.BoolValue(true), lode.StringValue("x"), lode.FloatValue(1.5))}})
}

func TestDecodeJSONRefuses(t *testing.T) {
	f := func(src string, code lode.Code, field, message string) {
		t.Helper()
		var req v1.Retrieve
		err := decodeJSON([]byte(src), &req)
		e := codedError(err)
		if err == nil || e.Code != code || e.Field != field || !strings.Contains(e.Message, message) {
			t.Errorf("%.80s: got %v (code %s, field %q)", src, err, e.Code, e.Field)
		}
	}
	f(`{"vector":[1,2,NaN]}`, lode.CodeMalformed, "vector[2]", "at byte 15")
	f(`{"k":01}`, lode.CodeMalformed, "k", "at byte 6")
	f(`{"k":-}`, lode.CodeMalformed, "k", "a digit is missing")
	f(`{"k":1.}`, lode.CodeMalformed, "k", "a digit is missing")
	f(`{"k":1e}`, lode.CodeMalformed, "k", "a digit is missing")
	f(`{"k":+1}`, lode.CodeMalformed, "k", "a JSON value is missing")
	f(`{"k":tru}`, lode.CodeMalformed, "k", "a JSON value is missing")
	f(`{"k":nul}`, lode.CodeMalformed, "k", "a JSON value is missing")
	f(`{"k":true}`, lode.CodeInvalid, "k", "must be a number")
	f(`{"text":true}`, lode.CodeInvalid, "text", "must be a string")
	f(`{"vector":{}}`, lode.CodeInvalid, "vector", "must be a list")
	f(`{"text":"a`, lode.CodeMalformed, "text", "ends at byte 10")
	f("{\"text\":\"a\nb\"}", lode.CodeMalformed, "text", "control character")
	f("{\"text\":\"\\na\nb\"}", lode.CodeMalformed, "text", "control character")
	f(`{"text":"\x"}`, lode.CodeMalformed, "text", "unknown escape")
	f(`{"text":"\u12`, lode.CodeMalformed, "text", "not a Unicode character")
	f(`{"text":"\ud800\u0041"}`, lode.CodeMalformed, "text", "not a Unicode character")
	f(`{"text" "a"}`, lode.CodeMalformed, "text", "a colon is missing")
	f(`{"text":"a" "k":1}`, lode.CodeMalformed, "text", "a comma")
	f(`{text:"a"}`, lode.CodeMalformed, "", "name in quotes")
	f(`{"filter":{"and":[{"field":"a","eq":1},{"field":"b","in":5}]}}`, lode.CodeInvalid, "filter.and[1].in", "")
	f("\xef\xbb\xbf{}", lode.CodeMalformed, "", "at byte 0")
	f("", lode.CodeMalformed, "", "ends at byte 0")
	f(`{"filter":`+strings.Repeat(`{"a":`, 64), lode.CodeMalformed, "", "nested deeper")
	f(`{"filter":{`+manyMembers(5000)+`}}`, lode.CodeInvalid, "filter", "more than 4096 members")
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"m%d":1,`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// TestDecodeJSONTypes demands a rule for every field of every request type, and limits on
// all lists of objects, which need many times the memory of their text.
func TestDecodeJSONTypes(t *testing.T) {
	for _, req := range requests {
		checkDecodable(t, reflect.TypeOf(req))
	}
}

func checkDecodable(t *testing.T, typ reflect.Type) {
	t.Helper()
	if len(jsonFields(typ)) != typ.NumField() || typ.NumField() > 64 {
		t.Errorf("%s: %d of %d fields have a name", typ, len(jsonFields(typ)), typ.NumField())
	}
	for i := range typ.NumField() {
		f := typ.Field(i)
		elem := f.Type
		for elem.Kind() == reflect.Pointer {
			elem = elem.Elem()
		}
		if elem == timeType || reflect.PointerTo(elem).Implements(jsonUnmarshaler) || elem == reflect.TypeFor[[]byte]() {
			continue
		}
		if elem.Kind() == reflect.Map {
			if f.Tag.Get("maxProperties") == "" || elem.Key().Kind() != reflect.String {
				t.Errorf("%s.%s has no maxProperties or no names", typ, f.Name)
			}
			if elem = elem.Elem(); elem == reflect.TypeFor[lode.Vector]() {
				continue
			}
		}
		if elem.Kind() == reflect.Slice {
			if f.Tag.Get("maxItems") == "" {
				t.Errorf("%s.%s has no maxItems", typ, f.Name)
			}
			elem = elem.Elem()
		}
		switch elem.Kind() {
		case reflect.Struct:
			checkDecodable(t, elem)
		case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Uint32, reflect.Float32, reflect.Float64:
		default:
			t.Errorf("%s.%s: no rule for %s", typ, f.Name, f.Type)
		}
	}
}

// FuzzDecodeJSON holds the decoder to encoding/json: what the strict one takes, the loose
// one takes too and means the same; no input panics; every refusal is a coded 4xx.
func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{
		`{"text":"a","k":3,"filter":{"and":[{"field":"x","gte":1}]},"dense_weight":0.5}`, `{"vector":[1,2.5e-3,-0]}`, `{"documents":[{"id":"a","content":"\u00e4","metadata":{"x":[1,"y"]},"content_base64":"AA=="}]}`,
		`{"points":[{"id":"a","vector":[1,NaN]}]}`, `{"ids":["a","\ud83d\ude00"]}`, `{"points":[{"vectors":{"a":[1]},"sparse":{"b":{"indices":[1],"values":[2]}}}]}`, `{"vectors":{"a":{"dim":3},"b":{"sparse":true}}}`, `{"name":"a","embedder":{"provider":"none","dim":3}}`, `[[[[`, `{"a":1,"a":2}`, "{\"text\":\"\xff\"}", `null`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, req := range requests {
			strict := reflect.New(reflect.TypeOf(req))
			if err := decodeJSON(src, strict.Interface()); err != nil {
				if status := v1.InfoOf(codedError(err).Code).Status; status/100 != 4 {
					t.Fatalf("%T: status %d: %v", req, status, err)
				}
				continue
			}
			loose := reflect.New(reflect.TypeOf(req))
			if err := json.Unmarshal(src, loose.Interface()); err != nil {
				t.Fatalf("%T: encoding/json refuses what we take: %v", req, err)
			}
			if diff := cmp.Diff(loose.Interface(), strict.Interface(), cmp.AllowUnexported(lode.Filter{})); diff != "" {
				t.Fatalf("%T: %s", req, diff)
			}
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add(documentCursor(12345))
	f.Add(collectionCursor("docs"))
	f.Add("ZA")
	f.Fuzz(func(t *testing.T, s string) {
		if no, err := parseDocumentCursor(s); err == nil && documentCursor(no) != s {
			t.Errorf("document cursor %q is not the one for %d", s, no)
		}
		if name, err := parseCollectionCursor(s); err == nil && collectionCursor(name) != s {
			t.Errorf("collection cursor %q is not the one for %q", s, name)
		}
	})
}

func TestCursorBelongsToOneList(t *testing.T) {
	if _, err := parseCollectionCursor(documentCursor(7)); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("a document cursor pages collections: %v", err)
	}
	if _, err := parseDocumentCursor(collectionCursor("docs")); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("a collection cursor pages documents: %v", err)
	}
	if no, err := parseDocumentCursor(documentCursor(1 << 60)); err != nil || no != 1<<60 {
		t.Errorf("got %d, %v", no, err)
	}
}

func BenchmarkDecodeVectors(b *testing.B) {
	point := v1.Point{ID: "p", Vector: make(lode.Vector, 768)}
	for i := range point.Vector {
		point.Vector[i] = float32(i)/768 - 0.31415
	}
	req := v1.PutVectors{}
	for range 100 {
		req.Points = append(req.Points, point)
	}
	body, err := json.Marshal(req)
	if err != nil {
		b.Fatal(err)
	}
	body = bytes.Clone(body)
	b.Run("strict", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			var out v1.PutVectors
			if err := decodeJSON(body, &out); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			var out v1.PutVectors
			if err := json.Unmarshal(body, &out); err != nil {
				b.Fatal(err)
			}
		}
	})
}
