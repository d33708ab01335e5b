package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

var update = flag.Bool("update", false, "write the golden files")

func servedOpenAPI(t *testing.T) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	handler(t, newFake()).ServeHTTP(w, httptest.NewRequest("GET", "/v1/openapi.json", nil))
	if w.Code != 200 {
		t.Fatalf("status %d", w.Code)
	}
	return w.Body.Bytes()
}

// TestOpenAPIGolden shows every change of the API in review.
func TestOpenAPIGolden(t *testing.T) {
	got := append(servedOpenAPI(t), '\n')
	golden := filepath.Join("testdata", "openapi.json")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the API has changed; if that is meant: go test ./api -run TestOpenAPIGolden -update")
	}
}

// TestOpenAPIRefs demands that every reference leads somewhere and every schema is used.
func TestOpenAPIRefs(t *testing.T) {
	var doc struct {
		Components struct{ Schemas map[string]any }
	}
	raw := servedOpenAPI(t)
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	collectRefs(tree, used)
	for name := range used {
		if doc.Components.Schemas[name] == nil {
			t.Errorf("no schema %s", name)
		}
	}
	for name := range doc.Components.Schemas {
		if !used[name] {
			t.Errorf("schema %s is not used", name)
		}
	}
	const inMetadata = 4 // a value, an item of a list, and the expiry of a patch in both of its forms
	if n := strings.Count(string(raw), `"null"`); n != inMetadata {
		t.Errorf("%d schemas allow null, want %d", n, inMetadata)
	}
}

func collectRefs(node any, used map[string]bool) {
	switch n := node.(type) {
	case map[string]any:
		if ref, ok := n["$ref"].(string); ok {
			used[strings.TrimPrefix(ref, "#/components/schemas/")] = true
		}
		for _, child := range n {
			collectRefs(child, used)
		}
	case []any:
		for _, child := range n {
			collectRefs(child, used)
		}
	}
}

// TestOpenAPIFilter demands that the hand-written schema of a filter knows the members
// that the decoder knows.
func TestOpenAPIFilter(t *testing.T) {
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				OneOf []struct{ Properties map[string]any }
			}
		}
	}
	if err := json.Unmarshal(servedOpenAPI(t), &doc); err != nil {
		t.Fatal(err)
	}
	members := map[string]bool{}
	for _, form := range doc.Components.Schemas["Filter"].OneOf {
		for name := range form.Properties {
			members[name] = true
		}
	}
	for _, name := range []string{"and", "or", "not", "field", "eq", "ne", "in", "gt", "gte", "lt", "lte", "exists",
		"min_should", "has_id", "nested", "nin", "is_null", "is_empty", "values_count", "text", "text_any", "phrase", "prefix", "uuid", "geo_radius", "geo_box", "geo_polygon"} {
		if !members[name] {
			t.Errorf("the schema lacks %s", name)
		}
		delete(members, name)
	}
	for name := range members {
		var f lode.Filter
		if err := json.Unmarshal([]byte(`{"field":"x","`+name+`":1}`), &f); lode.IsCode(err, lode.CodeUnknownField) {
			t.Errorf("the schema has %s, the decoder does not", name)
		}
	}
}

func TestOpenAPICodes(t *testing.T) {
	raw := string(servedOpenAPI(t))
	for _, info := range v1.Codes() {
		if !strings.Contains(raw, "| "+string(info.Code)+" |") {
			t.Errorf("code %s is not in the table", info.Code)
		}
	}
}

// TestOpenAPIOpenAndClosed demands that requests refuse unknown members by their schema
// too, and that answers may gain members.
func TestOpenAPIOpenAndClosed(t *testing.T) {
	var doc struct {
		Components struct {
			Schemas map[string]struct{ AdditionalProperties any }
		}
	}
	if err := json.Unmarshal(servedOpenAPI(t), &doc); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"Retrieve": false, "DocumentUpload": false, "DocumentPart": false, "Point": false, "Hit": nil, "Problem": nil, "Document": nil} {
		if got := doc.Components.Schemas[name].AdditionalProperties; got != want {
			t.Errorf("%s: additionalProperties is %v, want %v", name, got, want)
		}
	}
}
