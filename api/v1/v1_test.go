package v1_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// TestEveryFieldIsDescribed walks all wire types from the requests and answers down.
func TestEveryFieldIsDescribed(t *testing.T) {
	seen := map[reflect.Type]bool{}
	for _, v := range []any{
		v1.CreateCollection{}, v1.Collection{}, v1.CollectionList{}, v1.UploadDocuments{}, v1.DocumentPart{}, v1.DocumentResults{}, v1.Document{}, v1.DocumentList{},
		v1.DeleteIDs{}, v1.DeleteResults{}, v1.RetryResult{}, v1.SilverLayer{}, v1.GoldLayer{}, v1.Trace{}, v1.Retrieve{}, v1.Retrieved{}, v1.PutVectors{}, v1.PointResults{},
		v1.SearchVectors{}, v1.VectorHits{}, v1.SearchVectorsBatch{}, v1.VectorHitsBatch{}, v1.NodeInfo{}, v1.Readiness{}, v1.Health{}, v1.CheckReport{}, v1.Problem{}, v1.BackupList{}, v1.Operation{},
		v1.PatchSelected{}, v1.PatchResults{}, v1.Count{}, v1.Counts{}, v1.Facets{}, v1.FacetCounts{}, v1.Scroll{}, v1.ScrollPage{}, v1.SearchGroups{}, v1.VectorGroups{}, v1.Recommend{},
	} {
		described(t, reflect.TypeOf(v), seen)
	}
	if len(seen) < 40 {
		t.Errorf("only %d types were seen", len(seen))
	}
}

func described(t *testing.T, typ reflect.Type, seen map[reflect.Type]bool) {
	t.Helper()
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || seen[typ] || !strings.HasSuffix(typ.PkgPath(), "api/v1") {
		return
	}
	seen[typ] = true
	for i := range typ.NumField() {
		f := typ.Field(i)
		doc, name := f.Tag.Get("doc"), f.Tag.Get("json")
		if f.Tag.Get("rest") == "true" {
			continue // its members stand beside the others
		}
		if !strings.HasSuffix(doc, ".") || name == "" || name != strings.ToLower(name) {
			t.Errorf("%s.%s: doc %q, json %q", typ, f.Name, doc, name)
		}
		optional := f.Type.Kind() == reflect.Pointer || f.Type.Kind() == reflect.Map
		if optional && !strings.Contains(name, "omitempty") {
			t.Errorf("%s.%s may be null on the wire", typ, f.Name)
		}
		described(t, f.Type, seen)
	}
}

// TestCodes demands an entry for every code of the root package, in full.
func TestCodes(t *testing.T) {
	for _, code := range []lode.Code{
		lode.CodeInvalid, lode.CodeUnknownField, lode.CodeMalformed, lode.CodeUnsupportedMedia, lode.CodeTooLarge, lode.CodePrecondition, lode.CodeNotFound, lode.CodeConflict, lode.CodeUnauthorized,
		lode.CodeSuperseded, lode.CodeTimeout, lode.CodeCanceled, lode.CodeOverloaded, lode.CodeUnavailable, lode.CodeOutcomeUnknown, lode.CodeProvider, lode.CodeCorrupt,
		lode.CodeInternal, lode.CodeNoStorage, v1.CodeMethodNotAllowed, v1.CodeSlowBody,
	} {
		if info := v1.InfoOf(code); info.Code != code {
			t.Errorf("%s is not in the table", code)
		}
	}
	seen := map[lode.Code]bool{}
	for _, info := range v1.Codes() {
		if seen[info.Code] || info.Status < 400 || info.Status > 599 || info.Title == "" || !strings.HasSuffix(info.Meaning, ".") {
			t.Errorf("entry %+v", info)
		}
		seen[info.Code] = true
	}
	if info := v1.InfoOf("made-up"); info.Code != lode.CodeInternal || info.Status != 500 {
		t.Errorf("an unknown code is %+v", info)
	}
}

func TestProblemRoundTrip(t *testing.T) {
	e := &lode.Error{Code: lode.CodeInvalid, Field: "k", Value: "0", Message: "k must be 1 to 10000", Hint: "leave it out"}
	p := v1.NewProblem(e, "r1")
	if p.Status != 400 || p.Type != "urn:lode:error:invalid" || p.RequestID != "r1" {
		t.Errorf("problem %+v", p)
	}
	if got := p.Err(); *got != *e {
		t.Errorf("got %+v", got)
	}
	if got := v1.NewItemError(e).Err(); *got != *e {
		t.Errorf("got %+v", got)
	}
}

func TestPaths(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(v1.DocumentPath("docs", "a/b c%.md"), "/v1/collections/docs/documents/a%2Fb%20c%25.md")
	f(v1.DocumentPath("docs", ".."), "/v1/collections/docs/documents/%2E%2E")
	f(v1.DocumentPath("docs", "../x"), "/v1/collections/docs/documents/..%2Fx")
	f(v1.DocumentPath("docs", "{id}"), "/v1/collections/docs/documents/%7Bid%7D")
	f(v1.LayerPath("docs", "a", lode.Silver), "/v1/collections/docs/documents/a/layers/silver")
	f(v1.VectorPath("docs", "ä"), "/v1/collections/docs/vectors/%C3%A4")
	f(v1.ChunkPath("docs", lode.ChunkID{Doc: 1, Version: 2, Ordinal: 3}), "/v1/collections/docs/chunks/ch-1-2-3")
	f(v1.TracePath("docs", lode.ChunkID{}), "/v1/collections/docs/chunks/ch-0-0-0/trace")
	f(v1.Path(v1.PathNode), "/v1/node")
}
